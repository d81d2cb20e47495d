"""The answers that a call gets when its tool gives none, in the model's words.

A test holds that every outcome of the scheduler has its status here.
"""

from dataclasses import dataclass
from enum import StrEnum

from agent.claude.blocks import Block
from scheduler import Outcome


class Status(StrEnum):
    """How a call ended."""

    FINISHED = "finished"
    FAILED = "failed"
    DENIED = "denied"
    TIMED_OUT = "timed_out"
    INTERRUPTED = "interrupted"
    NOT_EXECUTED = "not_executed"


STATUS_OF = {
    Outcome.DENIED: Status.DENIED,
    Outcome.QUESTION_TIMED_OUT: Status.DENIED,
    Outcome.CANCELLED: Status.INTERRUPTED,
    Outcome.RESOURCE_BUSY: Status.NOT_EXECUTED,
    Outcome.LANE_BUSY: Status.NOT_EXECUTED,
    Outcome.NOT_COVERED: Status.NOT_EXECUTED,
    Outcome.PARENT_ENDED: Status.NOT_EXECUTED,
}
"""What a call that the scheduler did not run is called here."""

HALTED = "Not executed: an earlier action in this turn failed."
"""For the browser calls of a reply after one that failed; the wording is the API's own."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A call's answer when its tool gave none."""

    status: Status
    text: str


REFUSED = Answer(Status.NOT_EXECUTED, "Not executed: the reply ended in a refusal.")


BY_USER = "the user interrupted the turn"
BY_CLOCK = "the turn ran out of time"


def interrupted(by: str, *, has_effect: bool, has_started: bool) -> Answer:
    """Answer a call that the end of its turn met; `by` says what ended it."""
    if not has_started:
        return Answer(Status.NOT_EXECUTED, f"Not executed: {by} before this call started.")
    if not has_effect:
        return Answer(Status.INTERRUPTED, f"Interrupted: {by} before this call gave a result.")
    return Answer(
        Status.INTERRUPTED,
        f"Interrupted: {by} while this call ran; outcome unknown. It may or may not have taken "
        "effect. Check before you repeat it.",
    )


def timed_out(seconds: float, *, has_effect: bool) -> Answer:
    """Answer a call that took too long."""
    text = f"Timed out: no result within the limit of {seconds:g} s."
    if has_effect:
        text += " It may have taken effect, or still be running. Check before you repeat it."
    return Answer(Status.TIMED_OUT, text)


def not_confirmed(block: Block, stop_reason: str | None) -> Answer:
    """Answer a call that was never meant to run, or cannot."""
    raw = block.raw_input()
    if stop_reason in {"max_tokens", "model_context_window_exceeded"} and not block.has_moved_on:
        text = "the reply reached its token limit inside this call. Ask for less in one call."
    elif raw is not None and block.parsed_input() is None:
        text = f"its input is not a JSON object: {_shortened(raw)}. Send it again, complete."
    elif raw is None and not isinstance(block.start.get("input"), dict):
        text = "its input is not a JSON object. Send it again as one."
    else:
        text = f"the reply ended with {stop_reason or 'no stop reason'}, not by asking for it."
    return Answer(Status.NOT_EXECUTED, f"Not executed: {text}")


def _shortened(raw: str, limit: int = 200) -> str:
    return repr(raw) if len(raw) <= limit else f"{raw[:limit]!r} and {len(raw) - limit} more"
