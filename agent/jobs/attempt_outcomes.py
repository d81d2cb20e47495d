"""How the function of a job can end, and what it can be told meanwhile: values only."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias

from agent.jobs.context import JobCancelledError, JobStopError, SoftLimitError


class Stop(StrEnum):
    """What a job is told that is to end; a later one of these outweighs an earlier one."""

    SOFT_LIMIT = "soft_limit"
    CANCEL = "cancel"


STOP_ERRORS: Final[dict[Stop, type[JobStopError]]] = {
    Stop.SOFT_LIMIT: SoftLimitError,
    Stop.CANCEL: JobCancelledError,
}
"""What is raised inside a job."""


@dataclass(frozen=True, slots=True)
class Returned:
    """It gave a result."""

    result: Any
    """JSON."""


@dataclass(frozen=True, slots=True)
class Raised:
    """It failed, or gave up."""

    error: str
    """Empty when it gave up as it was told."""


Outcome: TypeAlias = Returned | Raised


class Kill(StrEnum):
    """Why nobody waits for an outcome any more."""

    CANCELLED = "cancelled"
    """It did not give up when it was cancelled."""
    HARD_LIMIT = "hard_limit"
    GIVEN_UP = "given_up"
    """The store says that the attempt is not ours to run."""
