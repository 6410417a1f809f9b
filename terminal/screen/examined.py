"""What was found of a car, in words: the thing, what is expected, what is seen, what to do. Pure."""

from terminal.examination import Case, Found, Item
from terminal.screen import trouble
from terminal.screen.language import Say
from terminal.screen.words import clean
from terminal.shown import Trouble


def name(say: Say, item: Item) -> str:
    """The thing, short enough for its button."""
    names = {
        Item.POSITION: say("Position"),
        Item.SIGNALS: say("CAN bus"),
        Item.LIGHTS: say("Lights"),
        Item.BOARD: say("Board"),
        Item.BUTTON: say("Button"),
        Item.HIDDEN: say("Hidden\nbutton"),
        Item.LINE: say("Line"),
        Item.SOUND: say("Sound"),
        Item.TOUCH: say("Touch"),
        Item.DISK: say("Disk"),
        Item.CLOCK: say("Clock"),
    }
    return names[item]


def expected(say: Say, item: Item) -> str:
    """What is right."""
    words = {
        Item.POSITION: say("a 3D position, now"),
        Item.SIGNALS: say("signals, with the ignition on"),
        Item.LIGHTS: say("blue lights and siren seen on"),
        Item.BOARD: say("lamp lit, a beep, all parts good"),
        Item.BUTTON: say("a press that comes as a test"),
        Item.HIDDEN: say("a press that comes as a silent test"),
        Item.LINE: say("a test alarm that HQ receives"),
        Item.SOUND: say("four tones, loud and clear"),
        Item.TOUCH: say("a tap in each corner"),
        Item.DISK: say("a sync within a quarter of a second"),
        Item.CLOCK: say("the machine's clock as GNSS has it"),
    }
    return words[item]


def seen(say: Say, found: Found) -> str:
    """What is so."""
    if found.case is Case.LINE_DEAD:
        return trouble.in_words(say, Trouble(str(found.facts["trouble"])))
    return _seen(say)[found.case].format(**_harmless(found.facts))


def remedy(say: Say, found: Found) -> str:
    """What to do; "" where there is nothing."""
    return _remedies(say).get(found.case, "").format(**_harmless(found.facts))


def _harmless(facts: dict[str, object]) -> dict[str, object]:
    return {key: clean(fact) if isinstance(fact, str) else fact for key, fact in facts.items()}


def _seen(say: Say) -> dict[Case, str]:
    return _seen_of_devices(say) | _seen_of_people(say) | _seen_of_machine(say)


def _seen_of_devices(say: Say) -> dict[Case, str]:
    return {
        Case.FIX_3D: say("3D, {satellites} satellites, error {error} m"),
        Case.FIX_2D: say("2D, {satellites} satellites, error {error} m"),
        Case.NO_FIX: say("the receiver has no position"),
        Case.RECEIVER_SILENT: say("the receiver says nothing"),
        Case.SIGNALS_COME: say("readings since the PIN: {count}"),
        Case.SIGNALS_AWAITED: say("nothing yet"),
        Case.SIGNALS_NONE: say("no signal since the PIN"),
        Case.BOTH_SEEN: say("both were on"),
        Case.LIGHTS_SEEN: say("blue lights were on, the siren was not"),
        Case.SIREN_SEEN: say("the siren was on, blue lights were not"),
        Case.NEITHER_SEEN: say("neither was on since the PIN"),
        Case.BOARDS_UNTRIED: say("not tried yet"),
        Case.BOARDS_TRYING: say("it is being tried"),
        Case.BOARDS_NONE: say("this car has no board"),
        Case.BOARDS_GOOD: say("all parts good: {names}"),
        Case.BOARD_FAILED: say("{name}: not good: {items}"),
        Case.BOARD_MUTE: "{name}: {problem}",
        Case.PRESSED: say("it was pressed, and came as a test"),
        Case.NOT_PRESSED: say("no press since the PIN"),
    }


def _seen_of_people(say: Say) -> dict[Case, str]:
    return {
        Case.LINE_UNTRIED: say("not tried yet"),
        Case.NOT_SENT: say("not sent yet"),
        Case.NOT_RECEIVED: say("sent, not received yet"),
        Case.RECEIVED: say("received after {seconds} s"),
        Case.RECEIVED_BESIDE: say("received by {bearer} after {seconds} s"),
        Case.SOUND_UNTRIED: say("not tried yet"),
        Case.HEARD: say("you heard it"),
        Case.NOT_HEARD: say("you did not hear it"),
        Case.TOUCH_UNTRIED: say("not tried yet"),
        Case.CORNERS_HIT: say("all four were hit"),
        Case.CORNERS_MISSED: say("hit {count} of 4"),
    }


def _seen_of_machine(say: Say) -> dict[Case, str]:
    return {
        Case.DISK_UNTRIED: say("not tried yet"),
        Case.DISK_TRYING: say("it is being tried"),
        Case.DISK_HANGS: say("it does not answer"),
        Case.DISK_SYNCS: say("the slowest sync took {ms} ms"),
        Case.DISK_SLOW: say("the slowest sync took {ms} ms"),
        Case.DISK_FAILED: "{problem}",
        Case.CLOCK_RIGHT: say("off by {seconds} s"),
        Case.CLOCK_OFF: say("off by {seconds} s"),
        Case.CLOCK_ALONE: say("GNSS has not told the time"),
    }


def _remedies(say: Say) -> dict[Case, str]:
    return {
        Case.FIX_2D: say("a freer view of the sky"),
        Case.NO_FIX: say("antenna under the open sky, wait 2 min"),
        Case.RECEIVER_SILENT: say("look at its cable, and at the system page"),
        Case.SIGNALS_NONE: say("ignition on; then plug, bitrate, signal map"),
        Case.LIGHTS_SEEN: say("siren on for a second; then its wire"),
        Case.SIREN_SEEN: say("blue lights on; then their wire"),
        Case.NEITHER_SEEN: say("switch both on for a second"),
        Case.BOARDS_UNTRIED: say("tap Try, look at the lamp, listen"),
        Case.BOARDS_NONE: say("configure one, the button hangs on it"),
        Case.BOARD_FAILED: say("docs/board.md says what mends it"),
        Case.BOARD_MUTE: "{remedy}",
        Case.NOT_PRESSED: say("tap Arm, wait for PRESS, press it"),
        Case.LINE_UNTRIED: say("tap Test alarm"),
        Case.LINE_DEAD: say("patrola doctor says what is wrong"),
        Case.NOT_SENT: say("wait; then look at modem and antenna"),
        Case.NOT_RECEIVED: say("wait; then call HQ"),
        Case.RECEIVED_BESIDE: say("the brokers did not bring it"),
        Case.SOUND_UNTRIED: say("tap Play"),
        Case.NOT_HEARD: say("speaker, its card, alsamixer"),
        Case.TOUCH_UNTRIED: say("tap Begin"),
        Case.CORNERS_MISSED: say("docs/hardware.md, the panel"),
        Case.DISK_UNTRIED: say("tap Try"),
        Case.DISK_HANGS: say("replace the card"),
        Case.DISK_SLOW: say("the card is worn: replace it"),
        Case.DISK_FAILED: say("free space; else replace the card"),
        Case.CLOCK_OFF: say("chrony, with gpsd as its source"),
        Case.CLOCK_ALONE: say("wait for a position"),
    }
