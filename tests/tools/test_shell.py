"""The shell as a model calls it: what comes back, and that nothing is left behind."""

import asyncio
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import psutil
import pytest

from tools import InputError, ToolContext, ToolError, ToolOutput, program
from tools.background import Background
from tools.guard import GUARD
from tools.output import DEFAULT_LIMIT
from tools.shell import shell

from .conftest import Lifeline, no_child_lives
from .shell_calls import Caller
from .test_process_cancellation import interrupt

pytestmark = pytest.mark.usefixtures("no_descriptor_is_left")


@pytest.fixture
async def background() -> AsyncIterator[Background]:
    owner = Background()
    yield owner
    assert await owner.close() == ()


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture
def model(workspace: Path, background: Background) -> Caller:
    return Caller(workspace, background)


# What comes back


async def test_both_outputs_come_together_in_their_order(model: Caller):
    assert await model.shell("echo 1; echo 2 >&2; echo 3") == "1\n2\n3"


async def test_a_command_that_says_nothing_is_told_so(model: Caller):
    assert await model.call(shell, command="true") == ToolOutput(("(no output)",))


async def test_an_exit_code_comes_first_and_is_an_answer_and_no_failure(model: Caller):
    assert await model.call(shell, command="echo no; exit 3") == ToolOutput(("exit code 3\nno",))


async def test_a_command_that_is_not_found_is_a_failure(model: Caller):
    told = await model.call(shell, command="no-such-program --x")

    assert told.is_error
    assert told.text.startswith(
        "exit code 127 (a program that it names was not found: check its name, or install it)\n"
    )
    assert told.text.endswith("no-such-program: command not found")


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("kill -KILL $$", "ended by SIGKILL\n(no output)"),
        ("echo last; kill -TERM $$", "ended by SIGTERM\nlast"),
        ("(exit 139)", "exit code 139 (SIGSEGV ended a program in it)\n(no output)"),
        ("(exit 126)", "exit code 126 (what it names could not be executed)\n(no output)"),
    ],
)
async def test_a_command_that_was_cut_short_is_a_failure(model: Caller, command: str, text: str):
    assert await model.call(shell, command=command) == ToolOutput((text,), is_error=True)


async def test_quotes_lines_and_here_documents_reach_the_shell_as_they_are(model: Caller):
    command = "cat <<'E'\n\"$HOME\" 'a' \\\n\tü\nE\nprintf '%s|' \"a  b\" 'c\nd'"

    assert await model.shell(command) == "\"$HOME\" 'a' \\\n\tü\na  b|c\nd|"


async def test_a_command_that_begins_like_an_option_is_none(model: Caller):
    assert (await model.shell("-x; echo on")).endswith("\non")


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs a bash")
async def test_it_is_bash_where_there_is_one(model: Caller):
    assert await model.shell("a=(x y); [[ ${a[1]} == y ]] && echo $0") == shutil.which("bash")


async def test_it_is_the_plain_shell_where_there_is_no_bash(
    model: Caller, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("PATH", str(tmp_path))

    assert await model.shell("echo $0") == "/bin/sh"


async def test_nothing_lasts_until_the_next_call(model: Caller, workspace: Path):
    await model.shell("cd /; export NAME=value")

    real = workspace.resolve()  # noqa: ASYNC240  the test may block
    assert await model.shell("pwd -P; echo .$NAME.") == f"{real}\n.."


async def test_it_gets_no_secret_no_terminal_and_no_pager(
    model: Caller, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-1")
    monkeypatch.setenv("TERM", "xterm")
    told = await model.shell(
        "echo [$ANTHROPIC_API_KEY] $TERM $PAGER $GIT_PAGER $GIT_TERMINAL_PROMPT; cat; "
        "(: </dev/tty) 2>/dev/null || echo no terminal"
    )

    assert told == "[] dumb cat cat 0\nno terminal"


# Where it runs


async def test_it_runs_in_a_folder_of_the_workspace(model: Caller, workspace: Path):
    (workspace / "a b").mkdir()
    real = workspace.resolve()  # noqa: ASYNC240  the test may block

    for folder in ("a b", f"{workspace}/a b", "./a b/../a b"):
        assert await model.shell("pwd -P", folder=folder) == f"{real}/a b"


async def refused(model: Caller, command: str, **given: object) -> str:
    with pytest.raises(ToolError) as caught:
        await model.call(shell, command=command, **given)
    return str(caught.value)


async def test_a_folder_outside_is_refused(model: Caller, workspace: Path, tmp_path: Path):
    (workspace / "link").symlink_to(tmp_path)

    for folder in ("..", "/", "link", str(tmp_path)):
        assert await refused(model, "touch here", folder=folder) == (
            f"folder: {folder!r} leads out of '{workspace}': name a path inside it"
        )
    for folder in ("", "a\0b"):
        assert "folder: not a path" in await refused(model, "touch here", folder=folder)
    assert not list(tmp_path.rglob("here"))  # noqa: ASYNC240  the test may block


async def test_a_folder_that_is_none_is_refused(model: Caller, workspace: Path):
    (workspace / "file").touch()

    assert await refused(model, "true", folder="gone") == (
        f"The command was not run: the folder '{workspace}/gone' does not exist: create it, or "
        "name another to run in."
    )
    assert "is not a folder" in await refused(model, "true", folder="file")
    assert "is not a folder" in await refused(model, "true", folder="file", background=True)


# What is refused


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("", "command is empty"),
        (" \n", "command is empty"),
        ("a\0b", r"command holds a NUL at character 1, .*: write `printf '\\0'`"),
        ("ls \ud800", "command holds half a character at character 3"),
        (f": {'x' * 3_000_000}", "too long; put them into a file"),
    ],
)
async def test_what_no_shell_can_be_given_is_refused(model: Caller, command: str, text: str):
    with pytest.raises(ToolError, match=text):
        await shell.run({**shell.parse({"command": "x"}), "command": command}, model.context)


