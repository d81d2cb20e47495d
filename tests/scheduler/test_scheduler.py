"""`submit`, seen from outside, on a virtual clock."""

import asyncio
import contextlib
import threading

import pytest

from scheduler import EVERYTHING, Access, NotRun, Outcome, Scheduler, WaitKind
from scheduler.work import in_thread, in_time
from tests.clock import run
from tests.scheduler.stage import FILE, LOOK, OTHER, Stage, is_clean, staged

LINK = frozenset({("link",)})


def answer(after, what):
    async def approval(_):
        await asyncio.sleep(after)
        return what

    return approval


class TestOrder:
    def test_a_call_without_a_conflict_overtakes_everything_that_waits(self):
        async def main(stage):
            stage.call("write a")
            stage.call("again a")
            stage.call("write b", OTHER)

        assert staged(main).began() == {"write": 0, "again": 10} | {"write": 0}

    def test_a_listing_waits_for_the_write_inside_and_holds_back_the_next(self):
        async def main(stage):
            stage.call("first", FILE)
            stage.call("list", LOOK)
            stage.call("second", OTHER)

        assert staged(main).began() == {"first": 0, "list": 10, "second": 20}

    def test_between_sessions_there_is_exclusion_but_no_queue_blocks_another(self):
        async def main(stage):
            stage.call("a1", FILE, owner="a")
            stage.call("a2", Access(writes=FILE.writes | OTHER.writes), owner="a")
            stage.call("b1", OTHER, owner="b", lasts=3)
            stage.call("b2", FILE, owner="b")

        stage = staged(main)
        assert stage.began() == {"a1": 0, "b1": 0, "b2": 10, "a2": 20}
        wait = stage.record("b2").waits[0]
        assert (wait.kind, wait.since, wait.until, wait.call) == (WaitKind.TICKET, 0, 10, 1)

    def test_a_call_can_be_told_to_wait_for_another(self):
        async def main(stage):
            first = stage.call("first")
            stage.call("second", OTHER, after=[first])

        stage = staged(main)
        assert stage.began() == {"first": 0, "second": 10}
        assert stage.record("second").after == (1,)

    def test_waiting_for_a_call_of_another_session_is_refused_and_leaves_nothing(self):
        async def main(stage):
            first = stage.call("first", owner="a")
            with pytest.raises(ValueError, match="belongs to session 'a'"):
                stage.call("second", owner="b", after=[first])

        assert [record.name for record in staged(main).scheduler.records] == ["first"]

    def test_a_closed_group_takes_no_call_and_nothing_is_entered(self):
        async def main(stage):
            async with asyncio.TaskGroup() as closed:
                pass
            with pytest.raises(RuntimeError, match="is finished"):
                stage.scheduler.submit(closed, asyncio.sleep, FILE, lane="l")

        staged(main)

    def test_keys_that_cannot_be_worked_out_at_first_are_the_callers_error(self):
        def broken(_):
            raise FileNotFoundError("a.py")

        async def main(stage):
            with pytest.raises(FileNotFoundError):
                stage.call("lost", broken)

        staged(main)


