"""The trace, held against the rules of the Trace Event Format that its viewers rely on."""

import asyncio
import json
from collections import defaultdict
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler import Access, CallRecord, Outcome, Wait, WaitKind
from scheduler.trace import COLOURS, Naming, as_trace, pack
from tests.clock import run
from tests.scheduler.stage import FILE, OTHER, Stage

REQUIRED = {
    "X": {"name", "cat", "ph", "ts", "dur", "pid", "tid", "args"},
    "M": {"name", "ph", "ts", "pid", "tid", "args"},
    "s": {"name", "cat", "ph", "id", "ts", "pid", "tid"},
    "f": {"name", "cat", "ph", "id", "bp", "ts", "pid", "tid"},
}
ALLOWED = {**REQUIRED, "X": REQUIRED["X"] | {"cname"}}
METADATA = {"process_name": "name", "thread_name": "name", "thread_sort_index": "sort_index"}


def check(trace):
    """Fail unless a strict viewer shows all of a trace; give its slices by lane."""
    trace = json.loads(json.dumps(trace, allow_nan=False))
    assert set(trace) == {"traceEvents", "displayTimeUnit"}
    assert trace["displayTimeUnit"] in {"ms", "ns"}
    events = trace["traceEvents"]
    for event in events:
        check_members(event)
    slices = nested(events)
    check_names(events, slices)
    check_arrows(events, slices)
    return slices


def check_members(event):
    assert REQUIRED[event["ph"]] <= set(event) <= ALLOWED[event["ph"]]
    assert isinstance(event["name"], str)
    for member in {"ts", "dur", "pid", "tid", "id"} & set(event):
        assert type(event[member]) is int
        assert event[member] >= 0
    assert min(event["pid"], event["tid"]) > 0  # 0 is the idle process
    if event["ph"] == "X":
        assert event["dur"] > 0
        assert event.get("cname") in set(COLOURS.values())
    if event["ph"] == "M":
        assert set(event["args"]) == {METADATA[event["name"]]}


def nested(events):
    """Give the slices of each lane in time; here they follow each other, which nests."""
    lanes = defaultdict(list)
    for event in events:
        if event["ph"] == "X":
            lanes[event["pid"], event["tid"]].append(event)
    for lane in lanes.values():
        assert lane == sorted(lane, key=lambda event: event["ts"])
        for one, other in pairwise(lane):
            assert one["ts"] + one["dur"] <= other["ts"]
    return lanes


def check_names(events, slices):
    named = [
        (event["pid"], event["tid"])
        for event in events
        if event["ph"] == "M" and event["name"] == "thread_name"
    ]
    assert sorted(named) == sorted(slices)
    numbers = [thread for _, thread in named]
    assert len(set(numbers)) == len(numbers)  # one viewer knows threads by this number alone
    processes = [event["pid"] for event in events if event["name"] == "process_name"]
    assert len(set(processes)) == len(processes)
    assert {process for process, _ in named} <= set(processes)
    assert set(processes).isdisjoint(numbers)


def check_arrows(events, slices):
    """See that each arrow has two ends, one after the other, each inside of one slice."""
    ends = defaultdict(list)
    for event in events:
        if event["ph"] in "sf":
            ends[event["cat"], event["name"], event["id"]].append(event)
            over = [each for each in slices[event["pid"], event["tid"]] if is_in(event, each)]
            assert len(over) == 1
            place = events.index(over[0])
            assert place < events.index(event)  # of the same moment, the slice is read first
    for start, finish in ends.values():
        assert (start["ph"], finish["ph"], finish["bp"]) == ("s", "f", "e")
        assert start["ts"] <= finish["ts"]


def is_in(event, each):
    return each["ts"] <= event["ts"] < each["ts"] + each["dur"]


def arrows(trace):
    """Give who waited for whom, by the names of the slices that the arrows' ends lie in."""
    lanes = check(trace)
    ends = defaultdict(list)
    for event in trace["traceEvents"]:
        if event["ph"] in "sf":
            lane = lanes[event["pid"], event["tid"]]
            ends[event["id"]] += [each["name"] for each in lane if is_in(event, each)]
    return [tuple(end) for end in ends.values()]


def lanes_of(trace):
    """Give the slices by the name of their lane, as (name, begin, microseconds)."""
    check(trace)
    events = trace["traceEvents"]
    names = {
        event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"
    }
    lanes = {name: [] for name in names.values()}
    for event in events:
        if event["ph"] == "X":
            lanes[names[event["tid"]]].append((event["name"], event["ts"], event["dur"]))
    return lanes


