"""What is said of workflows, to people and to programs that know the founding shapes."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from agent.workflows.workflow import Phase, Workflow


@dataclass(frozen=True, slots=True)
class Decided:
    """What a decision came to."""

    workflow: Workflow
    took_effect: bool
    """Whether this decision is the one that counts."""
    message: str
    """For whoever decided."""


@dataclass(frozen=True, slots=True)
class Status:
    """Where a workflow is at this moment."""

    workflow: Workflow
    is_at_work: bool
    """Whether something goes on in the background, or waits for its turn to."""
    waits_for_its_turn: bool
    questions: int
    """Calls of it that wait for a person's answer."""


def said(found: Workflow, *, took_effect: bool) -> str:
    """Say what a decision came to, or why it came to nothing."""
    if took_effect:
        return {
            Phase.PROCESSING: "Approved. The work has started in the background.",
            Phase.REJECTED: "Rejected. Nothing is done, and the agent is told why.",
            Phase.PLANNING: "Sent back. The agent makes another plan.",
        }[found.phase]
    return {
        Phase.PLANNING: "There is no plan to decide on yet; it is being made.",
        Phase.AWAITING_APPROVAL: "The plan still waits for a decision.",
        Phase.PROCESSING: "It was approved before; the work goes on.",
        Phase.COMPLETED: "It was approved before, and the work is complete.",
        Phase.REJECTED: "It was rejected before; begin another workflow.",
        Phase.FAILED: f"It has failed: {found.error}",
    }[found.phase]


def decision_answer(decided: Decided) -> dict[str, Any]:
    """Give a decision in the founding shape."""
    found = decided.workflow
    started = decided.took_effect and found.phase is Phase.PROCESSING
    was_approved = found.decided is not None and found.phase is not Phase.REJECTED
    return {
        "status": "success" if decided.took_effect else "unchanged",
        "workflow_id": found.id,
        "approved": was_approved,
        "immediate_response": True,
        "background_processing_started": started,
        "processing_message": decided.message,
        "workflow_status": found.phase.value,
        "updated_at": _time(found.updated),
    }


def live_status(status: Status) -> dict[str, Any]:
    """Give where a workflow is, in the founding shape and beyond."""
    found = status.workflow
    return {
        "workflow_id": found.id,
        "workflow_status": found.phase.value,
        "background_processing": status.is_at_work,
        "is_processing": found.phase in {Phase.PLANNING, Phase.PROCESSING},
        "is_completed": found.is_ended,
        "last_update": _time(found.updated),
        "cycle": found.cycle,
        "most_cycles": found.most_cycles,
        "waits_for_its_turn": status.waits_for_its_turn,
        "questions": status.questions,
        "plan": found.plan,
        "summary": found.summary,
        "last_error": found.error,
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
