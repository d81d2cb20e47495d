"""The scheduler: the thin asynchronous shell around `Admission`.

`submit` fixes the call's place at once and gives a task; the task waits until the decision lets it
start, awaits the run, and returns its result, or a `NotRun`. The rules that this file keeps:

- everything happens on one event loop, and no operation awaits between reading and changing state;
- the place is released from the task's done-callback: a task that is cancelled before its first
  step never reaches a `finally` of its own;
- nothing here raises into the caller's task group.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from scheduler import refusals
from scheduler.access import Access
from scheduler.admission import Admission
from scheduler.arguments import check, guarded
from scheduler.call import Call, Keys, Scope, TaskHome
from scheduler.lanes import PATIENCE, Lane
from scheduler.questions import Approval, Questions, forget
from scheduler.records import CallRecord, LaneStats, NotRun, Outcome

T = TypeVar("T")

log = logging.getLogger(__name__)


class Scheduler:
    """Runs calls: those that do not conflict together, those that do in order.

    Args:
        limits: how many calls of a lane run at a time; a lane that is not named has no limit.
        grace: seconds that an ended call may take to stop before its resources count as busy.
        patience: how often a call that waits for a slot may be overtaken.
        question_timeout: seconds after which an unanswered question of a nested call is a denial.
        keep_records: how many records of ended calls `records` keeps.
        on_record: called with the record of each call that has stopped or was not run.
    """

    def __init__(
        self,
        limits: Mapping[str, int] | None = None,
        *,
        grace: float = 5.0,
        patience: int = PATIENCE,
        question_timeout: float = 300.0,
        keep_records: int = 10_000,
        on_record: Callable[[CallRecord], None] | None = None,
    ) -> None:
        self.grace = grace
        self._patience = patience
        self._on_record = on_record
        self._admission = Admission()
        self._questions = Questions(self._admission, self._act, question_timeout)
        self._lanes: dict[str, Lane[Call]] = {}
        self._stats: dict[str, LaneStats] = {}
        for name, limit in (limits or {}).items():
            self._add_lane(name, limit)
        self._calls: dict[asyncio.Task[Any], Call] = {}
        self._unstopped: dict[Call, None] = {}
        self._ended: deque[CallRecord] = deque(maxlen=keep_records)
        self._submitted = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def __repr__(self) -> str:
        waiting = sum(call.is_waiting for call in self._unstopped)
        return f"<Scheduler {waiting} waiting, {len(self._unstopped) - waiting} running>"

    def submit(
        self,
        tasks: TaskHome,
        run: Callable[[Call], Awaitable[T]],
        access: Access | Keys,
        *,
        lane: str,
        owner: str = "",
        priority: int = 0,
        name: str = "",
        approval: Approval | None = None,
        parent: Call | None = None,
        after: Iterable["asyncio.Task[Any]"] = (),
        moves: bool = False,
    ) -> "asyncio.Task[T | NotRun]":
        """Fix a call's place now and run it as soon as it may; give its task.

        `run` turns its own failures into results, since a task that raises cancels its group.

        Args:
            tasks: the task group that the task lives in, or what makes tasks like one.
            run: what to do; it receives the call, to hold its place or to nest calls in it.
            access: what it touches, or a function that works that out (see `Keys`).
            lane: where its capacity is counted.
            owner: its session; order is kept within one, and only exclusion between two.
            priority: among calls that wait for a slot, the higher goes first.
            name: for records and messages; the lane's name when not given.
            approval: asks whether it may run; it takes no ticket before the answer.
            parent: the running call that this one is a part of; the parent's access covers it.
            after: tasks of the same session and parent that have to stop first; those that are
                over already count as that.
            moves: whether it may change what paths mean (a move, a delete, a shell command); when
                it ends, the keys of waiting calls are worked out again. Nested calls may move
                things only if their parent does.

        Raises:
            ValueError: `after` names a task of another session or parent.
            TypeError: `access` does not give an `Access`, or `owner` or `priority` is no such.
        """
        self._admission.clock = asyncio.get_running_loop().time
        home = self._admission.root if parent is None else _inner(parent)
        check(owner, str, "owner is a string, the name of its session")
        check(priority, int, "priority is a whole number, the higher the sooner")
        first = self._earlier(after, home, owner) if after else []
        known = access if isinstance(access, Access) else self._work_out(access, home, owner)
        call = self._enter(
            CallRecord(
                id=self._submitted + 1,
                name=name or lane,
                owner=owner,
                lane=lane,
                priority=priority,
                parent=None if parent is None else parent.id,
                access=known,
                submitted=self._admission.clock(),
                after=tuple([other.id for other in first]),
            ),
            home,
        )
        call.keys = None if isinstance(access, Access) else guarded(access)
        call.moves = moves
        if approval is not None:
            call.approved = False
            call.ask = lambda: self._questions.ask(tasks, call, approval)
        task = self._task(tasks, call, run)
        self._admission.submit(call, first)
        if call.ask is not None and call.is_waiting:
            call.ask()
        self._act()
        return task

    @contextmanager
    def together(self) -> Iterator[None]:
        """Submit several calls before any of them starts, so that the best goes first.

        Only for a block without an `await`.
        """
        self._admission.gather()
        try:
            yield
        finally:
            self._admission.let_go()
            self._act()

    @property
    def records(self) -> list[CallRecord]:
        """The records of the calls that have ended, oldest first, then of those that have not."""
        return [*self._ended, *self.unfinished_records()]

    def record(self, task: "asyncio.Task[Any]") -> CallRecord | None:
        """Give the record of a task's call; None when it has stopped or was not run."""
        call = self._calls.get(task)
        return None if call is None else call.record

    def unfinished_records(self) -> list[CallRecord]:
        """Give the records of the calls that wait, run or linger."""
        return [call.record for call in self._unstopped]

    def lanes(self) -> dict[str, LaneStats]:
        """Give counts and times per lane, as they are now."""
        return {
            name: replace(
                self._stats[name], running=lane.used, waiting=lane.waiting, stuck=lane.stuck
            )
            for name, lane in self._lanes.items()
        }

    def lingering(self) -> list[Call]:
        """Give the calls whose result is there and whose work has not stopped."""
        return [call for call in self._unstopped if call.ended]

    async def drained(self) -> None:
        """Wait until every call has stopped or left; work that outlived its call included."""
        while self._unstopped:
            await self._idle.wait()

    # -- a call's way --------------------------------------------------------------------------

    def _enter(self, record: CallRecord, home: Scope) -> Call:
        lane = self._lanes.get(record.lane) or self._add_lane(record.lane, None)
        call = Call(record, home, lane)
        call.released = self._released
        call.gave_up = self._gave_up
        call.went_on = self._went_on
        return call

    def _task(
        self, tasks: TaskHome, call: Call, run: Callable[[Call], Awaitable[T]]
    ) -> "asyncio.Task[T | NotRun]":
        work = self._perform(call, run)
        try:
            task = tasks.create_task(work, name=call.name)
        except RuntimeError:  # the group has ended: nothing was entered yet
            work.close()
            raise
        task.add_done_callback(self._task_done)
        call.task = task
        self._submitted = call.id
        self._calls[task] = call
        self._unstopped[call] = None
        self._idle.clear()
        return task

    async def _perform(self, call: Call, run: Callable[[Call], Awaitable[T]]) -> T | NotRun:
        if call.is_waiting:
            call.turn = asyncio.get_running_loop().create_future()
            await call.turn
        if call.refusal is not None:
            return call.refusal
        return await run(call)

    def _task_done(self, task: "asyncio.Task[Any]") -> None:
        call = self._calls.get(task)
        if call is None or call.ended:  # refused, or given up: it left before its task ended
            return
        if call.is_waiting:
            self._admission.refuse(call, refusals.cancelled())
        else:
            outcome = Outcome.CANCELLED if task.cancelled() else Outcome.FINISHED
            self._admission.end(call, outcome)
            if call.record.stopped is None:
                self._give_grace(call)
        self._act()

    def _gave_up(self, call: Call) -> None:
        if call.task is None or call.is_waiting or call.ended:
            return
        release = call.hold(call.task)
        call.task.add_done_callback(lambda _: release())
        self._admission.end(call, Outcome.FINISHED)
        self._give_grace(call)
        self._act()

    def _went_on(self, call: Call) -> None:
        if call.task is None or call.is_waiting or call.ended:
            return
        call.holds.clear()
        self._admission.end(call, Outcome.FINISHED)
        self._act()

    def _released(self, call: Call) -> None:
        self._admission.stop_if_over(call)
        self._act()

    def _grace_over(self, call: Call) -> None:
        if not self._admission.mark_stuck(call):
            self._give_grace(call)
        self._act()

    def _give_grace(self, call: Call) -> None:
        loop = asyncio.get_running_loop()
        call.timer = loop.call_later(self.grace, self._grace_over, call)

    def _act(self) -> None:
        """Do what the decisions ask for."""
        admission = self._admission
        while admission.settled or admission.retired or admission.unapproved:
            if admission.settled:
                settled, admission.settled = admission.settled, []
                for call in settled:
                    self._settle(call)
            if admission.unapproved:
                unapproved, admission.unapproved = admission.unapproved, []
                for call in unapproved:
                    if call.is_waiting and call.ask is not None:
                        call.ask()
            if admission.retired:
                retired, admission.retired = admission.retired, []
                for call in retired:
                    self._retire(call)

    def _settle(self, call: Call) -> None:
        forget(call)
        if call.turn is not None and not call.turn.done():
            call.turn.set_result(None)

    def _retire(self, call: Call) -> None:
        if call.timer is not None:
            call.timer.cancel()
            call.timer = None
        del self._unstopped[call]
        if call.task is not None:
            del self._calls[call.task]
        if not self._unstopped:
            self._idle.set()
        record = call.record
        self._stats[record.lane].count(record)
        self._ended.append(record)
        if self._on_record is not None:
            try:
                self._on_record(record)
            except Exception:
                log.exception("on_record failed for call %d (%s)", record.id, record.name)

    # -- small things --------------------------------------------------------------------------

    def _add_lane(self, name: str, limit: int | None) -> Lane[Call]:
        self._stats[name] = LaneStats(name, limit)
        lane = self._lanes[name] = Lane(name, limit, patience=self._patience)
        return lane

    def _earlier(self, after: Iterable["asyncio.Task[Any]"], home: Scope, owner: str) -> list[Call]:
        known = (self._calls.get(task) for task in after)
        calls = [call for call in known if call is not None and call.record.stopped is None]
        for call in calls:
            if call.home is not home or call.owner != owner:
                raise ValueError(
                    f"after: call {call.id} ({call.name!r}) belongs to session {call.owner!r}; "
                    f"a call waits for calls of its own session ({owner!r}) and parent only"
                )
        return calls

    def _work_out(self, keys: Keys, home: Scope, owner: str) -> Access:
        access = keys(home.unsettled(owner, self._submitted + 1))
        check(access, Access, "access is an Access, or a plain function that gives one")
        return access


def _inner(parent: Call) -> Scope:
    if parent.inner is None:
        parent.inner = Scope(parent)
    return parent.inner
