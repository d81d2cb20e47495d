"""Ours: an agent with its journal and its checks, tools declared with their true classes."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from agent import Agent, Session
from benchmarks import loop_tools as given
from tools import Tool, ToolClass, tool

TOOLS: list[Tool[..., Any]] = [
    tool(ToolClass.LOCAL_READ, path="path")(given.read_file),
    tool(ToolClass.LOCAL_WRITE, path="path")(given.write_file),
    tool(ToolClass.SHELL)(given.run_command),
    tool(ToolClass.NETWORK)(given.fetch),
    tool(ToolClass.BROWSER_MUTATE)(given.click),
    tool(ToolClass.BROWSER_READ)(given.look_at_page),
    tool(ToolClass.NETWORK)(given.store),
]


class Conversation:
    """A session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def turn(self, text: str) -> None:
        """Send a message, and read all events of its turn, as something that shows them would."""
        turn = self._session.send(text)
        async for _ in turn:
            pass
        result = await turn.result()
        if result.stop_reason != "end_turn":
            raise RuntimeError(f"the turn ended with {result.stop_reason}: {result.error}")


@asynccontextmanager
async def connected(
    url: str, folder: str, lanes: Mapping[str, int] | None = None
) -> AsyncIterator[Callable[[], Awaitable[Conversation]]]:
    """Give what begins a conversation."""
    workspace = Path(folder, "workspace")
    workspace.mkdir(exist_ok=True)  # noqa: ASYNC240  (before anything runs)
    async with Agent(
        builtin_tools=False,
        model="claude-opus-5-5",
        base_url=url,
        profile="claude",
        api_key="x",
        workspace=workspace,
        data_dir=Path(folder, "data"),
        tools=TOOLS,
        tells_date=False,
        lanes=lanes,
    ) as agent:

        async def start() -> Conversation:
            return Conversation(await agent.session())

        yield start
