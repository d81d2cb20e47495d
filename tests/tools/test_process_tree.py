"""What a program started ends with it, however it hides."""

import asyncio
import os
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

import psutil
import pytest

from tools import process_tree
from tools.output import Excerpt
from tools.process import run
from tools.process_members import Search, Tree
from tools.process_tree import Ended
from tools.program import Completed
from tools.results import result_of

from .conftest import Lifeline

GRACE = 0.2

pytestmark = pytest.mark.usefixtures("no_descriptor_is_left")

HIDING = {
    "plain": "echo up >&9; exec sleep 1000",
    "deaf to SIGTERM": "trap '' TERM; echo up >&9; sleep 1000",
    "fork of a fork": "(sh -c 'echo up >&9; sleep 1000; true' & sleep 1000; true); true",
    "child that is an orphan": "(sh -c 'echo up >&9; sleep 1000; true' &) ; sleep 1000",
    "group of its own": "set -m; sh -c 'echo up >&9; sleep 1000' & wait",
    "session of its own": "setsid sh -c 'echo up >&9; sleep 1000' & wait",
    "session of its own, deaf": "setsid sh -c \"trap '' TERM; echo up >&9; sleep 1000\" & wait",
    "session of its own, an orphan": "(setsid sh -c 'echo up >&9; sleep 1000' &); sleep 1000",
    "environment cleared": "env -i setsid sh -c 'echo up >&9; sleep 1000' & wait",
    "below a cleared environment": "env -i setsid sh -c 'setsid sh -c \"echo up >&9; sleep 9\"; :'",
    "stopped": "sh -c 'echo up >&9; kill -STOP $$' & wait",
}


@pytest.mark.parametrize("script", HIDING.values(), ids=HIDING)
async def test_nothing_outlives_a_cancelled_run(script: str, lifeline: Lifeline):
    command = ["sh", "-c", f"{lifeline.hold()}; {script}"]
    running = asyncio.create_task(run(command, grace=GRACE))
    await lifeline.says("up")

    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    await lifeline.is_dead()


async def test_nothing_outlives_a_run_that_timed_out(lifeline: Lifeline):
    script = f"""
        {lifeline.hold()}
        sh -c "trap '' TERM; echo deaf >&9; sleep 1000" &
        setsid sh -c 'echo session >&9; sleep 1000' &
        (setsid sh -c 'echo orphan >&9; sleep 1000' &)
        echo out
        wait
    """

    done = await run(["sh", "-c", script], timeout=0.7, grace=GRACE)

    await lifeline.says("deaf", "session", "orphan")
    await lifeline.is_dead()
    assert done.timed_out
    assert done.stdout.whole == b"out\n"
    assert done.ended.survivors == ()


async def test_a_program_may_finish_its_work_before_it_is_killed(
    lifeline: Lifeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    waits: list[float] = []
    wait_for_end = process_tree.wait_for_end

    def wait(processes: Iterable[psutil.Process], seconds: float) -> None:
        waits.append(seconds)
        wait_for_end(processes, seconds)

    monkeypatch.setattr(process_tree, "wait_for_end", wait)
    os.mkfifo(tmp_path / "go")
    last = "echo told >&9; read word <go; echo tidy >&9; exit"
    script = f"{lifeline.hold()}; trap '{last}' TERM; echo up >&9; sleep 1000 & wait"
    running = asyncio.create_task(run(["sh", "-c", script], cwd=tmp_path, grace=60))
    await lifeline.says("up")

    running.cancel()

    await lifeline.says("told")
    (tmp_path / "go").write_text("on\n")
    await lifeline.says("tidy")
    with pytest.raises(asyncio.CancelledError):
        await running
    await lifeline.is_dead()
    assert waits == [60]


def test_a_child_of_a_process_that_ended_while_it_was_looked_for_is_found(
    monkeypatch: pytest.MonkeyPatch,
):
    """The child is not in the first list: its parent forked after that, and ended at once."""
    with subprocess.Popen(["true"]) as parent:
        parent.wait()
    with subprocess.Popen(["sleep", "1000"], start_new_session=True) as child:
        everybody = psutil.pids
        lists = iter([[parent.pid]])
        monkeypatch.setattr(psutil, "pids", lambda: next(lists, None) or everybody())

        for detached in (False, True):
            lists = iter([[parent.pid]])
            search = Search(Tree(child.pid, "no mark", time.time()), detached=detached)
            frozen: list[psutil.Process] = []
            assert [process.pid for process in search.find(frozen.extend)] == [child.pid]
            assert [process.pid for process in frozen] == [child.pid]

        child.kill()


async def test_one_run_ends_nothing_of_another(lifeline: Lifeline):
    script = f"{lifeline.hold()}; echo up >&9; cat"
    other = asyncio.create_task(run(["sh", "-c", "sleep 1000"], grace=GRACE))
    running = asyncio.create_task(run(["sh", "-c", script], grace=GRACE))
    await lifeline.says("up")

    other.cancel()

    with pytest.raises(asyncio.CancelledError):
        await other
    assert (await running).exit_code == 0


def completed(*, timed_out: bool, ended: Ended) -> Completed:
    nothing = Excerpt(b"", b"", 0, 0)
    return Completed(
        program="make",
        stdout=nothing,
        stderr=nothing,
        exit_code=None if timed_out else 0,
        time_limit=0.5,
        timed_out=timed_out,
        duration=1.0,
        ended=ended,
    )


def test_what_could_not_be_ended_is_told():
    ended = Ended(("sudo (pid 7)",), survivors=("sudo (pid 7)",))

    late = result_of(completed(timed_out=True, ended=ended))
    in_time = result_of(completed(timed_out=False, ended=ended))

    assert late["error"] == (
        "timed out after 0.5 s; the program and its children were ended, except sudo (pid 7)"
    )
    assert in_time["status"] == "success"
    assert in_time["note"] == "could not be ended and may still run: sudo (pid 7)"


def test_a_program_whose_end_was_not_seen_is_a_failure():
    done = completed(timed_out=True, ended=Ended())
    unseen = Completed(
        **{name: getattr(done, name) for name in done.__slots__} | {"timed_out": False}
    )

    assert result_of(unseen)["error"] == "make was killed, but its end was not seen"
