"""A role's profile: its statuses, ready texts, reasons and quick forms, as a directorate writes them in TOML."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from terminal.contract.toml_model import TomlFile, load_model

Code = Annotated[str, Meta(pattern="^[a-z0-9-]{1,32}$")]
Word = Annotated[str, Meta(min_length=1, max_length=40)]


class Label(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Words in each language; Serbian stands in Cyrillic, and its Latin is made from it unless it is given."""

    en: Word
    sl: Word
    sr: Word
    sr_latn: Annotated[str, Meta(max_length=40)] = ""


class Choice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something to tap."""

    code: Code
    label: Label


class Question(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One question of a form; each answer is one tap."""

    code: Code
    label: Label
    choices: Annotated[tuple[Choice, ...], Meta(min_length=2, max_length=9)]


class Form(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A quick report: with the tap that opens it and the one that sends it, at most four taps."""

    code: Code
    label: Label
    questions: Annotated[tuple[Question, ...], Meta(max_length=2)] = ()


class Profile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a role's crew can say by one tap; `initial` is the status that a new terminal starts with.

    `language` is what the screen speaks until somebody chooses another.
    Above `lock_above_mps` typing, forms and lists to read are locked on the screen. With `alarms_of_others_ring` an
    alarm of another patrol makes a sound, also while the screen is dark.
    """

    label: Label
    initial: Code
    language: Literal["en", "sl", "sr_Cyrl", "sr_Latn"] = "en"
    lock_above_mps: Annotated[float, Meta(gt=0)] = 2.0
    alarms_of_others_ring: bool = True
    statuses: Annotated[tuple[Choice, ...], Meta(min_length=1, max_length=9)]
    texts: Annotated[tuple[Choice, ...], Meta(max_length=12)] = ()
    reasons: Annotated[tuple[Choice, ...], Meta(max_length=9)] = ()
    forms: Annotated[tuple[Form, ...], Meta(max_length=9)] = ()


def load(path: Path) -> Profile:
    """The profile in this file; ConfigError holds every error of it, a line each."""
    return load_model(path, Profile, _check)


def _check(file: TomlFile, profile: Profile | None) -> None:
    if profile is None:
        return
    for name, choices in (("statuses", profile.statuses), ("texts", profile.texts), ("reasons", profile.reasons)):
        _check_codes(file, name, [one.code for one in choices])
    _check_codes(file, "forms", [form.code for form in profile.forms])
    if profile.initial not in [one.code for one in profile.statuses]:
        known = ", ".join(one.code for one in profile.statuses)
        file.problem(("initial",), f"is no status of this profile; known are {known}")


def _check_codes(file: TomlFile, name: str, codes: list[str]) -> None:
    for place, code in enumerate(codes):
        if code in codes[:place]:
            file.problem((name, str(place), "code"), f'"{code}" stands twice; each code needs to be another')
