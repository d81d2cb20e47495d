"""`toolloop replay`: a recording played through the real loop, listed, and served to clients."""

import argparse
import asyncio
import io
import json
import math
import re
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import anthropic
import pytest

from agent.claude.checking import problem
from agent.claude.recorded_failure import Failure
from agent.claude.recording import Batch, End, RecordedReply, Recording
from agent.claude.recording_writing import whole
from agent.claude.replay import CAUSES, ReplayModel
from agent.claude.replay_server import ReplayServer
from agent.claude.script import Call, Text, reply
from agent.claude.sse import EventDecoder
from agent.commands.playing import on_real_tools, play
from agent.commands.replay import COMMAND
from agent.commands.stage import Stage
from agent.events import ToolCalled, ToolFinished
from agent.recordings import lay_out, names, shipped
from agent.runtime import Agent
from tests.agent import shipped_recordings
from tools import ToolClass, ToolContext, tool


def command(*arguments):
    parser = argparse.ArgumentParser()
    COMMAND.arguments(parser)
    return COMMAND.run(parser.parse_args(arguments))


# -- the shipped recordings --------------------------------------------------------------------


def test_the_shipped_recordings_are_what_their_scripts_give():
    assert names() == [each.name for each in shipped_recordings.SHIPPED]
    for each in shipped_recordings.SHIPPED:
        assert (shipped_recordings.FOLDER / f"{each.name}.jsonl").read_bytes() == whole(each)
        assert shipped(each.name) == each


@pytest.mark.parametrize("recording", shipped_recordings.SHIPPED, ids=lambda each: each.name)
def test_a_shipped_recording_is_labelled_and_valid(recording):
    assert recording.source == "scripted"
    assert recording.title.endswith("(scripted replies, not a model's)")
    assert [problem(each.body) for each in recording.replies] == [None] * len(recording.replies)


