"""Who is on board, by badge and PIN where the roster has one. Pure; nothing of it stands between a press and help."""

from msgspec import Struct
from msgspec.structs import replace

from terminal.contract import pin
from terminal.contract.work import MOST_CREW, Officer
from terminal.core import tries
from terminal.core.tries import Tries
from terminal.shown import CrewView, LogInProblem, MemberView


class Member(Struct, frozen=True):
    """Someone on board; `checked` when a PIN proved it."""

    badge: str
    name: str = ""
    checked: bool = False


class Crew(Struct, frozen=True, kw_only=True):
    """Who is on board, whom headquarters expects, and how the last try to log in went wrong."""

    aboard: tuple[Member, ...] = ()
    roster: tuple[Officer, ...] = ()
    problem: LogInProblem = LogInProblem.NONE
    tries: Tries = Tries()


def badges(crew: Crew) -> tuple[str, ...]:
    """As messages carry them."""
    return tuple(one.badge for one in crew.aboard)


def logged_in(crew: Crew, badge: str, code: str, now_ns: int) -> Crew:
    """The crew after someone tried to log in; who is not on the roster comes on board unchecked, and is shown so."""
    if any(one.badge == badge for one in crew.aboard):
        return replace(crew, problem=LogInProblem.NONE)
    if len(crew.aboard) >= MOST_CREW:
        return replace(crew, problem=LogInProblem.FULL)
    officer = next((one for one in crew.roster if one.badge == badge), Officer(badge))
    if not officer.pin:
        return _aboard(crew, Member(badge, officer.name))
    if tries.are_paused(crew.tries, now_ns):
        return replace(crew, problem=LogInProblem.PAUSED)
    if pin.fits(code, officer.pin):
        return _aboard(crew, Member(badge, officer.name, checked=True))
    wrong, problem = tries.missed(crew.tries, now_ns)
    return replace(crew, tries=wrong, problem=problem)


def _aboard(crew: Crew, member: Member) -> Crew:
    return replace(crew, aboard=(*crew.aboard, member), problem=LogInProblem.NONE, tries=Tries())


def logged_out(crew: Crew, badge: str) -> Crew:
    """The crew without this one."""
    return replace(crew, aboard=tuple(one for one in crew.aboard if one.badge != badge), problem=LogInProblem.NONE)


def restored(crew: Crew) -> Crew:
    """The crew in another run of core, whose clock is another."""
    return replace(crew, problem=LogInProblem.NONE, tries=Tries())


def view(crew: Crew) -> CrewView:
    """What the screen may show; no verifier leaves core."""
    return CrewView(
        aboard=tuple(MemberView(one.badge, one.name, one.checked) for one in crew.aboard),
        roster=tuple(MemberView(one.badge, one.name, bool(one.pin)) for one in crew.roster),
        problem=crew.problem,
    )
