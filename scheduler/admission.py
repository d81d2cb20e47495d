"""Which call starts when: the scheduler's decisions, pure and synchronous.

A call's way: its session's order, its approval, a ticket between the sessions, a slot of its lane,
the run, the stop. Each operation changes the state and recomputes from it how far the calls that
it touches can go; what came out lies in `settled` (started or refused), `unapproved` (to be asked
about again) and `retired` (gone) for the asynchronous part to act on. The rules that it keeps:

- capacity is taken last, so that no full lane and no open question lets a later conflicting call
  overtake;
- a place is released when the work has stopped, not when its result is there;
- one call's failure, denial or waiting touches only those that conflict with it;
- what follows from a departure (calls freed, keys to be worked out again, a parent that is over) is
  put on a list and done in turn, never by recursion; keys first, so that nothing starts with old
  ones.
"""

from collections.abc import Callable, Iterable
from time import monotonic

from scheduler import refusals
from scheduler.access import Access
from scheduler.call import Call, Scope
from scheduler.lanes import Lane, Waiter
from scheduler.records import NotRun, Outcome, WaitKind
from scheduler.trie import Place
from scheduler.waits import begin_wait, end_wait


class Admission:
    """The state of one scheduler; `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self.clock = clock
        self.root = Scope()
        self.settled: list[Call] = []
        self.unapproved: list[Call] = []
        self.retired: list[Call] = []
        self._tick = 0
        self._gatherings = 0
        # What is still to be done: calls that may go on, movers that have left, parents that may
        # be over, lanes in which a slot came free or a call came to wait.
        self._freed: list[Call] = []
        self._moved: list[Call] = []
        self._parents: list[Call] = []
        self._stirred: dict[Lane[Call], None] = {}

    def __repr__(self) -> str:
        return f"<Admission {self.root!r} at tick {self._tick}>"

    # -- operations ----------------------------------------------------------------------------

    def submit(self, call: Call, after: Iterable[Call] = ()) -> None:
        """Fix a new call's place and let it go as far as it can."""
        after = list(after)
        refusal = self._refusal(call, call.access, after)
        if refusal is not None:
            self._refused(call, refusal)
            return
        scope = call.home
        scope.live += 1
        scope.order(call.owner).add(call.place, [other.place for other in after])
        if call.keys is not None:
            scope.keyed[call] = None
        if call.moves:
            scope.movers[call] = None
        self._freed.append(call)
        if not self._gatherings:
            self._proceed()

    def gather(self) -> None:
        """Let new calls wait for `let_go`, so that the best of them goes first."""
        self._gatherings += 1

    def let_go(self) -> None:
        """Let the gathered calls go as far as they can."""
        self._gatherings -= 1
        if not self._gatherings:
            self._proceed()

    def approve(self, call: Call) -> None:
        """Let a call that was asked about go on."""
        call.approved = True
        self._freed.append(call)
        self._proceed()

    def refuse(self, call: Call, refusal: NotRun) -> None:
        """Answer a waiting call without running it; nothing happens when it has started."""
        self._withdraw(call, refusal)
        self._proceed(by=call)

    def end(self, call: Call, outcome: Outcome) -> None:
        """Note that a started call's run is over; its place goes when its work has stopped."""
        call.ended = True
        call.record.finished = self.clock()
        call.record.outcome = outcome
        self.stop_if_over(call)

    def stop_if_over(self, call: Call) -> None:
        """Release the place of a call whose run has ended and which nothing holds any more."""
        self._stop_if_over(call)
        self._proceed(by=call)

    def mark_stuck(self, call: Call) -> bool:
        """Note that a call has ended but not stopped within its grace; say whether it counts so.

        Conflicting calls are answered at once from now on, and its slot is replaced. A parent that
        only waits for nested calls that are not stuck themselves does not count.
        """
        if call.is_stuck or call.record.stopped is not None:
            return True
        if not call.holds and not (call.inner and call.inner.stuck):
            return False
        call.is_stuck = True
        call.home.stuck[call] = None
        for other in call.home.waiting():
            told = call.place in other.place.told
            refusal = self._refusal(other, other.access, [call] if told else [])
            if refusal is not None:
                self._withdraw(other, refusal)
        if call.slot is not None:
            call.slot.stuck += 1
            self._stirred[call.slot] = None
            if call.slot.is_exhausted:
                self._freed += call.slot.waiters()
        self._proceed(by=call)
        return True

    # -- how far a call can go -----------------------------------------------------------------

    def _proceed(self, by: Call | None = None) -> None:
        """Do what is still to be done; `by` is the call that made way."""
        queued: list[Call] = []
        while self._freed or self._moved or self._parents:
            if self._parents:
                self._stop_if_over(self._parents.pop())
            elif self._moved:
                movers, self._moved = self._moved, []
                self._work_out_keys(movers)
            else:
                calls, self._freed = self._freed, []
                for call in calls:
                    if call.is_waiting and self._is_admitted(call, by):
                        self._find_slot(call, queued, alone=len(calls) == 1)
        while self._stirred:
            self._fill(self._stirred.popitem()[0])
        for call in queued:
            if call.is_waiting and call.open_wait is None:
                begin_wait(call, WaitKind.LANE, self.clock())

    def _is_admitted(self, call: Call, by: Call | None) -> bool:
        """Say whether only a slot is missing."""
        if call.place.before:
            call.record.ready = None
            begin_wait(call, WaitKind.ORDER, self.clock(), by, call.place)
            return False
        if call.record.ready is None:
            call.record.ready = self.clock()
        if not call.approved:
            begin_wait(call, WaitKind.APPROVAL, self.clock(), by)
            return False
        if call.ticket is None:
            call.ticket = Place(call.access, call)
            call.home.tickets.add(call.ticket, call.owner)
        if call.ticket.before:
            begin_wait(call, WaitKind.TICKET, self.clock(), by, call.ticket)
            return False
        if call.open_wait is not None and not call.waiters:
            end_wait(call, self.clock(), by)
        return True

    def _find_slot(self, call: Call, queued: list[Call], *, alone: bool) -> None:
        """Start a call, or let it wait for a slot, or refuse it where no slot turns any more.

        Several that come at once are queued first, so that the best of them goes first.
        """
        lanes = call.lanes()
        if alone and not call.waiters:
            for lane in lanes:
                if not lane.waiting and lane.has_slot:
                    self._start(call, lane)
                    return
        if all(lane.is_exhausted for lane in lanes):
            self._withdraw(call, refusals.lane_busy(call))
        elif not call.waiters:
            queued.append(call)
            for lane in lanes:
                waiter = Waiter(call, owner=call.owner, priority=call.priority, request=call.id)
                lane.enqueue(waiter)
                call.waiters.append((lane, waiter))
                self._stirred[lane] = None

    def _fill(self, lane: Lane[Call]) -> None:
        while (call := lane.pick()) is not None:
            self._start(call, lane)

    def _start(self, call: Call, lane: Lane[Call]) -> None:
        if call.waiters:
            self._leave_lanes(call)
        if call.open_wait is not None:
            end_wait(call, self.clock())
        lane.used += 1
        call.slot = lane
        call.place.fixed = True
        if call.keys is not None:
            del call.home.keyed[call]
        record = call.record
        record.outcome = Outcome.RUNNING
        record.started = self.clock()
        record.start_tick = self._next_tick()
        self.settled.append(call)

    # -- leaving -------------------------------------------------------------------------------

    def _stop_if_over(self, call: Call) -> None:
        """Release a call's place, ticket and slot, once."""
        record = call.record
        if not call.is_over or record.stopped is not None:
            return
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
        self._free(scope.orders[call.owner].end(call.place))
        if call.ticket is not None:
            self._free(scope.tickets.end(call.ticket))
        self.retired.append(call)
        self._depart(call)

    def _withdraw(self, call: Call, refusal: NotRun) -> None:
        """Take out a waiting call, once."""
        if not call.is_waiting:
            return
        self._give_back_ticket(call)
        self._free(call.home.orders[call.owner].withdraw(call.place))
        if call.keys is not None:
            del call.home.keyed[call]
        self._refused(call, refusal)
        self._depart(call)

    def _depart(self, call: Call) -> None:
        """Do what every departure from a scope does."""
        scope = call.home
        scope.live -= 1
        if not scope.orders[call.owner]:
            del scope.orders[call.owner]
        if call.moves:
            del scope.movers[call]
            self._moved.append(call)
        if scope.parent is not None and not scope.live:
            self._parents.append(scope.parent)

    def _refused(self, call: Call, refusal: NotRun) -> None:
        end_wait(call, self.clock())
        call.refusal = refusal
        call.record.outcome = refusal.reason
        call.record.finished = call.record.stopped = self.clock()
        self.settled.append(call)
        self.retired.append(call)

    def _give_back_ticket(self, call: Call) -> None:
        self._leave_lanes(call)
        if call.ticket is not None:
            ticket, call.ticket = call.ticket, None
            self._free(call.home.tickets.withdraw(ticket))

    def _leave_lanes(self, call: Call) -> None:
        for lane, waiter in call.waiters:
            lane.leave(waiter)
        call.waiters.clear()

    def _free(self, places: list[Place[Call]]) -> None:
        """Let calls that may go on be looked at."""
        if places:
            self._freed += [place.call for place in places if place.call is not None]

    # -- keys worked out again -----------------------------------------------------------------

    def _work_out_keys(self, movers: list[Call]) -> None:
        """Work out again the keys of waiting calls that movers which have left may have changed."""
        for scope in dict.fromkeys(mover.home for mover in movers):
            here = [mover for mover in movers if mover.home is scope]
            changed: dict[str, dict[Call, Access]] = {}
            for call, access in scope.new_keys(here):
                refusal = self._refusal(call, access)
                if refusal is not None:
                    self._withdraw(call, refusal)
                elif access != call.access:
                    changed.setdefault(call.owner, {})[call] = access
            for owner, accesses in changed.items():
                still = {call: each for call, each in accesses.items() if call.is_waiting}
                foreign = any(mover.owner != owner for mover in here)
                self._rekey(scope, owner, still, foreign=foreign)

    def _rekey(
        self, scope: Scope, owner: str, accesses: dict[Call, Access], *, foreign: bool
    ) -> None:
        """Give waiting calls of a session other keys; they, and those newly behind, start anew."""
        for call, access in accesses.items():
            self._give_back_ticket(call)
            call.access = call.record.access = access
            if foreign:
                call.record.rekeyed_tick = self._next_tick()
            if call.ask is not None:
                call.approved = False
                self.unapproved.append(call)
        if not accesses:
            return
        order = scope.orders[owner]
        changed = order.rekey({call.place: access for call, access in accesses.items()})
        for place in changed.blocked:
            if place.call is not None:
                self._give_back_ticket(place.call)
        self._free([*changed.freed, *changed.blocked])
        self._freed += accesses

    # -- small things --------------------------------------------------------------------------

    def _refusal(self, call: Call, access: Access, after: Iterable[Call] = ()) -> NotRun | None:
        """Say why a call with this access cannot be placed at all."""
        parent = call.home.parent
        if parent is not None:
            if parent.ended or parent.record.outcome is not Outcome.RUNNING:
                return refusals.parent_ended(call, parent)
            if not parent.access.covers(access):
                return refusals.not_covered(call, parent, access)
            if call.moves and not parent.moves:
                return refusals.moves_unasked(call, parent)
        for other in call.home.stuck:
            if other.access.conflicts_with(access) or other in after:
                return refusals.resource_busy(call, other)
        return None

    def _next_tick(self) -> int:
        self._tick += 1
        return self._tick
