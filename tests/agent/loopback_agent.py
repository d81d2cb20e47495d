"""An agent whose server is the loopback one, the tools that it has, and what came of a turn."""

import asyncio
from collections import Counter, defaultdict
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from agent import events as told
from agent.claude.client import ClientSettings, shared
from agent.claude.loopback import LoopbackModel
from agent.claude.retry import RetryLimits
from agent.claude.script import Text, reply
from agent.limits import Limits
from agent.runtime import Agent
from agent.session.entries import from_json
from agent.session.history import History
from scheduler import Access
from tools import Tool, ToolClass, tool

DONE = reply(Text("Done."))
QUICK = RetryLimits(attempts=4, first=0.0)

WORDS = {
    told.TurnStarted: lambda _: "turn",
    told.TextDelta: lambda event: f"text {event.text}",
    told.ThinkingDelta: lambda event: f"thought {event.text}",
    told.ToolCalled: lambda event: f"called {event.id} {event.name}",
    told.ToolStarted: lambda event: f"started {event.id} {event.name}",
    told.ToolProgress: lambda event: f"progress {event.id} {event.text}",
    told.ToolFinished: lambda event: f"{event.status} {event.id} {event.name}",
    told.ReplyFinished: lambda event: f"reply {event.stop_reason}",
    told.ReplyDiscarded: lambda event: f"discarded: {event.why}",
    told.Retrying: lambda event: f"retrying: {event.why}",
    told.Notice: lambda event: f"notice: {event.text}",
    told.TurnFinished: lambda event: f"over: {event.why}",
}


class Diary:
    """What the tools did: each call begins, waits at its gate if that is shut, and ends."""

    def __init__(self, *shut: str) -> None:
        self.began: list[str] = []
        self.ended: list[str] = []
        self._begun: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._gates = {name: asyncio.Event() for name in shut}

    async def run(self, name: str) -> str:
        self.began.append(name)
        self._begun[name].set()
        if name in self._gates:
            await self._gates[name].wait()
        self.ended.append(name)
        return f"{name} is done"

    async def reached(self, name):
        await self._begun[name].wait()

    def open(self, name):
        self._gates[name].set()

    @property
    def counts(self):
        return dict(Counter(self.began))


def thing(given):
    return Access(writes=frozenset({("thing", str(given["n"]))}))


def tools_of(diary: Diary) -> list[Tool[..., Any]]:
    """Give a tool that only looks, and one with an effect; calls of one `n` conflict."""

    @tool(ToolClass.NETWORK)
    async def look(n: int) -> str:
        """Look at something."""
        return await diary.run(f"look {n}")

    @tool(ToolClass.EXCLUSIVE, access=thing, moves=False)
    async def act(n: int) -> str:
        """Change something."""
        return await diary.run(f"act {n}")

    @tool(ToolClass.NETWORK)
    async def weigh(x: float) -> str:
        """Weigh something."""
        return await diary.run(f"weigh {x}")

    @tool(ToolClass.NETWORK)
    async def say(text: str) -> str:
        """Say something."""
        return await diary.run(f"say {text!r}")

    return [look, act, weigh, say]


class Talk:
    """One session of one agent with its server."""

    def __init__(self, server, agent, session, diary):
        self.server = server
        self.agent = agent
        self.session = session
        self.diary = diary

    async def play(self, content="Do it."):
        """Send a message; give the turn's events."""
        return [event async for event in self.session.send(content)]

    @property
    def bodies(self):
        """The requests, without cache markers."""
        return [unmarked(request.body) for request in self.server.requests]

    async def goes_on(self):
        """Assert that the session is sound: it takes another message, and loads as it is."""
        answer = await self.session.ask("Still there?")
        assert self.server.refused == [], self.server.refused
        assert (answer.text, answer.stop_reason, answer.error) == ("Done.", "end_turn", "")
        assert await self.loaded() == self.session.history.transcript.as_json()

    async def loaded(self):
        """Give the conversation as the journal has it."""
        await self.session.flush()
        files = self.agent.sessions._files
        entries = await asyncio.to_thread(files.entries, self.session.id)
        history = History()
        for members in entries:
            history.apply(from_json(members))
        return history.transcript.as_json()


@asynccontextmanager
async def talk(tmp_path, *scripts, diary=None, tools=(), server=LoopbackModel, waits=None, **more):
    """Lend an open session; the server answers with the scripts, then with "Done." for ever.

    `waits` are the client's own time limits. On leaving, the session has to be sound.
    """
    diary = diary or Diary()
    more = {"model": "claude-loopback", "limits": Limits(retry=QUICK)} | more

    def answer(_, number):
        return scripts[number] if number < len(scripts) else DONE

    async with AsyncExitStack() as stack:
        loopback = await stack.enter_async_context(server(answer))
        if waits is not None:
            settings = ClientSettings(base_url=loopback.url, api_key="x", **waits)
            more["model"] = await stack.enter_async_context(shared(settings))
        agent = Agent(
            builtin_tools=False,
            workspace=tmp_path,
            data_dir=tmp_path / "data",
            base_url=loopback.url,
            api_key="x",
            profile="claude",
            system="You work.",
            tools=[*tools_of(diary), *tools],
            tells_date=False,
            **more,
        )
        await stack.enter_async_context(agent)
        lent = Talk(loopback, agent, await agent.session("tested"), diary)
        yield lent
        await lent.goes_on()


def words(events, *kinds):
    """Give events in a word or two each; of these kinds only, if any are named."""
    return [WORDS[type(event)](event) for event in events if not kinds or isinstance(event, kinds)]


def of(events, kind):
    return [event for event in events if isinstance(event, kind)]


def results(body):
    """Give the tool results of a request's last message: id, text, is it an error."""
    return [
        (block["tool_use_id"], block["content"][0]["text"], block.get("is_error", False))
        for block in body["messages"][-1]["content"]
        if block["type"] == "tool_result"
    ]


def said(body):
    """Give the texts of a request's last message."""
    return [block["text"] for block in body["messages"][-1]["content"] if block["type"] == "text"]


def replied(body):
    """Give the blocks of a request's last reply."""
    assistant = [each["content"] for each in body["messages"] if each["role"] == "assistant"]
    return assistant[-1] if assistant else []


def unmarked(value):
    """Give a request without its cache markers."""
    if isinstance(value, list):
        return [unmarked(each) for each in value]
    if isinstance(value, dict):
        return {key: unmarked(each) for key, each in value.items() if key != "cache_control"}
    return value
