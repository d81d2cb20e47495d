"""Records as a trace that ui.perfetto.dev and chrome://tracing open.

The format is Chrome's JSON Trace Event Format: an object with `traceEvents`. The rules that this
file keeps:

- a session is a process; its lanes (threads) hold runs, as few lanes as ever ran at a time, and
  below them waits and calls that were not run, which have lanes of their own;
- slices of one lane never overlap: each is complete (`X`), and the next begins at its end or later;
- times are whole microseconds since the first submission, and a slice takes at least one;
- an arrow (`s` to `f`, bound by category, name and id) goes from the run of the call that was
  waited for to the run of the one that waited. Each of its ends lies inside of its slice, where the
  viewers look for it: the last microsecond of the one, the first of the other;
- every lane has a number of its own in the whole file, since Perfetto names threads by that alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import Any, TypeAlias

from scheduler.access import Resource
from scheduler.records import CallRecord
from scheduler.timeline import waited_for

Json: TypeAlias = dict[str, Any]

MICRO = 1_000_000

COLOURS = {"run": None, "linger": "yellow", "wait": "grey", "not_run": "terrible"}
"""A colour name of chrome://tracing for each category of slices; Perfetto colours by name."""


@dataclass(frozen=True, slots=True)
class Naming:
    """What people call things; what is not named here has its own name."""

    sessions: Mapping[str, str] = field(default_factory=dict)
    """By owner."""
    calls: Mapping[int, str] = field(default_factory=dict)
    """By id."""
    inputs: Mapping[int, str] = field(default_factory=dict)
    """What each call was given, shortened, by id."""


@dataclass(frozen=True, slots=True)
class _Slice:
    """A stretch of one call; its end is the first microsecond after it."""

    record: CallRecord
    category: str
    name: str
    begin: int
    end: int


def as_trace(records: Sequence[CallRecord], naming: Naming | None = None) -> Json:
    """Give a trace of the calls; what has no end ends with the last that is known of any."""
    drawing = _Drawing(records, naming or Naming())
    return {"traceEvents": drawing.events(), "displayTimeUnit": "ms"}


def pack(spans: Iterable[tuple[int, int]]) -> list[int]:
    """Give each span (begin, end), sorted by its begin, a lane, so that none of a lane overlap.

    The lowest free lane is taken, so there are as few of them as spans overlap at one moment.
    """
    lanes = []
    free: list[int] = []
    taken: list[tuple[int, int]] = []
    for begin, end in spans:
        while taken and taken[0][0] <= begin:
            heappush(free, heappop(taken)[1])
        lane = heappop(free) if free else len(taken)
        heappush(taken, (end, lane))
        lanes.append(lane)
    return lanes


@dataclass(frozen=True, slots=True)
class _Point:
    """A moment in a lane."""

    process: int
    thread: int
    at: int