def staged():
    """Run a few calls, and give their records."""

    async def main():
        async with asyncio.TaskGroup() as tasks:
            stage = Stage(tasks, limits={"narrow": 1}, grace=100)

            def linger(call):
                asyncio.get_running_loop().call_later(10, call.hold())
                return asyncio.sleep(5)

            async def deny(_):
                await asyncio.sleep(5)
                return False

            stage.call("write", FILE, lasts=10)
            stage.call("again", FILE, lasts=10)
            stage.call("beside", OTHER, run=linger)
            stage.call("denied", OTHER, approval=deny)
            stage.call("last", OTHER, lasts=1)
        await stage.scheduler.drained()
        return stage.scheduler.records

    return run(main())


def test_runs_fill_the_fewest_slots_and_waits_lie_below_with_arrows_between():
    trace = as_trace(staged())
    second = 1_000_000
    assert lanes_of(trace) == {
        "slot 1": [("write", 0, 10 * second), ("again", 10 * second, 10 * second)],
        "slot 2": [
            ("beside", 0, 5 * second),
            ("beside has not stopped", 5 * second, 5 * second),
            ("last", 10 * second, second),
        ],
        "waiting 1": [("again waits: order write", 0, 10 * second)],
        "waiting 2": [
            ("denied waits: order beside", 0, 5 * second),
            ("denied: denied", 5 * second, 1),
        ],
        "waiting 3": [("last waits: order beside", 0, 10 * second)],
    }
    assert arrows(trace) == [("write", "again"), ("beside has not stopped", "last")]


def made(number, **members):
    """Make a record of a call that ran from 1 s to 2 s after it was submitted."""
    times = {"submitted": 5.0, "started": 6.0, "finished": 7.0, "stopped": 7.0}
    terms = {"owner": "s", "lane": "l", "priority": 0, "parent": None, "access": Access()}
    outcome = {"outcome": Outcome.FINISHED}
    return CallRecord(
        **{"id": number, "name": f"c{number}", **terms, **times, **outcome, **members}
    )


def test_a_slice_says_what_a_call_was_given_touched_waited_for_and_came_to():
    access = Access(
        reads=frozenset({("file", "/", "home", "a"), ("browser", "s")}), writes=frozenset({()})
    )
    waits = [Wait(WaitKind.ORDER, 5.0, 5.5, 1), Wait(WaitKind.LANE, 5.5, 6.0)]
    naming = Naming({"s": "notes"}, {1: "1 read", 2: "2 move"}, {2: '{"to": "a"}'})
    trace = as_trace([made(2, access=access, waits=waits), made(1)], naming)
    check(trace)
    (move,) = [event for event in trace["traceEvents"] if event["name"] == "2 move"]
    assert move["args"] == {
        "tool": "c2",
        "input": '{"to": "a"}',
        "reads": "browser:s, file:/home/a",
        "writes": "everything",
        "waits": "order 1 read, lane",
        "outcome": "finished",
    }
    (process,) = [event for event in trace["traceEvents"] if event["name"] == "process_name"]
    assert process["args"] == {"name": "notes"}


def test_sessions_are_processes_of_their_own():
    trace = as_trace([made(1, owner="a"), made(2, owner="b"), made(3, owner="a")])
    assert {lane: [each["name"] for each in slices] for lane, slices in check(trace).items()} == {
        (1, 3): ["c1"],
        (1, 4): ["c3"],
        (2, 5): ["c2"],
    }


def test_waits_have_a_colour_and_a_category_of_their_own():
    wait = Wait(WaitKind.ORDER, 5.0, 6.0, 9)
    denied = made(2, started=None, outcome=Outcome.DENIED)
    events = as_trace([made(1, waits=[wait]), denied])["traceEvents"]
    slices = [event for event in events if event["ph"] == "X"]
    assert [(each["name"], each["cat"], each.get("cname")) for each in slices] == [
        ("c1", "run", None),
        ("c1 waits: order", "wait", "grey"),
        ("c2: denied", "not_run", "terrible"),
    ]


