"""What is told of a turn, its replies and its calls, to whoever looks back: frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from agent.session.entries import TurnEnd
from scheduler.certificate import Certificate
from scheduler.records import CallRecord

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PastReply:
    """A reply of the model."""

    number: int
    text: str
    stop_reason: str | None
    """None when it did not come to its own end."""
    why: str
    """Why it was cut or dropped; empty when it was not."""


@dataclass(frozen=True, slots=True)
class PastCall:
    """A call that stands in the conversation."""

    key: str
    """The reply's number and the block's, as in the session's events."""
    name: str
    input: Any
    status: str | None
    """As in `Result.status`; None when the call has no result."""
    seconds: float | None
    """How long it ran; None when it did not run, or that is not known."""


@dataclass(frozen=True, slots=True)
class PastTurn:
    """One turn, over or not."""

    number: int
    """Counted from 0."""
    message: str
    """What the person wrote."""
    replies: tuple[PastReply, ...]
    calls: tuple[PastCall, ...]
    """In request order."""
    records: tuple[CallRecord, ...]
    keys: Mapping[int, str]
    """Of the calls, by the ids of their records."""
    certificate: Certificate | None
    """None when it is not known."""
    unknown: str = ""
    """Why there is no certificate."""
    end: TurnEnd | None = None
    """None when a crash came first, or the turn goes on."""
    began: float | None = None
    """When it was first heard of, in seconds since 1970."""

    @property
    def seconds(self) -> float | None:
        """How long the whole turn took; None when that is not known."""
        if self.end is None or not self.end.at or not self.began:
            return None
        return self.end.at - self.began


def certificate_json(turn: PastTurn) -> Json:
    """Give what is known of a turn's order, for a program."""
    certificate = turn.certificate
    if certificate is None:
        return {"serial": None, "unknown": turn.unknown}
    violation = certificate.violation
    pair = violation and [turn.keys[violation.earlier.id], turn.keys[violation.later.id]]
    left = certificate.unordered_from
    return {
        "serial": certificate.is_serial,
        "violation": violation and {"calls": pair, "rule": violation.rule},
        "outside": list(certificate.outside),
        "unordered_from": None if left is None else turn.keys[left],
    }
