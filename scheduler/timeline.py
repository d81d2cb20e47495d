"""Records drawn as lines of text: who ran beside whom, and who waited for whom."""

from collections.abc import Callable, Sequence

from scheduler.records import CallRecord

WAITS, RUNS, LINGERS = ".", "=", "~"


def draw(records: Sequence[CallRecord], width: int = 60) -> str:
    """Draw one line per call, in request order.

    A dot is waiting, a double line running, a wave a result that is there while the work has not
    stopped; then the seconds of the run and what the call waited for.
    """
    shown = sorted((each for each in records if each.stopped is not None), key=lambda one: one.id)
    if not shown:
        return ""
    begin = min(record.submitted for record in shown)
    end = max(record.stopped or begin for record in shown)
    scale = width / (end - begin) if end > begin else 0.0
    names = max(len(record.name) for record in shown)
    known = {record.id: record.name for record in records}

    def column(time: float) -> int:
        return round((time - begin) * scale)

    return "\n".join(
        f"{record.name:<{names}} |{_bar(record, column, width):<{width}}| {_note(record, known)}"
        for record in shown
    )


def _bar(record: CallRecord, column: Callable[[float], int], width: int) -> str:
    start, stop = column(record.submitted), column(record.stopped or record.submitted)
    if record.started is None or record.finished is None:
        return " " * start + WAITS * (stop - start)
    # However short, a run is seen.
    run = min(column(record.started), width - 1)
    finish = max(column(record.finished), run + 1)
    return " " * start + WAITS * (run - start) + RUNS * (finish - run) + LINGERS * (stop - finish)


def _note(record: CallRecord, known: dict[int, str]) -> str:
    if record.started is None or record.finished is None:
        return f"not run: {record.outcome}"
    waits = [
        f"{wait.kind}" + (f" {known[wait.call]}" if wait.call in known else "")
        for wait in record.waits
        if wait.until is not None and wait.until > wait.since
    ]
    ran = f"{record.finished - record.started:.3f} s"
    return f"{ran}, after {', '.join(waits)}" if waits else ran
