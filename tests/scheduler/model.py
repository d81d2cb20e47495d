"""A small world to run random batches in, and what must hold of every run.

The world is a dictionary of cells; a call reads the cells that its access covers when it starts and
writes what follows from them when it ends, so that any wrong order or overlap changes a value that
somebody sees. Time is in units of a virtual clock; all durations are whole, so that between two
units nothing is on its way.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from scheduler import Access, Call, Keys, NotRun, Outcome, Resource, Scheduler, certify
from scheduler.access import overlap
from tests.clock import run

CELLS: tuple[Resource, ...] = (
    ("file", "one", "a"),
    ("file", "one", "b"),
    ("file", "two", "a"),
    ("file", "link"),
    ("browser", "0"),
    ("browser", "1"),
)
LINK: Resource = ("file", "link")
FILES: Resource = ("file",)
END = 60
"""When whatever still waits for an answer that never comes is cancelled."""


@dataclass(frozen=True)
class Act:
    """One call of a batch."""

    session: int = 0
    reads: frozenset[Resource] = frozenset()
    writes: frozenset[Resource] = frozenset()
    at: int = 0
    """When it is submitted, after the act before it."""
    lasts: int = 1
    fails: bool = False
    cancel_after: int | None = None
    approval: tuple[str, int] | None = None
    """What is answered ("allow", "deny", "raise", "cancel" or "never") and after how long."""
    lingers: int = 0
    """How long its work goes on after its result is there."""
    link: str = ""
    """"move" repoints the link; "through" works on the file that the link points to."""
    lane: str = "free"
    priority: int = 0
    nested: "tuple[Act, ...]" = ()
    is_outlived: bool = False
    """Its nested calls go on when its own run has ended."""
    waits_for_last: bool = False
    """Told to wait for the act before it, if that is of its session, whatever the two touch."""


@dataclass(frozen=True)
class Effect:
    """What one call did, so that it can be done again one by one."""

    request: tuple[int, ...]
    """Its place in request order: its parent's first."""
    session: int
    act: Act
    start_tick: int
    result: Any