class TestApprovals:
    def test_only_what_conflicts_waits_for_the_answer(self):
        async def main(stage):
            stage.call("asked", FILE, approval=answer(50, True))
            stage.call("behind", FILE)
            stage.call("beside", OTHER)

        stage = staged(main)
        assert stage.began() == {"asked": 50, "behind": 60, "beside": 0}
        assert [wait.kind for wait in stage.record("asked").waits] == [WaitKind.APPROVAL]

    def test_all_are_asked_at_once_and_answered_in_any_order(self):
        async def main(stage):
            for number in range(5):
                stage.call(f"c{number}", FILE, approval=answer(50 - 10 * number, True))

        assert list(staged(main).began().values()) == [50, 60, 70, 80, 90]

    @pytest.mark.parametrize(
        ("said", "text"),
        [
            (False, "Not executed: it was denied."),
            ("not on a Friday", "Not executed: it was denied: not on a Friday."),
        ],
    )
    def test_a_denied_call_is_answered_and_those_behind_it_go_on(self, said, text):
        answers = []

        async def main(stage):
            stage.call("r1", LOOK, lasts=30)
            denied = stage.call("w2", FILE, approval=answer(5, said))
            stage.call("w3", FILE)
            answers.append(await denied)

        stage = staged(main)
        assert answers == [NotRun(Outcome.DENIED, text)]
        assert stage.began() == {"r1": 0, "w3": 30}

    def test_an_approval_that_fails_is_a_denial(self, caplog):
        async def broken(_):
            raise ConnectionError("the window was closed")

        async def main(stage):
            outcome = await stage.call("c", approval=broken)
            assert (
                outcome.text == "Not executed: it was denied: its approval could not be asked for."
            )

        staged(main)
        assert "the window was closed" in caplog.text

    def test_a_question_that_is_open_takes_no_ticket(self):
        async def main(stage):
            stage.call("asked", owner="a", approval=answer(50, True))
            stage.call("other", owner="b")

        assert staged(main).began() == {"other": 0, "asked": 50}


class TestLanes:
    def test_capacity_is_taken_last_so_a_full_lane_lets_nothing_overtake(self):
        async def main(stage):
            stage.call("full", OTHER, lane="narrow", lasts=30)
            stage.call("waits", FILE, lane="narrow")
            stage.call("behind", FILE, lane="free")

        stage = staged(main, limits={"narrow": 1})
        assert stage.began() == {"full": 0, "waits": 30, "behind": 40}

    def test_counts_and_times_are_kept_per_lane(self):
        async def main(stage):
            stage.call("one", OTHER, lane="narrow", lasts=30)
            stage.call("two", FILE, lane="narrow", lasts=5)
            await asyncio.sleep(1)
            lane = stage.scheduler.lanes()["narrow"]
            assert (lane.running, lane.waiting, lane.limit) == (1, 1, 1)

        lane = staged(main, limits={"narrow": 1}).scheduler.lanes()["narrow"]
        assert (lane.ran_calls, lane.waited, lane.busy, lane.longest) == (2, 30, 35, 30)


class TestNested:
    def test_a_nested_call_borrows_its_parents_slot_and_is_ordered_under_it(self):
        async def main(stage):
            async def parent(call):
                async with asyncio.TaskGroup() as inner:
                    stage.call("c1", FILE, lane="narrow", parent=call, tasks=inner)
                    stage.call("c2", FILE, lane="narrow", parent=call, tasks=inner)
                    stage.call("c3", OTHER, lane="narrow", parent=call, tasks=inner)

            stage.call("parent", EVERYTHING, lane="narrow", run=parent)
            stage.call("after", FILE)

        stage = staged(main, limits={"narrow": 1})
        # One slot for three: c2 waits for c1 by conflict, c3 for the slot, in request order.
        assert stage.began() == {"c1": 0, "c2": 10, "c3": 20, "after": 30}

    def test_a_nested_call_that_wants_more_than_its_parent_is_refused(self):
        async def main(stage):
            async def parent(call):
                async with asyncio.TaskGroup() as inner:
                    refused = stage.call("child", OTHER, parent=call, tasks=inner)
                return await refused

            outcome = await stage.call("parent", FILE, run=parent)
            assert outcome.reason is Outcome.NOT_COVERED
            assert "'child' would write file b" in outcome.text
            assert "'parent' did not ask for (write file a)" in outcome.text

        staged(main)

    def test_nothing_is_nested_in_a_call_that_has_ended(self):
        async def main(stage):
            seen = []

            async def parent(call):
                seen.append(call)

            await stage.call("parent", EVERYTHING, run=parent)
            outcome = await stage.call("late", FILE, parent=seen[0])
            assert outcome.reason is Outcome.PARENT_ENDED

        staged(main)

    def test_the_parent_keeps_its_place_until_its_children_have_stopped(self):
        async def main(stage):
            async def parent(call):
                def linger(child):
                    asyncio.get_running_loop().call_later(20, child.hold())
                    return asyncio.sleep(1)

                async with asyncio.TaskGroup() as inner:
                    stage.call("child", FILE, parent=call, tasks=inner, run=linger)

            stage.call("parent", EVERYTHING, run=parent)
            stage.call("after", FILE)

        stage = staged(main, grace=100)
        assert stage.began() == {"after": 20}
        assert (stage.record("parent").finished, stage.record("parent").stopped) == (1, 20)

    def test_a_nested_question_times_out(self):
        async def main(stage):
            async def parent(call):
                async with asyncio.TaskGroup() as inner:
                    asked = stage.call(
                        "child", FILE, parent=call, tasks=inner, approval=answer(1_000, True)
                    )
                return await asked

            outcome = await stage.call("parent", EVERYTHING, run=parent)
            assert outcome.reason is Outcome.QUESTION_TIMED_OUT
            assert "within 7 s" in outcome.text

        assert staged(main, question_timeout=7).record("parent").finished == 7


