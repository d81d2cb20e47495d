"""The timeline as text."""

import asyncio

from scheduler.timeline import draw
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
