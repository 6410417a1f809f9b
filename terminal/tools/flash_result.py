"""What a technician files after flashing a board: text for a person, or one JSON object."""

from datetime import datetime

from msgspec import Struct

from terminal.tools.flash_line import Item, Program

NOT_A_RESULT = "all"
"""The self-test's last item, which only counts the others that failed."""


class Result(Struct, frozen=True, kw_only=True):
    """One flashing: which board, what is on it now, and whether it proved itself."""

    verdict: str
    date: datetime
    port: str
    board: str
    board_id: str
    micropython: str
    firmware_version: str
    git_hash: str
    frame_version: str
    before: str
    sums_sha256: str
    files: dict[str, str]
    written: tuple[str, ...]
    missing: tuple[str, ...]
    self_test: tuple[Item, ...]
    remedy: str = ""


def judge(wanted: Program, runs: Program, items: list[Item]) -> tuple[str, str]:
    """The verdict, "ok" or "failed", and what to do."""
    if runs != wanted:
        said = f"{runs.firmware_version} {runs.git_hash} on {runs.board_id}, frame version {runs.frame_version}"
        return "failed", f"the board runs {said}; flash it again"
    failed = [item.item for item in items if item.result == "fail" and item.item != NOT_A_RESULT]
    if failed:
        return "failed", f"self-test: {', '.join(failed)}; docs/board.md says what each is and what mends it"
    return "ok", ""


def text(result: Result) -> str:
    """The result as lines."""
    facts = {
        "board": f"{result.board}, id {result.board_id}",
        "port": result.port,
        "date": f"{result.date:%Y-%m-%d %H:%M:%S}Z",
        "micropython": result.micropython,
        "firmware": f"{result.firmware_version}, git {result.git_hash}, frame version {result.frame_version}",
        "before": result.before,
        "SHA256SUMS": result.sums_sha256,
        "files": f"{len(result.files)} verified by hash, {len(result.written)} written",
    }
    if result.missing:
        facts["left out"] = f"{', '.join(result.missing)}: give --lib for it; the firmware runs without"
    lines = [f"{name:12}{value}" for name, value in facts.items()]
    lines += [f"{'self-test':12}{item.result:5}{item.item} {item.value}" for item in result.self_test]
    lines += [f"{'do':12}{result.remedy}"] if result.remedy else []
    return "\n".join([*lines, f"{'verdict':12}{result.verdict.upper()}"])
