"""What a tool's class says about it: what it touches, what repeating it would do, how it is run.

`CLASSES` is the one table; whatever a tool does not say itself stands there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final

from scheduler import EVERYTHING, Access, Resource
from tools.file_resources import workspace_resource


class ToolClass(StrEnum):
    """The kinds of tools; the value is also the name of their lane."""

    LOCAL_READ = "local_read"
    LOCAL_WRITE = "local_write"
    BROWSER_READ = "browser_read"
    BROWSER_MUTATE = "browser_mutate"
    NETWORK = "network"
    SHELL = "shell"
    EXCLUSIVE = "exclusive"


class Effect(StrEnum):
    """What running a tool a second time would do."""

    NONE = "none"
    """Nothing: it only looks."""
    IDEMPOTENT = "idempotent"
    """The same again, as when a whole file is written."""
    EFFECTFUL = "effectful"
    """Something more."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call stands when its access is worked out."""

    session: str
    workspace: Path
    """Absolute."""
    unsettled: frozenset[Resource] = frozenset()
    """What earlier unfinished calls that move things write."""


@dataclass(frozen=True, slots=True)
class ClassMeaning:
    """What a class says about its tools."""

    effect: Effect
    seconds: float
    """The time limit of a tool that names none."""
    access: Callable[[frozenset[Resource], Place], Access]
    """What a call touches, given the resources of the paths in its input."""
    needs_files: bool = False
    """Whether a tool that names no path touches the whole workspace."""
    moves: bool = False
    """Whether it may change what paths mean."""


def browser_resource(session: str) -> Resource:
    """Give the resource of a session's browser."""
    return ("browser", session)


def _reads(files: frozenset[Resource], _: Place) -> Access:
    return Access(reads=files)


def _writes(files: frozenset[Resource], _: Place) -> Access:
    return Access(writes=files)


def _reads_browser(files: frozenset[Resource], place: Place) -> Access:
    return Access(reads=frozenset((browser_resource(place.session),)), writes=files)


def _writes_browser(files: frozenset[Resource], place: Place) -> Access:
    return Access(writes=files | {browser_resource(place.session)})


def _writes_workspace(files: frozenset[Resource], place: Place) -> Access:
    return Access(writes=files | {workspace_resource(place.workspace)})


def _writes_all(_: frozenset[Resource], __: Place) -> Access:
    return EVERYTHING


CLASSES: Final[Mapping[ToolClass, ClassMeaning]] = MappingProxyType(
    {
        ToolClass.LOCAL_READ: ClassMeaning(Effect.NONE, 60, _reads, needs_files=True),
        ToolClass.LOCAL_WRITE: ClassMeaning(Effect.EFFECTFUL, 60, _writes, needs_files=True),
        ToolClass.BROWSER_READ: ClassMeaning(Effect.NONE, 60, _reads_browser),
        ToolClass.BROWSER_MUTATE: ClassMeaning(Effect.EFFECTFUL, 120, _writes_browser),
        ToolClass.NETWORK: ClassMeaning(Effect.NONE, 120, _writes),
        ToolClass.SHELL: ClassMeaning(Effect.EFFECTFUL, 600, _writes_workspace, moves=True),
        ToolClass.EXCLUSIVE: ClassMeaning(Effect.EFFECTFUL, 600, _writes_all, moves=True),
    }
)
"""Of every class but `local_read`, the paths in the input are written: a download, a screenshot."""
