"""What a scheduler is given by mistake or in bad luck: it says so, and goes on."""

import asyncio
import gc
import weakref

import pytest

from scheduler import EVERYTHING, Access, Outcome, Scheduler
from tests.clock import run
from tests.scheduler.stage import FILE, LOOK, OTHER, Stage, staged

LINK = frozenset({("link",)})


class TestArguments:
    @pytest.mark.parametrize(
        ("terms", "message"),
        [
            ({"access": lambda _: asyncio.sleep(0)}, "access is an Access, or a plain function"),
            ({"access": lambda _: None}, "gives one; got None"),
            ({"owner": ["s"]}, r"owner is a string, the name of its session; got \['s'\]"),
            ({"priority": "high"}, "priority is a whole number, the higher the sooner; got 'high'"),
        ],
    )
    @pytest.mark.filterwarnings("ignore:coroutine 'sleep' was never awaited")
    def test_wrong_types_are_refused_before_anything_is_entered(self, terms, message):
        async def main(stage):
            stage.call("first", EVERYTHING)
            with pytest.raises(TypeError, match=message):
                stage.call("wrong", **{"access": FILE, **terms})

        assert list(staged(main).began()) == ["first"]


class TestApprovals:
    @pytest.mark.parametrize("cancel_it_later", [True, False])
    def test_an_approval_that_ends_cancelled_is_a_denial(self, cancel_it_later):
        async def main(stage):
            future = asyncio.get_running_loop().create_future()

            async def approval(_):
                return await future

            task = stage.call("asked", approval=approval)
            if cancel_it_later:
                asyncio.get_running_loop().call_later(5, future.cancel)
            else:
                future.cancel()
            assert (await task).reason is Outcome.DENIED

        staged(main)

    def test_a_voided_approval_that_swallows_its_cancellation_has_no_say(self):
        async def main(stage):
            target = ["a"]

            async def swallow(access):
                try:
                    await asyncio.sleep(20)
                except asyncio.CancelledError:
                    return True
                return "no" if ("file", "b") in access.writes else True

            async def move(_):
                await asyncio.sleep(10)
                target[0] = "b"

            def keys(_):
                return Access(reads=LINK, writes=frozenset({("file", target[0])}))

            stage.call("move", Access(writes=LINK), owner="x", moves=True, run=move)
            assert (await stage.call("asked", keys, approval=swallow)).reason is Outcome.DENIED

        staged(main)


class TestKeys:
    def test_keys_that_widen_wait_for_a_later_call_that_has_started(self):
        async def main(stage):
            seen = []

            def keys(_):
                seen.append(1)
                return FILE if len(seen) == 1 else EVERYTHING

            stage.call("move", FILE, moves=True)
            stage.call("keyed", keys)
            stage.call("later", Access(writes=frozenset({("browser",)})), lasts=100)

        # The declaration was not true, and the certificate says so; but nothing overlapped.
        assert staged(main, is_serial=False).began() == {"move": 0, "later": 0, "keyed": 100}

    def test_a_nested_move_is_refused_when_its_parent_does_not_move_things(self):
        async def main(stage):
            async def parent(call):
                async with asyncio.TaskGroup() as inner:
                    moved = Access(writes=LINK)
                    child = stage.call("child", moved, parent=call, tasks=inner, moves=True)
                return await child

            outcome = await stage.call("parent", Access(writes=LINK), run=parent)
            assert outcome.reason is Outcome.NOT_COVERED
            assert "was not submitted as one that moves things" in outcome.text

        staged(main)

    def test_what_a_nested_move_changed_is_seen_when_its_parent_ends(self):
        async def main(stage):
            target = ["a"]

            async def parent(call):
                async def move(_):
                    target[0] = "b"

                async with asyncio.TaskGroup() as inner:
                    moved = Access(writes=LINK)
                    stage.call("child", moved, run=move, parent=call, tasks=inner, moves=True)

            def keys(_):
                return Access(reads=LINK, writes=frozenset({("file", target[0])}))

            stage.call("parent", Access(writes=LINK), run=parent, moves=True)
            await stage.call("keyed", keys)
            assert stage.record("keyed").access.writes == OTHER.writes

        staged(main)

    def test_hundreds_of_movers_that_are_refused_at_once_do_not_go_over_the_recursion_limit(self):
        async def main(stage):
            target = ["a"]

            def linger(call):
                asyncio.get_running_loop().call_later(100, call.hold())
                return asyncio.sleep(1)

            async def move(_):
                await asyncio.sleep(20)
                target[0] = "b"

            def keys(_):
                return Access(reads=LINK, writes=frozenset({("file", target[0])}))

            stage.call("stuck", OTHER, owner="x", run=linger)
            stage.call("move", Access(writes=LINK), moves=True, run=move)
            calls = [stage.call(f"c{n}", keys, moves=True) for n in range(600)]
            await asyncio.wait(calls)
            assert {call.result().reason for call in calls} == {Outcome.RESOURCE_BUSY}

        staged(main, grace=5)


