"""The part of a request's body before its messages: the same bytes for a whole session.

Its order is that in which the API caches: tools, system, messages.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from agent.claude.profile import Profile
from agent.claude.wire import encode

Json: TypeAlias = dict[str, Any]

MARKER = {"cache_control": {"type": "ephemeral"}}

COMPACTION = "compact_20260112"
COMPACTION_BETA = "compact-2026-01-12"


@dataclass(frozen=True, slots=True)
class Settings:
    """How the model is asked."""

    model: str
    max_tokens: int
    thinking: Json | None = None
    """As the API takes it; None leaves the model its own way."""
    compacts: bool = False
    """Whether the server shortens a conversation that grew too long."""
    extra: Json = field(default_factory=dict)
    """Further members of the request, as the API takes them."""


def head(settings: Settings, system: str, tools: Sequence[Json], profile: Profile) -> bytes:
    """Give the body's beginning, up to where its messages follow."""
    members: Json = {"model": settings.model, "max_tokens": settings.max_tokens, "stream": True}
    if settings.thinking is not None:
        members["thinking"] = settings.thinking
    if settings.compacts and profile.has_betas:
        members["context_management"] = {"edits": [{"type": COMPACTION}]}
    members |= settings.extra
    marker: Json = MARKER if profile.has_cache else {}
    if tools:
        members["tools"] = [*tools[:-1], {**tools[-1], **marker}]
    if system.strip():
        members["system"] = [{"type": "text", "text": system, **marker}]
    return encode(members)[:-1] + b","


def betas(settings: Settings, profile: Profile) -> tuple[str, ...]:
    """Give the names of the beta features that the request uses."""
    return (COMPACTION_BETA,) if settings.compacts and profile.has_betas else ()