class TestStopping:
    def test_the_place_is_kept_until_the_work_has_stopped(self):
        async def main(stage):
            def over_time(call):
                asyncio.get_running_loop().call_later(25, call.hold())
                return asyncio.sleep(10, "timed out")

            assert await stage.call("slow", run=over_time) == "timed out"
            stage.note("answered")
            stage.call("next")

        stage = staged(main, grace=100)
        assert stage.diary[0] == (10, "answered")
        assert stage.began() == {"next": 25}

    def test_after_the_grace_conflicting_calls_are_answered_and_later_all_is_well_again(self):
        async def main(stage):
            def over_time(call):
                asyncio.get_running_loop().call_later(50, call.hold())
                return asyncio.sleep(10)

            stage.call("slow", run=over_time)
            waiting = stage.call("waiting")
            elsewhere = stage.call("elsewhere", LOOK, owner="b")
            stage.call("unrelated", Access(writes=frozenset({("browser",)})))
            outcome = await waiting
            stage.note("answered")
            assert (outcome.reason, (await elsewhere).reason) == (Outcome.RESOURCE_BUSY,) * 2
            assert "'waiting' needs what 'slow' still uses" in outcome.text
            assert (await stage.call("new")).reason is Outcome.RESOURCE_BUSY
            await asyncio.sleep(36)
            stage.call("well")

        stage = staged(main, grace=5)
        assert (15, "answered") in stage.diary
        assert stage.began() == {"unrelated": 0, "well": 51}

    def test_a_stuck_slot_is_replaced_then_the_lane_is_busy(self):
        async def main(stage):
            def stick(call):
                asyncio.get_running_loop().call_later(100, call.hold())
                return asyncio.sleep(1)

            nothing = Access()
            stage.call("stuck 1", nothing, lane="narrow", run=stick)
            stage.call("second", nothing, lane="narrow", lasts=1)
            stage.call("stuck 2", nothing, lane="narrow", run=stick)
            refused = stage.call("third", nothing, lane="narrow")
            outcome = await refused
            stage.note("answered")
            assert outcome.reason is Outcome.LANE_BUSY
            assert "all 1 slots of the lane 'narrow'" in outcome.text
            assert (await stage.call("fourth", nothing, lane="narrow")).reason is Outcome.LANE_BUSY
            await asyncio.sleep(100)
            stage.call("well", nothing, lane="narrow")

        stage = staged(main, limits={"narrow": 1}, grace=5)
        # The slot of "stuck 1" is replaced at 6; "second" and "stuck 2" use the new one.
        assert stage.began() == {"second": 6, "well": 113}
        assert (13, "answered") in stage.diary

    async def test_a_real_thread_that_outlives_its_timeout_keeps_its_place(self):
        gate, started = threading.Event(), threading.Event()
        answers = []

        async def hang(call):
            try:
                await in_time(call, in_thread(call, lambda: (started.set(), gate.wait())), 0.05, 1)
            except TimeoutError:
                return "timed out"

        async with asyncio.TaskGroup() as tasks:
            stage = Stage(tasks, grace=0.05)
            assert await stage.call("hang", run=hang) == "timed out"
            assert started.is_set()
            answers.append(await stage.call("conflicting"))
            assert [call.name for call in stage.scheduler.lingering()] == ["hang"]
            gate.set()
            await stage.scheduler.drained()
            answers.append(await stage.call("again", lasts=0))
        assert answers[0].reason is Outcome.RESOURCE_BUSY
        assert answers[1] == "again"
        assert is_clean(stage.scheduler)