@pytest.mark.parametrize("seconds", [0, -1, 601, 1e300, "soon"])
def test_a_time_limit_that_cannot_be_is_refused(seconds: object):
    with pytest.raises(InputError, match="timeout_seconds"):
        shell.parse({"command": "true", "timeout_seconds": seconds})


async def test_without_an_owner_of_what_runs_it_says_what_is_missing(workspace: Path):
    context = ToolContext("s1", workspace)
    with pytest.raises(ToolError, match="needs Background"):
        await shell.run(shell.parse({"command": "true"}), context)


# How much comes back


async def test_a_hundred_megabytes_are_cut_and_can_be_read_on(model: Caller):
    told = await model.shell("echo first; yes 0123456789abcde | head -c 100000000; echo last")

    assert told.startswith("first\n0123456789abcde\n")
    assert "\n[... 99,970,011 bytes left out: output limit 30,000 bytes ...]\n" in told
    assert told.endswith('last\n[What was left out: shell_output(id="out_1", since=15000)]')
    assert len(told) < 30_200
    read = await model.output("out_1", since=15_000)
    first, _, rest = read.partition("\n")
    assert first == (
        "out_1: ended, exit code 0. Bytes 15000 to 45000 of 100000011; 99955011 more can be read "
        "with since=45000."
    )
    assert rest.startswith("23456789abcde\n0123456789abcde\n")


async def test_what_was_not_kept_is_skipped_and_told(model: Caller):
    await model.shell("yes 0123456789abcde | head -c 4000000; echo last")

    read = await model.output("out_1", since=2_000_000)

    assert read.startswith(
        "out_1: ended, exit code 0. Bytes 3000005 to 3030005 of 4000005 (bytes 2000000 to 3000005 "
        "were not kept); 970000 more can be read with since=3030005.\n"
    )
    assert (await model.output("out_1", since=4_000_000)).endswith(
        "Bytes 4000000 to 4000005 of 4000005; go on with since=4000005.\nlast"
    )


async def test_a_long_output_can_be_read_whole_piece_by_piece(model: Caller):
    text = "".join(f"{number} äöü€𝄞\n" for number in range(10_000))
    (model.context.workspace / "text").write_text(text)
    await model.shell("cat text")

    pieces, since = "", 0
    while since < len(text.encode()):
        first, _, rest = (await model.output("out_1", since=since)).partition("\n")
        since = int(first.rpartition("since=")[2].rstrip("."))
        pieces += rest
        pieces += "\n" if len(pieces.encode()) < since else ""

    assert pieces == text


async def test_the_last_long_outputs_are_remembered(model: Caller):
    for _ in range(9):
        await model.shell("seq 10000")

    with pytest.raises(ToolError, match=r"id='out_1' is not known; known are: out_2 \(ended, exit"):
        await model.output("out_1")
    assert (await model.output("out_9")).endswith("\n6221\n62")


async def test_binary_output_is_named_so_and_not_shown(model: Caller):
    (model.context.workspace / "data").write_bytes(bytes(range(256)) * 1_000)
    told = await model.shell("cat data")

    assert told.startswith(
        "[256,000 bytes of binary output, which cannot be shown: send it to a file, or through "
        "`xxd`. It begins with:]\n␀␁␂"
    )
    assert len(told) < 1_000
    assert "bytes of binary output" in await model.output("out_1", since=15_000)


async def test_bytes_that_are_no_text_are_shown_as_such_amid_text(model: Caller):
    told = await model.shell(r"printf 'name\000other\377\033[1mbold text\n'")

    assert told == "name␀other\N{REPLACEMENT CHARACTER}␛[1mbold text"


async def test_a_long_output_that_grows_when_it_is_cleaned_is_still_within_the_limit(
    model: Caller,
):
    told = await model.shell(r"yes $'ab\001cdef' | head -c 1000000")

    assert told.startswith("ab␁cdef\n")
    assert told.count("bytes left out") == 1
    assert len(told.encode()) < DEFAULT_LIMIT


# Time limit