def test_a_play_that_nobody_reads_any_more_ends_without_a_traceback():
    code = "import sys; from agent.cli import main; sys.exit(main(['replay', 'first-look']))"
    with subprocess.Popen(
        [sys.executable, "-P", "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as playing:
        playing.stdout.readline()
        playing.stdout.close()
        told = playing.stderr.read()
    assert (playing.returncode, told) == (141, "")


def test_there_is_no_other_shipped_recording():
    with pytest.raises(KeyError):
        shipped("none")


# -- playing -----------------------------------------------------------------------------------


@tool(ToolClass.LOCAL_READ)
async def words(path: str, context: ToolContext) -> str:
    """Count words."""
    text = await asyncio.to_thread((context.workspace / path).read_text)
    return f"{len(text.split())} words"


def on_words(model, workspace, data_dir):
    return Agent(
        model=model,
        workspace=workspace,
        data_dir=data_dir,
        tools=[words],
        builtin_tools=False,
        approvals="allow",
        tells_date=False,
    )


def text_reply(text):
    return events_of(Text(text))


def calling(call_id, **given):
    return events_of(Call(call_id, "words", given))


def events_of(part):
    """Give a reply as a client records it that leaves at the stop reason."""
    decoder = EventDecoder()
    return [event for frame in reply(part) for event in decoder.feed(frame)][:-1]


def replied(body, events, ending=End.WHOLE, at=0.0):
    batches = tuple(Batch(0.0, (event,)) for event in events)
    full = {"model": "claude-sonnet-5-5", "max_tokens": 99, "stream": True, "messages": body}
    return RecordedReply(at, full, batches, ending, 0.0)


def user(*texts):
    return {"role": "user", "content": [{"type": "text", "text": text} for text in texts]}


def said(text):
    return {"role": "assistant", "content": [{"type": "text", "text": text}]}


COUNT = [
    user("(Today is 2026-11-21.)", "How long is it?"),
    {
        "role": "assistant",
        "content": [{"type": "tool_use", "id": "t1", "name": "words", "input": {"path": "a.txt"}}],
    },
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1"}]},
    said("Three words.\x1b[2J"),
    user("Thanks."),
]

TALK = Recording(
    "talk",
    "Words are counted",
    "recorded",
    "claude-sonnet-5-5",
    "2026-11-21",
    (
        replied(COUNT[:1], calling("t1", path="a.txt")),
        replied(COUNT[:3], text_reply("Three words.\x1b[2J")),
        replied(COUNT, text_reply("Bye.\n")),
    ),
    {"a.txt": "one two three\n"},
)


async def test_a_recording_is_played_through_the_real_loop_and_told_as_text(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    out = io.StringIO()
    assert await play(TALK, on_words, out, speed=None)
    told = re.sub(r"  [0-9.]+ s$|, 1 of them .*(?=\)$)", "", out.getvalue(), flags=re.MULTILINE)
    assert (
        told
        == """\
Words are counted
The replies are recorded, those of claude-sonnet-5-5, of 2026-11-21; what the tools do is real.

> How long is it?
  + words a.txt
    3 words
Three words.\N{SYMBOL FOR ESCAPE}[2J

> Thanks.
Bye.

(3 replies, 1 calls)
"""
    )
    assert await asyncio.to_thread(lambda: list(tmp_path.iterdir())) == []


async def test_a_scripted_recording_says_that_no_model_wrote_it():
    out = io.StringIO()
    scripted = replace(TALK, source="scripted", notice="line 9 is torn")
    assert await play(scripted, on_words, out, speed=None)
    assert out.getvalue().splitlines()[1:3] == [
        "The replies are scripted, not a model's; what the tools do is real.",
        "! line 9 is torn",
    ]


async def test_a_play_that_goes_otherwise_says_why_and_is_no_good():
    out = io.StringIO()
    other = replace(TALK, replies=(TALK.replies[0], *TALK.replies))
    assert not await play(other, on_words, out, speed=None)
    assert "! Request 2 is not the one that talk has" in out.getvalue()
    assert out.getvalue().endswith("; 3 recorded replies were not asked for)\n")


async def test_what_was_interrupted_is_interrupted_again():
    cut = Recording(
        "cut",
        "An interruption",
        "recorded",
        "",
        "",
        (
            replied([user("Hello.")], text_reply("I beg")[:3], End.CUT),
            replied([user("Hello."), said("I beg"), user("Bye.")], text_reply("Bye.")),
        ),
    )
    out = io.StringIO()
    assert await play(cut, on_words, out, speed=None)
    assert out.getvalue().splitlines()[3:] == [
        "> Hello.",
        "I beg",
        "! the turn ended: interrupted",
        "",
        "> Bye.",
        "Bye.",
        "",
        "(2 replies, 0 calls)",
    ]


ALL = "first-look, second-try, small-shop, three-notes"


@pytest.mark.parametrize(
    ("is_streaming", "told"),
    [
        (True, "(0 replies, 1 calls, 1 of them answered while their reply still came)"),
        (False, "(0 replies, 1 calls)"),
    ],
)
def test_the_calls_that_were_answered_early_are_counted(is_streaming, told):
    out, model = io.StringIO(), ReplayModel(replace(TALK, replies=()))
    stage = Stage(out, model)
    model.is_streaming = is_streaming
    stage.take(ToolCalled("1", "words", {}, "local_read"))
    stage.take(ToolFinished("1", "words", "finished", "3 words", 0.0))
    stage.close()
    assert out.getvalue().splitlines()[-1] == told


FAILING = {"second-try": ["  x file_read config.toml"]}
"""What is shown of calls that are meant to fail."""


@pytest.mark.parametrize(
    "recording",
    [each for each in shipped_recordings.SHIPPED if not each.pages],
    ids=lambda each: each.name,
)
async def test_a_shipped_recording_goes_well_on_the_real_tools(recording):
    out = io.StringIO()
    assert await play(recording, on_real_tools, out, speed=None)
    marked = [line for line in out.getvalue().splitlines() if re.match("  [^+ ]", line)]
    shown = [re.sub(r"  [0-9.]+ s$", "", line) for line in marked]
    assert shown == FAILING.get(recording.name, []), out.getvalue()


# -- the command -------------------------------------------------------------------------------


def test_the_shipped_recordings_are_listed(capsys):
    assert command("--list") == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in listed] == names()
    assert all("scripted replies, not a model's" in line for line in listed)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], f"which recording? A file, or one of: {ALL}"),
        (["first-look", "--port", "80"], "--port goes with --serve"),
        (
            ["first"],
            f"there is no file 'first', and no recording of that name; the shipped ones are: {ALL}",
        ),
    ],
)
def test_what_cannot_be_replayed_is_told(capsys, arguments, told):
    assert command(*arguments) == 2
    assert capsys.readouterr().err == f"toolloop replay: {told}\n"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"x\n", "the recording {} is damaged in line 1: not a JSON object: 'x'"),
        (whole(replace(TALK, replies=())), "there is nothing to replay in {}: it has no requests"),
    ],
    ids=["damaged", "empty"],
)
def test_a_file_that_cannot_be_replayed_is_told(capsys, tmp_path, data, told):
    path = tmp_path / "a.jsonl"
    path.write_bytes(data)
    assert command(str(path)) == 2
    assert capsys.readouterr().err == f"toolloop replay: {told.format(path)}\n"


