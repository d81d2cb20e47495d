"""What sessions share, and what they never wait for: the prompt's building, and the disk."""

import asyncio
import functools
import json

import pytest

from agent import Agent, runtime
from agent.claude.script import Call, Text, reply
from agent.events import TextDelta, ToolFinished, ToolStarted, TurnFinished
from prompts import PromptCache
from tests import clock
from tests.agent.crash_child import PlayedModel
from tests.agent.memory import MemoryStore, session_of
from tools import Effect, ToolClass, tool

# -- the prompt ---------------------------------------------------------------------------------


@pytest.fixture
def builds(monkeypatch):
    """Give the prompts that were built, in their order."""
    built = []

    def counted(wanted, *, build=runtime.build):
        built.append(build(wanted))
        return built[-1]

    monkeypatch.setattr(runtime, "build", counted)
    return built


def agent_in(folder, model, now):
    """Give an agent whose prompts age by `now`, a list of one number of seconds."""
    agent = Agent(
        builtin_tools=False,
        model=model,
        workspace=folder,
        data_dir=folder,
        profile="claude",
        tells_date=False,
    )
    agent._prompts = PromptCache(300.0, timer=lambda: now[0])
    return agent


async def sessions(agent, names):
    return await asyncio.gather(*(agent.session(str(name)) for name in names))


def prompt_of(body):
    return json.loads(body)["system"][0]["text"]


async def test_the_prompt_is_built_once_for_all_who_start_together_and_once_each_time_it_expires(
    builds, tmp_path
):
    now = [0.0]
    async with agent_in(tmp_path, PlayedModel(), now) as agent:
        first = await sessions(agent, range(50))
        assert len(builds) == 1
        assert {session.history.header.system for session in first} == set(builds)
        now[0] = 299.0
        await sessions(agent, range(50, 55))
        assert len(builds) == 1
        now[0] = 301.0
        await sessions(agent, range(55, 65))
        assert len(builds) == 2
        await sessions(agent, range(65))  # those that are there need none
        now[0] = 602.0
        await sessions(agent, range(65))
        assert len(builds) == 2


async def test_a_changed_prompt_is_for_new_sessions_once_the_old_one_expired(builds, tmp_path):
    (tmp_path / "AGENTS.md").write_text("Be brief.")
    now, model = [0.0], PlayedModel()
    async with agent_in(tmp_path, model, now) as agent:
        old = await agent.session("old")
        await old.ask("One.")
        (tmp_path / "AGENTS.md").write_text("Be long.")
        await (await agent.session("within its time")).ask("Two.")
        now[0] = 301.0
        await old.ask("Three.")
        await (await agent.session("new")).ask("Four.")
        await (await agent.sessions.fork("old", "fork")).ask("Five.")
    one, two, three, four, five = map(prompt_of, model.bodies)
    assert one == two == three == five == builds[0]
    assert four == builds[1]
    assert "Be long." in four
    head = model.bodies[0].partition(b'"messages"')[0]
    assert [body.startswith(head) for body in model.bodies] == [True, True, True, False, True]


async def test_sessions_of_one_agent_do_not_share_a_prompt_of_another_role(builds, tmp_path):
    async with agent_in(tmp_path, PlayedModel(), [0.0]) as agent:
        await agent.session("one")
    place = {"workspace": tmp_path, "data_dir": tmp_path, "builtin_tools": False}
    async with Agent(model=PlayedModel(), system="A poet.", **place) as agent:
        session = await agent.session("two")
    assert session.history.header.system.startswith("A poet.")
    assert len(builds) == 2


# -- the disk -----------------------------------------------------------------------------------

SYNC = 0.05
"""Seconds of the virtual clock that the slow disk takes for each sync."""

UNSEEN = pytest.approx(0, abs=1e-9)


async def work(path: str, seconds: float = 1.0) -> str:
    """Work for a while."""
    await asyncio.sleep(seconds)
    return path


READ = tool(ToolClass.LOCAL_READ, path="path", name="read")(work)
WRITE = tool(ToolClass.LOCAL_WRITE, path="path", name="write")(work)
PUT = tool(ToolClass.LOCAL_WRITE, path="path", name="put", effect=Effect.IDEMPOTENT)(work)
SHELL = tool(ToolClass.SHELL, name="shell")(work)
TOOLS = [READ, WRITE, PUT, SHELL]
DEFINED = [each.definition() for each in TOOLS]
"""Made here, since what that imports would hold up a loop."""


class TimedModel(PlayedModel):
    """Notes when each request leaves."""

    def __init__(self, *replies):
        super().__init__(*replies)
        self.instants = []

    def stream(self, body, betas=()):
        self.instants.append(asyncio.get_running_loop().time())
        return super().stream(body, betas)


def slowly(*parts):
    """Give a reply whose frames come a tenth of a second apart."""
    pause = functools.partial(asyncio.sleep, 0.1)
    return [each for frame in reply(*parts) for each in (pause, frame)]


