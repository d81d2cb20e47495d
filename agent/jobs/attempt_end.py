"""What becomes of a job when its function has ended, or was ended: pure."""

from collections.abc import Callable
from typing import Final

from agent.jobs import transitions
from agent.jobs.attempt_outcomes import Kill, Outcome, Raised, Returned, Stop
from agent.jobs.job import Job, Reason, Terms
from agent.jobs.store import Decision
from agent.jobs.transitions import Change

_REASONS: Final = {
    None: Reason.ERROR,
    Stop.SOFT_LIMIT: Reason.SOFT_LIMIT,
    Stop.CANCEL: Reason.CANCELLED,
}
"""Why a function failed, by what it had been told."""


def ending(
    outcome: Outcome | Kill, told: Stop | None, attempt: Job, now: Callable[[], float]
) -> Decision:
    """Give the decision that ends an attempt.

    Args:
        outcome: what came of it.
        told: what the function had been told before.
        attempt: the job, as the attempt began.
        now: the store's clock.
    """
    number = attempt.attempt

    def decide(stored: Job) -> Change | None:
        match outcome:
            case Returned(result):
                return transitions.succeed(stored, number, result, now())
            case Raised(error):
                reason = _REASONS[told]
                text = _said(error, told, attempt.terms)
                return transitions.fail(stored, number, reason, text, now())
            case Kill.CANCELLED:
                text = "cancelled; it did not give up in time, and was ended all the same"
                return transitions.fail(stored, number, Reason.CANCELLED, text, now())
            case Kill.HARD_LIMIT:
                text = _over(attempt.terms)
                return transitions.fail(stored, number, Reason.HARD_LIMIT, text, now())
            case Kill.GIVEN_UP:
                return None

    return decide


def _said(error: str, told: Stop | None, terms: Terms) -> str:
    after = f": {error}" if error else ""
    match told:
        case None:
            return error
        case Stop.CANCEL:
            return f"cancelled{after}"
        case Stop.SOFT_LIMIT:
            return f"it gave up after its soft limit of {terms.soft_seconds:g} s{after}"


def _over(terms: Terms) -> str:
    return (
        f"it did not give up after its soft limit of {terms.soft_seconds:g} s, and was ended at "
        f"its hard limit of {terms.hard_seconds:g} s"
    )
