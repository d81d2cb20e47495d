"""What a turn tells while it goes: frozen values, in the order in which things happen."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from agent.claude.prices import Usage
from agent.claude.reply import TextDelta, ThinkingDelta

__all__ = [
    "ApprovalAsked",
    "ApprovalSettled",
    "Event",
    "Notice",
    "ReplyDiscarded",
    "ReplyFinished",
    "Retrying",
    "TextDelta",
    "ThinkingDelta",
    "ToolCalled",
    "ToolFinished",
    "ToolProgress",
    "ToolStarted",
    "TurnFinished",
    "TurnStarted",
]


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """A turn begins."""

    turn: int
    """Counted from 0 in its session since it was opened."""


@dataclass(frozen=True, slots=True)
class ToolCalled:
    """A call is confirmed and has its place; it starts as soon as it may."""

    id: str
    """Of the call, unique in its session: the reply's number and the block's."""
    name: str
    input: Mapping[str, Any]
    tool_class: str
    """Empty when there is no such tool."""


@dataclass(frozen=True, slots=True)
class ApprovalAsked:
    """A call waits for a person: see `Session.answer`."""

    id: str
    """Of the call."""
    name: str
    input: Mapping[str, Any]
    why: str
    """What makes it a question."""
    always: str
    """What "always" would allow from then on; empty when that cannot be answered."""


@dataclass(frozen=True, slots=True)
class ApprovalSettled:
    """A call waits for a person no more."""

    id: str
    name: str
    how: str
    """`allowed`, `denied`, `timed_out`, or `withdrawn` when the call is gone."""


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """A call's tool runs."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class ToolProgress:
    """A running tool tells how far it is."""

    id: str
    name: str
    text: str
    fraction: float | None = None
    """From 0 to 1."""


@dataclass(frozen=True, slots=True)
class ToolFinished:
    """A call is answered; of one with an effect, the answer is on disk."""

    id: str
    name: str
    status: str
    """`finished`, `failed`, `denied`, `timed_out`, `interrupted` or `not_executed`."""
    text: str
    """The answer's text."""
    seconds: float
    """How long it ran."""

    @property
    def is_error(self) -> bool:
        """Whether the model is told of an error."""
        return self.status != "finished"


@dataclass(frozen=True, slots=True)
class ReplyFinished:
    """One reply is complete; the turn may go on with another."""

    stop_reason: str
    usage: Usage


@dataclass(frozen=True, slots=True)
class ReplyDiscarded:
    """What was shown of this reply does not count; another may follow."""

    why: str


@dataclass(frozen=True, slots=True)
class Retrying:
    """A request failed and is sent again."""

    why: str
    seconds: float
    """Until then."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a person should know; the turn goes on."""

    text: str


@dataclass(frozen=True, slots=True)
class TurnFinished:
    """The turn is over, and what was done is on disk."""

    why: str
    """The last reply's stop reason, or what ended the turn: see `agent.loop`."""
    text: str
    """The text of the turn's last reply."""
    usage: Usage
    """Of the whole turn."""
    error: str = ""
    """For a person, when the turn did not end well."""


Event: TypeAlias = (
    TurnStarted
    | TextDelta
    | ThinkingDelta
    | ToolCalled
    | ApprovalAsked
    | ApprovalSettled
    | ToolStarted
    | ToolProgress
    | ToolFinished
    | ReplyFinished
    | ReplyDiscarded
    | Retrying
    | Notice
    | TurnFinished
)
