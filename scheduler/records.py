"""What is known of each call: when it was where, what it waited for, how it ended.

Plain values, from which a timeline can be drawn and a certificate be made. Times are seconds of the
scheduler's clock; ticks number the starts and stops of one scheduler, so that two events of the
same instant still have an order.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from scheduler.access import Access


class Outcome(StrEnum):
    """Where a call is, or how it ended."""

    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"
    """Its run ended by returning or raising."""
    CANCELLED = "cancelled"
    """Its task was cancelled, before or during the run; `started` tells which."""
    DENIED = "denied"
    QUESTION_TIMED_OUT = "question_timed_out"
    RESOURCE_BUSY = "resource_busy"
    LANE_BUSY = "lane_busy"
    NOT_COVERED = "not_covered"
    PARENT_ENDED = "parent_ended"


class WaitKind(StrEnum):
    """What a call waited for."""

    ORDER = "order"
    """An earlier call of its session that conflicts with it."""
    APPROVAL = "approval"
    TICKET = "ticket"
    """A conflicting call of another session that was ready earlier."""
    LANE = "lane"
    """A free slot."""


@dataclass(slots=True)
class Wait:
    """One stretch of waiting; `call` is the id of the call that ended it, or may yet."""

    kind: WaitKind
    since: float
    until: float | None = None
    call: int | None = None
    owner: str = ""
    """The session of that call, where it is another one."""


@dataclass(slots=True)
class CallRecord:
    """One call's history; the scheduler fills it in while the call goes, others only read it."""

    id: int
    """Counts the calls of one scheduler in the order of `submit`."""
    name: str
    owner: str
    lane: str
    priority: int
    parent: int | None
    access: Access
    submitted: float
    ready: float | None = None
    """When nothing of its own session stood before it any more."""
    started: float | None = None
    finished: float | None = None
    """When its result was there."""
    stopped: float | None = None
    """When its work was known to be over and its place was released."""
    outcome: Outcome = Outcome.WAITING
    waits: list[Wait] = field(default_factory=list)
    after: tuple[int, ...] = ()
    """The calls that it was told to wait for, whatever they touch."""
    start_tick: int | None = None
    stop_tick: int | None = None
    rekeyed_tick: int | None = None
    """When its keys last changed through a call of another session."""
    left_running: str | None = None
    """What it left running on purpose: from here on its resources are unordered."""

    @property
    def ran(self) -> bool:
        """Whether its run was started."""
        return self.start_tick is not None


@dataclass(slots=True)
class LaneStats:
    """Counts and times (in seconds, summed) of one lane since the scheduler was made.

    Nested calls are counted in their lane, but those that borrow their parent's slot hold none.
    """

    name: str
    limit: int | None
    running: int = 0
    """Slots in use."""
    waiting: int = 0
    stuck: int = 0
    """Slots held by calls that outlived their grace."""
    ran_calls: int = 0
    """Calls that have run and stopped."""
    refused: int = 0
    waited: float = 0.0
    """From submission to start."""
    busy: float = 0.0
    """From start to stop."""
    longest: float = 0.0
    """The longest single run."""

    def count(self, record: CallRecord) -> None:
        """Count a call that has stopped or was not run."""
        if record.started is None or record.stopped is None:
            self.refused += 1
            return
        ran = record.stopped - record.started
        self.ran_calls += 1
        self.waited += record.started - record.submitted
        self.busy += ran
        self.longest = max(self.longest, ran)


@dataclass(frozen=True, slots=True)
class NotRun:
    """What a call's task returns when the call was not run."""

    reason: Outcome
    text: str
    """For a model or a person: what was in the way, and what to do."""