UNFINISHED = [
    (
        {"finished": None, "stopped": None},
        {"slot 1": [("c1", 1_000_000, 4_000_000), ("last", 5_000_000, 1)]},
    ),
    (
        {"stopped": None},
        {
            "slot 1": [
                ("c1", 1_000_000, 1_000_000),
                ("c1 has not stopped", 2_000_000, 3_000_000),
                ("last", 5_000_000, 1),
            ]
        },
    ),
    (
        {"started": None, "finished": None, "stopped": None, "waits": [Wait(WaitKind.LANE, 5.5)]},
        {
            "slot 1": [("last", 5_000_000, 1)],
            "waiting 1": [("c1 waits: lane", 500_000, 4_500_000)],
        },
    ),
]


@pytest.mark.parametrize(("members", "lanes"), UNFINISHED)
def test_what_has_no_end_goes_on_to_the_last_that_is_known(members, lanes):
    last = made(2, name="last", started=10.0, finished=10.0, stopped=10.0)
    assert lanes_of(as_trace([made(1, **members), last])) == lanes


def test_a_run_of_no_time_is_seen_and_what_waited_for_it_too():
    first = made(1, submitted=0.0, started=0.0, finished=0.0, stopped=0.0)
    waits = [Wait(WaitKind.ORDER, 0.0, 0.0, 1)]
    second = made(2, submitted=0.0, started=0.0, finished=0.0, stopped=0.0, waits=waits)
    trace = as_trace([first, second])
    assert lanes_of(trace) == {"slot 1": [("c1", 0, 1)], "slot 2": [("c2", 0, 1)]}
    assert arrows(trace) == [("c1", "c2")]


def test_of_several_waits_for_one_call_there_is_one_arrow_and_none_for_one_that_is_not_here():
    waits = [Wait(WaitKind.ORDER, 5, 6, 1), Wait(WaitKind.TICKET, 6, 7, 1)]
    waits += [Wait(WaitKind.TICKET, 7, 8, 99), Wait(WaitKind.APPROVAL, 8, 9)]
    late = made(2, waits=waits, started=9.0, finished=9.5, stopped=9.5)
    assert arrows(as_trace([made(1), late])) == [("c1", "c2")]


def test_nothing_is_a_trace_too():
    assert as_trace([]) == {"traceEvents": [], "displayTimeUnit": "ms"}


SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 10)), max_size=12)


@given(SPANS)
@settings(max_examples=300, deadline=None)
def test_spans_are_packed_into_as_few_lanes_as_overlap_at_a_time(spans):
    spans = sorted((begin, begin + lasts) for begin, lasts in spans)
    lanes = pack(spans)
    for one, lane in zip(spans, lanes, strict=True):
        for other, its in zip(spans, lanes, strict=True):
            if one is not other and lane == its:
                assert one[1] <= other[0] or other[1] <= one[0]
    most = max((sum(b <= at < e for b, e in spans) for at in range(41)), default=0)
    assert len(set(lanes)) == most
    assert set(lanes) == set(range(most))


TIMES = st.lists(st.floats(0, 1e-5) | st.floats(0, 1e5), min_size=4, max_size=4).map(sorted)
KINDS = st.sampled_from(["ran", "lingers", "runs", "waits", "refused"])
CALLS = st.tuples(TIMES, KINDS, st.sampled_from("st"), st.lists(st.integers(0, 8), max_size=2))


def drawn(number, times, kind, owner, waited):
    """Make a record as the scheduler leaves it, at whatever point of its way."""
    submitted, started, finished, stopped = times
    waits = [Wait(WaitKind.ORDER, submitted, started, call) for call in waited if call != number]
    came = {"started": started, "finished": finished, "stopped": stopped}
    left = {
        "ran": {"stopped": finished},
        "lingers": {"stopped": None},
        "runs": {"finished": None, "stopped": None},
        "waits": {"started": None, "finished": None, "stopped": None},
        "refused": {"started": None, "stopped": finished, "outcome": Outcome.DENIED},
    }[kind]
    return made(number, submitted=submitted, owner=owner, waits=waits, **{**came, **left})


@given(st.lists(CALLS, max_size=8))
@settings(max_examples=300, deadline=None)
def test_whatever_happened_the_trace_is_valid_and_every_run_is_in_it(calls):
    records = [drawn(number, *call) for number, call in enumerate(calls)]
    slices = [each for lane in check(as_trace(records)).values() for each in lane]
    runs = [each["name"] for each in slices if each["cat"] == "run"]
    ran = [record.name for record in records if record.started is not None]
    assert sorted(runs) == sorted(ran)
