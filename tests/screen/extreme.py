"""As much as the contract lets headquarters and a profile say at once, and a crew and a car that have as much."""

from collections.abc import Iterator

from msgspec.structs import replace

from terminal.contract.profile import Choice, Form, Label, Profile, Question
from terminal.contract.work import LONGEST_TEXT, MOST_JOBS, MOST_OFFICERS, MOST_TEXTS, Job, JobStep, Priority, Text
from terminal.link import Snapshot
from terminal.shown import CrewView, JobView, MemberView, SourceView

MOST_STATUSES = MOST_REASONS = MOST_FORMS = MOST_ANSWERS = 9
MOST_READY = 12
ABOARD = 5
SOURCES = 8


def words(name: str, length: int = LONGEST_TEXT) -> str:
    """So many characters, each word another: `name` is in each."""
    return " ".join(numbered(name))[:length].ljust(length, "x")


def numbered(name: str) -> Iterator[str]:
    return (f"{name}-w{number}" for number in range(LONGEST_TEXT // len(name)))


def label(word: str) -> Label:
    return Label(en=word, sl=word, sr=word)


def choices(name: str, count: int) -> tuple[Choice, ...]:
    return tuple(Choice(code=f"{name}-{n}", label=label(f"{name} {n}")) for n in range(count))


def profile() -> Profile:
    questions = tuple(
        Question(code=f"ask-{n}", label=label(f"Ask {n}"), choices=choices("say", MOST_ANSWERS)) for n in range(2)
    )
    return Profile(
        label=label("Extreme"),
        initial="duty-0",
        statuses=choices("duty", MOST_STATUSES),
        texts=choices("ready", MOST_READY),
        reasons=choices("why", MOST_REASONS),
        forms=tuple(Form(code=f"form-{n}", label=label(f"Form {n}"), questions=questions) for n in range(MOST_FORMS)),
    )


def jobs() -> tuple[JobView, ...]:
    """The last one is the emergency."""
    return tuple(
        JobView(
            job=Job(
                job=f"job-{n}",
                title=words(f"title{n}"),
                place=words(f"place{n}"),
                text=words(f"body{n}"),
                priority=Priority.EMERGENCY if n == MOST_JOBS - 1 else Priority.ROUTINE,
                lat_deg=45.26 + n / 1000,
                lon_deg=19.83,
            ),
            step=JobStep.SENT,
            next=JobStep.ACCEPTED,
        )
        for n in range(MOST_JOBS)
    )


def snapshot(good: Snapshot) -> Snapshot:
    """A day on which everything is at its most."""
    members = tuple(MemberView(f"b{n}", words(f"officer{n}", 60), checked=bool(n % 2)) for n in range(MOST_OFFICERS))
    return replace(
        good,
        profile=profile(),
        jobs=jobs(),
        texts=tuple(Text(text_id=f"text-{n}", text=words(f"text{n}"), sent_by="Desk 2") for n in range(MOST_TEXTS)),
        crew=CrewView(aboard=members[:ABOARD], roster=members),
        sources=tuple(
            SourceView(f"source{n}", False, f"problem{n} of some length", f"remedy{n}: sudo do this and that")
            for n in range(SOURCES)
        ),
    )
