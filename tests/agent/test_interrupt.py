"""A turn is ended at every step of the event loop: the conversation stays sound, whatever was met.

`Play` runs one turn on the virtual clock, against a model and a store in memory, and does something
before a given step of the loop. Its turn has calls in every state: done, running, queued behind a
conflict, slow to stop, not fit to run; with effects and without.
"""

import asyncio
import contextlib
import itertools
import json
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from agent import Limits, RetryLimits
from agent import events as told
from agent.claude.checking import problem
from agent.dispatch import PATIENCE
from agent.errors import ConnectionFailedError, JournalError, StreamBrokenError
from agent.runtime import Agent
from agent.session.log import SessionLog
from agent.session.session import Session
from scheduler import Access, Scheduler
from tests.agent.claude import streams
from tests.agent.memory import MemoryStore, session_of
from tests.agent.scripted import ScriptedModel
from tests.clock import run
from tests.scheduler.stage import is_clean
from tests.scheduler.test_cancellation import SteppedClock
from tools import Registry, ToolClass, ToolContext, tool

THOUGHTS = [
    {"type": "thinking", "thinking": "Let me see.", "signature": "s1"},
    {"type": "thinking", "thinking": "", "signature": "s2"},
    {"type": "thinking", "thinking": "So it is.", "signature": "s3"},
]


def thinking(index, which):
    thought = THOUGHTS[which]
    return [
        streams.block(index, "thinking", thinking="", signature=""),
        streams.delta(index, "thinking_delta", thinking=thought["thinking"]),
        streams.delta(index, "signature_delta", signature=thought["signature"]),
        streams.stop(index),
    ]


def text(index, said):
    return [
        streams.block(index, "text", text=said[:1]),
        streams.delta(index, "text_delta", text=said[1:]),
        streams.stop(index),
    ]


def call(index, name, n, lasts):
    return [
        streams.call(index, name, id=f"{name}_{n}_{index}"),
        streams.part(index, json.dumps({"n": n, "lasts": lasts})),
        streams.stop(index),
    ]


WORK = [
    streams.start(),
    *thinking(0, 0),
    *text(1, "I look and act."),
    *call(2, "look", 1, 0),
    *call(3, "act", 1, 2),
    *call(4, "act", 1, 1),
    *call(5, "look", 2, 6),
    *thinking(6, 1),
    *call(7, "act", 2, 3),
    *call(8, "lock", 0, 0),
    *call(9, "look", 3, 1),
]
FIRST = [*WORK, streams.end("tool_use"), {"type": "message_stop"}]
SECOND = [streams.start(), *thinking(0, 2), *text(1, "Done."), streams.end("end_turn")]
MORE = [streams.start(), *thinking(0, 2), *call(1, "act", 7, 1), streams.end("tool_use")]


class PacedModel(ScriptedModel):
    """Lets the loop go on between any two events, and around the request.

    An exception at the end of a reply is raised there.
    """

    @asynccontextmanager
    async def stream(self, body, betas=()):
        await asyncio.sleep(0)
        async with super().stream(body, betas) as incoming:
            yield incoming
            await asyncio.sleep(0)

    async def _events(self, reply, sent):
        for event in reply:
            await asyncio.sleep(0)
            if isinstance(event, Exception):
                raise event
            for _ in sent.feed(event):
                pass
            yield [event]


class Diary:
    """What the tools did."""

    def __init__(self, unit: float = 1.0) -> None:
        self.began: list[str] = []
        self.done: list[str] = []
        self._unit = unit

    async def run(self, name: str, lasts: int, stops_in: int) -> str:
        self.began.append(name)
        try:
            await asyncio.sleep(lasts * self._unit)
        finally:
            await asyncio.sleep(stops_in * self._unit)
        self.done.append(name)
        return f"{name} is done"


@tool(ToolClass.NETWORK)
async def look(n: int, lasts: int, context: ToolContext) -> str:
    """Look at something."""
    return await context.service(Diary).run(f"look {n}", lasts, stops_in=0)


@tool(
    ToolClass.EXCLUSIVE,
    access=lambda given: Access(writes=frozenset({("thing", str(given["n"]))})),
    moves=False,
)
async def act(n: int, lasts: int, context: ToolContext) -> str:
    """Change something, and take time to stop when it is cancelled."""
    return await context.service(Diary).run(f"act {n}", lasts, stops_in=1)


