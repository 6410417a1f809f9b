"""Languages and scripts: catalogues of the screen's own words, and the labels of profiles. Serbian Latin is made."""

import gettext
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from terminal.contract.profile import Label
from terminal.latin import latin

LOCALE = Path(__file__).parent / "locale"


class Language(StrEnum):
    """What the screen can speak."""

    ENGLISH = "en"
    SLOVENIAN = "sl"
    SERBIAN_CYRILLIC = "sr_Cyrl"
    SERBIAN_LATIN = "sr_Latn"


NAMES = {
    Language.ENGLISH: "English",
    Language.SLOVENIAN: "Slovenščina",
    Language.SERBIAN_CYRILLIC: "Српски",
    Language.SERBIAN_LATIN: "Srpski",
}


def in_language(label: Label, language: Language) -> str:
    """A profile's words in this language."""
    match language:
        case Language.ENGLISH:
            return label.en
        case Language.SLOVENIAN:
            return label.sl
        case Language.SERBIAN_CYRILLIC:
            return label.sr
        case Language.SERBIAN_LATIN:
            return label.sr_latn or latin(label.sr)


class Say:
    """The screen's own words in one language: `say("HQ has it")`, with facts put in where `{}` names them."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._catalogue = _catalogue(language)

    def __call__(self, words: str, **facts: object) -> str:
        said = self._catalogue.gettext(words)
        if self.language is Language.SERBIAN_LATIN:
            said = latin(said)
        return said.format(**facts) if facts else said

    def label(self, label: Label) -> str:
        """A profile's words."""
        return in_language(label, self.language)


@lru_cache
def _catalogue(language: Language) -> gettext.NullTranslations:
    if language is Language.ENGLISH:
        return gettext.NullTranslations()
    file = "sr" if language in (Language.SERBIAN_CYRILLIC, Language.SERBIAN_LATIN) else "sl"
    return gettext.translation("patrola", LOCALE, [file], fallback=True)
