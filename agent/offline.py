"""Sessions moved about without a model, a key or a server: what `toolloop sessions` does.

Each of these starts an agent that has nobody to ask, does one thing, and lets go of everything.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, TypeVar

from agent.claude.model import Incoming
from agent.errors import ConfigurationError
from agent.runtime import Agent
from agent.session.looking import find
from agent.sessions import Sessions

T = TypeVar("T")


class Nobody:
    """A model that cannot be asked."""

    def __repr__(self) -> str:
        return "<Nobody>"

    def stream(
        self,
        body: bytes,  # noqa: ARG002  (the seam's)
        betas: Sequence[str] = (),  # noqa: ARG002  (the seam's)
    ) -> AbstractAsyncContextManager[Incoming]:
        """See `Model.stream`."""
        raise ConfigurationError("this agent has no model: it only moves sessions about")


def rename(folder: Path, name: str, new_name: str) -> None:
    """Give a session another name; see `Sessions.rename`."""
    _do(folder, lambda sessions: sessions.rename(name, new_name))


def delete(folder: Path, name: str) -> None:
    """Remove a session and its files; see `Sessions.delete`."""
    _do(folder, lambda sessions: sessions.delete(name))


def import_(folder: Path, text: str, name: str | None) -> str:
    """Make a session from an exported one; give its name. See `Sessions.import_`."""

    async def work(sessions: Sessions) -> str:
        return (await sessions.import_(text, name)).name

    return _do(folder, work)


def fork(folder: Path, name: str, new_name: str, before: int | None) -> None:
    """Make a session that begins as another did, pinned to the tools that the other has.

    An agent of one's own pins its tools of today, see `Sessions.fork`; here there are none.
    """
    header = find(folder, name).intact()[0]
    workspace = str(header.get("workspace") or ".")
    pinned = {
        # Definitions that are taken as they are: only the one who runs them would mind whose.
        "server_tools": header.get("tools", ()),
        "workspace": workspace if Path(workspace).is_dir() else ".",
    }
    _do(
        folder,
        lambda sessions: sessions.fork(name, new_name, before_message=before),
        **pinned,
    )


def _do(folder: Path, work: Callable[[Sessions], Awaitable[T]], **pinned: Any) -> T:
    async def main() -> T:
        agent = Agent(
            model=Nobody(), builtin_tools=False, approvals="allow", data_dir=folder, **pinned
        )
        async with agent:
            return await work(agent.sessions)

    return asyncio.run(main())