TOOLS = [look, act]
Registry(TOOLS).definitions()  # imports pydantic here, not on a test's loop

LOST = ConnectionFailedError("nobody there")
BROKEN = StreamBrokenError("gone")

SCENARIOS = {
    "two replies": [FIRST, SECOND],
    "repeated and cut": [LOST, [*WORK, BROKEN], SECOND],
    "three replies": [FIRST, MORE, SECOND],
}


class Play:
    """One turn that something happens to before a step of the loop."""

    def __init__(self, replies):
        self.model = PacedModel(*replies, *[SECOND] * 3)
        self.tools = Diary()
        self.store = MemoryStore(sync=1)
        self.scheduler = Scheduler()
        self.session = None
        self.asker = None
        self.others = []
        self.events = []

    def at(self, step, happens):
        """Play it; give whether the turn was over before that step."""
        was_over = []

        def now():
            was_over.append(not self.session.is_running)
            if self.session.is_running:
                happens(self)

        with asyncio.Runner(loop_factory=lambda: SteppedClock(step, now)) as runner:
            runner.run(self.main())
        return was_over != [False]

    def prepare(self):
        limits = Limits(retry=RetryLimits(first=1.0))
        self.session = session_of(
            self.model, TOOLS, store=self.store, scheduler=self.scheduler, limits=limits
        )
        self.session._toolbox = replace(self.session._toolbox, services={Diary: self.tools})

    async def main(self):
        self.prepare()
        self.asker = self.task(self.session.ask("Go."))
        await asyncio.sleep(0)
        self.events = self.session._readers[0]._waiting  # nobody reads them: they stay there
        await asyncio.wait({self.asker})
        await self.session.idle()
        began = list(self.tools.began)
        self.check_end()
        await self.scheduler.drained()
        assert self.tools.began == began, "nothing starts once the turn is over"
        assert is_clean(self.scheduler)
        await asyncio.gather(*self.others)
        if self.session.is_closed:
            self.session = self.reopened()
        await self.check_next()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    def task(self, work):
        return asyncio.get_running_loop().create_task(work)

    @property
    def why(self):
        return self.events[-1].why

    def statuses(self):
        return {event.status for event in self.events if isinstance(event, told.ToolFinished)}

    # -- what has to be so ---------------------------------------------------------------------

    def check_end(self):
        history = self.session.history
        assert isinstance(self.events[-1], told.TurnFinished)
        assert self.why in {"interrupted", "end_turn"}
        assert self.asker.cancelled() or self.asker.result().stop_reason == self.why
        assert not history.is_open
        assert history.reply is None or history.reply.unanswered() == []
        assert state(history) == state(self.loaded())
        finished = Counter(e.id for e in self.events if isinstance(e, told.ToolFinished))
        assert set(finished.values()) <= {1}, "no call is answered twice"

    async def check_next(self):
        asked = len(self.model.bodies)
        answer = await self.session.ask("And?")
        assert (answer.stop_reason, answer.text) == ("end_turn", "Done.")
        assert self.model.problems == []
        assert [problem(body) for body in self.model.bodies] == [None] * len(self.model.bodies)
        assert self.model.bodies[asked]["messages"][-1]["content"][-1]["text"] == "And?"
        check_told(self.model.bodies[-1]["messages"], self.tools)
        assert state(self.session.history) == state(self.loaded())

    def loaded(self):
        return SessionLog(MemoryStore(), json.loads(json.dumps(self.store.entries))).history

    def reopened(self):
        was = self.session
        log = SessionLog(self.store, json.loads(json.dumps(self.store.entries)))
        return Session(
            log,
            was._server,
            was._toolbox,
            was._limits,
            tells_date=False,
            start=was._start,
            end=was._ending,
        )


def check_told(messages, diary):
    """Look at what the model was told of the calls: it is what happened."""
    blocks = [block for message in messages for block in message["content"]]
    assert all(block in THOUGHTS for block in blocks if block["type"] == "thinking")
    answers = {
        block["tool_use_id"]: block["content"][0]["text"]
        for block in blocks
        if block["type"] == "tool_result"
    }
    calls = [block for block in blocks if block["type"] == "tool_use"]
    assert [block["id"] for block in calls] == list(answers)
    begun = Counter(diary.began)
    for name in {named(block) for block in calls}:
        heard = [answers[block["id"]] for block in calls if named(block) == name]
        assert heard.count(f"{name} is done") <= diary.done.count(name)
        if name.startswith("act"):
            ran = [text for text in heard if not text.startswith("Not executed")]
            assert begun.pop(name, 0) <= len(ran), "each effect that began is told of"
    assert not [name for name in begun if name.startswith("act")]


