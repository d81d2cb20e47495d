"""The chat, typed into through a pipe: what it shows, and what comes of what is typed."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from agent.events import ApprovalAsked, ToolStarted, TurnFinished
from agent.terminal.chat import Chat
from tests.agent.memory import session_of
from tests.agent.scripted import ScriptedModel
from tools import ToolClass, tool


def said(text):
    return [
        {"type": "message_start", "message": {"id": "m", "content": [], "usage": {}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": text},
        },
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {}},
        {"type": "message_stop"},
    ]


def called(*names):
    events = [{"type": "message_start", "message": {"id": "m", "content": [], "usage": {}}}]
    for place, name in enumerate(names):
        block = {"type": "tool_use", "id": f"toolu_{place}", "name": name, "input": {}}
        events.append({"type": "content_block_start", "index": place, "content_block": block})
        events.append({"type": "content_block_stop", "index": place})
    end = {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {}}
    return [*events, end, {"type": "message_stop"}]


class Typed:
    """A chat that runs, and hands to type with."""

    def __init__(self, pipe, session, shown, running):
        self.pipe = pipe
        self.session = session
        self.shown = shown
        self.running = running
        self.seen = []
        self._came = asyncio.Event()
        session.subscribe(self._see)

    def _see(self, event):
        self.seen.append(event)
        self._came.set()

    def type(self, text):
        self.pipe.send_text(text)

    async def until(self, kind, count=1):
        while sum(isinstance(event, kind) for event in self.seen) < count:
            self._came.clear()
            await self._came.wait()

    async def left(self):
        await self.running
        return "\n".join(self.shown)


@pytest.fixture
def chatting(tmp_path, monkeypatch):
    @asynccontextmanager
    async def chat(*replies, tools=(), approvals=None, timeline=lambda: "drawn"):
        shown = []
        monkeypatch.setattr("agent.terminal.chat._print", lambda text, _="": shown.append(text))
        session = session_of(ScriptedModel(*replies), list(tools), approvals=approvals)
        with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
            talk = Chat(session, tmp_path, tmp_path / "history", timeline)
            yield Typed(pipe, session, shown, asyncio.create_task(talk.run()))

    return chat


async def test_a_message_is_answered_and_the_answer_shown_by_lines(chatting):
    async with chatting(said("One line.\nAnd another.")) as it:
        it.type("Hello\r")
        await it.until(TurnFinished)
        it.type("/quit\r")
        shown = await it.left()
    assert "> Hello\nOne line.\nAnd another.\n(1 requests" in shown


async def test_what_is_typed_while_a_call_waits_answers_it(chatting):
    ran = []

    @tool(ToolClass.SHELL)
    async def act() -> str:
        """Act."""
        ran.append("act")
        return "done"

    async with chatting(called("act"), said("Good."), tools=[act], approvals={"act": "ask"}) as it:
        it.type("Do it.\r")
        await it.until(ApprovalAsked)
        assert ran == []
        it.type("perhaps\r")
        it.type("y\r")
        await it.until(TurnFinished)
        it.type("\x04")
        shown = await it.left()
    assert ran == ["act"]
    assert "! 'perhaps' is no answer: y once, n no, or n and a reason" in shown
    assert "  + act" in shown


async def test_a_denial_carries_its_reason_to_the_model(chatting):
    @tool(ToolClass.SHELL)
    async def act() -> str:
        """Act."""
        raise AssertionError

    async with chatting(
        called("act"), said("Then not."), tools=[act], approvals={"act": "ask"}
    ) as it:
        it.type("Do it.\r")
        await it.until(ApprovalAsked)
        it.type("n not on a Friday\r")
        await it.until(TurnFinished)
        it.type("\x04")
        shown = await it.left()
    assert "denied: Not executed: it was denied: the user said: not on a Friday." in shown


async def test_ctrl_c_interrupts_the_turn_and_the_chat_goes_on(chatting):
    reached = asyncio.Event()

    @tool(ToolClass.NETWORK)
    async def wait() -> str:
        """Wait."""
        reached.set()
        await asyncio.Event().wait()
        return "never"

    async with chatting(called("wait"), said("Here."), tools=[wait]) as it:
        it.type("Go.\r")
        await it.until(ToolStarted)
        await reached.wait()
        it.type("\x03")
        await it.until(TurnFinished)
        it.type("Still there?\r")
        await it.until(TurnFinished, 2)
        it.type("\x03")  # nothing runs: it says how to leave
        it.type("\x04")
        shown = await it.left()
    assert "! the turn ended: interrupted" in shown
    assert "Here." in shown


async def test_a_message_that_is_typed_while_a_turn_runs_goes_along_with_it(chatting):
    gate = asyncio.Event()

    @tool(ToolClass.NETWORK)
    async def wait() -> str:
        """Wait."""
        await gate.wait()
        return "waited"

    async with chatting(called("wait"), said("Both done."), tools=[wait]) as it:
        it.type("Go.\r")
        await it.until(ToolStarted)
        it.type("And this.\r")
        while not it.session.history.pending:  # noqa: ASYNC110  (the key's way has no event)
            await asyncio.sleep(0)
        gate.set()
        await it.until(TurnFinished)
        it.type("\x04")
        shown = await it.left()
    assert shown.count("Both done.") == 1
    assert it.session.history.messages[1].content[-1]["text"] == "And this."


async def test_commands_are_done_here_and_never_reach_the_model(chatting):
    async with chatting() as it:
        for command in ("/help", "/usage", "/timeline", "/questions", "/nonsense", "/quit"):
            it.type(f"{command}\r")
        shown = await it.left()
    assert "Ctrl-C interrupts the turn" in shown
    assert "0 requests" in shown
    assert "drawn" in shown
    assert "No call waits for you." in shown
    assert "! there is no /nonsense: there are /help" in shown
    assert it.seen == []


async def test_a_question_that_is_open_when_the_chat_is_left_is_there_the_next_time(chatting):
    @tool(ToolClass.SHELL)
    async def act() -> str:
        """Act."""
        raise AssertionError

    async with chatting(called("act"), tools=[act], approvals={"act": "ask"}) as it:
        it.type("Do it.\r")
        await it.until(ApprovalAsked)
        it.type("\x04")
        await it.left()
    assert it.session.history.reply.results == {}
    assert list(it.session.history.reply.questions) == [0]


async def test_leaving_ends_the_turn_that_runs(chatting):
    @tool(ToolClass.NETWORK)
    async def wait() -> str:
        """Wait."""
        await asyncio.Event().wait()
        return "never"

    async with chatting(called("wait"), tools=[wait]) as it:
        it.type("Go.\r")
        await it.until(ToolStarted)
        it.type("\x04")
        await it.left()
    assert not it.session.is_running