def test_a_file_from_elsewhere_is_not_played_unless_that_is_allowed(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "first-look"
    path.write_bytes(whole(TALK))
    assert command("first-look") == 2
    assert capsys.readouterr().err == (
        f"toolloop replay: the calls that {path} holds would run with your rights, shell commands "
        "too, and leave the throw-away workspace if they want to: look into it, and give --allow\n"
    )


def test_a_file_whose_files_cannot_be_is_told(capsys, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(whole(replace(TALK, files={"a": "", "a/b": ""})))
    assert command(str(path), "--allow") == 2
    told = f"the file 'a/b' of the recording {path} cannot be written: "
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--speed", "fast"],
        ["--speed", "-1"],
        ["--speed", "nan"],
        ["--port", "65536"],
        ["--port", "-1"],
        ["--port", "x"],
    ],
)
def test_arguments_that_cannot_be_are_refused(capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        command("first-look", *arguments)
    assert caught.value.code == 2
    assert repr(arguments[1]) in capsys.readouterr().err


def test_a_file_is_played_and_its_end_is_the_exit_code(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("agent.commands.playing.on_real_tools", on_words)
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    quiet = replace(TALK, replies=(replied([user("Hello.")], text_reply("Hi.")),), files={})
    good.write_bytes(whole(quiet))
    bad.write_bytes(whole(replace(quiet, replies=(*quiet.replies, *quiet.replies))))
    assert command(str(good), "--speed", "0", "--allow") == 0
    assert "> Hello.\nHi.\n" in capsys.readouterr().out
    assert command(str(bad), "--speed", "0", "--allow") == 1
    assert "1 recorded replies were not asked for" in capsys.readouterr().out


# -- serving -----------------------------------------------------------------------------------


@asynccontextmanager
async def client(server):
    async with anthropic.AsyncAnthropic(base_url=server.url, api_key="x", max_retries=0) as lent:
        yield lent


async def ask(lent, *messages):
    async with lent.messages.stream(
        model="claude-sonnet-5-5", max_tokens=99, messages=messages
    ) as stream:
        return await stream.get_final_message()


RESULT = {"type": "tool_result", "tool_use_id": "t1", "content": "seven words"}


async def converse(lent):
    """Have the conversation of the recording, in words of our own."""
    talk = [{"role": "user", "content": "How many words?"}]
    first = await ask(lent, *talk)
    talk += [
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": [RESULT]},
    ]
    second = await ask(lent, *talk)
    return [block.to_dict() for block in (*first.content, *second.content)]


OVER = "the recording has come to its end"
CONVERSATION = [
    {"type": "tool_use", "id": "t1", "name": "words", "input": {"path": "a.txt"}},
    {"type": "text", "text": "Three words.\x1b[2J"},
]


async def test_any_client_has_the_recorded_conversation_again_and_again():
    told = []
    async with ReplayServer(TALK, tell=told.append) as server, client(server) as lent:
        assert await converse(lent) == CONVERSATION
        assert await converse(lent) == CONVERSATION
    assert (
        told
        == [
            "POST /v1/messages with 1 message: reply 1 of 3",
            "POST /v1/messages with 3 messages: reply 2 of 3",
        ]
        * 2
    )
    assert server.refused == []


async def test_conversations_go_on_side_by_side():
    async with ReplayServer(TALK) as server, client(server) as lent:
        assert await asyncio.gather(*(converse(lent) for _ in range(5))) == [CONVERSATION] * 5


async def test_a_reply_that_was_read_no_further_than_needed_gets_its_stop():
    async with ReplayServer(TALK) as server, client(server) as lent:
        kinds = []
        async with lent.messages.stream(
            model="claude-sonnet-5-5", max_tokens=99, messages=[user("How long?")]
        ) as stream:
            kinds = [event.type async for event in stream]
    assert kinds[-1] == "message_stop"


async def test_what_the_api_would_refuse_is_refused_with_its_words():
    told = []
    async with ReplayServer(TALK, tell=told.append) as server, client(server) as lent:
        with pytest.raises(anthropic.BadRequestError) as caught:
            await ask(lent, user("How long?"), *COUNT[1:2], user("Never mind."))
    missing = server.refused[0]
    assert "tool_result" in missing
    assert caught.value.body["error"] == {"type": "invalid_request_error", "message": missing}
    assert told == [f"POST /v1/messages with 3 messages: refused with 400: {missing}"]


async def test_what_the_api_lets_pass_passes():
    both = replied(
        [
            user("Go."),
            {
                "role": "assistant",
                "content": [
                    {"type": "tool_use", "id": call_id, "name": "words", "input": {}}
                    for call_id in ("t1", "t2")
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": call_id} for call_id in ("t2", "t1")
                ],
            },
        ],
        text_reply("Good."),
    )
    unordered = replace(TALK, replies=(both,))
    async with ReplayServer(unordered) as server, client(server) as lent:
        answer = await ask(lent, *both.body["messages"])
    assert (answer.content[0].text, server.refused) == ("Good.", [])


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        (
            [user("a"), said("b"), user("c")],
            "message 2 (assistant): it called t1 when recorded; now it called nothing",
        ),
        (
            [*COUNT, said("Bye."), user("More.")],
            f"5 messages were recorded (those of one role joined); 7 came; {OVER}",
        ),
    ],
    ids=["another", "longer"],
)
async def test_a_request_that_stands_nowhere_in_the_recording_is_refused(messages, why):
    told = []
    async with ReplayServer(TALK, tell=told.append) as server, client(server) as lent:
        with pytest.raises(anthropic.BadRequestError) as caught:
            await ask(lent, *messages)
    message = f"This is not the recorded conversation: {why}. {CAUSES}"
    assert caught.value.body["error"]["message"] == message
    count = len(messages)
    assert told == [f"POST /v1/messages with {count} messages: refused with 400: {why}"]


