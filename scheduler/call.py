"""A call's state on its way through the scheduler, and the scope that it stands in.

A scope holds the calls under one parent, or those under none: the order of each session in it, and
the tickets between its sessions.
"""

from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from scheduler.access import Access, Resource
from scheduler.lanes import Lane, Waiter
from scheduler.ordering import Order, Tickets
from scheduler.records import CallRecord, NotRun, Outcome, Wait
from scheduler.trie import Place

if TYPE_CHECKING:
    from asyncio import Future, Task, TimerHandle

T = TypeVar("T")

Keys: TypeAlias = Callable[[frozenset[Resource]], Access]
"""Works out a call's access, given what earlier unfinished calls that move things write.

It is called at submission and again, while the call waits, whenever such a call has ended. It runs
on the event loop: a few stat calls, no more.
"""


class TaskHome(Protocol):
    """What tasks live in: an `asyncio.TaskGroup`, or another thing that ends what it has begun."""

    def create_task(self, coro: Coroutine[Any, Any, T], *, name: str | None = None) -> "Task[T]":
        """Start a task."""
        ...


class Call:
    """One call. `run` receives it, to hold its place or to submit nested calls under it.

    Public to a run: `id`, `name`, `owner`, `access`, `record`, `hold`, `give_up`, `let_go`,
    `left_running`. All else belongs to the scheduler.
    """

    __slots__ = (
        "access",
        "approved",
        "ask",
        "ended",
        "gave_up",
        "holds",
        "home",
        "id",
        "inner",
        "is_stuck",
        "keys",
        "lane",
        "moves",
        "name",
        "open_wait",
        "owner",
        "place",
        "priority",
        "question",
        "record",
        "refusal",
        "released",
        "slot",
        "task",
        "ticket",
        "timer",
        "turn",
        "waiters",
        "went_on",
    )

    def __init__(self, record: CallRecord, home: "Scope", lane: Lane["Call"]) -> None:
        self.id = record.id
        self.name = record.name
        self.owner = record.owner
        self.priority = record.priority
        self.access = record.access
        self.record = record
        self.home = home
        self.lane = lane
        self.keys: Keys | None = None
        self.moves = False
        self.approved = True
        self.place: Place[Call] = Place(record.access, self)
        self.ticket: Place[Call] | None = None
        self.waiters: list[tuple[Lane[Call], Waiter[Call]]] = []
        self.slot: Lane[Call] | None = None
        self.inner: Scope | None = None
        self.holds: dict[object, object] = {}
        self.ended = False
        self.is_stuck = False
        self.open_wait: Wait | None = None
        self.refusal: NotRun | None = None
        # What the thin asynchronous part keeps: the call's task, the future that it awaits, how to
        # ask for approval and the task that asks, the timer of the grace, and whom to tell of a
        # released hold or a task that is given up.
        self.task: Task[Any] | None = None
        self.turn: Future[None] | None = None
        self.ask: Callable[[], None] | None = None
        self.question: Task[None] | None = None
        self.timer: TimerHandle | None = None
        self.released: Callable[[Call], None] | None = None
        self.gave_up: Callable[[Call], None] | None = None
        self.went_on: Callable[[Call], None] | None = None

    def __repr__(self) -> str:
        return f"<Call {self.id} {self.name!r} {self.record.outcome}>"

    @property
    def is_waiting(self) -> bool:
        """Whether it has neither started nor left."""
        return self.record.outcome is Outcome.WAITING

    @property
    def is_over(self) -> bool:
        """Whether its run has ended and nothing keeps its place any more."""
        return self.ended and not self.holds and (self.inner is None or not self.inner.live)

    def lanes(self) -> tuple[Lane["Call"], ...]:
        """Give the lanes that it may take its slot from, the best first.

        A nested call borrows the slot of its parent, which only waits meanwhile, so that parents
        never wait for each other's slots; while a sibling has that, it may take one of its own
        lane.
        """
        borrowed = self.home.slot
        return (self.lane,) if borrowed is None else (borrowed, self.lane)

    def hold(self, work: object = None) -> Callable[[], None]:
        """Keep the place after the run has ended; call what this returns when the work is over.

        For work that a cancellation cannot end at once, such as a thread; `work` is kept alive
        meanwhile. To be called, like what it returns, on the event loop of the scheduler; calling
        that twice is harmless.
        """
        token = object()
        self.holds[token] = work

        def release() -> None:
            if token in self.holds:
                del self.holds[token]
                if self.released is not None:
                    self.released(self)

        return release

    def give_up(self) -> None:
        """Count a running call as over now; its task keeps its place until it is done.

        For a call whose answer does not wait for its task: one that ran out of time.
        """
        if self.gave_up is not None:
            self.gave_up(self)

    def let_go(self, what: str) -> None:
        """Release the place of a running call now, while its task goes on.

        For work that is moved out of its session's order: from this call on its resources are
        unordered, and the certificate says so.
        """
        if self.went_on is not None:
            self.left_running(what)
            self.went_on(self)

    def left_running(self, what: str) -> None:
        """Tell that something goes on behind the call's back, such as a background process.

        From this call on its resources are unordered, and the certificate says so.
        """
        self.record.left_running = what


