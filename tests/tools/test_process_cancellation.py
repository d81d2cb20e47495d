"""A run is cancelled at every point where it can be, and leaves nothing."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any

import pytest

from tools import program
from tools.process import run

from .conftest import Lifeline, no_child_lives

MANY_ITERATIONS = 24

pytestmark = pytest.mark.usefixtures("no_descriptor_is_left")


class Interrupted:
    """Awaits a coroutine, and cancels the task around it at some of its suspensions.

    The cancellations before the last one must not end it: they come while it cleans up.
    """

    def __init__(self, work: Coroutine[Any, Any, Any], at: Callable[[int], bool]) -> None:
        self._work = work
        self._at = at
        self.suspensions = 0
        self.interrupted = False

    def __await__(self) -> Generator[Any, Any, Any]:
        task = asyncio.current_task()
        assert task is not None
        steps = self._work.__await__()
        resume: Callable[[], Any] = partial(next, steps)
        while True:
            try:
                awaited = resume()
            except StopIteration as end:
                return end.value
            self.suspensions += 1
            if self._at(self.suspensions):
                self.interrupted = True
                task.cancel()
            try:
                yield awaited
            except BaseException as error:  # noqa: BLE001  whatever is thrown in is passed on
                resume = partial(steps.throw, error)
            else:
                resume = partial(next, steps)


async def interrupt(work: Coroutine[Any, Any, Any], at: Callable[[int], bool]) -> Interrupted:
    """Run work in a task, cancelled at the given suspensions; it must end as such a task does."""
    driver = Interrupted(work, at)

    async def drive() -> Any:
        return await driver

    task = asyncio.create_task(drive())
    await asyncio.wait((task,))
    assert task.cancelled() == driver.interrupted
    return driver


SCRIPTS = {
    "it ends by itself": "echo hi",
    "it leaves a child with the pipes": "setsid sleep 1000 & sleep 1000 & echo hi",
    "it cannot be started": None,
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
@pytest.mark.parametrize("again", [False, True], ids=["once", "at every later one too"])
async def test_cancelled_at_any_suspension_it_leaves_nothing(
    script: str | None, again: bool, lifeline: Lifeline, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(program, "DRAIN_SECONDS", 0.05)
    command = ["sh", "-c", f"{lifeline.hold()}; {script}"] if script else ["/no/such/program"]
    number, interrupted = 0, True
    while interrupted:
        number += 1
        at = partial(int.__le__, number) if again else partial(int.__eq__, number)
        try:
            driver = await interrupt(run(command, input=b"x", grace=0.1), at)
        except OSError:
            break
        interrupted = driver.interrupted
        assert no_child_lives()
    await lifeline.is_dead()
    assert number > 1


@pytest.mark.parametrize("times", [1, 3])
async def test_cancelled_in_any_iteration_of_the_loop_it_leaves_nothing(
    times: int, lifeline: Lifeline
):
    command = ["sh", "-c", f"{lifeline.hold()}; setsid sleep 1000 & sleep 1000 & wait"]
    for iterations in range(MANY_ITERATIONS):
        task = asyncio.create_task(run(command, input=b"x" * 100_000))
        for _ in range(iterations):
            await asyncio.sleep(0)
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0)
        await asyncio.wait((task,))
        assert task.cancelled()
        assert no_child_lives()
    await lifeline.is_dead()


@pytest.mark.parametrize("iterations", range(0, MANY_ITERATIONS, 3))
def test_a_loop_that_is_torn_down_around_it_leaves_nothing(iterations: int, lifeline: Lifeline):
    command = ["sh", "-c", f"{lifeline.hold()}; setsid sleep 1000 & sleep 1000 & wait"]

    async def abandon() -> None:
        task = asyncio.create_task(run(command))
        for _ in range(iterations):
            await asyncio.sleep(0)
        assert not task.done()

    asyncio.run(abandon())

    assert no_child_lives()
    asyncio.run(lifeline.is_dead())


async def test_a_time_limit_around_it_is_told_apart_from_a_cancellation(lifeline: Lifeline):
    command = ["sh", "-c", f"{lifeline.hold()}; exec sleep 1000"]

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await run(command)

    await lifeline.is_dead()


async def test_one_cancelled_run_leaves_its_neighbours_alone():
    runs = [asyncio.create_task(run(["cat"], input=b"x" * 1_000_000)) for _ in range(10)]
    for task in runs[::2]:
        task.cancel()

    results = await asyncio.gather(*runs, return_exceptions=True)

    assert all(isinstance(result, asyncio.CancelledError) for result in results[::2])
    assert [getattr(result, "exit_code", None) for result in results[1::2]] == [0] * 5