class TestNested:
    def test_hundreds_of_parents_in_each_other_that_have_all_ended_stop_in_turn(self):
        async def main(stage):
            def nest(depth):
                async def work(call):
                    if depth:
                        stage.call(f"n{depth}", EVERYTHING, run=nest(depth - 1), parent=call)
                    else:
                        await asyncio.sleep(10)

                return work

            stage.call("top", EVERYTHING, run=nest(700))

        assert staged(main, grace=1_000).record("top").stopped == 10

    def test_a_parent_that_waits_for_a_healthy_child_is_not_stuck(self):
        async def main(stage):
            async def parent(call):
                stage.call("child", FILE, lasts=60, parent=call)
                await asyncio.sleep(1)

            stage.call("parent", EVERYTHING, run=parent)
            stage.call("after", OTHER)

        assert staged(main, grace=5).began() == {"child": 0, "after": 60}

    def test_a_parent_whose_child_is_stuck_is_stuck_too(self):
        async def main(stage):
            def linger(call):
                asyncio.get_running_loop().call_later(100, call.hold())
                return asyncio.sleep(1)

            async def parent(call):
                stage.call("child", FILE, parent=call, run=linger)
                await asyncio.sleep(1)

            stage.call("parent", EVERYTHING, run=parent)
            assert (await stage.call("after", OTHER)).reason is Outcome.RESOURCE_BUSY

        staged(main, grace=5)

    def test_a_waiting_child_whose_parent_has_ended_leaves_once(self):
        async def main(stage):
            target = ["a"]

            async def move(_):
                await asyncio.sleep(10)
                target[0] = "b"

            def keys(_):
                return Access(reads=LINK, writes=frozenset({("file", target[0])}))

            async def parent(call):
                everything = {"parent": call}
                stage.call("move", Access(writes=LINK), moves=True, run=move, **everything)
                stage.children = [stage.call("keyed", keys, **everything)]
                await asyncio.sleep(1)

            await stage.call("parent", EVERYTHING, run=parent, moves=True)
            assert (await stage.children[0]).reason is Outcome.PARENT_ENDED

        staged(main, grace=50)


class TestWaiting:
    def test_whoever_was_told_to_wait_for_a_stuck_call_is_answered(self):
        async def main(stage):
            def linger(call):
                asyncio.get_running_loop().call_later(100, call.hold())
                return asyncio.sleep(1)

            stuck = stage.call("stuck", FILE, run=linger)
            told = stage.call("told", OTHER, after=[stuck])
            assert (await told).reason is Outcome.RESOURCE_BUSY
            assert (await stage.call("late", OTHER, after=[stuck])).reason is Outcome.RESOURCE_BUSY

        staged(main, grace=5)

    def test_a_listener_may_submit_and_drained_waits_for_that_too(self):
        async def main():
            async with asyncio.TaskGroup() as tasks:

                def again(record):
                    if record.name == "first":
                        stage.call("second", after=[first], tasks=tasks)

                stage = Stage(tasks, on_record=again)
                first = stage.call("first")
                await stage.scheduler.drained()
                assert stage.began() == {"first": 0, "second": 10}

        run(main())

    def test_together_may_be_nested(self):
        async def main(stage):
            with stage.scheduler.together():
                with stage.scheduler.together():
                    stage.call("low", Access(), lane="narrow")
                stage.call("high", Access(), lane="narrow", priority=1)

        assert list(staged(main, limits={"narrow": 1}).began()) == ["high", "low"]

    def test_a_backlog_that_was_overtaken_does_not_put_an_end_to_priorities(self):
        async def main(stage):
            for number in range(60):
                stage.call(f"bulk{number}", Access(), lane="narrow", lasts=1)
            for number in range(40):
                await asyncio.sleep(1)
                stage.call(f"urgent{number}", Access(), lane="narrow", lasts=1, priority=9)

        stage = staged(main, limits={"narrow": 1}, patience=4)
        waits = [
            record.started - record.submitted
            for record in stage.scheduler.records
            if record.name.startswith("urgent")
        ]
        assert max(waits) <= 12