def played(sync, *replies):
    """Run a turn; give when its requests left, its events with their instants, and its store."""
    model = TimedModel(*(slowly(*parts) for parts in replies))
    store = MemoryStore(sync)

    async def main():
        session = session_of(model, TOOLS, store=store)
        now = asyncio.get_running_loop().time
        return [(now(), event) async for event in session.send("Go.")]

    return model.instants, clock.run(main()), store


def at(events, kind):
    return [instant for instant, event in events if isinstance(event, kind)]


READS = [
    [Text("I look.", pieces=3), *(Call(f"r{n}", "read", {"path": f"{n}"}) for n in range(3))],
    [Text("And again."), Call("r4", "read", {"path": "4", "seconds": 0.01})],
    [Text("All is well.", pieces=4)],
]


def test_a_turn_of_reads_waits_for_the_disk_once_at_its_very_end():
    requests, events, instant = played(0, *READS)
    slow_requests, slow_events, slow = played(SYNC, *READS)
    assert slow_requests == requests
    assert len(requests) == 3
    kinds = [(when, type(event)) for when, event in events[:-1]]
    assert [(when, type(event)) for when, event in slow_events[:-1]] == kinds
    for kind in (TextDelta, ToolStarted, ToolFinished):
        assert at(slow_events, kind) == at(events, kind)
        assert at(events, kind)
    assert len(slow.flushes) == len(instant.flushes) == 1
    (end,), (slow_end,) = at(events, TurnFinished), at(slow_events, TurnFinished)
    assert slow_end - end - SYNC == UNSEEN


@pytest.mark.parametrize("name", ["write", "put", "shell"])
def test_a_call_with_an_effect_waits_for_its_intent_and_tells_its_result_when_it_is_safe(name):
    replies = [[Text("I act."), Call("w", name, {"path": "a"})], [Text("Done.", pieces=3)]]
    requests, events, _ = played(0, *replies)
    slow_requests, slow_events, slow = played(SYNC, *replies)

    (start,), (slow_start,) = at(events, ToolStarted), at(slow_events, ToolStarted)
    assert slow_start - start - SYNC == UNSEEN
    (end,), (slow_end,) = at(events, ToolFinished), at(slow_events, ToolFinished)
    assert slow_end - end - 2 * SYNC == UNSEEN
    delays = [late - early for early, late in zip(requests, slow_requests, strict=True)]
    assert delays == [UNSEEN, pytest.approx(2 * SYNC)]
    said, slow_said = at(events, TextDelta), at(slow_events, TextDelta)
    assert slow_said[0] == said[0]
    assert len(slow.flushes) == 3  # the intent, the result, the turn's end
    assert slow.flushes[0] == pytest.approx(start)
    assert slow.flushes[1] == pytest.approx(slow_end - SYNC)
    assert slow.flushes[2] == pytest.approx(at(slow_events, TurnFinished)[0] - SYNC)


def test_calls_with_effects_that_do_not_conflict_wait_for_the_disk_side_by_side():
    calls = [Call(f"w{n}", "write", {"path": f"{n}", "seconds": 3.0}) for n in range(4)]
    replies = [calls, [Text("Done.")]]
    requests, _, _ = played(0, *replies)
    slow_requests, _, slow = played(SYNC, *replies)
    assert slow_requests[1] - requests[1] == pytest.approx(2 * SYNC)
    assert len(slow.flushes) == 2 * len(calls) + 1


def test_what_has_no_effect_goes_on_while_an_intent_is_written():
    calls = [
        Call("w", "write", {"path": "a", "seconds": 0.5}),
        Call("r", "read", {"path": "b", "seconds": 0.5}),
    ]
    replies = [[*calls, Text("Both are on their way.", pieces=20)], [Text("Done.")]]
    _, events, _ = played(0, *replies)
    _, slow_events, _ = played(10 * SYNC, *replies)

    def of_read(events, kind):
        return [when for when, event in events if isinstance(event, kind) and event.name == "read"]

    for kind in (ToolStarted, ToolFinished):
        assert of_read(slow_events, kind) == pytest.approx(of_read(events, kind))
        assert of_read(events, kind)
    assert at(slow_events, TextDelta)[:20] == pytest.approx(at(events, TextDelta)[:20])


def test_a_result_that_is_not_yet_safe_keeps_nobody_from_starting_who_waited_for_the_place():
    calls = [Call("w1", "write", {"path": "a"}), Call("r1", "read", {"path": "a"})]
    _, events, _ = played(SYNC, [*calls], [Text("Done.")])
    finished = {event.name: when for when, event in events if isinstance(event, ToolFinished)}
    started = {event.name: when for when, event in events if isinstance(event, ToolStarted)}
    assert started["read"] == pytest.approx(finished["write"] - SYNC)