async def test_recorded_errors_come_first_and_again_for_the_next_conversation():
    busy = Failure("api", "Overloaded", 529, "overloaded_error", retry_after=3.0)
    hello = [user("Hello.")]
    tried = replace(TALK, replies=(replied(hello, (), busy), replied(hello, text_reply("Hi."))))
    came = []
    async with ReplayServer(tried) as server, client(server) as lent:
        for _ in range(4):
            try:
                came.append((await ask(lent, *hello)).content[0].text)
            except anthropic.APIStatusError as error:
                came.append((error.status_code, error.response.headers["retry-after"]))
    assert came == [(529, "3"), "Hi.", (529, "3"), "Hi."]


@pytest.mark.parametrize(
    ("ending", "broken"),
    [
        (Failure("stream", "the connection broke"), "TransportError"),
        (Failure("connection", "nobody there"), "TransportError"),
        (End.CUT, ""),
    ],
)
async def test_a_reply_that_broke_breaks_again(ending, broken):
    hello = [user("Hello.")]
    events = text_reply("Hi.")[:3]
    cut = replace(TALK, replies=(replied(hello, events, ending),))
    body = cut.replies[0].body
    async with ReplayServer(cut) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        raw = json.dumps(body).encode()
        head = "POST /v1/messages HTTP/1.1\r\nhost: x\r\nanthropic-version: 2026-10-21\r\n"
        writer.write(f"{head}content-length: {len(raw)}\r\n\r\n".encode() + raw)
        if broken:
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                await reader.readuntil(b"\r\n0\r\n\r\n")
        else:
            assert b"message_stop" not in await reader.readuntil(b"\r\n0\r\n\r\n")
        writer.close()


async def test_a_client_that_goes_away_is_told():
    told: asyncio.Queue[str] = asyncio.Queue()
    (first, *_), hello = TALK.replies, [user("Hello.")]
    late = replace(first, batches=(*first.batches, Batch(3600.0, ())), seconds=3600.0)
    slow = replace(TALK, replies=(late,))
    async with ReplayServer(slow, tell=told.put_nowait) as server, client(server) as lent:
        async with lent.messages.stream(
            model="claude-sonnet-5-5", max_tokens=99, messages=hello
        ) as stream:
            await anext(aiter(stream))
        line = await told.get()
    assert line == "POST /v1/messages with 1 message: reply 1 of 1, not to its end"


