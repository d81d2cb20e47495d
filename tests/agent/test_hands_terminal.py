"""What a person sees: text wrapped at words, everything that a question is about, what runs."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from agent import events as told
from agent.events import ToolStarted, TurnFinished
from agent.terminal.chat import Chat
from agent.terminal.lanes import Lanes
from agent.terminal.lines import Narrator
from agent.terminal.wrapping import Wrapping, wrapped
from tests.agent.memory import session_of
from tests.agent.scripted import ScriptedModel
from tests.agent.terminal.test_chat import called, said
from tools import ToolClass, tool

WORDS = "one two three four five six seven eight"

# -- wrapping --------------------------------------------------------------------------------------


def fed(columns, *pieces):
    """Give the lines that the pieces of a text make, with its end."""
    text = Wrapping()
    rows = [row for piece in pieces for row in text.feed(piece, columns)]
    return [*rows, *text.end()]


@pytest.mark.parametrize(
    ("line", "rows"),
    [
        ("", [""]),
        ("short", ["short"]),
        (WORDS, ["one two three four", "five six seven eight"]),
        (f"  - {WORDS}", ["  - one two three", "  four five six", "  seven eight"]),
        ("x" * 50, ["x" * 50]),
        (f"see {'x' * 50} there", ["see", "x" * 50, "there"]),
        ("你好 你好 你好 你好 你好", ["你好 你好 你好 你好", "你好"]),
        (" " * 30 + "far", [" " * 30 + "far"]),
        ("a  b" + " c" * 10, ["a  b c c c c c c c c", "c c"]),
    ],
)
def test_a_line_is_broken_at_its_spaces(line, rows):
    assert wrapped(line, 20) == rows


def test_a_terminal_that_is_too_narrow_for_words_is_left_to_wrap_by_itself():
    assert wrapped(WORDS, 3) == wrapped(WORDS, 20)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 200])
def test_text_that_comes_in_pieces_is_wrapped_as_the_whole(size):
    text = f"{WORDS} {WORDS}\n\n- {WORDS}\n```\n{WORDS}\n```\n{WORDS}"
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    assert fed(20, *pieces) == [
        "one two three four",
        "five six seven eight",
        "one two three four",
        "five six seven eight",
        "",
        "- one two three four",
        "five six seven eight",
        "```",
        WORDS,
        "```",
        "one two three four",
        "five six seven eight",
    ]


def test_what_has_no_end_yet_is_shown_in_the_rows_that_it_takes():
    text = Wrapping()
    assert text.feed("你" * 5, 4) == []
    assert text.rest(4) == ["你你", "你你", "你"]
    assert text.end() == ["你" * 5]
    assert text.rest(4) == []


# -- questions -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"path": "a", "content": f"{'x' * 60}; rm -rf /"}, [f"+ {'x' * 60}; rm -rf /"]),
        ({"folder": ".", "command": f"{'x' * 60}; rm -rf /"}, [f"  {'x' * 60}; rm -rf /"]),
        ({"path": "a", "arguments": ["-p", "evil"]}, ['arguments: ["-p", "evil"]']),
        ({"path": "a", "to": {"host": "evil"}}, []),
        ({"path": "a", "note": "first\nsecond"}, ["note: first", "note: second"]),
        ({"path": "a", "content": "x" * 1500}, [f"+ {'x' * 1000}... and 500 more characters"]),
        ({"path": "a", "lines": 3, "all": True}, []),
    ],
)
def test_a_question_shows_all_that_its_title_leaves_out(given, shown):
    asked = told.ApprovalAsked("1.0", "act", given, "no rule", "")
    assert [*Narrator().lines(asked)][1:-1] == [f"    {line}" for line in shown]


def test_of_many_calls_those_that_run_or_ask_are_shown_before_those_that_wait():
    lanes = Lanes()
    for number in range(6):
        lanes.take(told.ToolCalled(f"1.{number}", "look", {"at": f"{number}"}, "network"), 0.0)
    lanes.take(told.ToolStarted("1.3", "look"), 1.0)
    lanes.take(told.ApprovalAsked("1.5", "look", {}, "no rule", ""), 1.0)
    assert lanes.lines(2.0, most=3) == [
        "  waits  look 0",
        "  runs 1.0 s  look 3",
        "  asks you  look 5",
        "  ... and 3 more",
    ]


# -- the chat --------------------------------------------------------------------------------------


@pytest.fixture
def chatting(tmp_path, monkeypatch):
    @asynccontextmanager
    async def chat(*replies, tools=(), history=None, resumes=False, notices=()):
        shown = []
        monkeypatch.setattr("agent.terminal.chat._print", lambda text, _="": shown.append(text))
        session = session_of(ScriptedModel(*replies), list(tools))
        session.notices += notices
        with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
            talk = Chat(session, tmp_path, history, lambda: "drawn")
            yield pipe, session, shown, asyncio.create_task(talk.run(resumes=resumes))

    return chat


async def test_a_paragraph_that_is_wider_than_the_terminal_is_shown_at_words(chatting):
    async with chatting(said(f"{'word ' * 40}end")) as (pipe, session, shown, running):
        over = asyncio.Event()
        session.subscribe(lambda event: over.set() if isinstance(event, TurnFinished) else None)
        pipe.send_text("Hello\r")
        await over.wait()
        pipe.send_text("\x04")
        await running
    row = " ".join(["word"] * 16)
    assert shown[3:6] == [row, row, " ".join([*["word"] * 8, "end"])]


async def test_a_chat_whose_history_cannot_be_kept_says_so_and_goes_on(chatting):
    async with chatting() as (pipe, session, shown, running):
        pipe.send_text("/q\r/qu\r/quit\r")
        await running
    assert shown == [
        f"Session {session.name}. /help says what can be done here.",
        "! the history of what was typed cannot be read or kept",
        "! /q begins several: /questions, /quit",
        "! /qu begins several: /questions, /quit",
    ]


async def test_a_notice_of_the_session_is_told_once(chatting, tmp_path):
    async with chatting(
        said("Yes."), history=tmp_path / "history", resumes=True, notices=["Look out."]
    ) as (pipe, session, shown, running):
        over = asyncio.Event()
        session.subscribe(lambda event: over.set() if isinstance(event, TurnFinished) else None)
        pipe.send_text("Hello\r")
        await over.wait()
        pipe.send_text("\x04")
        await running
    assert shown[1:] == [
        "! Look out.",
        "There is nothing to resume.",
        "> Hello",
        "Yes.",
        "(1 requests, 0 tokens in (0 from the cache), 0 out)",
    ]


async def test_a_signal_that_ends_the_process_leaves_the_chat_as_its_key_does(
    chatting, monkeypatch
):
    heeded = {}
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(
        loop, "add_signal_handler", lambda which, does: heeded.update({which: does})
    )
    monkeypatch.setattr(loop, "remove_signal_handler", lambda _: True)

    @tool(ToolClass.NETWORK)
    async def wait() -> str:
        """Wait."""
        await asyncio.Event().wait()
        return "never"

    async with chatting(called("wait"), tools=[wait]) as (pipe, session, _, running):
        began = asyncio.Event()
        session.subscribe(lambda event: began.set() if isinstance(event, ToolStarted) else None)
        pipe.send_text("Go.\r")
        await began.wait()
        heeded[15]()
        await running
    assert session.is_closed
    assert session.history.reply.results[0].status == "interrupted"
