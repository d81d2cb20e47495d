"""Noting in a call's record what it waits for, and for which call."""

from scheduler.call import Call
from scheduler.records import Wait, WaitKind
from scheduler.trie import Place


def begin_wait(
    call: Call,
    kind: WaitKind,
    now: float,
    by: Call | None = None,
    place: Place[Call] | None = None,
) -> None:
    """Note that a call waits, behind `place` if that is given; a wait of another kind ends."""
    if call.open_wait is None or call.open_wait.kind is not kind:
        end_wait(call, now, by)
        call.open_wait = Wait(kind, now)
        call.record.waits.append(call.open_wait)
    if place is not None:
        _name(call.open_wait, _blocker(place), call)


def end_wait(call: Call, now: float, by: Call | None = None) -> None:
    """Note that a call's wait is over; `by` is the call that made way."""
    wait, call.open_wait = call.open_wait, None
    if wait is not None:
        wait.until = now
        if by is not None and wait.kind in {WaitKind.ORDER, WaitKind.TICKET}:
            _name(wait, by, call)


def _name(wait: Wait, by: Call | None, call: Call) -> None:
    """Note who a call waits for."""
    wait.call = None if by is None else by.id
    wait.owner = by.owner if by is not None and by.owner != call.owner else ""


def _blocker(place: Place[Call]) -> Call | None:
    """Give the latest call that a waiting place was put behind, through joins."""
    while place.call is None or place.before:
        place = next(reversed(place.before))
        if place.call is not None:
            return place.call
    return None
