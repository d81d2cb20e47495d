"""The queue of previews: one at a time, the latest wins, the last is never lost."""

import asyncio
import itertools

import pytest

from tests import clock
from tools.preview_queue import LatestWins

PATIENCE = 10.0


class Desk:
    """Work that takes the time that its item says, and what became of it."""

    def __init__(self):
        self.began = []
        self.ended = []
        self.at_once = 0
        self.most_at_once = 0
        self.cleans_up_for = 0.0
        self.queue = LatestWins(self.work, PATIENCE)

    async def work(self, item):
        name, seconds = item
        self.began.append(name)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(seconds)
        finally:
            await asyncio.sleep(self.cleans_up_for)
            self.at_once -= 1
        if name == "bad":
            raise ValueError(name)
        self.ended.append(name)
        return f"{name} done"


def now():
    return asyncio.get_running_loop().time()


def test_what_is_put_in_is_worked_on_and_answered():
    async def main():
        desk = Desk()
        assert await desk.queue.put(("a", 1)) == "a done"
        assert await desk.queue.put(("b", 1)) == "b done"
        assert (desk.began, repr(desk.queue)) == (["a", "b"], "<LatestWins idle, none waiting>")

    clock.run(main())


def test_of_a_burst_the_first_and_the_last_are_worked_on_and_the_rest_is_told_of_it():
    async def main():
        desk = Desk()
        first = desk.queue.put(("0", 1))
        await asyncio.sleep(0.5)
        rest = [desk.queue.put((str(n), 1)) for n in range(1, 50)]
        answers = await asyncio.gather(first, *rest)
        assert answers == ["0 done", *[None] * 48, "49 done"]
        assert (desk.began, desk.most_at_once, now()) == (["0", "49"], 1, 2.0)

    clock.run(main())


def test_of_those_that_come_at_once_only_the_last_is_worked_on():
    async def main():
        desk = Desk()
        answers = await asyncio.gather(*[desk.queue.put((str(n), 1)) for n in range(5)])
        assert (answers, desk.began) == ([None] * 4 + ["4 done"], ["4"])

    clock.run(main())


def test_a_slow_one_is_cut_short_for_a_later_one_when_its_patience_is_over():
    async def main():
        desk = Desk()
        desk.cleans_up_for = 2.0
        slow = desk.queue.put(("slow", 1_000))
        await asyncio.sleep(4)
        later = desk.queue.put(("later", 1))
        assert await slow is None
        assert now() == PATIENCE + 2
        assert await later == "later done"
        assert (desk.ended, desk.most_at_once) == (["later"], 1)

    clock.run(main())


def test_one_that_has_had_its_time_is_cut_short_at_once():
    async def main():
        desk = Desk()
        slow = desk.queue.put(("slow", 1_000))
        await asyncio.sleep(500)
        later = desk.queue.put(("later", 1))
        assert (await slow, await later, now()) == (None, "later done", 501.0)

    clock.run(main())


def test_nothing_is_cut_short_when_nothing_waits_any_more():
    async def main():
        desk = Desk()
        first = desk.queue.put(("first", 9))
        await asyncio.sleep(5)
        second = desk.queue.put(("second", 9))
        assert (await first, await second) == ("first done", "second done")
        assert now() == 18.0

    clock.run(main())


def test_a_stream_without_a_pause_lets_some_through_and_ends_with_its_last():
    async def main():
        desk = Desk()
        futures = []
        for n in range(100):
            futures.append(desk.queue.put((str(n), PATIENCE / 2)))
            await asyncio.sleep(1)
        answers = await asyncio.gather(*futures)
        assert len(desk.ended) == 21
        assert desk.ended[-1] == "99"
        assert [each for each in answers if each] == [f"{name} done" for name in desk.ended]

    clock.run(main())


def test_one_that_failed_is_told_and_the_next_is_worked_on():
    async def main():
        desk = Desk()
        bad = desk.queue.put(("bad", 1))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        good = desk.queue.put(("good", 1))
        with pytest.raises(ValueError, match="bad"):
            await bad
        assert await good == "good done"

    clock.run(main())


def test_the_last_is_worked_on_whoever_stopped_waiting():
    async def main():
        desk = Desk()
        running = desk.queue.put(("running", 5))
        await asyncio.sleep(1)
        waiting = desk.queue.put(("waiting", 5))
        running.cancel()
        waiting.cancel()
        await asyncio.sleep(20)
        assert desk.ended == ["running", "waiting"]

    clock.run(main())


def test_one_that_is_put_in_at_the_very_end_of_a_run_is_not_lost():
    """Whatever the loop does between the end of a run and the end of the queue's task."""

    async def main():
        for steps in range(12):
            desk = Desk()
            first = desk.queue.put(("first", 0))
            for _ in range(steps):
                await asyncio.sleep(0)
            second = desk.queue.put(("second", 0))
            await first
            assert await asyncio.wait_for(second, 5) == "second done", steps
            assert desk.most_at_once == 1

    clock.run(main())


def test_a_stopped_queue_drops_what_waits_cuts_short_what_runs_and_takes_nothing():
    async def main():
        desk = Desk()
        desk.cleans_up_for = 3.0
        running = desk.queue.put(("running", 100))
        await asyncio.sleep(1)
        waiting = desk.queue.put(("waiting", 1))
        await desk.queue.stop()
        assert (now(), desk.at_once, desk.began) == (4.0, 0, ["running"])
        late = desk.queue.put(("late", 1))
        assert [await running, await waiting, await late] == [None, None, None]
        await desk.queue.stop()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    clock.run(main())


@pytest.mark.parametrize("steps", range(4))
def test_a_queue_that_is_stopped_as_it_starts_leaves_no_task(steps):
    async def main():
        desk = Desk()
        future = desk.queue.put(("a", 5))
        for _ in itertools.repeat(None, steps):
            await asyncio.sleep(0)
        await desk.queue.stop()
        assert (await future, desk.ended) == (None, [])
        assert asyncio.all_tasks() == {asyncio.current_task()}

    clock.run(main())
