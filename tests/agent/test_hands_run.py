"""`toolloop run` as a process of its own: streams that break, signals, characters."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agent.claude.script import Call, Text, reply
from tests.server_thread import ServerThread

WAITS = Call("toolu_1", "shell", {"command": "touch began; sleep 60"})
WRITES = [
    Call("toolu_1", "file_write", {"path": "new.txt", "content": "new\n"}),
    Call("toolu_2", "shell", {"command": "true"}),
]


@pytest.fixture
def place(tmp_path):
    (tmp_path / "work").mkdir()
    return tmp_path


def variables(place, server, **more):
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(place),
        "XDG_DATA_HOME": str(place / "data"),
        "XDG_CONFIG_HOME": str(place / "config"),
        "ANTHROPIC_MODEL": "claude-loopback",
        "ANTHROPIC_API_KEY": "x",
        "ANTHROPIC_BASE_URL": server.url,
        **more,
    }


def command(*arguments):
    begin = "import sys; from agent.cli import main; sys.exit(main(sys.argv[1:]))"
    return [sys.executable, "-c", begin, "run", *arguments]


def run(place, *arguments, replies, before="", after="", message=None, **more):
    """Run it by a shell, which leads its streams; give exit code, output and errors."""
    line = f'{before} "$@" {after}'
    with ServerThread(*replies) as server:
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", line, "bash", *command(*arguments)],
            cwd=place / "work",
            env=variables(place, server, PYTHONPATH=str(Path.cwd()), **more),
            input=message,
            stdin=None if message is not None else subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
    assert server.refused == []
    return done.returncode, done.stdout.decode(), done.stderr.decode()


LONG = reply(Text("word " * 100_000, pieces=50))


@pytest.mark.parametrize("options", [(), ("--json",), ("--quiet",)])
def test_who_reads_only_the_beginning_gets_it_and_no_traceback(place, options):
    code, _, errors = run(place, "Tell me.", *options, replies=[LONG], after="| head -c 4")
    assert (code, errors) == (141, "")


@pytest.mark.parametrize(
    ("after", "code", "output", "errors"),
    [
        (">&-", 1, "", "toolloop run: the standard output is closed\n"),
        (
            ">/dev/full",
            1,
            "",
            "toolloop run: the standard output cannot be written: No space left on device\n",
        ),
        ("2>&-", 0, "Hello.\n", ""),
        ("2>/dev/full", 0, "Hello.\n", ""),
        ("<&-", 0, "Hello.\n", "(1 requests, 10 tokens in (0 from the cache), 1 out)\n"),
    ],
)
def test_streams_that_are_closed_or_full_are_told_of_in_a_line(place, after, code, output, errors):
    told = run(place, "Hi", replies=[reply(Text("Hello."))], after=after)
    assert told == (code, output, errors)


def test_a_message_of_a_closed_standard_input_is_empty(place):
    told = run(place, "-", replies=[], after="<&-")
    assert told == (2, "", "toolloop run: the message is empty\n")


@pytest.mark.parametrize(
    ("encoding", "shown"), [("ascii", "Gr\\xfc\\xdfe \\u2192\n"), ("utf-8", "Grüße →\n")]
)
def test_characters_that_the_output_lacks_are_written_as_escapes(place, encoding, shown):
    replies = [reply(Text("Grüße →"))]
    assert run(place, "Hi", "--quiet", replies=replies, PYTHONIOENCODING=encoding) == (0, shown, "")


def test_json_takes_any_text(place):
    odd = 'a"\\\x1b\u2028\u202e\n'
    code, output, _ = run(place, "--json", "Hi", replies=[reply(Text(odd))])
    events = [json.loads(line) for line in output.split("\n")[:-1]]
    assert code == 0
    assert [event["text"] for event in events if event["type"] == "text_delta"] == [odd]
    assert events[-1]["text"] == odd


def test_calls_that_nobody_could_be_asked_about_are_summed_up_with_the_way_out(place):
    code, _, errors = run(place, "Write.", replies=[reply(*WRITES), reply(Text("No."))])
    assert code == 0
    assert errors.splitlines()[-1] == (
        "! 2 calls were denied, since nobody was there to be asked: rules in approvals.toml can "
        "allow such calls, and --approvals allow allows all"
    )
    assert not (place / "work" / "new.txt").exists()


@pytest.mark.parametrize(
    ("which", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_interrupts_the_turn_and_every_call_is_answered(place, which, code):
    replies = [reply(Text("I wait."), WAITS)]
    with ServerThread(*replies) as server:
        running = subprocess.Popen(
            command("Wait.", "--approvals", "allow", "--session", "s"),
            cwd=place / "work",
            env=variables(place, server, PYTHONPATH=str(Path.cwd())),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        _until_there(place / "work" / "began", running)
        running.send_signal(which)
        output, errors = running.communicate(timeout=60)
    assert (running.returncode, output) == (code, b"I wait.\n")
    assert b"the user interrupted the turn while this call ran" in errors
    (journal,) = (place / "data").rglob("*.jsonl")
    kinds = [line for line in journal.read_text().splitlines() if '"type":"result"' in line]
    assert len(kinds) == 1
    assert '"status":"interrupted"' in kinds[0]


def _until_there(file: Path, running):
    while not file.exists():
        assert running.poll() is None, running.communicate()