def named(block):
    return f"{block['name']} {block['input']['n']}"


def state(history):
    """Give what a history says, to be compared with another."""
    reply = history.reply
    return (
        history.transcript.as_json(),
        history.pending,
        history.replies,
        history.is_open,
        reply and (reply.content(), reply.end, sorted(reply.intents)),
        reply and {place: result.content for place, result in reply.results.items()},
        history.last_turn,
    )


def at_every_step(replies, happens):
    """Play again and again, and let it happen before each step of the turn; give the plays."""
    plays = []
    for step in itertools.count(2):  # the session is there, and its turn has not had a step
        play = Play(replies)
        if play.at(step, happens):
            return plays
        plays.append(play)
    return plays


def interrupt(play):
    play.session.interrupt()


def interrupt_twice(play):
    play.session.interrupt()
    play.session.interrupt()


def cancel_the_asker(play):
    play.asker.cancel()


def close(play):
    play.others.append(play.session._start(play.session.close()))


def end_the_program(play):
    """Cancel the turn's own task, but neither before its first step nor in its last flush."""
    if play.session._loop._task is not None:
        play.session._running.cancel()


def send_another(play):
    play.session.interrupt()
    play.session.send("Also.")


HAPPENS = [
    ("two replies", interrupt),
    ("three replies", interrupt),
    ("repeated and cut", interrupt),
    ("two replies", interrupt_twice),
    ("repeated and cut", cancel_the_asker),
    ("three replies", close),
    ("repeated and cut", end_the_program),
    ("two replies", send_another),
]


@pytest.mark.parametrize(("scenario", "happens"), HAPPENS)
def test_a_turn_can_be_ended_at_every_step(scenario, happens):
    plays = at_every_step(SCENARIOS[scenario], happens)

    assert len(plays) > 60
    assert {play.why for play in plays} == {"interrupted", "end_turn"}, "it may be nearly over"
    statuses = set[str]().union(*(play.statuses() for play in plays))
    assert statuses == {"finished", "failed", "interrupted", "not_executed"}
    if happens is send_another:
        assert all("Also." in str(play.model.bodies[-1]) for play in plays)


def test_an_interrupted_reply_does_not_end_in_thinking_and_a_text_without_a_word():
    started = [streams.start(), *thinking(0, 0), streams.block(1, "text", text="")]
    said = [streams.delta(1, "text_delta", text="Done."), streams.end("end_turn")]

    assert at_every_step([[*started, *said]], interrupt)


def test_a_turn_whose_task_is_cancelled_before_its_first_step_is_told_as_over():
    Play(SCENARIOS["two replies"]).at(2, lambda play: play.session._running.cancel())


def test_a_turn_whose_task_is_cancelled_in_its_last_flush_is_told_as_over():
    def cancel_late(play):
        if play.session.history.last_turn is not None:
            play.session._running.cancel()

    at_every_step(SCENARIOS["two replies"], cancel_late)


def test_an_effect_that_waited_for_the_disk_is_told_as_not_executed():
    async def main():
        diary, store = Diary(), MemoryStore(sync=5)
        script = [streams.start(), *call(0, "act", 1, 9), streams.end("tool_use")]
        model = ScriptedModel(script, SECOND)
        session = session_of(model, TOOLS, store=store)
        session._toolbox = replace(session._toolbox, services={Diary: diary})
        turn = session.send("Go.")
        asyncio.get_running_loop().call_later(1, session.interrupt)
        result = await turn.result()
        assert diary.began == []
        return [(call.status, call.text.split(":")[0]) for call in result.calls]

    assert run(main()) == [("not_executed", "Not executed")]