@dataclass
class World:
    """The cells; `private` gives each session cells of its own."""

    private: bool
    sessions: int
    cells: dict[Resource, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for session in range(self.sessions):
            for cell in CELLS:
                self.cells[self.at(session, cell)] = "one" if cell == LINK else 0

    def at(self, session: int, resource: Resource) -> Resource:
        return (f"session {session}", *resource) if self.private else resource

    def access(self, act: Act, session: int) -> Access:
        return Access(
            reads=frozenset(self.at(session, each) for each in act.reads),
            writes=frozenset(self.at(session, each) for each in act.writes),
        )

    def target(self, session: int) -> Resource:
        return self.at(session, (*FILES, self.cells[self.at(session, LINK)], "a"))

    def footprint(self, act: Act, session: int) -> Access:
        """Give what the act really touches now."""
        link = self.at(session, LINK)
        if act.link == "move":
            return Access(writes=frozenset({link}))
        if act.link == "through":
            return Access(reads=frozenset({link}), writes=frozenset({self.target(session)}))
        return self.access(act, session)

    def look(self, access: Access) -> dict[Resource, Any]:
        both = access.reads | access.writes
        return {
            cell: value
            for cell, value in self.cells.items()
            if any(overlap(cell, each) for each in both)
        }

    def perform(self, act: Act, session: int, seen: dict[Resource, Any]) -> Any:
        """Write what follows from what the act saw; give its result."""
        access = self.footprint(act, session)
        value = hash((act, tuple(sorted(seen.items()))))
        for cell in seen:
            if not any(overlap(cell, each) for each in access.writes):
                continue
            if cell[-1] != "link":
                self.cells[cell] = hash((value, cell))
            elif act.link == "move":
                self.cells[cell] = "two" if self.cells[cell] == "one" else "one"
        return ("failed" if act.fails else "done", value)


class Play:
    """One run of a batch, and the checks that hold in the middle of it."""

    def __init__(self, acts: tuple[Act, ...], *, private: bool, make: type[Scheduler]) -> None:
        self.acts = acts
        sessions = 1 + max((act.session for act in acts), default=0)
        self.world = World(private, sessions)
        self.scheduler = make({"narrow": 1, "wide": 2}, grace=3, patience=2, question_timeout=5)
        self.effects: list[Effect] = []
        self.running: dict[Call, Access] = {}
        self.requests: dict[int, tuple[int, ...]] = {}
        self.calls: asyncio.TaskGroup

    async def go(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            watch = tasks.create_task(self.watch())
            last: tuple[int, asyncio.Task[Any]] | None = None
            async with asyncio.TaskGroup() as calls:
                self.calls = calls
                for act in self.acts:
                    await asyncio.sleep(act.at)
                    after = (
                        [last[1]] if act.waits_for_last and last and last[0] == act.session else []
                    )
                    last = act.session, self.submit(calls, act, act.session, after=after)
            await self.scheduler.drained()
            watch.cancel()

    def submit(
        self,
        tasks: asyncio.TaskGroup,
        act: Act,
        session: int,
        *,
        owner: str | None = None,
        parent: Call | None = None,
        after: list["asyncio.Task[Any]"] | None = None,
    ) -> "asyncio.Task[Any]":
        task = self.scheduler.submit(
            tasks,
            lambda call: self.perform(call, act, session),
            self.declared(act, session),
            lane=act.lane,
            owner=owner or f"session {session}",
            priority=act.priority,
            approval=None if act.approval is None else lambda _: self.answer(act),
            parent=parent,
            after=after or (),
            moves=act.link == "move" or any(inner.link == "move" for inner in act.nested),
        )
        loop = asyncio.get_running_loop()
        if act.cancel_after is not None:
            loop.call_later(act.cancel_after, task.cancel)
        if act.approval is not None and act.approval[0] == "never":
            loop.call_at(END, task.cancel)
        return task

    def declared(self, act: Act, session: int) -> Access | Keys:
        if act.link != "through":
            return self.world.footprint(act, session)
        link = self.world.at(session, LINK)

        def keys(unsettled: frozenset[Resource]) -> Access:
            if any(overlap(link, each) for each in unsettled):
                everything = frozenset({self.world.at(session, FILES)})
                return Access(reads=frozenset({link}), writes=everything)
            return self.world.footprint(act, session)

        return keys

    async def answer(self, act: Act) -> bool | str:
        assert act.approval is not None
        answer, delay = act.approval
        if answer == "never":
            await asyncio.get_running_loop().create_future()
        await asyncio.sleep(delay)
        if answer == "cancel":
            raise asyncio.CancelledError
        if answer == "raise":
            raise ConnectionError("the person left")
        return True if answer == "allow" else "no"

    async def perform(self, call: Call, act: Act, session: int) -> Any:
        self.enter(call, act, session)
        if act.nested:
            return await self.perform_with_nested(call, act, session)
        done = asyncio.get_running_loop().create_future()
        leave = call.hold()
        seen = self.world.look(self.world.footprint(act, session))

        def end() -> None:
            if not leave_without.cancelled():
                self.note(call, act, session, seen)
            self.leave(call)
            leave()
            if not done.done():
                done.set_result(None)

        leave_without: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(act.lasts + act.lingers, end)
        try:
            if not act.lingers:
                await done
            else:
                await asyncio.sleep(act.lasts)
        except asyncio.CancelledError:
            if not act.lingers:
                leave_without.cancel()
            raise
        return "over its time" if act.lingers else self.effects[-1].result

    async def perform_with_nested(self, call: Call, act: Act, session: int) -> Any:
        """Have the own effect at once, so that those of the nested calls come after it."""
        result = self.note(call, act, session, self.world.look(self.world.footprint(act, session)))
        try:
            if act.is_outlived:
                self.submit_nested(self.calls, call, act, session)
                await asyncio.sleep(act.lasts)
            else:
                async with asyncio.TaskGroup() as tasks:
                    self.submit_nested(tasks, call, act, session)
                    await asyncio.sleep(act.lasts)
        finally:
            self.leave(call)
        return result

    def submit_nested(self, tasks: asyncio.TaskGroup, call: Call, act: Act, session: int) -> None:
        for number, inner in enumerate(act.nested):
            # Between two sub-sessions there is exclusion only; in a private world all nested calls
            # are of one, and so in request order.
            owner = f"{call.owner}/{0 if self.world.private else number % 2}"
            self.submit(tasks, inner, session, owner=owner, parent=call)

    def enter(self, call: Call, act: Act, session: int) -> None:
        real = self.world.footprint(act, session)
        assert call.access.covers(real), "it started with stale keys"
        for other, access in self.running.items():
            if other.home is call.home:
                assert not access.conflicts_with(real), f"{call} beside {other}"
        self.running[call] = real
        parent = call.home.parent
        request = (call.id,) if parent is None else (*self.requests[parent.id], call.id)
        self.requests[call.id] = request

    def leave(self, call: Call) -> None:
        del self.running[call]

    def note(self, call: Call, act: Act, session: int, seen: dict[Resource, Any]) -> Any:
        assert self.world.look(self.world.footprint(act, session)) == seen, "changed under its feet"
        result = self.world.perform(act, session, seen)
        tick = call.record.start_tick
        assert tick is not None
        self.effects.append(Effect(self.requests[call.id], session, act, tick, result))
        return result

    # -- what must hold ------------------------------------------------------------------------

    async def watch(self) -> None:
        """Between the units, when nothing is on its way, look for calls that wait for nothing."""
        await asyncio.sleep(0.5)
        while True:
            for call in self.scheduler._unstopped:
                assert not call.is_waiting or self.reason(call), f"{call} waits for nothing"
            await asyncio.sleep(1)

    def reason(self, call: Call) -> str:
        for other in self.scheduler._unstopped:
            if other.home is call.home and other is not call:
                conflict = other.access.conflicts_with(call.access)
                first = other.id < call.id or other.place.fixed
                if other.owner == call.owner and first and conflict:
                    return "order"
                if other.id in call.record.after:
                    return "after"
                if other.owner != call.owner and other.ticket is not None and conflict:
                    return "ticket"
        if not call.approved:
            return "approval"
        return "" if any(lane.has_slot for lane in call.lanes()) else "lane"

    def check(self) -> None:
        """Check what must hold when all is over."""
        admission = self.scheduler._admission
        assert not self.running
        assert not admission.root.orders, "a session's queue is not empty"
        assert not admission.root.tickets._order._index, "the tickets' index is not empty"
        assert not len(admission.root.tickets)
        assert not admission.root.live
        for lane in self.scheduler.lanes().values():
            assert (lane.running, lane.waiting, lane.stuck) == (0, 0, 0)
        assert all(record.outcome is not Outcome.WAITING for record in self.scheduler.records)
        certificate = certify(self.scheduler.records)
        assert certificate.is_serial, str(certificate)
        self.again(sorted(self.effects, key=lambda effect: effect.start_tick))
        if self.world.private:
            self.again(sorted(self.effects, key=lambda effect: effect.request))

    def again(self, effects: list[Effect]) -> None:
        """Do everything once more, one by one in this order, and compare."""
        world = World(self.world.private, self.world.sessions)
        for effect in effects:
            seen = world.look(world.footprint(effect.act, effect.session))
            result = world.perform(effect.act, effect.session, seen)
            assert result == effect.result, f"{effect} gave another result one by one"
        assert world.cells == self.world.cells, "the final state is not that of the serial run"


def play(
    acts: tuple[Act, ...], *, private: bool = False, make: type[Scheduler] = Scheduler
) -> Play:
    """Run a batch on a virtual clock and check everything that must hold."""
    game = Play(acts, private=private, make=make)
    run(game.go())
    game.check()
    return game


__all__ = ["Act", "NotRun", "Play", "play"]
