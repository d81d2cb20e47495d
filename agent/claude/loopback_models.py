"""The models that the loopback server knows, and what it tells of them."""

from dataclasses import dataclass

from agent.claude.blocks import Json
from agent.claude.request import COMPACTION


@dataclass(frozen=True, slots=True)
class Limits:
    """What a model takes and gives, in tokens."""

    max_input_tokens: int
    max_tokens: int
    compacts: bool = False
    """Whether the server makes long conversations short for it."""


MODELS = {
    "claude-sonnet-5-5": Limits(1_000_000, 128_000),
    "claude-haiku-5-5": Limits(400_000, 64_000),
}


def described(name: str, limits: Limits) -> Json:
    """Give what the API tells of a model."""
    return {
        "type": "model",
        "id": name,
        "display_name": name,
        "created_at": "2026-01-01T00:00:00Z",
        "lifecycle": "active",
        "max_input_tokens": limits.max_input_tokens,
        "max_tokens": limits.max_tokens,
        "capabilities": {"context_management": {COMPACTION: {"supported": limits.compacts}}},
    }
