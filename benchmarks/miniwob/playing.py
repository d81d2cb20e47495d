"""Episodes: an agent whose model is a policy, and whose tools are our own.

The person sends the address of a task; the policy sees the results of its calls as a model would,
in the request that follows, and answers with the next ones. Only the score is read beside the
tools.
"""

import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from agent.claude.loopback import LoopbackModel
from agent.claude.script import Call, Script, Text, reply
from agent.runtime import Agent
from agent.turn import TurnResult
from benchmarks.miniwob.calls import Policy, Step, Steps
from benchmarks.miniwob.pages import SCORE
from benchmarks.miniwob.seeing import Page
from tools.addresses import AddressPolicy
from tools.browser.browsing import Browsing
from tools.browser.errors import BrowserError
from tools.browser.session import BrowserSession
from tools.browser.tab import Tab

Json: TypeAlias = dict[str, Any]

MOST_CALLS = 80
"""Of an episode: a policy that waits for what does not come ends with them."""


class Scripted:
    """The model: one policy at a time."""

    def __init__(self) -> None:
        self.page = Page()
        self.steps = _nothing()
        self.why = ""
        self.calls = 0
        self._tools: list[str] = []

    def __repr__(self) -> str:
        return f"<Scripted after {self.calls} calls {self.why}>"

    def begin(self, policy: Policy) -> None:
        """Take up a task."""
        self.page = Page()
        self.steps = policy(self.page)
        self.why, self.calls = "", 0

    def answer(self, body: Json, number: int) -> Script:
        """Give the reply to a request."""
        said = body["messages"][-1]["content"]
        results = [_text(each) for each in said if each["type"] == "tool_result"]
        steps = self._next(results) if results else [("browser_navigate", {"url": _url(said)})]
        self._tools = [tool for tool, _ in steps]
        calls = [Call(f"toolu_{number}_{n}", *step) for n, step in enumerate(steps)]
        self.calls += len(calls)
        return reply(*calls) if calls else reply(Text("Done."))

    def _next(self, results: list[str]) -> Sequence[Step]:
        self.page.take(self._tools, results)
        if self.calls > MOST_CALLS:
            self.why = "too many calls"
            return ()
        try:
            return next(self.steps, ())
        except Exception as error:  # noqa: BLE001  (a policy's mistake fails its episode only)
            self.why = f"{type(error).__name__}: {error}"
            return ()


def _nothing() -> Steps:
    yield from ()


def _text(result: Json) -> str:
    content = result["content"]
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content if part["type"] == "text")


def _url(said: Sequence[Json]) -> str:
    url: str = said[-1]["text"].split()[-1]
    return url


@dataclass(frozen=True, slots=True)
class Episode:
    """What came of a task with a seed."""

    task: str
    seed: int
    reward: float
    why: str
    """Why it failed; nothing when it was solved."""
    seconds: float
    calls: int
    characters: int
    """Of all results."""
    results: tuple[str, ...] = field(repr=False)

    @property
    def is_solved(self) -> bool:
        """Whether all of it was."""
        return self.reward >= 1


class Player:
    """An agent that plays episodes."""

    def __init__(self, agent: Agent, browsing: Browsing, model: Scripted, host: str) -> None:
        self._agent = agent
        self._browsing = browsing
        self._model = model
        self._host = host

    def __repr__(self) -> str:
        return f"<Player at {self._host}>"

    async def play(self, task: str, policy: Policy, seed: int) -> Episode:
        """Play one episode, in a session of its own."""
        name = f"{task}-{seed}"
        session = await self._agent.session(name)
        self._model.begin(policy)
        began = time.perf_counter()
        turn = await session.ask(f"Do what http://{self._host}/miniwob/{task}.html?seed={seed}")
        seconds = time.perf_counter() - began
        done, reward, reason = await self._score(session.id)
        await self._browsing.manager.end_session(session.id)
        why = "" if reward >= 1 else self._why(turn, f"{reason}" if done else "not ended")
        texts = tuple(call.text for call in turn.calls)
        return Episode(task, seed, reward, why, seconds, len(texts), sum(map(len, texts)), texts)

    def _why(self, turn: TurnResult, reason: str) -> str:
        failed = [call.text.split("\n")[0] for call in turn.calls if call.status != "finished"]
        return "; ".join(filter(None, (reason, self._model.why, *failed)))

    async def _score(self, session: str) -> tuple[bool, float, str]:
        async def read(_: BrowserSession, tab: Tab) -> list[Any]:
            score: list[Any] = await tab.page.evaluate(SCORE)
            return score

        try:
            done, reward, reason = await self._browsing.manager.use(session, read, timeout=20)
        except BrowserError as error:
            return True, 0, str(error)
        return done, reward if done else 0, reason


@asynccontextmanager
async def player(host: str) -> AsyncIterator[Player]:
    """Start everything that episodes need, and end it."""
    model = Scripted()
    browsing = Browsing(policy=AddressPolicy((host,)))
    with tempfile.TemporaryDirectory() as folder:
        async with (
            LoopbackModel(model.answer) as server,
            Agent(
                model="claude-loopback",
                base_url=server.url,
                api_key="x",
                workspace=folder,
                data_dir=f"{folder}/data",
                builtin_tools=("browser",),
                approvals="allow",
                tells_date=False,
                services={Browsing: browsing},
            ) as agent,
        ):
            try:
                yield Player(agent, browsing, model, host)
            finally:
                await browsing.close()
            assert server.refused == [], server.refused
