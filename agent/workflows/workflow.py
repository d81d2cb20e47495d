"""What is known of a workflow, and what may become of it: values and pure functions.

Each transition gives the next workflow, or None when it does not apply: approving twice changes
nothing, and neither does anything after the end. Times are seconds since 1970.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

MOST_CYCLES: Final = 15
"""After so many the work is not complete and will not be."""

CYCLE_DELAY: Final = 1.0
"""Seconds between two cycles."""


class Phase(StrEnum):
    """Where a workflow is."""

    PLANNING = "planning"
    """The agent makes a plan; it looks, and changes nothing."""
    AWAITING_APPROVAL = "awaiting_approval"
    PROCESSING = "processing"
    """It was approved, and the work goes on in cycles, or waits for its turn."""
    COMPLETED = "completed"
    REJECTED = "rejected"
    FAILED = "failed"


ENDED: Final = frozenset({Phase.COMPLETED, Phase.REJECTED, Phase.FAILED})


class CycleOutcome(StrEnum):
    """How a cycle ended."""

    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Cycle:
    """One turn of the agent's that has ended."""

    number: int
    """Counted from 1."""
    began: float
    ended: float
    outcome: CycleOutcome
    text: str
    """What the agent said last."""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Workflow:
    """A piece of work that a person approves before it is done."""

    id: str
    goal: str
    created: float
    updated: float
    most_cycles: int = MOST_CYCLES
    delay: float = CYCLE_DELAY
    """Seconds between two cycles."""
    host: str = ""
    """Who has it in hand."""
    phase: Phase = Phase.PLANNING
    plan: str = ""
    revision: int = 1
    """Of the plan; one more after each that was sent back."""
    feedback: str = ""
    """Why the plan was sent back, or rejected."""
    decided: float | None = None
    """When it was approved or rejected."""
    cycles: tuple[Cycle, ...] = ()
    """Those that have ended: what a restart builds on."""
    began: float | None = None
    """When the cycle began that has not ended."""
    finished: bool | None = None
    """What the agent said of the whole: it is done, or cannot be; None when it has not said so."""
    summary: str = ""
    """In the agent's words."""
    error: str = ""
    """The last one: of a cycle, or what ended the workflow."""

    @property
    def session(self) -> str:
        """The name of its session."""
        return f"workflow {self.id}"

    @property
    def is_ended(self) -> bool:
        """Whether nothing becomes of it any more."""
        return self.phase in ENDED

    @property
    def cycle(self) -> int:
        """The number of the cycle that runs, or else of the last one that ended."""
        return len(self.cycles) + (self.began is not None)


def proposed(workflow: Workflow, plan: str, now: float) -> Workflow | None:
    """Take the agent's plan."""
    if workflow.phase is not Phase.PLANNING:
        return None
    return replace(workflow, phase=Phase.AWAITING_APPROVAL, plan=plan, error="", updated=now)


def approved(workflow: Workflow, now: float) -> Workflow | None:
    """Let the work begin."""
    if workflow.phase is not Phase.AWAITING_APPROVAL:
        return None
    return replace(workflow, phase=Phase.PROCESSING, decided=now, updated=now)


def rejected(workflow: Workflow, reason: str, now: float) -> Workflow | None:
    """End it before anything was done; the agent hears the reason."""
    if workflow.phase is not Phase.AWAITING_APPROVAL:
        return None
    return replace(workflow, phase=Phase.REJECTED, feedback=reason, decided=now, updated=now)


def sent_back(workflow: Workflow, reason: str, now: float) -> Workflow | None:
    """Have the agent make a better plan."""
    if workflow.phase is not Phase.AWAITING_APPROVAL:
        return None
    revision = workflow.revision + 1
    return replace(workflow, phase=Phase.PLANNING, feedback=reason, revision=revision, updated=now)


def cycle_began(workflow: Workflow, now: float) -> Workflow | None:
    """Begin the next cycle; None when it may not, or when one has begun already."""
    if workflow.phase is not Phase.PROCESSING or workflow.began is not None:
        return None
    return replace(workflow, began=now, updated=now)


def cycle_ended(workflow: Workflow, text: str, error: str, now: float) -> Workflow | None:
    """End the cycle that runs; with the last one that is allowed, end the workflow."""
    if workflow.phase is not Phase.PROCESSING or workflow.began is None:
        return None
    outcome = CycleOutcome.FAILED if error else CycleOutcome.DONE
    number = len(workflow.cycles) + 1
    cycle = Cycle(number, workflow.began, now, outcome, text, error)
    ended = replace(
        workflow,
        cycles=(*workflow.cycles, cycle),
        began=None,
        error=error or workflow.error,
        updated=now,
    )
    return _settled(ended, now)


def _settled(workflow: Workflow, now: float) -> Workflow:
    """Say whether a workflow goes on after a cycle."""
    if workflow.finished is True:
        return replace(workflow, phase=Phase.COMPLETED, error="", updated=now)
    if workflow.finished is False:
        return replace(workflow, phase=Phase.FAILED, error=workflow.summary, updated=now)
    if len(workflow.cycles) >= workflow.most_cycles:
        last = f" The last error: {workflow.error}" if workflow.error else ""
        error = f"It was not complete after {workflow.most_cycles} cycles.{last}"
        return replace(workflow, phase=Phase.FAILED, error=error, updated=now)
    return workflow


def finished(workflow: Workflow, summary: str, now: float, *, succeeded: bool) -> Workflow | None:
    """Keep what the agent says of the whole; the cycle goes on to its end."""
    if workflow.phase is not Phase.PROCESSING or workflow.began is None:
        return None
    return replace(workflow, finished=succeeded, summary=summary, updated=now)


def failed(workflow: Workflow, error: str, now: float) -> Workflow | None:
    """End it for good."""
    if workflow.is_ended:
        return None
    return replace(workflow, phase=Phase.FAILED, error=error, began=None, updated=now)


def taken(workflow: Workflow, host: str) -> Workflow | None:
    """Have another host take it in hand."""
    if workflow.is_ended or workflow.host == host:
        return None
    return replace(workflow, host=host)
