"""A real process killed, or refused, at each call that changes the disk: what it called stored is there, once."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from terminal.contract.identity import new_id
from terminal.contract.topics import Lane
from terminal.uplink.outbox import Outbox
from tests.system.outbox_work import LIMITS, entries
from tests.system.strace import disk_calls, every_call, under_strace, was_killed

ROOT = Path(__file__).parents[2]
WITHIN_S = 60
AT_ONCE = 2
IDS = [new_id() for _ in range(6)]


def worked(folder: Path, *injections: str) -> "subprocess.CompletedProcess[str]":
    folder.mkdir()
    command = [sys.executable, "-m", "tests.system.outbox_work", str(folder)]
    command = under_strace(command, folder / "strace", *injections)
    return subprocess.run(command, input=" ".join(IDS), cwd=ROOT, capture_output=True, text=True, timeout=WITHIN_S)


def held(outbox: Outbox) -> list[str]:
    """Every id, receipted or not: to a store of a new epoch all of them are owed."""
    outbox.forget_receipts("before")
    outbox.forget_receipts(new_id())
    return [row.id for lane in Lane for row in outbox.pending(lane, limit=1000)]


def check(folder: Path, stored: list[str]) -> None:
    """The next process finds what was called stored, in order and once, and can go on."""
    outbox = Outbox.open(folder / "outbox.db", LIMITS)
    try:
        assert outbox.problem == ""
        state, there = outbox.load_state(), held(outbox)
        assert set(stored) <= set(there)
        assert len(there) == len(set(there))
        kept = [message_id for message_id in IDS if message_id in there]
        assert kept == IDS[: len(kept)], "commits are kept in order, without a hole"
        assert state == (kept[-1].encode() if kept else None), "an entry and its state are one transaction"
        assert outbox.commit(entries(IDS)) == [1, 1, 1, 2, 2, 2]
        assert sorted(held(outbox)) == sorted(IDS)
        assert folder.joinpath("outbox.db.reserve").stat().st_size == LIMITS.reserve_bytes
    finally:
        outbox.close()


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """What an undisturbed run asks of the disk."""
    folder = tmp_path_factory.mktemp("count") / "run"
    done = worked(folder)
    assert done.stdout.split() == IDS, done.stderr
    counts = disk_calls(folder / "strace")
    assert counts["pwrite64"] > 50
    assert counts["fdatasync"] > len(IDS)
    return counts


@pytest.mark.promise("P-DISK-02")
def test_the_outbox_survives_a_kill_at_every_disk_call(tmp_path: Path, calls: dict[str, int]) -> None:
    def killed_at(at: tuple[str, int]) -> None:
        folder = tmp_path / f"{at[0]}-{at[1]}"
        done = worked(folder, f"{at[0]}:signal=SIGKILL:when={at[1]}")
        assert was_killed(done), (at, done)
        check(folder, done.stdout.split())

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(killed_at, every_call(calls)))


@pytest.mark.promise("P-DISK-02")
@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_a_disk_call_that_fails_once_loses_nothing_and_doubles_nothing(
    tmp_path: Path, calls: dict[str, int], error: str, request: pytest.FixtureRequest
) -> None:
    def failed_at(at: tuple[str, int]) -> None:
        folder = tmp_path / f"{at[0]}-{at[1]}"
        done = worked(folder, f"{at[0]}:error={error}:when={at[1]}")
        assert done.stdout.split() == IDS, (at, done)
        check(folder, IDS)

    most = None if request.config.getoption("--long") else 4
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(failed_at, every_call(calls, most)))