async def test_what_was_written_until_a_timeout_is_told_with_what_to_do(
    model: Caller, lifeline: Lifeline
):
    command = f"{lifeline.hold()}; echo out; (trap '' TERM; exec setsid sleep 1000) & sleep 1000"
    told = await model.call(shell, command=command, timeout_seconds=0.5)

    await lifeline.is_dead()
    text = (
        "timed out after 0.5 s, and was ended with all that it started; what it wrote until then:\n"
        "out\n"
        "[For what takes longer: a larger timeout_seconds, or background=true for what is to go on "
        "running.]"
    )
    assert told == ToolOutput((text,), is_error=True)


async def test_an_endless_writer_is_ended_with_its_time(model: Caller):
    told = await model.call(shell, command="yes", timeout_seconds=0.3)

    assert told.is_error
    assert told.text.startswith("timed out after 0.3 s")
    assert "bytes left out" in told.text


# What a command leaves running

LEAVING = {
    "a child": "sleep 1000 &",
    "a child without the pipes": "sleep 1000 >/dev/null 2>&1 &",
    "a session of its own": "setsid sleep 1000 >/dev/null 2>&1 &",
    "nohup": "nohup sleep 1000 >/dev/null 2>&1 &",
    "a fork of a fork": "(setsid sh -c 'sleep 1000 & exit' >/dev/null 2>&1 &);",
    "deaf": "(trap '' TERM; setsid sleep 1000 >/dev/null 2>&1 &);",
}


@pytest.mark.parametrize("script", LEAVING.values(), ids=LEAVING)
async def test_what_is_left_running_is_ended_and_named(
    model: Caller, lifeline: Lifeline, monkeypatch: pytest.MonkeyPatch, script: str
):
    monkeypatch.setattr(program, "DRAIN_SECONDS", 0.05)
    told = await model.call(shell, command=f"{lifeline.hold()}; {script} echo hi")

    await lifeline.is_dead()
    assert not told.is_error
    assert told.text.startswith("hi\n[It left these running, and they were ended with it: ")
    assert told.text.endswith(
        " To keep a program running, start it with background=true and without `&`.]"
    )


DAEMON = """
import os, socket, sys
server = socket.create_server(("127.0.0.1", 0))
if os.fork(): os.wait(); sys.exit()
os.setsid()
if os.fork(): os._exit(0)
for number in range(3): os.dup2(os.open(os.devnull, os.O_RDWR), number)
with open("port.new", "w") as file: file.write(str(server.getsockname()[1]))
os.rename("port.new", "port")
while True: server.accept()
"""


async def test_a_server_that_became_a_daemon_is_ended_and_its_port_is_free(
    model: Caller, workspace: Path, lifeline: Lifeline
):
    (workspace / "daemon.py").write_text(DAEMON)
    told = await model.shell(
        f"{lifeline.hold()}; '{sys.executable}' daemon.py; "
        "until test -s port; do :; done; echo started"
    )

    await lifeline.is_dead()
    assert told.startswith("started\n[It left these running")
    port = int((workspace / "port").read_text())
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", port)) != 0


# Cancellation


@pytest.mark.parametrize("background", [False, True], ids=["to its end", "in the background"])
@pytest.mark.parametrize("again", [False, True], ids=["once", "at every later one too"])
async def test_cancelled_at_any_suspension_it_leaves_nothing(
    again: bool,
    background: bool,
    workspace: Path,
    lifeline: Lifeline,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(program, "DRAIN_SECONDS", 0.05)
    monkeypatch.setattr("tools.background.EARLY_SECONDS", 0.2)
    monkeypatch.setattr("tools.shell_command.GRACE_SECONDS", 0.1)
    owner = Background()
    model = Caller(workspace, owner)
    last = "sleep 1000" if background else "echo hi"
    command = f"{lifeline.hold()}; setsid sleep 1000 & sleep 1000 & {last}"
    number, interrupted = 0, True
    while interrupted:
        number += 1
        at: Callable[[int], bool] = partial(int.__le__ if again else int.__eq__, number)
        interrupted = (
            await interrupt(model.call(shell, command=command, background=background), at)
        ).interrupted
        if interrupted:
            assert owner.left("s1") == ()
            assert only_the_guard_lives()
    assert len(await owner.close()) == background
    assert no_child_lives()
    await lifeline.is_dead()
    assert number > 2


def only_the_guard_lives() -> bool:
    """Say whether the guard is the only child, if there is one."""
    children = {child.pid for child in psutil.Process().children(recursive=True)}
    return children <= {GUARD.pid}


@pytest.mark.parametrize("iterations", range(0, 24, 3))
@pytest.mark.parametrize("background", [False, True], ids=["to its end", "in the background"])
def test_a_loop_that_is_torn_down_around_it_leaves_nothing(
    iterations: int, background: bool, workspace: Path, lifeline: Lifeline
):
    command = f"{lifeline.hold()}; setsid sleep 1000 & sleep 1000 & wait"
    owners = []

    async def abandon() -> None:
        owners.append(Background())
        model = Caller(workspace, owners[0])
        task = asyncio.create_task(model.call(shell, command=command, background=background))
        for _ in range(iterations):
            await asyncio.sleep(0)
        assert not task.done()

    asyncio.run(abandon())

    assert only_the_guard_lives()
    asyncio.run(owners[0].close())
    asyncio.run(lifeline.is_dead())
