"""What a check is held against: the version, the betas, and our own stricter wishes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]

Problems: TypeAlias = Iterator[str]
"""Error texts, the one that the API reports first."""

VERSION = "2026-10-21"
"""The API version that the SDK sends."""

MAX_BYTES = 32 * 1024 * 1024
"""A larger request is answered 413, whatever it holds."""

MAX_MESSAGES = 100_000
MAX_BREAKPOINTS = 4


@dataclass(frozen=True, slots=True)
class Rules:
    """Which API is asked, and how strict we are beyond it."""

    version: str = VERSION
    betas: frozenset[str] = frozenset()
    strict_order: bool = True
    """Refuse tool results that are not in the order of their calls; the API takes any order."""
    strict_roles: bool = False
    """Refuse two messages of one role in a row; the API merges them."""
    strict_blocks: bool = True
    """Refuse a reply that comes back changed or in part; the API minds thinking only."""

    @property
    def is_old(self) -> bool:
        """Whether the version is older than the one that dropped sampling parameters."""
        return self.version < VERSION

    def has_beta(self, name: str) -> bool:
        """Tell whether a beta is on, whatever its date."""
        return any(beta.startswith(name) for beta in self.betas)


def blocks_of(content: object) -> list[Any]:
    """Give a message's blocks; a string is one block of text."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return content if isinstance(content, list) else []


def as_object(value: object) -> Json:
    """Give a JSON object as it is, anything else as an empty one."""
    return value if isinstance(value, dict) else {}


def is_marked(block: object) -> bool:
    """Tell whether a block carries a cache breakpoint."""
    return isinstance(block, dict) and block.get("cache_control") is not None
