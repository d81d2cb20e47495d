"""What happens to programs when their host is killed, and what the guard that sees to it is."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tools import guard, run_subprocess_async
from tools.guard import GUARD, NO_LEADER, Guard
from tools.process_members import MARK, Tree

from .conftest import Lifeline

ROOT = Path(__file__).parents[2]
SECONDS = 20

HOST = """
import asyncio, json, os, signal, sys
from pathlib import Path
from tests.tools.shell_calls import Caller
from tools import background
from tools.background import Background
from tools.guard import GUARD, NO_LEADER

background.EARLY_SECONDS = 0.1
watch = GUARD.watch

def killed_at_start(tree):
    if tree.leader != NO_LEADER:
        Path(sys.argv[1], "runs").read_text()
        os.kill(os.getpid(), signal.SIGKILL)
    watch(tree)

async def main(folder, hold, ending):
    model = Caller(Path(folder), Background())
    if ending == "killed at a start":
        GUARD.watch = killed_at_start
        await model.shell(f"{hold}; echo up >runs; setsid sleep 1000 & wait")
    await model.shell(f"{hold}; trap '' TERM; setsid sh -c 'echo server >&9; sleep 1000' & wait",
                      background=True)
    below = (
        f"{hold}; env -i setsid sleep 1000 & (setsid sh -c 'echo orphan >&9; sleep 1000; :' &); "
        "sh -c 'echo tree >&9; sleep 1000; :'"
    )
    command = asyncio.create_task(model.shell(below))
    await asyncio.to_thread(sys.stdin.readline)
    told = [GUARD.pid]
    if ending == "fork":
        told.append(os.fork())
        if told[1] == 0:
            signal.pause()
    print(json.dumps(told), flush=True)
    if ending == "exit":
        os._exit(0)
    if ending == "close":
        return
    signal.pause()

