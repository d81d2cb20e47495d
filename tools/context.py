"""What a tool may know of its call, and say while it runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar, cast, runtime_checkable

from scheduler import Call
from tools.errors import ToolError
from tools.versions import FileVersions

T = TypeVar("T")


@runtime_checkable
class KeepsSessions(Protocol):
    """A service that keeps something for each session, and is told when one is closed."""

    async def end_session(self, session: str) -> None:
        """Let go of what is kept for the session of an id; harmless for one that is not known."""


@dataclass(frozen=True, slots=True)
class ToolContext:
    """Passed to a tool in the parameter that is annotated with it, which the model does not see.

    A plain function runs in a thread, and calls these from there.
    """

    session: str
    workspace: Path
    call: Call | None = None
    """The call in the scheduler, to nest others in; None when a tool is run by itself."""
    on_progress: Callable[[str, float | None], None] | None = None
    """Told of progress, in the thread that the tool runs in."""
    services: Mapping[type, object] = field(default_factory=dict)
    """What the runtime gives to its tools, by type; see also `KeepsSessions`."""
    versions: FileVersions = field(default_factory=FileVersions)
    """Which versions of files the model knows."""

    def progress(self, text: str, fraction: float | None = None) -> None:
        """Say how far it is; `fraction` is between 0 and 1, None when nobody knows."""
        if self.on_progress is not None:
            self.on_progress(text, fraction)

    def service(self, kind: type[T]) -> T:
        """Give what the runtime has of a type.

        Raises:
            ToolError: it has none.
        """
        if kind in self.services:
            return cast("T", self.services[kind])
        given = ", ".join(sorted(each.__name__ for each in self.services)) or "none"
        raise ToolError(
            f"This tool needs {kind.__name__}, which is not available here "
            f"(services that are: {given})."
        )

    def left_running(self, what: str) -> None:
        """Tell that something goes on after the call, such as a background process.

        From then on nothing is promised about the order of what it touches.
        """
        if self.call is not None:
            self.call.left_running(what)
