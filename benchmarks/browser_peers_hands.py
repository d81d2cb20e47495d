"""The two that work in a browser: our tools through an agent, and Playwright MCP.

Both answer with what their model gets, and with the seconds from the call to that. Ours are those
from the confirmed call to its answer, which is then in the journal, with the check of its input,
its way through the scheduler, and the record of its intent on disk.
"""

import asyncio
import os
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from agent.claude.loopback import LoopbackModel
from agent.claude.script import Call, Text, reply
from agent.events import Event, ToolCalled, ToolFinished
from agent.runtime import Agent
from agent.session.session import Session
from benchmarks.browser_peers_pages import Step
from benchmarks.mcp_client import McpClient
from benchmarks.measure import Stopwatch
from tools.browser.settings import BrowserSettings, Viewport

Json = dict[str, Any]

SCREEN = Viewport()

SERVER = Path(__file__).parent.parent / ".venv/bench/node/node_modules/@playwright/mcp/cli.js"
"""`make bench` installs it."""


@dataclass(frozen=True, slots=True)
class Did:
    """A step that was done: how long it took, and how much of it the model has to read."""

    seconds: float
    characters: int
    look_seconds: float = 0.0
    """Of a second call that shows the page, where the first one's result does not."""
    look_characters: int = 0


class Hands(Protocol):
    """Whoever does the steps."""

    async def do(self, step: Step, where: str) -> Did:
        """Do one, and see what it shows."""


class Refs:
    """The elements that were shown so far, by role and name."""

    _LINE = re.compile(r'^\W*(\w+)\b[^"\n]*?(?:\[ref=(\w+)\] )?"([^"\n]*)"(.*)$', re.MULTILINE)
    """Ours has the ref before the name, theirs behind it."""
    _REF = re.compile(r"\[ref=(\w+)\]")

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], str] = {}

    def __repr__(self) -> str:
        return f"<Refs {len(self._known)}>"

    def read(self, text: str) -> None:
        """Take in what is shown."""
        for role, before, name, rest in self._LINE.findall(text):
            after = self._REF.search(rest)
            if ref := before or (after[1] if after else ""):
                self._known[role, name] = ref

    def of(self, role: str, name: str) -> str:
        """Give the ref of an element."""
        return self._known[role, name]


class Ours:
    """Our tools, called by a scripted model through the agent's own loop."""

    def __init__(self, session: Session, calls: "asyncio.Queue[Call]") -> None:
        self._session = session
        self._calls = calls
        self._count = 0
        self._refs = Refs()
        session.subscribe(self._told)
        self._watch = Stopwatch()
        self._seconds = 0.0

    def __repr__(self) -> str:
        return f"<Ours: {self._count} calls>"

    async def do(self, step: Step, where: str) -> Did:
        """Do a step, in one call."""
        text = await self._call(*self._asked(step, where))
        assert step.shows in text, f"{step.row}: {text}"
        self._refs.read(text)
        return Did(self._seconds, len(text))

    def _asked(self, step: Step, where: str) -> tuple[str, Json]:
        if step.page:
            return "browser_navigate", {"url": f"http://{where}{step.page}"}
        if step.click:
            return "browser_click", {"ref": self._refs.of(*step.click)}
        fields = [
            {"ref": self._refs.of(role, name), "value": value} for role, name, value in step.fill
        ]
        return "browser_fill_form", {"fields": fields}

    async def _call(self, tool: str, given: Json) -> str:
        self._count += 1
        self._calls.put_nowait(Call(f"toolu_{self._count}", tool, given))
        (done,) = (await self._session.ask("Go on.")).calls
        assert done.status == "finished", done.text
        return done.text

    def _told(self, event: Event) -> None:
        match event:
            case ToolCalled():
                self._watch = Stopwatch()
            case ToolFinished():
                self._seconds = self._watch()


@asynccontextmanager
async def ours(program: Path, where: str, folder: Path) -> AsyncIterator[Ours]:
    """Have an agent with browser tools."""
    calls: asyncio.Queue[Call] = asyncio.Queue()

    def answer(_: Json, __: int):
        return reply(Text("Done.") if calls.empty() else calls.get_nowait())

    async with (
        LoopbackModel(answer, check=False) as server,
        Agent(
            model="claude-loopback",
            base_url=server.url,
            api_key="x",
            workspace=folder,
            data_dir=folder / "data",
            builtin_tools=["browser"],
            approvals="allow",
            tells_date=False,
            browser=BrowserSettings(executable=program, viewport=SCREEN),
            allowed_addresses=(where,),
        ) as agent,
    ):
        yield Ours(await agent.session("browser"), calls)


class Theirs:
    """Playwright MCP: its results hold the name of a file with the page, so it is looked at."""

    def __init__(self, server: McpClient) -> None:
        self._server = server
        self._refs = Refs()

    def __repr__(self) -> str:
        return f"<Theirs {self._server!r}>"

    async def do(self, step: Step, where: str) -> Did:
        """Do a step, and look at the page."""
        tool, given = self._asked(step, where)
        watch = Stopwatch()
        text = await self._server.call(tool, given)
        seconds, watch = watch(), Stopwatch()
        page = await self._server.call("browser_snapshot", {})
        look_seconds = watch()
        assert step.shows in page, f"{step.row}: {text}\n{page}"
        self._refs.read(page)
        return Did(seconds, len(text), look_seconds, len(page))

    def _asked(self, step: Step, where: str) -> tuple[str, Json]:
        if step.page:
            return "browser_navigate", {"url": f"http://{where}{step.page}"}
        if step.click:
            return "browser_click", {
                "element": " ".join(step.click),
                "target": self._refs.of(*step.click),
            }
        fields = [
            {"target": self._refs.of(role, name), "name": name, "type": role, "value": value}
            for role, name, value in step.fill
        ]
        return "browser_fill_form", {"fields": fields}


@asynccontextmanager
async def theirs(program: Path, node: str) -> AsyncIterator[tuple[Theirs, McpClient]]:
    """Have Playwright MCP as it comes, but headless, with this browser and a profile in memory."""
    screen = f"{SCREEN.width}x{SCREEN.height}"
    options = ["--headless", "--isolated", "--executable-path", str(program)]
    options += ["--viewport-size", screen, *["--no-sandbox"] * (os.geteuid() == 0)]
    kept = {name: value for name, value in os.environ.items() if "PLAYWRIGHT" not in name}
    with tempfile.TemporaryDirectory() as folder:
        command = [node, str(SERVER), *options]
        async with McpClient(command, Path(folder), kept) as server:
            yield Theirs(server), server