async def test_other_requests_are_told_too():
    told = []
    async with ReplayServer(TALK, tell=told.append) as server, client(server) as lent:
        await lent.models.list()
    assert told == ["GET /v1/models: answered"]
    assert repr(server) == f"<ReplayServer {server.url}: 'talk', 0 requests>"


async def test_a_recording_without_replies_refuses_all():
    async with ReplayServer(replace(TALK, replies=())) as server, client(server) as lent:
        with pytest.raises(anthropic.BadRequestError, match="the recording has no replies"):
            await ask(lent, user("Hello."))


# -- the process -------------------------------------------------------------------------------

PROGRAM = """
import argparse, sys
from agent.commands.replay import COMMAND

parser = argparse.ArgumentParser()
COMMAND.arguments(parser)
sys.exit(COMMAND.run(parser.parse_args(sys.argv[1:])))
"""


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def test_the_server_says_where_it_is_logs_each_request_and_ends_with_ctrl_c():
    process = start("second-try", "--serve", "--speed", "0")
    try:
        url = process.stdout.readline().strip().removeprefix("ANTHROPIC_BASE_URL=")
        told = [process.stdout.readline() for _ in range(6)]
        assert "  > What does the configuration say of the time limit?\n" in told
        lent = anthropic.Anthropic(base_url=url, api_key="x", max_retries=1)
        answer = lent.messages.create(
            model="claude-sonnet-5-5", max_tokens=99, messages=[user("What is the limit?")]
        )
        assert answer.content[0].text == "I read the configuration."
        lent.close()
        lines = [process.stdout.readline() for _ in range(3)]
        assert [line.strip() for line in lines if line.strip()][-2:] == [
            "POST /v1/messages with 1 message: reply 1 of 4",
            "POST /v1/messages with 1 message: reply 2 of 4",
        ]
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert process.stderr.read() == ""
    finally:
        process.kill()
        process.communicate()


async def test_the_server_listens_where_it_is_told_to():
    async with ReplayServer(TALK) as other:
        async with ReplayServer(TALK) as free:
            port = free.port
        async with ReplayServer(TALK, port=port) as server, client(server) as lent:
            assert server.url == f"http://127.0.0.1:{port}"
            assert await converse(lent) == CONVERSATION
        with pytest.raises(OSError, match="address already in use"):
            await ReplayServer(TALK, port=other.port).__aenter__()


def test_a_port_that_is_taken_is_told(capsys, monkeypatch):
    async def taken(*_):
        raise OSError(98, "Address already in use")

    monkeypatch.setattr("agent.commands.replay._served", taken)
    assert command("first-look", "--serve", "--port", "81") == 1
    told = "toolloop replay: port 81 cannot be had: Address already in use\n"
    assert capsys.readouterr().err == told


def test_speed_0_is_at_once(monkeypatch):
    seen = []

    async def noted(_recording, speed, port):
        seen.append((speed, port))

    monkeypatch.setattr("agent.commands.replay._served", noted)
    for arguments in ([], ["--speed", "0"], ["--speed", "2.5", "--port", "0"]):
        command("first-look", "--serve", *arguments)
    assert seen == [(1.0, 0), (math.inf, 0), (2.5, 0)]


def test_what_is_laid_out_is_what_the_recording_brings(tmp_path):
    lay_out(shipped("first-look"), tmp_path)
    found = {str(path.relative_to(tmp_path)): path.read_text()
             for path in tmp_path.rglob("*") if path.is_file()}  # fmt: skip
    assert found == shipped_recordings.BASKET


def test_the_projects_test_fails_before_it_is_mended(tmp_path):
    lay_out(shipped("first-look"), tmp_path)

    def run_tests():
        return subprocess.run(
            shipped_recordings.TEST.replace("python3", sys.executable).split(),
            cwd=tmp_path,
            capture_output=True,
            check=False,
        ).returncode

    assert run_tests() == 1
    prices = tmp_path / "basket" / "prices.py"
    prices.write_text(prices.read_text().replace("added > D", "added >= D  # mended: "))
    prices.write_text(prices.read_text().replace("D  # mended: ISCOUNT_FROM", "DISCOUNT_FROM"))
    assert run_tests() == 0
