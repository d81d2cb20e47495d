"""The timeline as text."""

import asyncio
from dataclasses import replace

from scheduler import Access, CallRecord, Outcome, Wait, WaitKind
from scheduler.timeline import Span, draw, span
from tests.clock import run
from tests.scheduler.stage import FILE, OTHER, Stage


def test_a_line_per_call_shows_waiting_running_and_lingering():
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
            stage.call("beside", OTHER, run=linger, lane="narrow")
            stage.call("slot", lambda _: FILE, lane="narrow", lasts=0, owner="b")
            stage.call("denied", OTHER, approval=deny)
        await stage.scheduler.drained()
        return draw(stage.scheduler.records, width=20)

    assert run(main()).splitlines() == [
        "write  |==========          | 10.000 s",
        "again  |..........==========| 10.000 s, after order write",
        "beside |=====~~~~~          | 5.000 s",
        "slot   |..........=         | 0.000 s, after ticket write",
        "denied |.....               | not run: denied",
    ]


def test_nothing_is_drawn_of_nothing():
    assert draw([]) == ""


def ran(number, submitted, started, finished, **more):
    made = CallRecord(number, f"c{number}", "s", "l", 0, None, Access(), submitted)
    made.started, made.finished, made.stopped = started, finished, finished
    return replace(made, **{"outcome": Outcome.FINISHED, **more})


def test_what_has_no_end_is_drawn_up_to_the_last_that_is_known():
    lingers = ran(2, 0.0, 0.0, 4.0, stopped=None)
    runs = ran(3, 0.0, 2.0, None, waits=[Wait(WaitKind.LANE, 0.0, 2.0)])
    waits = ran(4, 4.0, None, None)
    drawn = draw([waits, runs, lingers, ran(1, 0.0, 0.0, 8.0)], width=8)
    assert drawn.splitlines() == [
        "c1 |========| 8.000 s",
        "c2 |====~~~~| 4.000 s, not stopped yet",
        "c3 |..======| no result yet, after lane, not stopped yet",
        "c4 |    ....| still waiting",
    ]


def test_labels_take_the_place_of_names_also_where_they_are_waited_for():
    waits = [Wait(WaitKind.ORDER, 0.0, 1.0, 1)]
    drawn = draw([ran(1, 0.0, 0.0, 1.0), ran(2, 0.0, 1.0, 2.0, waits=waits)], 2, {1: "first one"})
    assert drawn.splitlines() == [
        "first one |= | 1.000 s",
        "c2        |.=| 1.000 s, after order first one",
    ]


def test_a_span_counts_no_time_twice_none_between_calls_and_nested_calls_with_their_parents():
    records = [
        ran(1, 0.0, 0.0, 4.0),
        ran(2, 1.0, 2.0, 5.0),
        ran(3, 1.0, 1.0, 3.0, parent=1),
        ran(4, 10.0, 12.0, 13.0),
        ran(5, 2.0, None, 3.0, outcome=Outcome.DENIED),
    ]
    assert span(records) == Span(under_way=8.0, one_by_one=8.0)
    assert span(records[:2]).speedup == 7 / 5
    assert span([]) == Span(0.0, 0.0)
    assert span([]).speedup is None
