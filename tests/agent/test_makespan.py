"""On the virtual clock, exactly: a call starts at its safe point, or after what conflicts with it.

A unit of the clock is a millisecond. The stream's events have times; the physical bound is the time
of the last end when every call starts as soon as its block is known to be meant and every earlier
call that conflicts with it is over, and the next request leaves when stream and calls are over.
"""

import asyncio
import itertools
from random import Random

import pytest

from agent import events as told
from scheduler import Access, Scheduler, certify
from tests.agent.claude import streams
from tests.agent.memory import session_of
from tests.agent.scripted import ScriptedModel
from tests.clock import run
from tools import Effect, Registry, Tool, ToolClass
from tools.declaration import Declaration

BROWSER = frozenset({("browser", "s")})

ACCESS = {
    "read": lambda n: Access(reads=frozenset({("file", "/", f"{n}.py")})),
    "write": lambda n: Access(writes=frozenset({("file", "/", f"{n}.py")})),
    "mutate": lambda _: Access(writes=BROWSER),
    "look": lambda _: Access(reads=BROWSER),
    "shell": lambda _: Access(writes=frozenset({("file", "/")})),
    "fetch": lambda _: Access(),
}


def made(name):
    async def timed(n: int, lasts: int) -> str:
        """Take its time."""
        await asyncio.sleep(lasts)
        return f"{name} {n}"

    return Tool(
        timed,
        Declaration(
            ToolClass.EXCLUSIVE,
            name=name,
            access=lambda given: ACCESS[name](given["n"]),
            effect=Effect.NONE if name in {"read", "look", "fetch"} else Effect.EFFECTFUL,
            moves=False,
            timeout=None,
        ),
    )


TOOLS = [made(name) for name in ACCESS]
Registry(TOOLS).definitions()  # imports pydantic here, not on a test's loop

END = [
    streams.start(),
    streams.block(0, "text", text="ok"),
    streams.stop(0),
    streams.end("end_turn"),
]


async def timed_stream(calls, gap):
    """Stream a block every `gap`; a call is meant when the next block begins."""
    yield [streams.start()]
    for place, (name, n, lasts) in enumerate(calls):
        yield [streams.call(place, name)]
        await asyncio.sleep(gap)
        yield [streams.part(place, f'{{"n": {n}, "lasts": {lasts}}}'), streams.stop(place)]
    yield [streams.end("tool_use"), {"type": "message_stop"}]


def bound(calls, gap):
    """Give each call's start, and the time at which the next request can leave."""
    starts, ends = [], []
    for place, (name, n, lasts) in enumerate(calls):
        access = ACCESS[name](n)
        safe = gap * (place + 1)  # its own block's time; the next one begins at once
        before = [
            end
            for end, (other, m, _) in zip(ends, calls, strict=False)
            if ACCESS[other](m).conflicts_with(access)
        ]
        starts.append(max([safe, *before]))
        ends.append(starts[-1] + lasts)
    return starts, max([gap * len(calls), *ends])


def play(calls, gap):
    async def main():
        scheduler = Scheduler()
        model = ScriptedModel(timed_stream(calls, gap), END)
        session = session_of(model, TOOLS, scheduler=scheduler)
        loop = asyncio.get_running_loop()
        asked = []
        stream = model.stream

        def noted(body, betas=()):
            asked.append(loop.time())
            return stream(body, betas)

        model.stream = noted
        turn = session.send("go")
        events = [(loop.time(), event) async for event in turn]
        return events, asked, scheduler.records, model

    return run(main())


MIXED = [
    *(("read", n, 200) for n in range(5)),
    *(("mutate", n, 300) for n in range(3)),
    *(("look", n, 150) for n in range(2)),
    *(("write", 7, 100) for _ in range(2)),
]

WITH_SHELL = [
    ("write", 1, 50),
    ("read", 1, 50),
    ("shell", 0, 400),
    ("read", 2, 10),
    ("fetch", 0, 90),
]

LONG_FIRST = [("fetch", 0, 1000), ("read", 1, 50), ("read", 2, 50), ("write", 3, 50)]


def orders():
    mixed = [list(Random(seed).sample(MIXED, len(MIXED))) for seed in range(12)]
    shells = [
        list(order) for order in itertools.islice(itertools.permutations(WITH_SHELL), 0, 120, 12)
    ]
    return [MIXED, LONG_FIRST, *mixed, *shells]


@pytest.mark.parametrize("gap", [0, 7, 40])
@pytest.mark.parametrize("calls", orders(), ids=range(len(orders())))
def test_every_call_starts_as_soon_as_it_may_and_the_next_request_leaves_at_the_bound(calls, gap):
    events, asked, records, model = play(calls, gap)

    starts, end = bound(calls, gap)
    begun = {event.id: at for at, event in events if isinstance(event, told.ToolStarted)}
    assert [begun[f"0.{place}"] for place in range(len(calls))] == starts
    assert asked == [0, end]
    assert model.problems == []
    assert certify(records).is_serial
    results = model.bodies[1]["messages"][-1]["content"]
    assert [each["content"][0]["text"] for each in results] == [f"{c} {n}" for c, n, _ in calls]


def test_a_long_tool_first_runs_beside_the_stream_that_asks_for_the_others():
    events, asked, _, _ = play(LONG_FIRST, gap=300)

    begun = {event.id: at for at, event in events if isinstance(event, told.ToolStarted)}
    assert begun == {"0.0": 300, "0.1": 600, "0.2": 900, "0.3": 1200}
    assert asked == [0, 1300], "the long tool's end, 300 + 1000, is the bound"


def test_text_is_shown_while_tools_run():
    async def stream():
        yield [streams.start(), streams.call(0, "fetch"), streams.part(0, '{"n":0,"lasts":500}')]
        yield [streams.stop(0), streams.block(1, "text", text="")]
        for word in ("still", "here"):
            await asyncio.sleep(100)
            yield [streams.delta(1, "text_delta", text=word)]
        yield [streams.stop(1), streams.end("tool_use")]

    async def main():
        session = session_of(ScriptedModel(stream(), END), TOOLS)
        loop = asyncio.get_running_loop()
        return [(loop.time(), event) async for event in session.send("go")]

    events = run(main())
    shown = [(at, event.text) for at, event in events if isinstance(event, told.TextDelta)]
    assert shown == [(100, "still"), (200, "here"), (500, "ok")]