def test_a_call_that_outlives_its_turn_is_not_heard_in_the_next() -> None:
    @tool(ToolClass.NETWORK)
    async def stay(context: ToolContext) -> str:
        """Do not stop at once."""
        loop = asyncio.get_running_loop()
        while loop.time() < PATIENCE + 3:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(PATIENCE + 3 - loop.time())
        context.progress("still here")
        return ""

    Registry([stay]).definitions()  # imports pydantic here, not on the loop
    script = [streams.start(), streams.call(0, "stay"), streams.stop(0), streams.end("tool_use")]

    async def slowly():
        await asyncio.sleep(PATIENCE + 9)
        yield SECOND

    async def main():
        session = session_of(ScriptedModel(script, slowly()), [stay])
        asyncio.get_running_loop().call_later(1, session.interrupt)
        assert (await session.ask("Go.")).stop_reason == "interrupted"
        return [event async for event in session.send("And?")]

    assert not [event for event in run(main()) if isinstance(event, told.ToolProgress)]


class FullDisk(MemoryStore):
    """Refuses one flush, and those that follow while it is full."""

    def __init__(self, refused):
        super().__init__(sync=1)
        self.refused = refused
        self.is_full = False

    async def flush(self):
        self.is_full = self.is_full or len(self.flushes) + 1 == self.refused
        await super().flush()
        if self.is_full:
            raise JournalError("the disk is full")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_turn_ends_at_every_flush_that_the_disk_refuses(scenario):
    def playing(refused):
        play = Play(SCENARIOS[scenario])
        play.store = FullDisk(refused)

        async def main():
            play.prepare()
            turn = play.session.send("Go.")
            result = await turn.result()
            play.store.is_full, play.store.refused = False, 0
            await play.scheduler.drained()
            if len(play.store.flushes) >= refused:
                assert (result.stop_reason, result.error) == ("unsaved", "the disk is full")
            await play.check_next()
            return result.stop_reason

        return run(main())

    whys = list(itertools.takewhile(lambda why: why != "end_turn", map(playing, range(1, 100))))
    assert whys == ["unsaved"] * len(whys)
    assert len(whys) > 5


def test_a_tool_that_does_not_stop_is_answered_and_keeps_its_place() -> None:
    begun = []

    @tool(ToolClass.EXCLUSIVE, access=lambda _: Access(writes=frozenset({("thing",)})))
    async def stay() -> str:
        """Do not stop."""
        begun.append(asyncio.get_running_loop().time())
        while asyncio.get_running_loop().time() < 100:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(100)
        return "stayed"

    Registry([stay]).definitions()  # imports pydantic here, not on the loop
    script = [streams.start(), streams.call(0, "stay"), streams.stop(0), streams.end("tool_use")]

    async def main():
        loop = asyncio.get_running_loop()
        scheduler = Scheduler(grace=10)
        model = ScriptedModel(script, script, SECOND, script, SECOND)
        session = session_of(model, [stay], scheduler=scheduler)
        loop.call_later(1, session.interrupt)
        first = await session.ask("Go.")
        assert loop.time() == 1 + PATIENCE
        second = await session.ask("Again.")
        assert begun == [0], "its place is kept"
        await scheduler.drained()
        third = await session.ask("And now?")
        assert model.problems == []
        assert is_clean(scheduler)
        return [turn.calls[0].status for turn in (first, second, third)]

    assert run(main()) == ["interrupted", "not_executed", "finished"]


async def test_an_agent_can_be_closed_at_every_event_of_a_turn(tmp_path):
    for number in itertools.count(1):
        diary, model = Diary(unit=0.0005), PacedModel(FIRST, SECOND, SECOND, SECOND)
        folder = tmp_path / str(number)
        agent = agent_of(model, diary, folder, tmp_path)
        turn = (await agent.session("s")).send("Go.")
        seen = 0
        async for _ in turn:
            seen += 1
            if seen == number:
                await agent.close()
        await agent.close()
        if seen < number:
            break
        began = list(diary.began)
        why = (await turn.result()).stop_reason

        async with agent_of(model, diary, folder, tmp_path) as again:
            session = await again.session("s")
            assert not session.history.is_open
            assert session.history.last_turn.why == why
            assert began == diary.began
            assert (await session.ask("And?")).text == "Done."
            assert model.problems == []
            check_told(model.bodies[-1]["messages"], diary)


def agent_of(model, diary, folder, workspace):
    return Agent(
        builtin_tools=False,
        model=model,
        workspace=workspace,
        data_dir=folder,
        tools=TOOLS,
        system="You work.",
        tells_date=False,
        services={Diary: diary},
    )