class Scope:
    """The calls under one parent, or under none."""

    __slots__ = ("keyed", "live", "movers", "orders", "parent", "slot", "stuck", "tickets")

    def __init__(self, parent: Call | None = None) -> None:
        self.parent = parent
        self.slot: Lane[Call] | None = None if parent is None else Lane(f"slot of {parent.id}", 1)
        self.orders: dict[str, Order[Call]] = {}
        self.tickets: Tickets[Call] = Tickets()
        self.live = 0
        # Waiting calls whose keys may change, unfinished calls that may change them (both in the
        # order of their ids), and calls that outlived their grace.
        self.keyed: dict[Call, None] = {}
        self.movers: dict[Call, None] = {}
        self.stuck: dict[Call, None] = {}

    def __repr__(self) -> str:
        return f"<Scope of {self.parent} {self.live} live, {len(self.stuck)} stuck>"

    def order(self, owner: str) -> Order[Call]:
        """Give the order of one session."""
        order = self.orders.get(owner)
        if order is None:
            order = self.orders[owner] = Order()
        return order

    def waiting(self) -> list[Call]:
        """Give the calls that have neither started nor left."""
        places = (place for order in self.orders.values() for place in order)
        return [place.call for place in places if place.call is not None and place.call.is_waiting]

    def unsettled(self, owner: str, before: int) -> frozenset[Resource]:
        """Give what is written by unfinished calls that move things and that come first.

        Those of the same session with a smaller id than `before`, and those of other sessions that
        have their ticket.
        """
        own = (each for each in self.movers if each.owner == owner and each.id < before)
        return _writes(own) | self._unsettled_by_others(owner)

    def new_keys(self, left: Sequence[Call]) -> Iterator[tuple[Call, Access]]:
        """Work out the keys of each waiting call that movers which have left concern.

        A mover concerns a call when it wrote what the call's keys go through.
        """
        others: dict[str, frozenset[Resource]] = {}
        own: dict[str, frozenset[Resource]] = {}
        movers = deque(self.movers)
        for call in list(self.keyed):
            while movers and movers[0].id < call.id:
                mover = movers.popleft()
                own[mover.owner] = own.get(mover.owner, frozenset()) | mover.access.writes
            if call.owner not in others:
                others[call.owner] = self._unsettled_by_others(call.owner)
            concerned = any(mover.access.conflicts_with(call.access) for mover in left)
            if call.keys is not None and concerned:
                yield call, call.keys(own.get(call.owner, frozenset()) | others[call.owner])

    def _unsettled_by_others(self, owner: str) -> frozenset[Resource]:
        return _writes(each for each in self.movers if each.owner != owner and each.ticket)


def _writes(calls: Iterable[Call]) -> frozenset[Resource]:
    return frozenset().union(*(call.access.writes for call in calls))