# Since Python 3.12 a task may run its first step before the call that made it returns.
FACTORIES = [None, getattr(asyncio, "eager_task_factory", None)]


class TestFactories:
    @pytest.mark.parametrize("factory", FACTORIES)
    def test_a_task_that_runs_its_first_step_at_once_waits_like_others(self, factory):
        async def main(stage):
            asyncio.get_running_loop().set_task_factory(factory)
            for number in range(3):
                stage.call(f"c{number}", EVERYTHING)

        assert staged(main).began() == {"c0": 0, "c1": 10, "c2": 20}


class TestReadersOfEverything:
    def test_a_reader_of_everything_waits_for_a_write_however_often_the_index_was_empty(self):
        async def main(stage):
            everything = Access(reads=frozenset({()}))
            for owner, other in (("s", "s"), ("s", "t")):
                stage.call("keep", Access(), owner=owner, lasts=100)
                stage.call("w1", FILE, owner=owner, lasts=10)
                stage.call("r1", everything, owner=other, lasts=10)
                await asyncio.sleep(40)
                stage.call("w2", FILE, owner=owner, lasts=10)
                stage.call("r2", everything, owner=other, lasts=10)
                await asyncio.sleep(100)

        staged(main)


class TestMemory:
    def test_a_lane_that_is_never_empty_forgets_whom_it_served_for_their_patience(self):
        async def main(stage):
            stage.call("first", Access(), lane="narrow", lasts=1)
            stage.call("low", Access(), lane="narrow", lasts=1)
            for number in range(600):
                stage.call(f"c{number}", Access(), lane="narrow", lasts=1, priority=number % 2)
                await asyncio.sleep(1)
            lane = stage.scheduler._lanes["narrow"]
            held = sum(len(q) for owners in lane._queues.values() for q in owners.values())
            assert held < 50

        staged(main, limits={"narrow": 1}, patience=2)

    def test_an_ended_call_is_not_kept_by_those_that_waited_for_it(self):
        class Result:
            pass

        async def main():
            results = []

            async def work(_):
                result = Result()
                results.append(weakref.ref(result))
                return result

            scheduler = Scheduler(keep_records=1)
            async with asyncio.TaskGroup() as tasks:
                last = scheduler.submit(tasks, work, FILE, lane="l")
                for _ in range(50):
                    last = scheduler.submit(tasks, work, FILE, lane="l", after=[last])
            del last, tasks
            gc.collect()
            return sum(result() is not None for result in results)

        assert run(main()) <= 1

    def test_cancelled_waiters_are_let_go_while_the_lane_is_still_full(self):
        async def main(stage):
            stage.call("full", Access(), lane="narrow", lasts=50)
            waiting = [stage.call(f"w{n}", Access(), lane="narrow") for n in range(500)]
            for task in waiting[:-1]:
                task.cancel()
            await asyncio.sleep(1)
            lane = stage.scheduler._lanes["narrow"]
            assert lane.waiting == 1
            assert len(lane._arrivals) < 50

        staged(main, limits={"narrow": 1})


def test_two_looks_are_not_in_each_others_way():
    async def main(stage):
        stage.call("one", LOOK)
        stage.call("two", LOOK)

    assert staged(main).began() == {"one": 0, "two": 0}
