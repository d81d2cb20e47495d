"""What is judged, and what can come of it."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

from agent.approvals import names
from scheduler import Access, Resource
from tools.base import Tool
from tools.declaration import Arguments
from tools.tool_classes import Place


@dataclass(frozen=True, slots=True)
class Denied:
    """A call may not run."""

    reason: str
    """In the model's words, without a full stop."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A person decides."""

    why: str
    """For the person: what makes it a question."""


Verdict: TypeAlias = Denied | Ask | None
"""None: it may run."""


@dataclass(frozen=True)
class Judged:
    """A call that is judged."""

    tool: Tool[..., Any]
    input: Mapping[str, Any]
    """As the model wrote it."""
    arguments: Arguments
    """Checked and converted."""
    place: Place
    known: Access | None = None
    """What it touches, when that was worked out already."""

    @property
    def workspace(self) -> Path:
        """The folder that the tools work in."""
        return self.place.workspace

    @property
    def was_looked_into(self) -> bool:
        """Whether somebody asked what it touches: then a change of that changes the verdict."""
        return "access" in self.__dict__

    @functools.cached_property
    def access(self) -> Access:
        """What it touches; worked out when somebody asks."""
        return self.known or self.tool.access(self.arguments, self.place)

    @functools.cached_property
    def named(self) -> list[frozenset[Resource]] | None:
        """What its input may name; None when that is too much to look at."""
        return names.named(self.input, self.workspace)


class Approvals(Protocol):
    """Judges calls, when they are dispatched and whenever what they touch has changed.

    It runs on the event loop: a few lstat calls, no more.
    """

    def judge(self, call: Judged) -> Verdict:
        """Say whether a call may run."""
        ...


@runtime_checkable
class Remembering(Protocol):
    """Approvals that learn from a person's answers."""

    def proposal(self, call: Judged) -> str:
        """Say what would be allowed from then on, if a person allows it for good."""
        ...

    async def remember(self, call: Judged) -> None:
        """Allow calls like this one from now on."""
        ...

    def watch(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Have a function called after each change; give what ends that."""
        ...