class TestKeys:
    def test_changed_keys_give_back_the_ticket_and_void_the_approval(self):
        asked = []

        async def main(stage):
            target = ["a"]

            def keys(_):
                return Access(reads=LINK, writes=frozenset({("file", target[0])}))

            async def approve(access):
                asked.append(sorted(access.writes))
                return True

            async def move(_):
                await asyncio.sleep(10)
                target[0] = "b"

            stage.call(
                "move", Access(writes=frozenset({("link",)})), owner="x", moves=True, run=move
            )
            stage.call("through", keys, owner="y", approval=approve)
            stage.call("old", FILE, owner="z")
            stage.call("new", OTHER, owner="z", lasts=30)

        stage = staged(main)
        assert asked == [[("file", "a")], [("file", "b")]]
        # Asked again, it takes a new ticket behind "new", which had one by then.
        assert stage.began() == {"new": 0, "old": 0, "through": 30}

    def test_keys_that_fail_when_worked_out_again_stand_for_everything(self, caplog):
        async def main(stage):
            calls = []

            def keys(unsettled):
                calls.append(unsettled)
                if len(calls) > 1:
                    raise PermissionError("a.py")
                return FILE

            stage.call("move", FILE, moves=True)
            stage.call("keyed", keys)
            stage.call("other", OTHER, owner="b", lasts=20)
            assert calls == [FILE.writes]

        stage = staged(main)
        assert stage.began() == {"move": 0, "other": 0, "keyed": 20}
        assert "could not be worked out again" in caplog.text


class TestRecords:
    def test_a_record_says_when_it_was_where_and_whom_it_waited_for(self):
        async def main(stage):
            await asyncio.sleep(5)
            stage.call("first")
            stage.call("second", approval=answer(3, True))

        record = staged(main).record("second")
        times = (record.submitted, record.ready, record.started, record.finished, record.stopped)
        assert times == (5, 15, 15, 25, 25)
        assert [(w.kind, w.since, w.until, w.call) for w in record.waits] == [
            (WaitKind.ORDER, 5, 15, 1)
        ]
        assert record.outcome is Outcome.FINISHED

    def test_records_are_handed_out_as_calls_end_and_a_failing_listener_harms_nothing(self, caplog):
        names = []

        def listen(record):
            names.append(record.name)
            raise ValueError("listener")

        async def main(stage):
            stage.call("slow")
            stage.call("quick", OTHER, lasts=1)

        staged(main, on_record=listen)
        assert names == ["quick", "slow"]
        assert "on_record failed" in caplog.text

    def test_only_so_many_records_are_kept(self):
        async def main(stage):
            for number in range(5):
                stage.call(f"c{number}")

        stage = staged(main, keep_records=2)
        assert [record.name for record in stage.scheduler.records] == ["c3", "c4"]

    def test_a_run_that_raises_still_gives_its_place_back(self):
        async def fail(_):
            raise RuntimeError("a bug")

        async def main():
            scheduler = Scheduler()
            group = asyncio.TaskGroup()
            with contextlib.suppress(ExceptionGroup):
                async with group:
                    scheduler.submit(group, fail, FILE, lane="l")
                    scheduler.submit(group, lambda _: asyncio.sleep(1), FILE, lane="l")
            assert is_clean(scheduler)
            assert [record.outcome for record in scheduler.records] == [
                Outcome.FINISHED,
                Outcome.CANCELLED,
            ]

        run(main())