asyncio.run(main(*sys.argv[1:]))
"""


def becomes_true(holds: Callable[[], bool]) -> bool:
    """Wait, so long at most, for something about a process that is not ours to wait for."""
    deadline = time.monotonic() + SECONDS
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return held


def is_gone(pid: int) -> bool:
    return becomes_true(lambda: not psutil.pid_exists(pid))


@pytest.fixture
def host(lifeline: Lifeline, tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Start a process that runs a tree to its end and a server in the background."""
    hosts = []

    def start(ending: str) -> subprocess.Popen[str]:
        made = subprocess.Popen(
            [sys.executable, "-c", HOST, str(tmp_path), lifeline.hold(), ending],
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        hosts.append(made)
        return made

    yield start
    for made in hosts:
        made.kill()
        made.communicate()


def told_by(made: subprocess.Popen[str]) -> list[int]:
    """Let a host go on to its end; return what it says of itself."""
    assert made.stdin is not None
    assert made.stdout is not None
    made.stdin.write("go on\n")
    made.stdin.flush()
    pids: list[int] = json.loads(made.stdout.readline())
    return pids


async def test_what_a_killed_host_ran_is_gone(host, lifeline: Lifeline):
    made = host("kill")
    await lifeline.says("tree", "server", "orphan")
    (guarding,) = told_by(made)
    assert psutil.pid_exists(guarding)

    made.kill()

    await lifeline.is_dead()
    assert is_gone(guarding)


async def test_a_host_that_is_killed_while_a_program_starts_leaves_it_no_more(
    host, lifeline: Lifeline, tmp_path: Path
):
    os.mkfifo(tmp_path / "runs")
    made = host("killed at a start")

    assert made.wait(SECONDS) == -signal.SIGKILL
    await lifeline.is_dead()


async def test_a_fork_of_the_host_that_lives_on_keeps_nothing_alive(host, lifeline: Lifeline):
    made = host("fork")
    await lifeline.says("tree", "server", "orphan")
    guarding, forked = told_by(made)

    made.kill()

    try:
        await lifeline.is_dead()
        assert is_gone(guarding)
    finally:
        os.kill(forked, signal.SIGKILL)


@pytest.mark.parametrize("ending", ["exit", "close"])
async def test_a_host_that_ends_takes_all_with_it(ending: str, host, lifeline: Lifeline):
    made = host(ending)
    await lifeline.says("tree", "server", "orphan")
    (guarding,) = told_by(made)

    await lifeline.is_dead()
    assert is_gone(guarding)


# What the guard is


@pytest.fixture
def owner() -> Iterator[object]:
    """Have a guard from the next program on."""
    made = object()
    GUARD._starts = 0
    GUARD.open(made)
    yield made
    GUARD.close(made)
    assert GUARD.pid is None


async def started() -> psutil.Process:
    """Start the guard with a program, and give it."""
    assert (await run_subprocess_async(["echo", "hi"]))["output"] == "hi\n"
    assert GUARD.pid is not None
    return psutil.Process(GUARD.pid)


def program_of(mark: str) -> subprocess.Popen[bytes]:
    """Start a program of a tree."""
    return subprocess.Popen(["sleep", "1000"], env={MARK: f"outer;{mark};"}, start_new_session=True)


async def test_nobody_who_asks_for_none_gets_a_guard():
    await run_subprocess_async(["true"])

    assert GUARD.pid is None


@pytest.mark.usefixtures("owner")
async def test_all_owners_have_one_guard_until_the_last_has_gone():
    guarding = await started()
    other = object()
    GUARD.open(other)
    assert await started() == guarding

    GUARD.close(other)

    assert GUARD.pid == guarding.pid
    assert repr(GUARD) == f"<Guard pid {guarding.pid}, 1 owners, 0 trees>"


def test_what_runs_when_the_last_owner_goes_is_left_alone():
    mark, owner = "0123456789abcdef", object()
    GUARD.open(owner)
    with program_of(mark) as program:
        GUARD.watch(Tree(program.pid, mark, time.time()))
        assert GUARD.pid is not None

        GUARD.close(owner)

        assert GUARD.pid is None
        GUARD.unwatch(mark)
        assert program.poll() is None
        program.kill()


@pytest.mark.usefixtures("owner")
async def test_it_holds_nothing_of_its_host():
    os.set_inheritable(inherited := os.open(ROOT, os.O_RDONLY), True)
    guarding = await started()

    assert (guarding.cwd(), os.getsid(guarding.pid)) == ("/", guarding.pid)
    # While it comes up, it reads the files that it imports.
    assert becomes_true(lambda: guarding.num_fds() == 3)
    assert guarding.net_connections() == []
    os.close(inherited)


def test_it_imports_nothing_of_the_folder_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    trap = "open('sprung', 'w')"
    for name in ("psutil", "signal", "tools", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text(trap)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    guarding = guard._spawn()
    guard._let_go(guarding)

    assert guarding.wait(SECONDS) == 0
    assert not (tmp_path / "sprung").exists()
    subprocess.run([sys.executable, "-c", "import psutil"], check=True)
    assert (tmp_path / "sprung").exists()


def test_a_program_is_found_before_its_process_id_is_known():
    mark = "0123456789abcdef"
    program = program_of(mark)
    guarding = guard._spawn()
    ours = Guard()
    ours.open(ours)
    ours._process = guarding

    ours.watch(Tree(NO_LEADER, mark, time.time()))
    guard._let_go(guarding)

    assert program.wait(SECONDS) == -signal.SIGTERM
    assert guarding.wait(SECONDS) == 0


def test_what_has_ended_is_not_looked_for_any_more():
    mark = "0123456789abcdef"
    guarding = guard._spawn()
    ours = Guard()
    ours.open(ours)
    ours._process = guarding
    with program_of(mark) as program:
        ours.watch(Tree(program.pid, mark, time.time()))
        ours.unwatch(mark)
        guard._let_go(guarding)

        assert guarding.wait(SECONDS) == 0
        assert program.poll() is None
        program.kill()


def test_a_signal_to_all_that_a_host_started_does_not_end_it():
    mark = "0123456789abcdef"
    guarding = guard._spawn()
    assert guarding.stdin is not None
    os.set_blocking(guarding.stdin.fileno(), True)
    guarding.stdin.write(b"- nothing\n" * 20_000)  # More than a pipe holds: it reads by now.
    program = program_of(mark)
    try:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            guarding.send_signal(number)
        guarding.stdin.write(f"+ {mark} {NO_LEADER} {time.time()}\n".encode())
        guarding.stdin.close()
        assert program.wait(SECONDS) == -signal.SIGTERM
        assert guarding.wait(SECONDS) == 0
    finally:
        program.kill()
        program.wait()


# When there is trouble with it


@pytest.mark.usefixtures("owner")
async def test_one_that_was_killed_is_started_anew_and_told_what_runs(
    caplog: pytest.LogCaptureFixture,
):
    first = await started()
    mark = "0123456789abcdef"
    program = program_of(mark)
    GUARD.watch(Tree(NO_LEADER, mark, time.time()))
    first.kill()
    psutil.wait_procs([first], SECONDS)

    second = await started()

    assert second != first
    assert [record.message for record in caplog.records] == [
        "the guard process ended, or does not listen; another is started"
    ]
    assert GUARD._process is not None
    guard._let_go(GUARD._process)
    assert program.wait(SECONDS) == -signal.SIGTERM
    assert GUARD._process.wait(SECONDS) == 0
    GUARD.unwatch(mark)


@pytest.mark.usefixtures("owner")
async def test_one_that_does_not_listen_is_replaced_and_nobody_waits():
    first = await started()
    first.suspend()
    tree = Tree(NO_LEADER, "x" * 2_000, 0)

    def tell_much() -> None:
        while GUARD.pid == first.pid:
            GUARD.watch(tree)

    await asyncio.to_thread(tell_much)

    assert GUARD.pid is not None
    assert not psutil.pid_exists(first.pid)
    GUARD.unwatch(tree.mark)


@pytest.mark.usefixtures("owner")
@pytest.mark.parametrize("trouble", ["missing", "frozen", "none"])
async def test_programs_run_without_a_guard_that_cannot_be_started(
    trouble: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    if trouble == "frozen":
        monkeypatch.setattr(sys, "frozen", True, raising=False)
    else:
        monkeypatch.setattr(sys, "executable", "/no/such/python" if trouble == "missing" else "")

    for _ in range(guard.MOST_STARTS + 3):
        assert (await run_subprocess_async(["echo", "hi"]))["output"] == "hi\n"

    assert GUARD.pid is None
    assert len(caplog.records) == guard.MOST_STARTS
    assert caplog.records[0].message.startswith("no guard process (")
    assert caplog.records[0].message.endswith("): if this one is killed, its programs go on")
