"""Commands in the background: started, read, stopped, and ended with their owner."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from scheduler import Access
from tools import Effect, InputError, Place, Tool, ToolContext, ToolError, ToolOutput, background
from tools.background import Background
from tools.file_resources import workspace_resource
from tools.shell import SHELL_TOOLS, shell, shell_output, shell_stop

from .conftest import Lifeline, no_child_lives
from .shell_calls import Caller

pytestmark = pytest.mark.usefixtures("no_descriptor_is_left")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait long for an early end."""
    monkeypatch.setattr(background, "EARLY_SECONDS", 0.1)
    monkeypatch.setattr("tools.shell_command.GRACE_SECONDS", 0.2)


@pytest.fixture
async def owner() -> AsyncIterator[Background]:
    made = Background()
    yield made
    await made.close()
    assert no_child_lives()


@pytest.fixture
def model(tmp_path: Path, owner: Background) -> Caller:
    return Caller(tmp_path, owner)


async def run_to_its_end(model: Caller, line: str) -> None:
    """Start a background command that ends at once, and wait for that."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(background, "EARLY_SECONDS", 60)
        await model.shell(line, background=True)


def pipes(folder: Path, *names: str) -> None:
    for name in names:
        os.mkfifo(folder / name)


async def tell(pipe: Path, text: str = "go\n") -> None:
    await asyncio.to_thread(pipe.write_text, text)


# A command's life


async def test_a_command_is_started_read_on_and_stopped(
    model: Caller, owner: Background, lifeline: Lifeline, tmp_path: Path
):
    pipes(tmp_path, "in")
    line = f"{lifeline.hold()}; echo up; cat in; echo more >&2; setsid sleep 1000 & wait"

    told = await model.call(shell, command=line, background=True)

    assert told.text == (
        'bg_1 is running: shell_output(id="bg_1", since=3) reads on, shell_stop(id="bg_1") ends '
        "it. So far it wrote:\nup"
    )
    assert not told.is_error
    assert await model.output("bg_1") == (
        "bg_1: running. Bytes 0 to 3 of 3; go on with since=3.\nup"
    )
    assert await model.output("bg_1", since=3) == "bg_1: running. Nothing new (since=3)."
    reading = asyncio.create_task(model.output("bg_1", since=3, wait_seconds=60))
    await tell(tmp_path / "in", "abc\n")
    assert (await reading).startswith("bg_1: running. Bytes 3 to ")
    await until(model, "bg_1", "more")
    assert owner.left("s1") == (f"bg_1: {line[:60]}...",)

    assert await model.stop("bg_1") == (
        "bg_1: stopped, ended by SIGTERM. Bytes 0 to 12 of 12; go on with since=12.\nup\nabc\nmore"
    )

    await lifeline.is_dead()
    assert owner.left("s1") == ()
    assert await model.output("bg_1", since=12) == (
        "bg_1: stopped, ended by SIGTERM. Nothing new (since=12)."
    )
    assert (await model.stop("bg_1")).startswith("Nothing to stop: bg_1: stopped, ended by SIGTERM")


async def until(model: Caller, command_id: str, text: str) -> str:
    """Read until a text is there."""
    read = await model.output(command_id)
    while text not in read:
        since = int(read.partition("since=")[2].partition(".")[0].rstrip(")"))
        await model.output(command_id, since=since, wait_seconds=20)
        read = await model.output(command_id)
    return read


async def test_a_command_that_ends_by_itself_says_how(model: Caller, tmp_path: Path):
    pipes(tmp_path, "in")
    await model.shell("read word <in; echo $word; exit 3", background=True)
    waiting = asyncio.create_task(model.output("bg_1", wait_seconds=60))

    await tell(tmp_path / "in", "bye\n")

    assert "\nbye" in await waiting
    ended = await end_of(model, "bg_1")
    assert ended == "bg_1: ended, exit code 3. Bytes 0 to 4 of 4; go on with since=4.\nbye"


async def end_of(model: Caller, command_id: str) -> str:
    """Wait for a command's end and read all of it."""
    since = 0
    while True:
        read = await model.output(command_id, since=since, wait_seconds=20)
        if not read.startswith(f"{command_id}: running"):
            return await model.output(command_id)
        since = int(read.partition("since=")[2].partition("\n")[0].rstrip(".)"))


async def test_what_a_command_left_running_is_ended_with_it_and_named(
    model: Caller, lifeline: Lifeline, tmp_path: Path
):
    pipes(tmp_path, "in")
    line = f"{lifeline.hold()}; setsid sleep 1000 >/dev/null 2>&1 & read word <in"
    await model.shell(line, background=True)

    await tell(tmp_path / "in")

    await lifeline.is_dead()
    ended = await end_of(model, "bg_1")
    assert ended.startswith("bg_1: ended, exit code 0. Nothing new (since=0).\n[It left these")


