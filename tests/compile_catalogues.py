"""`python -m tests.compile_catalogues`: make the installed catalogues anew from those that people write."""

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from terminal.screen.language import LOCALE

for source in LOCALE.rglob("*.po"):
    with source.open("rb") as file, source.with_suffix(".mo").open("wb") as made:
        write_mo(made, read_po(file))
