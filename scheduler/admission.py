"""Which call starts when: the scheduler's decisions, pure and synchronous.

A call's way: its session's order, its approval, a ticket between the sessions, a slot of its lane,
the run, the stop. Each operation changes the state and recomputes from it how far the calls that
it touches can go; what came out lies in `settled` (started or refused), `unapproved` (to be asked
about again) and `retired` (gone) for the asynchronous part to act on. The rules that it keeps:

- capacity is taken last, so that no full lane and no open question lets a later conflicting call
  overtake;
- a place is released when the work has stopped, not when its result is there;
- one call's failure, denial or waiting touches only those that conflict with it.
"""

from collections.abc import Callable, Iterable
from time import monotonic

from scheduler import refusals
from scheduler.access import Access
from scheduler.call import Call, Scope
from scheduler.index import Place
from scheduler.lanes import Lane, Waiter
from scheduler.records import NotRun, Outcome, Wait, WaitKind


class Admission:
    """The state of one scheduler; `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self.clock = clock
        self.root = Scope()
        self.settled: list[Call] = []
        self.unapproved: list[Call] = []
        self.retired: list[Call] = []
        self._tick = 0
        # New calls that do not go on until all of their batch are there.
        self._gathered: list[Call] | None = None
        # Lanes in which a slot came free or a call came to wait; filled once all have advanced.
        self._stirred: dict[Lane[Call], None] = {}

    # -- operations ----------------------------------------------------------------------------

    def submit(self, call: Call, after: Iterable[Call] = ()) -> None:
        """Fix a new call's place and let it go as far as it can."""
        refusal = self._refusal(call, call.access)
        if refusal is not None:
            self._settle_refused(call, refusal)
            return
        scope = call.home
        scope.live += 1
        scope.order(call.owner).add(call.place, [other.place for other in after])
        if call.keys is not None:
            scope.keyed[call] = None
        if call.moves:
            scope.movers[call] = None
        if self._gathered is None:
            self._advance([call])
        else:
            self._gathered.append(call)

    def gather(self) -> None:
        """Let new calls wait for `let_go`, so that the best of them goes first."""
        if self._gathered is None:
            self._gathered = []

    def let_go(self) -> None:
        """Let the gathered calls go as far as they can."""
        gathered, self._gathered = self._gathered, None
        self._advance(gathered or [])

    def approve(self, call: Call) -> None:
        """Let a call that was asked about go on."""
        call.approved = True
        self._advance([call])

    def refuse(self, call: Call, refusal: NotRun) -> None:
        """Answer a waiting call without running it; nothing happens when it has started."""
        if call.is_waiting:
            self._advance(self._withdraw(call, refusal), by=call)

    def end(self, call: Call, outcome: Outcome) -> None:
        """Note that a started call's run is over; its place goes when its work has stopped."""
        call.ended = True
        call.record.finished = self.clock()
        call.record.outcome = outcome
        self.stop_if_over(call)

    def stop_if_over(self, call: Call) -> None:
        """Release the place of a call whose run has ended and which nothing holds any more."""
        if call.is_over and call.record.stopped is None:
            self._advance(self._stop(call), by=call)

    def mark_stuck(self, call: Call) -> None:
        """Note that a call has ended but not stopped within its grace.

        Conflicting calls are answered at once from now on, and its slot is replaced.
        """
        if call.is_stuck or not call.ended or call.record.stopped is not None:
            return
        call.is_stuck = True
        call.home.stuck[call] = None
        freed = []
        for other in [place.call for order in call.home.orders.values() for place in order]:
            if other is not None and other.is_waiting:
                refusal = self._refusal(other, other.access)
                if refusal is not None:
                    freed += self._withdraw(other, refusal)
        if call.slot is not None:
            call.slot.stuck += 1
            self._stirred[call.slot] = None
            freed += self._refuse_exhausted(call.slot)
        self._advance(freed, by=call)

    # -- how far a call can go -----------------------------------------------------------------

    def _advance(self, calls: list[Call], by: Call | None = None) -> None:
        """Take each waiting call as far as it can go; `by` is the call that made way.

        Several that compete for slots are queued first, so that the best of them goes first.
        """
        if not calls and not self._stirred:
            return
        alone = len(calls) == 1
        queued = []
        for call in calls:
            if call.is_waiting and self._is_admitted(call, by) and not call.waiters:
                lane = self._open_lane(call) if alone else None
                if lane is not None:
                    self._start(call, lane)
                else:
                    queued.append(call)
                    calls += self._queue(call)
        while self._stirred:
            self._fill(self._stirred.popitem()[0])
        for call in queued:
            if call.is_waiting:
                self._wait(call, WaitKind.LANE, None)

    def _is_admitted(self, call: Call, by: Call | None) -> bool:
        """Say whether only a slot is missing."""
        if call.place.before:
            call.record.ready = None
            self._wait(call, WaitKind.ORDER, by, call.place)
            return False
        if call.record.ready is None:
            call.record.ready = self.clock()
        if not call.approved:
            self._wait(call, WaitKind.APPROVAL, by)
            return False
        if call.ticket is None:
            call.ticket = Place(call.access, call)
            call.home.tickets.add(call.ticket, call.owner)
        if call.ticket.before:
            self._wait(call, WaitKind.TICKET, by, call.ticket)
            return False
        if call.open_wait is not None and not call.waiters:
            self._close_wait(call, by)
        return True

    def _open_lane(self, call: Call) -> Lane[Call] | None:
        """Give a lane with a slot that nobody waits for."""
        for lane in call.lanes():
            if not lane.waiting and lane.has_slot:
                return lane
        return None

    def _queue(self, call: Call) -> list[Call]:
        """Let a call wait for a slot; give the calls that this may move, when it cannot."""
        lanes = call.lanes()
        if all(lane.is_exhausted for lane in lanes):
            return self._withdraw(call, refusals.lane_busy(call))
        for lane in lanes:
            waiter = Waiter(call, owner=call.owner, priority=call.priority, request=call.id)
            lane.enqueue(waiter)
            call.waiters.append((lane, waiter))
            self._stirred[lane] = None
        return []

    def _fill(self, lane: Lane[Call]) -> None:
        while (call := lane.pick()) is not None:
            self._start(call, lane)

    def _start(self, call: Call, lane: Lane[Call]) -> None:
        if call.waiters:
            self._leave_lanes(call)
        if call.open_wait is not None:
            self._close_wait(call, None)
        lane.used += 1
        call.slot = lane
        call.place.fixed = True
        if call.keys is not None:
            call.home.keyed.pop(call, None)
        record = call.record
        record.outcome = Outcome.RUNNING
        record.started = self.clock()
        record.start_tick = self._next_tick()
        self.settled.append(call)

    # -- leaving -------------------------------------------------------------------------------

    def _stop(self, call: Call) -> list[Call]:
        """Release a call's place, ticket and slot; give the calls that this may move."""
        record = call.record
        record.stopped = self.clock()
        record.stop_tick = self._next_tick()
        scope = call.home
        if call.slot is not None:
            call.slot.used -= 1
            call.slot.stuck -= call.is_stuck
            if call.slot.waiting:
                self._stirred[call.slot] = None
        if call.is_stuck:
            del scope.stuck[call]
        freed = scope.order(call.owner).end(call.place)
        if call.ticket is not None:
            freed += scope.tickets.end(call.ticket)
        self.retired.append(call)
        moved = self._depart(call)
        return [*_calls(freed), *moved] if freed else moved

    def _withdraw(self, call: Call, refusal: NotRun) -> list[Call]:
        """Take out a call that has not run; give the calls that this may move."""
        freed = self._give_back_ticket(call)
        freed += call.home.order(call.owner).withdraw(call.place)
        self._settle_refused(call, refusal)
        return [*_calls(freed), *self._depart(call)]

    def _depart(self, call: Call) -> list[Call]:
        """Do what every departure from a scope does; give the calls that this may move."""
        scope = call.home
        scope.live -= 1
        if call.keys is not None:
            scope.keyed.pop(call, None)
        if not scope.orders[call.owner]:
            del scope.orders[call.owner]
        moved = []
        if call.moves:
            del scope.movers[call]
            moved = [each for waiting in list(scope.keyed) for each in self._rekey(waiting, call)]
        if scope.parent is not None and scope.parent.is_over:
            moved += self._stop(scope.parent)
        return moved

    def _settle_refused(self, call: Call, refusal: NotRun) -> None:
        self._close_wait(call, None)
        call.refusal = refusal
        call.record.outcome = refusal.reason
        call.record.finished = call.record.stopped = self.clock()
        self.settled.append(call)
        self.retired.append(call)

    def _give_back_ticket(self, call: Call) -> list[Place[Call]]:
        self._leave_lanes(call)
        if call.ticket is None:
            return []
        ticket, call.ticket = call.ticket, None
        return call.home.tickets.withdraw(ticket)

    def _leave_lanes(self, call: Call) -> None:
        for lane, waiter in call.waiters:
            lane.leave(waiter)
        call.waiters.clear()

    def _refuse_exhausted(self, lane: Lane[Call]) -> list[Call]:
        freed = []
        for call in lane.waiters() if lane.is_exhausted else ():
            if all(each.is_exhausted for each in call.lanes()):
                freed += self._withdraw(call, refusals.lane_busy(call))
        return freed

    # -- keys worked out again -----------------------------------------------------------------

    def _rekey(self, call: Call, mover: Call) -> list[Call]:
        """Work out a waiting call's keys again after `mover`; give the calls that this may move."""
        if call.keys is None or not call.is_waiting:
            return []
        scope = call.home
        access = call.keys(scope.unsettled(call.owner, call.id))
        if access == call.access:
            return []
        refusal = self._refusal(call, access)
        if refusal is not None:
            return self._withdraw(call, refusal)
        freed = self._give_back_ticket(call)
        changed = scope.order(call.owner).rekey(call.place, access)
        for place in changed.blocked:
            if place.call is not None:
                freed += self._give_back_ticket(place.call)
        call.access = call.record.access = access
        if mover.owner != call.owner:
            call.record.rekeyed_tick = self._next_tick()
        if call.ask is not None:
            call.approved = False
            self.unapproved.append(call)
        return _calls([*freed, *changed.freed, *changed.blocked, call.place])

    # -- small things --------------------------------------------------------------------------

    def _refusal(self, call: Call, access: Access) -> NotRun | None:
        """Say why a call with this access cannot be placed at all."""
        parent = call.home.parent
        if parent is not None:
            if parent.ended or parent.record.outcome is not Outcome.RUNNING:
                return refusals.parent_ended(call, parent)
            if not parent.access.covers(access):
                return refusals.not_covered(call, parent, access)
        for other in call.home.stuck:
            if other.access.conflicts_with(access):
                return refusals.resource_busy(call, other)
        return None

    def _wait(
        self, call: Call, kind: WaitKind, by: Call | None, place: Place[Call] | None = None
    ) -> None:
        if call.open_wait is None or call.open_wait.kind is not kind:
            self._close_wait(call, by)
            call.open_wait = Wait(kind, self.clock())
            call.record.waits.append(call.open_wait)
        if place is not None:
            call.open_wait.call = _blocker(place)

    def _close_wait(self, call: Call, by: Call | None) -> None:
        wait, call.open_wait = call.open_wait, None
        if wait is not None:
            wait.until = self.clock()
            if by is not None and wait.kind in {WaitKind.ORDER, WaitKind.TICKET}:
                wait.call = by.id

    def _next_tick(self) -> int:
        self._tick += 1
        return self._tick


def _calls(places: Iterable[Place[Call]]) -> list[Call]:
    return [place.call for place in places if place.call is not None]


def _blocker(place: Place[Call]) -> int | None:
    """Give the id of the latest call that a waiting place was put behind, through joins."""
    while place.call is None or place.before:
        place = next(reversed(place.before))
        if place.call is not None:
            return place.call.id
    return None
