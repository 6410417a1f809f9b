"""`python -m tests.screen.renew`: pictures of every page, as text for the tests and as SVG for the docs."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from drawing import svg
from gallery import PICTURES, PIXEL_PICTURES, SIZES, every_page, in_pixels, in_scene

from terminal.screen.language import Language

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs" / "pictures"

(HERE / "golden").mkdir(exist_ok=True)
for spoken in Language:
    (HERE / "golden" / f"{spoken}.txt").write_text(every_page(spoken), encoding="utf-8")
DOCS.mkdir(exist_ok=True)
for name, scene, language, palette, size in PICTURES:
    (DOCS / f"{name}.svg").write_text(svg(in_scene(scene, language, *SIZES[size]), palette), encoding="utf-8")
for name, palette in PIXEL_PICTURES:
    (DOCS / f"{name}.svg").write_text(svg(in_pixels(), palette), encoding="utf-8")