@pytest.mark.parametrize(("code", "is_error"), [(0, False), (4, True)])
async def test_a_command_that_ends_at_once_is_told_so(
    model: Caller, code: int, is_error: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(background, "EARLY_SECONDS", 60)

    told = await model.call(shell, command=f"echo out; exit {code}", background=True)

    first = f"exit code {code}\n" * is_error
    assert told == ToolOutput(
        (f"The command has ended already; it does not run in the background.\n{first}out",),
        is_error,
    )


async def test_a_command_that_ignores_being_asked_is_killed(model: Caller, lifeline: Lifeline):
    line = f"{lifeline.hold()}; trap '' TERM; setsid sleep 1000 & echo up; while :; do wait; done"
    await model.shell(line, background=True)
    await until(model, "bg_1", "up")

    assert (await model.stop("bg_1")).startswith("bg_1: stopped, ended by SIGKILL.")

    await lifeline.is_dead()


async def test_an_endless_writer_keeps_little_and_can_be_stopped(model: Caller):
    await model.shell("echo first; exec yes", background=True)
    since = 0
    while since < 10_000_000:
        read = await model.output("bg_1", since=since, wait_seconds=20)
        since = int(read.partition(" of ")[2].partition(";")[0].partition(" ")[0])
    read = await model.output("bg_1")

    assert read.partition("\n")[2].startswith("first\ny\ny\n")
    assert len(read) < 31_000
    stopped = await model.stop("bg_1")
    assert stopped.endswith("\ny\ny")
    assert len(stopped) < 4_200


async def test_a_background_command_has_no_time_limit(model: Caller, tmp_path: Path):
    pipes(tmp_path, "in")
    await model.shell("read word <in", background=True, timeout_seconds=0.001)
    assert (await model.output("bg_1", wait_seconds=0.2)).startswith("bg_1: running")

    await tell(tmp_path / "in")

    assert (await end_of(model, "bg_1")).startswith("bg_1: ended, exit code 0.")


async def test_it_is_told_that_something_goes_on_only_when_it_does(tmp_path: Path):
    told: list[str] = []

    class Call:
        def left_running(self, what: str) -> None:
            told.append(what)

    owner = Background()
    call: Any = Call()
    context = ToolContext("s1", tmp_path, call, services={Background: owner})
    model = Caller(tmp_path, owner)
    model.context = context
    await run_to_its_end(model, "exit 1")
    await model.shell("sleep 1000", background=True)
    await model.shell("true")
    await owner.close()

    assert told == ["the background command bg_2 (sleep 1000)"]


async def test_a_start_that_is_cancelled_leaves_nothing(
    model: Caller, owner: Background, lifeline: Lifeline, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(background, "EARLY_SECONDS", 60)
    line = f"{lifeline.hold()}; setsid sh -c 'echo up >&9; sleep 1000' & wait"
    starting = asyncio.create_task(model.call(shell, command=line, background=True))
    await lifeline.says("up")

    starting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await starting
    await lifeline.is_dead()
    assert owner.left("s1") == ()
    assert "known are: none" in await refused(model, shell_output, id="bg_1")


# What is refused


async def refused(model: Caller, tool: Tool[..., Any], **given: Any) -> str:
    with pytest.raises(ToolError) as caught:
        await model.call(tool, **given)
    return str(caught.value)


@pytest.mark.parametrize("tool", [shell_output, shell_stop])
async def test_an_id_that_is_not_known_is_answered_with_those_that_are(
    model: Caller, tool: Tool[..., Any]
):
    rest = "Of commands that have ended, the last 8 are remembered."
    assert await refused(model, tool, id="bg_1") == (
        f"id='bg_1' is not known; known are: none. {rest}"
    )
    await run_to_its_end(model, "exit 3")
    await model.shell("sleep 1000\n: more", background=True)

    assert await refused(model, tool, id="x") == (
        "id='x' is not known; known are: bg_1 (ended, exit code 3: exit 3), bg_2 (running: sleep "
        f"1000...). {rest}"
    )


async def test_a_session_knows_nothing_of_another(model: Caller, owner: Background):
    await model.shell("sleep 1000", background=True)
    other = Caller(model.context.workspace, owner, "s2")

    assert "known are: none" in await refused(other, shell_stop, id="bg_1")
    await other.shell("sleep 1001", background=True)
    assert (owner.left("s1"), owner.left("s2")) == (("bg_1: sleep 1000",), ("bg_1: sleep 1001",))
    await other.stop("bg_1")
    assert owner.left("s1") == ("bg_1: sleep 1000",)


async def test_a_place_beyond_what_was_written_is_refused(model: Caller):
    await model.shell("printf abc; sleep 1000", background=True)
    await until(model, "bg_1", "abc")

    assert await refused(model, shell_output, id="bg_1", since=4) == (
        "since=4: bg_1 has written 3 bytes so far; give 3 for what comes next, or less."
    )


@pytest.mark.parametrize(
    "given", [{"since": -1}, {"since": 0.5}, {"wait_seconds": -1}, {"wait_seconds": 61}]
)
def test_what_cannot_be_is_refused(given: dict[str, object]):
    with pytest.raises(InputError, match=next(iter(given))):
        shell_output.parse({"id": "bg_1", **given})


async def test_so_many_run_at_a_time_and_no_more(model: Caller, owner: Background):
    for number in range(8):
        await model.shell(f"sleep 100{number}", background=True)

    text = await refused(model, shell, command="sleep 1", background=True)
    assert text.startswith(
        "8 background commands run in this session, the most that may: bg_1 (running: sleep 1000), "
    )
    assert text.endswith("bg_8 (running: sleep 1007). End one with shell_stop first.")
    other = Caller(model.context.workspace, owner, "s2")
    await other.shell("sleep 1000", background=True)
    await model.stop("bg_3")
    assert "bg_9 is running" in await model.shell("sleep 1000", background=True)


async def test_those_that_run_are_never_forgotten(model: Caller):
    await model.shell("sleep 1000", background=True)
    for _ in range(10):
        await run_to_its_end(model, "true")

    text = await refused(model, shell_output, id="bg_2")
    known = text.partition("known are: ")[2].partition(". Of")[0].split(", ")
    assert known[0] == "bg_1 (running: sleep 1000)"
    assert [each.partition(" ")[0] for each in known if each.startswith("bg")] == [
        *("bg_1", "bg_4", "bg_5", "bg_6", "bg_7", "bg_8", "bg_9", "bg_10", "bg_11")
    ]


# The owner's end


async def test_an_owner_ends_what_runs_and_names_it(tmp_path: Path, lifeline: Lifeline):
    owner = Background()
    model = Caller(tmp_path, owner)
    line = f"{lifeline.hold()}; (setsid sleep 1000 &); trap '' TERM; while :; do wait; done"
    await model.shell(line, background=True)
    await Caller(tmp_path, owner, "s2").shell("sleep 1000", background=True)
    await run_to_its_end(model, "exit 3")

    assert await owner.close() == (
        f"bg_1: {line[:60]}... (session s1)",
        "bg_1: sleep 1000 (session s2)",
    )

    await lifeline.is_dead()
    assert no_child_lives()
    assert repr(owner) == "<Background closed, 0 running>"
    assert await owner.close() == ()
    assert (await model.output("bg_1")).startswith("bg_1: stopped, ended by SIGKILL.")
    closed = "Not run: this agent is being closed, and with it all that it runs."
    assert await refused(model, shell, command="echo hi", background=True) == closed


async def test_a_command_that_is_starting_when_its_owner_closes_is_ended(
    tmp_path: Path, lifeline: Lifeline, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(background, "EARLY_SECONDS", 60)
    owner = Background()
    model = Caller(tmp_path, owner)
    line = f"{lifeline.hold()}; echo up | tee /dev/fd/9; sleep 1000"
    starting = asyncio.create_task(model.call(shell, command=line, background=True))
    await lifeline.says("up")
    await until(model, "bg_1", "up")

    assert await owner.close() == (f"bg_1: {line[:60]}... (session s1)",)

    await lifeline.is_dead()
    assert (await starting).is_error


async def test_a_close_that_is_cancelled_still_ends_everything(tmp_path: Path, lifeline: Lifeline):
    owner = Background()
    line = f"{lifeline.hold()}; trap '' TERM; sleep 1000 & while :; do wait; done"
    await Caller(tmp_path, owner).shell(line, background=True)
    closing = asyncio.create_task(owner.close())
    await asyncio.sleep(0)

    closing.cancel()

    with pytest.raises(asyncio.CancelledError):
        await closing
    await lifeline.is_dead()
    assert no_child_lives()


# Order


def access(tool: Tool[..., Any], place: Place, **given: object) -> Access:
    return tool.access(tool.parse(given), place)


def test_what_depends_on_another_call_waits_for_it_and_nothing_else_does(tmp_path: Path):
    place, other = Place("s1", tmp_path), Place("s2", tmp_path / "other")
    run = access(shell, place, command="x")
    start = access(shell, place, command="x", background=True)
    stop = access(shell_stop, place, id="bg_1")
    read = access(shell_output, place, id="bg_1")
    read_kept = access(shell_output, place, id="out_1")

    for one, two in (
        (run, start), (start, stop), (start, read), (run, stop), (stop, read), (run, read_kept)
    ):  # fmt: skip
        assert one.conflicts_with(two)
        assert two.conflicts_with(one)
    assert not read.conflicts_with(read)
    assert not read.conflicts_with(run)
    assert not stop.conflicts_with(access(shell_stop, place, id="bg_2"))
    assert not stop.conflicts_with(access(shell_output, place, id="bg_2"))
    assert not stop.conflicts_with(access(shell_stop, other, id="bg_1"))
    assert workspace_resource(tmp_path) in run.writes & start.writes


def test_what_the_tools_say_of_themselves():
    assert [(tool.name, tool.lane, tool.effect, tool.moves) for tool in SHELL_TOOLS] == [
        ("shell", "shell", Effect.EFFECTFUL, True),
        ("shell_output", "local_read", Effect.NONE, False),
        ("shell_stop", "shell", Effect.EFFECTFUL, False),
    ]
    assert [*shell.definition()["input_schema"]["properties"]] == [
        *("command", "timeout_seconds", "folder", "background")
    ]