class _Drawing:
    """Makes the events of one trace."""

    def __init__(self, records: Sequence[CallRecord], naming: Naming) -> None:
        self._records = sorted(records, key=lambda record: record.id)
        self._naming = naming
        self._names = {record.id: record.name for record in records} | dict(naming.calls)
        self._begin = min((record.submitted for record in records), default=0.0)
        self._last = max((time for record in records for time in _times(record)), default=0.0)
        self._starts: dict[int, _Point] = {}
        self._stops: dict[int, _Point] = {}

    def events(self) -> list[Json]:
        """Give the lanes' names, the slices, and the arrows."""
        owners = dict.fromkeys(record.owner for record in self._records)
        threads = count(len(owners) + 1)
        events: list[Json] = []
        for process, owner in enumerate(owners, start=1):
            name = self._naming.sessions.get(owner, owner)
            events.append(_metadata("process_name", process, process, {"name": name}))
            mine = [record for record in self._records if record.owner == owner]
            runs = [self._run(record) for record in mine if record.started is not None]
            waits = [[each] for record in mine for each in self._waits(record)]
            events += self._lanes(process, threads, "slot", runs)
            events += self._lanes(process, threads, "waiting", waits)
        return [*events, *self._arrows()]

    # -- slices --------------------------------------------------------------------------------

    def _at(self, time: float | None) -> int:
        return round(((self._last if time is None else time) - self._begin) * MICRO)

    def _run(self, record: CallRecord) -> list[_Slice]:
        """Give a run, and right behind it what it left unstopped."""
        name = self._names[record.id]
        begin = self._at(record.started)
        finish = max(self._at(record.finished), begin + 1)
        stop = self._at(record.stopped)
        run = _Slice(record, "run", name, begin, finish)
        if stop <= finish:
            return [run]
        return [run, _Slice(record, "linger", f"{name} has not stopped", finish, stop)]

    def _waits(self, record: CallRecord) -> Iterator[_Slice]:
        name = self._names[record.id]
        for wait in record.waits:
            begin, end = self._at(wait.since), self._at(wait.until)
            if end > begin:
                text = f"{name} waits: {waited_for(wait, self._names)}"
                yield _Slice(record, "wait", text, begin, end)
        if record.started is None and record.finished is not None:
            end = self._at(record.finished)
            yield _Slice(record, "not_run", f"{name}: {record.outcome}", end, end + 1)

    def _lanes(
        self, process: int, threads: Iterator[int], title: str, groups: list[list[_Slice]]
    ) -> Iterator[Json]:
        """Pack groups of slices into lanes; a group stays together."""
        groups = sorted(groups, key=lambda group: group[0].begin)
        lanes = pack((group[0].begin, group[-1].end) for group in groups)
        mine = [next(threads) for _ in range(max(lanes, default=-1) + 1)]
        for number, thread in enumerate(mine, start=1):
            yield _metadata("thread_name", process, thread, {"name": f"{title} {number}"})
            yield _metadata("thread_sort_index", process, thread, {"sort_index": thread})
        for group, lane in zip(groups, lanes, strict=True):
            for each in group:
                yield self._slice(each, process, mine[lane])

    def _slice(self, each: _Slice, process: int, thread: int) -> Json:
        call = each.record.id
        if each.category in {"run", "linger"}:
            self._starts.setdefault(call, _Point(process, thread, each.begin))
            self._stops[call] = _Point(process, thread, each.end - 1)
        colour = COLOURS[each.category]
        return {
            "name": each.name,
            "cat": each.category,
            "ph": "X",
            "ts": each.begin,
            "dur": each.end - each.begin,
            "pid": process,
            "tid": thread,
            "args": self._args(each.record),
            **({"cname": colour} if colour else {}),
        }

    def _args(self, record: CallRecord) -> Json:
        return {
            "tool": record.name,
            "input": self._naming.inputs.get(record.id, ""),
            "reads": ", ".join(sorted(map(_readable, record.access.reads))),
            "writes": ", ".join(sorted(map(_readable, record.access.writes))),
            "waits": ", ".join(waited_for(wait, self._names) for wait in record.waits),
            "outcome": record.outcome.value,
        }

    # -- arrows --------------------------------------------------------------------------------

    def _arrows(self) -> Iterator[Json]:
        """Draw who waited for whom; of several waits for one call, one arrow."""
        numbers = count(1)
        for record in self._records:
            other = self._starts.get(record.id)
            for call in dict.fromkeys(wait.call for wait in record.waits):
                one = None if call is None else self._stops.get(call)
                if one is not None and other is not None and one.at <= other.at:
                    common = {"name": "waited for", "cat": "order", "id": next(numbers)}
                    yield {**common, "ph": "s", **_place(one)}
                    yield {**common, "ph": "f", "bp": "e", **_place(other)}


def _place(point: _Point) -> Json:
    return {"ts": point.at, "pid": point.process, "tid": point.thread}


def _metadata(name: str, process: int, thread: int, args: Json) -> Json:
    return {"name": name, "ph": "M", "ts": 0, "pid": process, "tid": thread, "args": args}


def _readable(resource: Resource) -> str:
    if not resource:
        return "everything"
    kind, *parts = resource
    return f"{kind}:{'/'.join(parts).replace('//', '/')}"


def _times(record: CallRecord) -> list[float]:
    times = (record.submitted, record.ready, record.started, record.finished, record.stopped)
    return [time for time in times if time is not None]
