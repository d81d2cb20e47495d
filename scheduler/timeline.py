"""Records drawn as lines of text: who ran beside whom, and who waited for whom."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from scheduler.records import CallRecord, Wait

WAITS, RUNS, LINGERS = ".", "=", "~"


@dataclass(frozen=True, slots=True)
class Span:
    """What a number of calls took, in seconds."""

    under_way: float
    """While at least one of them waited or ran."""
    one_by_one: float
    """The sum of their runs; those of nested calls are part of their parents'."""

    @property
    def speedup(self) -> float | None:
        """How many times faster than one by one; None when nothing took any time."""
        return self.one_by_one / self.under_way if self.under_way > 0 else None


def span(records: Sequence[CallRecord]) -> Span:
    """Add up what calls took; the time between them, when none was under way, is not counted."""
    known = {record.id for record in records}
    work = sum(
        record.finished - record.started
        for record in records
        if record.started is not None and record.finished is not None and record.parent not in known
    )
    under_way, until = 0.0, float("-inf")
    for begin, end in sorted((record.submitted, _end(record)) for record in records):
        under_way += max(0.0, end - max(begin, until))
        until = max(until, end)
    return Span(under_way, work)


def _end(record: CallRecord) -> float:
    """Give when its result was there, or else the last that is known of it."""
    times = (record.finished, record.stopped, record.started)
    return next((time for time in times if time is not None), record.submitted)


def draw(
    records: Sequence[CallRecord], width: int = 60, labels: Mapping[int, str] | None = None
) -> str:
    """Draw one line per call, in request order.

    A dot is waiting, a double line running, a wave a result that is there while the work has not
    stopped; then the seconds of the run and what the call waited for. What has no end is drawn up
    to the last that is known of any call.

    Args:
        records: of the calls.
        width: of the bars, in columns.
        labels: what to call them, by id; else by their names.
    """
    if not records:
        return ""
    shown = sorted(records, key=lambda one: one.id)
    begin = min(record.submitted for record in shown)
    end = max(record.stopped or _end(record) for record in shown)
    scale = width / (end - begin) if end > begin else 0.0
    known = {record.id: record.name for record in shown} | dict(labels or {})
    names = max(len(known[record.id]) for record in shown)

    def column(time: float | None) -> int:
        return round(((end if time is None else time) - begin) * scale)

    return "\n".join(
        f"{known[record.id]:<{names}} |{_bar(record, column, width):<{width}}| "
        f"{_note(record, known)}"
        for record in shown
    )


def _bar(record: CallRecord, column: Callable[[float | None], int], width: int) -> str:
    start, stop = column(record.submitted), column(record.stopped)
    if record.started is None:
        return " " * start + WAITS * (stop - start)
    # However short, a run is seen.
    run = min(column(record.started), width - 1)
    finish = max(column(record.finished), run + 1)
    return " " * start + WAITS * (run - start) + RUNS * (finish - run) + LINGERS * (stop - finish)


def _note(record: CallRecord, known: Mapping[int, str]) -> str:
    if record.started is None:
        return "still waiting" if record.finished is None else f"not run: {record.outcome}"
    ran = "no result yet"
    if record.finished is not None:
        ran = f"{record.finished - record.started:.3f} s"
    waits = ", ".join(waited_for(wait, known) for wait in record.waits if _is_seen(wait))
    after = f"after {waits}" if waits else ""
    lingers = "not stopped yet" if record.stopped is None else ""
    return ", ".join(part for part in (ran, after, lingers) if part)


def _is_seen(wait: Wait) -> bool:
    return wait.until is not None and wait.until > wait.since


def waited_for(wait: Wait, known: Mapping[int, str]) -> str:
    """Say what a wait was for, with the call's name where it is known."""
    name = "" if wait.call is None else known.get(wait.call, "")
    return f"{wait.kind} {name}".rstrip()
