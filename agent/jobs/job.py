"""What is known of a job: values only. Times are seconds since 1970, on the store's clock."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

FIRST_ESTIMATE: Final = 1.0
"""Percent, below which nothing is said of the time that is left."""


class State(StrEnum):
    """Where a job is; Celery's names, which monitors know."""

    PENDING = "PENDING"
    """It waits: for a worker, or for its next attempt."""
    PROGRESS = "PROGRESS"
    """An attempt runs."""
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"


class Reason(StrEnum):
    """Why a job failed."""

    CANCELLED = "cancelled"
    SOFT_LIMIT = "soft_limit"
    """It was told that its time was over, and gave up."""
    HARD_LIMIT = "hard_limit"
    """It did not, and was killed."""
    LOST = "lost"
    """What ran it is gone, and it may not be run again."""
    ERROR = "error"


ENDED: Final = frozenset({State.SUCCESS, State.FAILURE})


@dataclass(frozen=True, slots=True)
class Terms:
    """How a job is run; the kind's own, kept with the job, so that every worker knows them."""

    soft_seconds: float = 300.0
    """After which it is told to give up."""
    hard_seconds: float = 600.0
    """After which it is killed, with everything that it started."""
    attempts: int = 1
    """How often it may fail by an error of its own before that is the end; 1 for no retry."""
    backoff: float = 1.0
    """Seconds before the second attempt; doubled for each later one."""
    keep_seconds: float = 300.0
    """For which it is remembered after its end."""


@dataclass(frozen=True, slots=True)
class Undecoded:
    """JSON as it is stored: it may be large, and most who look at a job do not look at it."""

    data: bytes = field(repr=False)
    decode: Callable[[bytes], Any] = field(repr=False, compare=False)

    def __repr__(self) -> str:
        return f"<Undecoded {len(self.data)} bytes>"

    @property
    def value(self) -> Any:
        """Decode it, anew each time."""
        return self.decode(self.data)


@dataclass(frozen=True, slots=True)
class Job:
    """One job, as a store has it."""

    id: str
    kind: str
    given: Any
    """What it was given: JSON, or `Undecoded`. See `payload`."""
    created: float
    terms: Terms = field(default_factory=Terms)
    key: str | None = None
    """The idempotency key: jobs of one kind with the same key are one job, and one that was lost
    while it ran is run again only if it has a key."""
    priority: int = 0
    """Higher goes first."""
    session: str = ""
    """The id of the session that asked for it."""
    host: str = ""
    """Who queued it, and queues it again."""
    state: State = State.PENDING
    reason: Reason | None = None
    percent: float = 0.0
    stage: str = ""
    attempt: int = 0
    """1 for the first; 0 before that."""
    losses: int = 0
    """Attempts that were lost with their worker."""
    worker: str = ""
    """Who runs the attempt."""
    queued: float = 0.0
    """When it was last handed to what carries it, after it was found uncarried."""
    due: float = 0.0
    """Not before this time, when it waits."""
    started: float | None = None
    """When the attempt began."""
    heartbeat: float | None = None
    """When the attempt's worker was heard of last."""
    ended: float | None = None
    cancel_asked: bool = False
    made: Any = None
    """What it made: as `given`. See `result`."""
    error: str = ""
    """What went wrong, for people."""
    last_event: int = 0
    """The number of its newest event."""

    @property
    def payload(self) -> Any:
        """What it was given, as JSON.

        Raises:
            JobStoreError: what is stored is none.
        """
        return self.given.value if isinstance(self.given, Undecoded) else self.given

    @property
    def result(self) -> Any:
        """What it made, as JSON; raises as `payload` does."""
        return self.made.value if isinstance(self.made, Undecoded) else self.made

    @property
    def is_ended(self) -> bool:
        """Whether nothing becomes of it any more."""
        return self.state in ENDED

    def left(self, now: float) -> float | None:
        """Estimate the seconds that the attempt still takes; None when nobody can say."""
        if self.state is not State.PROGRESS or self.started is None:
            return None
        if self.percent < FIRST_ESTIMATE:
            return None
        return max(0.0, now - self.started) * (100.0 - self.percent) / self.percent


@dataclass(frozen=True, slots=True)
class JobEvent:
    """Something that became of a job."""

    number: int
    """Counted from 1 within the job, without gaps."""
    time: float
    name: str
    """`created`, `started`, `progress`, `retrying`, `lost`, `cancel_asked`, `succeeded` or
    `failed`."""
    data: dict[str, Any] = field(default_factory=dict)
