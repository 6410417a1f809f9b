"""Pictures of every page as they were looked at; a change of one is a change of this file, to be looked at again."""

from pathlib import Path

import pytest
from drawing import svg
from gallery import PICTURES, PIXEL_PICTURES, SIZES, every_page, in_pixels, in_scene

from terminal.screen.language import Language

GOLDEN = Path(__file__).parent / "golden"
DOCS = Path(__file__).parents[2] / "docs" / "pictures"
ANEW = "python -m tests.screen.renew writes them anew; look at what has changed"


@pytest.mark.parametrize("language", list(Language))
def test_every_page_looks_as_it_did(language: Language) -> None:
    assert every_page(language) == (GOLDEN / f"{language}.txt").read_text(encoding="utf-8"), ANEW


@pytest.mark.parametrize("picture_of", PICTURES, ids=lambda one: one[0])
def test_the_documentation_shows_the_pages_as_they_are(picture_of) -> None:
    name, scene, language, palette, size = picture_of
    drawn = svg(in_scene(scene, language, *SIZES[size]), palette)
    assert drawn == (DOCS / f"{name}.svg").read_text(encoding="utf-8"), ANEW


@pytest.mark.parametrize(("name", "palette"), PIXEL_PICTURES, ids=lambda one: str(one))
def test_the_documentation_shows_the_map_in_pixels_as_it_is(name, palette) -> None:
    assert svg(in_pixels(), palette) == (DOCS / f"{name}.svg").read_text(encoding="utf-8"), ANEW
