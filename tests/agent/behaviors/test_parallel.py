"""Batches are worked at a few at a time, made as they are taken, and ended by the first failure."""

import asyncio

import pytest

from agent.behaviors.parallel import each
from agent.jobs.context import JobCancelledError


class Bench:
    """Batches that are made and done, and a gate that each of them waits at."""

    def __init__(self):
        self.made = []
        self.done = []
        self.gate = asyncio.Event()
        self.is_full = asyncio.Event()

    def batches(self, count, most):
        for number in range(count):
            self.made.append(number)
            if len(self.made) == most:
                self.is_full.set()
            yield [number] * 2

    async def do(self, batch):
        await self.gate.wait()
        self.done.append(batch[0])


async def test_no_more_batches_are_made_than_are_worked_at():
    bench = Bench()
    running = asyncio.create_task(each(bench.batches(10, most=3), bench.do, most=3))
    await bench.is_full.wait()
    for _ in range(10):
        await asyncio.sleep(0)
    assert (bench.made, bench.done) == ([0, 1, 2], [])
    bench.gate.set()
    await running
    assert sorted(bench.done) == [*range(10)]


async def test_what_is_done_is_told_as_a_sum_that_grows():
    bench = Bench()
    bench.gate.set()
    told = []
    await each(bench.batches(4, most=9), bench.do, most=2, report=told.append)
    assert told == [2, 4, 6, 8]


async def test_nothing_is_done_with_no_batches():
    bench = Bench()
    await each(bench.batches(0, most=9), bench.do, most=2)
    assert bench.done == []


@pytest.mark.parametrize("error", [ValueError("wrong"), JobCancelledError()])
async def test_the_first_failure_ends_the_others_and_is_raised_as_it_is(error):
    bench = Bench()
    ended = []

    async def do(batch):
        if batch[0] == 1:
            raise error
        try:
            await bench.gate.wait()
        finally:
            ended.append(batch[0])

    with pytest.raises(type(error)) as raised:
        await each(bench.batches(10, most=9), do, most=3)
    assert raised.value is error
    assert (sorted(ended), len(bench.made)) == ([0, 2], 3)


async def test_a_report_that_is_told_to_stop_ends_all():
    bench = Bench()
    bench.gate.set()

    def report(_):
        raise JobCancelledError

    with pytest.raises(JobCancelledError):
        await each(bench.batches(10, most=9), bench.do, most=1, report=report)
    assert bench.done == [0]
