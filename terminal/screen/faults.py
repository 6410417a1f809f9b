"""What is wrong in the car, in the crew's words: why core is gone or refuses, how a device fails. Pure."""

from hal.readings import Fault
from terminal.asked import Refusal
from terminal.screen.feed import Gone
from terminal.screen.language import Say
from terminal.screen.words import clean
from terminal.shown import SourceView


def of_core(say: Say, gone: Gone | None) -> str:
    """Why core is not there."""
    words = {
        Gone.NOT_YET: say("it has not answered yet"),
        Gone.NOT_RUNNING: say("it is not running"),
        Gone.ENDED: say("it has ended"),
        Gone.SILENT: say("it says nothing"),
        Gone.CLOSED: say("this user may not use it"),
        Gone.ANOTHER_VERSION: say("its version is another"),
    }
    return words.get(gone or Gone.NOT_YET, say("it cannot be reached"))


def of_command(say: Say, reason: str) -> str:
    """Why core has not done something; what is no `Refusal` is a technician's matter."""
    words = {
        Refusal.NOT_CREW: say("only the crew may do this"),
        Refusal.NO_ALARM: say("no such alarm is open"),
        Refusal.NOT_ARMED: say("the button is not ready"),
        Refusal.NO_TIMER: say("this car has no timer"),
        Refusal.NONE_RUNS: say("no timer runs any more"),
        Refusal.NO_PIN: say("there is no technician's PIN"),
        Refusal.CLOSED: say("the self-test is closed"),
        Refusal.ALARM_OPEN: say("an alarm is open"),
        Refusal.TOO_MANY: say("too much at once, tap again"),
    }
    known = next((one for one in Refusal if one == reason), Refusal.DEFECT)
    return words.get(known, say("a defect, tell the workshop"))


def of_source(say: Say, source: SourceView) -> str:
    """One device, in a line or two."""
    name = clean(source.name)
    words = {
        Fault.MISSING: say("{name} is not there: call the workshop", name=name),
        Fault.LOST: say("{name} has gone: its plug may be loose", name=name),
        Fault.SILENT: say("{name} is there and says nothing", name=name),
        Fault.REFUSED: say("{name} may not be used: call the workshop", name=name),
        Fault.BUTTON: say("{name}: THE BUTTON FAILS, use SOS on the screen", name=name),
    }
    return words.get(source.fault, say("{name} does not work: call the workshop", name=name))
