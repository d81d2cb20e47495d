"""What each stop reason means for the turn: a table, with a completeness test."""

from dataclasses import dataclass
from enum import StrEnum


class Next(StrEnum):
    """What the turn does after a reply."""

    END = "end"
    """The turn is over."""
    ANSWER = "answer"
    """The calls are answered, and the conversation goes on."""
    CONTINUE = "continue"
    """The reply goes back unchanged, and the server goes on with it."""
    STOP = "stop"
    """The turn is over, and says why."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a stop reason means."""

    next: Next
    confirms: bool
    """Whether the reply's last call was meant to run."""


STOP_REASONS = {
    "end_turn": Meaning(Next.END, confirms=False),
    "tool_use": Meaning(Next.ANSWER, confirms=True),
    "max_tokens": Meaning(Next.STOP, confirms=False),
    "stop_sequence": Meaning(Next.END, confirms=False),
    "pause_turn": Meaning(Next.CONTINUE, confirms=True),
    "refusal": Meaning(Next.STOP, confirms=False),
    "model_context_window_exceeded": Meaning(Next.STOP, confirms=False),
    "compaction": Meaning(Next.CONTINUE, confirms=False),
}

UNKNOWN = Meaning(Next.STOP, confirms=False)
"""A reason that is not in the table stops the turn, and the turn says so."""


def meaning(stop_reason: str | None) -> Meaning:
    """Give the meaning of a stop reason, known or not."""
    return STOP_REASONS.get(stop_reason or "", UNKNOWN)
