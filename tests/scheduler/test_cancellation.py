"""Cancel at every step: afterwards nothing waits, nothing holds a slot, and later calls run."""

import asyncio
import contextlib
import gc

import pytest

from scheduler import EVERYTHING, ParallelExecutor, ToolTask
from tests.clock import VirtualClock
from tests.scheduler.stage import FILE, LOOK, OTHER, Stage, is_clean


class SteppedClock(VirtualClock):
    """Calls `at_step` before the given step of the loop."""

    def __init__(self, step, at_step):
        super().__init__()
        self.steps = 0
        self._step = step
        self._at_step = at_step

    def _run_once(self):
        if self.steps == self._step:
            self._at_step()
        self.steps += 1
        super()._run_once()


def cancelled_at(step, main):
    """Run `main()` and cancel its task before one step of the loop; say whether it had ended."""
    victim = []

    async def play():
        victim.append(asyncio.current_task())
        await main()

    def cancel():
        if victim:
            victim[0].cancel()

    clock = SteppedClock(step, cancel)
    with (
        asyncio.Runner(loop_factory=lambda: clock) as runner,
        contextlib.suppress(asyncio.CancelledError),
    ):
        runner.run(play())
    return clock.steps <= step


async def allow(_):
    await asyncio.sleep(2)
    return True


async def later_calls_run(scheduler):
    await scheduler.drained()
    assert is_clean(scheduler)
    async with asyncio.TaskGroup() as tasks:
        stage = Stage(tasks)
        stage.scheduler = scheduler
        last = stage.call("later", EVERYTHING, lane="narrow", lasts=1)
    assert last.result() == "later"
    assert is_clean(scheduler)


async def one_of_each():
    """Have calls in every state: waiting for order, approval, ticket, slot; running; lingering."""
    stage = None
    try:
        async with asyncio.TaskGroup() as tasks:
            stage = Stage(tasks, limits={"narrow": 1}, grace=3)

            async def parent(call):
                async with asyncio.TaskGroup() as inner:
                    for number in range(2):
                        stage.call(f"child {number}", FILE, lasts=2, parent=call, tasks=inner)
                    stage.call("asked child", OTHER, parent=call, tasks=inner, approval=allow)

            def linger(call):
                asyncio.get_running_loop().call_later(9, call.hold())
                return asyncio.sleep(4)

            stage.call("running", FILE, lasts=3, lane="narrow")
            stage.call("in order", FILE, lasts=1, moves=True)
            stage.call("asked", OTHER, approval=allow)
            stage.call("without a slot", OTHER, owner="b", lane="narrow", lasts=2)
            stage.call("with a later ticket", LOOK, owner="c", lasts=1)
            stage.call("lingering", lambda _: OTHER, owner="d", run=linger)
            stage.call("parent", EVERYTHING, owner="e", run=parent)
            await asyncio.sleep(1)
            stage.call("after all", EVERYTHING)
    finally:
        if stage is not None:
            task = asyncio.current_task()
            while task.uncancel():
                pass
            await later_calls_run(stage.scheduler)


def test_a_group_can_be_cancelled_at_every_step_of_its_calls():
    step = 0
    while not cancelled_at(step, one_of_each):
        step += 1
    assert step > 30


@pytest.mark.parametrize("victim", ["running", "in order", "asked", "without a slot", "lingering"])
def test_one_call_can_be_cancelled_in_every_state_and_the_others_go_on(victim):
    async def main(at):
        async with asyncio.TaskGroup() as tasks:
            stage = Stage(tasks, limits={"narrow": 1}, grace=100)

            def linger(call):
                asyncio.get_running_loop().call_later(9, call.hold())
                return asyncio.sleep(4)

            calls = {
                "running": stage.call("running", FILE, lasts=3, lane="narrow"),
                "in order": stage.call("in order", FILE, lasts=1),
                "asked": stage.call("asked", OTHER, approval=allow),
                "without a slot": stage.call("x", OTHER, owner="b", lane="narrow", lasts=2),
                "lingering": stage.call("lingering", OTHER, owner="d", run=linger),
            }
            asyncio.get_running_loop().call_later(at, calls[victim].cancel)
        await later_calls_run(stage.scheduler)
        assert all(call.done() for call in calls.values())
        return [name for name, call in calls.items() if call.cancelled()]

    for at in range(20):
        with asyncio.Runner(loop_factory=VirtualClock) as runner:
            assert runner.run(main(at)) in ([], [victim])


class Diary:
    def __init__(self):
        self.open = 0

    async def work(self, units):
        self.open += 1
        try:
            await asyncio.sleep(units)
        finally:
            try:
                await asyncio.sleep(1)
            finally:
                self.open -= 1


def test_a_batch_can_be_cancelled_at_every_step_and_its_work_has_ended_when_it_returns():
    async def main():
        diary = Diary()
        tasks = [
            ToolTask("slow", diary.work, {"units": 8}),
            ToolTask("over time", diary.work, {"units": 8}, timeout=2),
            ToolTask("after", diary.work, {"units": 2}, depends_on=["quick"]),
            ToolTask("quick", diary.work, {"units": 1}, access=FILE),
            ToolTask("never", diary.work, {"units": 1}, depends_on=["over time"]),
        ]
        executor = ParallelExecutor(max_concurrency=3)
        try:
            await executor.execute_with_dependencies(tasks)
        finally:
            assert diary.open == 0
            if executor.records:
                assert {task.status.value for task in tasks} <= {"completed", "failed", "cancelled"}
                assert all(task.result for task in tasks)

    step = 0
    while not cancelled_at(step, main):
        step += 1
    gc.collect()
    assert step > 15
