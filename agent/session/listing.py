"""The sessions of a data folder as rows of a list."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

from agent.session.looking import Looked, look_around

Json: TypeAlias = dict[str, Any]

KILO = 1000


@dataclass(frozen=True, slots=True)
class Listed:
    """A session, in words."""

    name: str
    id: str
    used: str
    """When its file last changed, by the clock on the wall."""
    messages: str
    """How many messages people sent; or that the file is damaged."""
    size: str


def listed(folder: Path) -> list[Listed]:
    """List the sessions, the one last used first."""
    found = []
    for looked in look_around(folder):
        try:
            state = looked.path.stat()
        except FileNotFoundError:
            continue  # removed meanwhile
        found.append((state.st_mtime, _row(looked, state.st_mtime, state.st_size)))
    return [row for _, row in sorted(found, key=lambda each: each[0], reverse=True)]


def _row(looked: Looked, changed: float, size: int) -> Listed:
    used = datetime.fromtimestamp(changed).astimezone().strftime("%Y-%m-%d %H:%M")
    messages = "damaged" if looked.damage else str(_messages(looked.entries))
    return Listed(looked.name, looked.id, used, messages, _size(size))


def _messages(entries: Sequence[Json]) -> int:
    return sum(
        each.get("type") == "message" and each.get("by", "person") == "person" for each in entries
    )


def _size(count: float) -> str:
    """Give a number of bytes, as people read it."""
    for unit in ("B", "kB", "MB"):
        if count < KILO:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= KILO
    return f"{count:.1f} GB"
