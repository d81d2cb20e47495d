"""Why a call was not run, in words for a model or a person: what was in the way, what to do."""

from scheduler.access import Access, Resource
from scheduler.call import Call
from scheduler.records import NotRun, Outcome


def spell(resource: Resource) -> str:
    """Write a resource the way people read it: its kind, then its path."""
    if not resource:
        return "everything"
    kind, *parts = resource
    root = "/" if parts[:1] == ["/"] else ""
    return f"{kind} {root}{'/'.join(parts[len(root) :])}".strip()


def denied(reason: str = "") -> NotRun:
    """Give the answer for a call that a rule or a person turned down."""
    because = f": {reason}" if reason else ""
    return NotRun(Outcome.DENIED, f"Not executed: it was denied{because}.")


def cancelled() -> NotRun:
    """Give the answer for a call whose task was cancelled while it waited."""
    return NotRun(Outcome.CANCELLED, "Not executed: it was cancelled while it waited.")


def question_timed_out(seconds: float) -> NotRun:
    """Give the answer for a call that nobody approved in time."""
    return NotRun(
        Outcome.QUESTION_TIMED_OUT,
        f"Not executed: nobody answered the question for approval within {seconds:g} s. "
        "Ask again, or go on without it.",
    )


def resource_busy(call: Call, holder: Call) -> NotRun:
    """Give the answer for a call that conflicts with one that does not stop."""
    return NotRun(
        Outcome.RESOURCE_BUSY,
        f"Not executed: {call.name!r} needs what {holder.name!r} still uses; that call is over its "
        f"time and has not stopped yet ({_spell_all(holder.access)}). "
        "Try again later, or work on something else.",
    )


def lane_busy(call: Call) -> NotRun:
    """Give the answer for a call whose lane has only slots that do not turn any more."""
    return NotRun(
        Outcome.LANE_BUSY,
        f"Not executed: all {call.lane.limit} slots of the lane {call.lane.name!r} are held by "
        "calls that are over their time and have not stopped. Try again later.",
    )


def parent_ended(call: Call, parent: Call) -> NotRun:
    """Give the answer for a nested call whose parent does not run."""
    return NotRun(
        Outcome.PARENT_ENDED,
        f"Not executed: {call.name!r} belongs to {parent.name!r}, which is not running.",
    )


def not_covered(call: Call, parent: Call, access: Access) -> NotRun:
    """Give the answer for a nested call that wants more than its parent has."""
    return NotRun(
        Outcome.NOT_COVERED,
        f"Not executed: {call.name!r} would {_spell_all(access)}, which its parent "
        f"{parent.name!r} did not ask for ({_spell_all(parent.access)}).",
    )


def moves_unasked(call: Call, parent: Call) -> NotRun:
    """Give the answer for a nested call that would change what paths mean behind its parent."""
    return NotRun(
        Outcome.NOT_COVERED,
        f"Not executed: {call.name!r} may change what paths mean, and its parent {parent.name!r} "
        "was not submitted as one that moves things.",
    )


def _spell_all(access: Access) -> str:
    parts = [
        f"{verb} {', '.join(sorted(spell(resource) for resource in resources))}"
        for verb, resources in (("read", access.reads), ("write", access.writes))
        if resources
    ]
    return " and ".join(parts) or "touch nothing"
