"""Serbian Cyrillic in Latin letters. Pure."""

LATIN = dict(zip("абвгдђежзијклмнопрстћуфхцчш", "abvgdđežzijklmnoprstćufhcčš", strict=True))
LATIN |= {"љ": "lj", "њ": "nj", "џ": "dž"}


def latin(words: str) -> str:
    """Serbian Cyrillic in Latin letters; a capital that becomes two letters is one capital unless all are."""
    return "".join(_latin(words, place) for place in range(len(words)))


def _latin(words: str, place: int) -> str:
    letter = words[place]
    made = LATIN.get(letter.lower())
    if made is None:
        return letter
    if letter.islower():
        return made
    around = words[place - 1 : place] + words[place + 1 : place + 2]
    all_capitals = around.strip() != "" and not any(one.islower() for one in around)
    return made.upper() if all_capitals else made.capitalize()
