"""What the agent of a workflow is told; each text is found again in its session after a restart."""

from agent.workflows.workflow import Workflow


def for_plan(workflow: Workflow) -> str:
    """Ask for a plan, or for a better one."""
    if workflow.revision == 1:
        return (
            f"{workflow.goal}\n\nDo not begin yet. Look at what you need to know, then answer with "
            "a plan: numbered steps, what each changes, what could go wrong, and how the result "
            "will be checked. A person approves or rejects it; calls that change something are "
            "denied until then."
        )
    return (
        f"Plan {workflow.revision - 1} was sent back: {workflow.feedback}\n\nMake a better one, "
        f"plan {workflow.revision}, in the same form. Still nothing may be changed."
    )


def for_cycle(workflow: Workflow, number: int) -> str:
    """Have the work done, or gone on with."""
    of = f"Cycle {number} of at most {workflow.most_cycles}."
    if number == 1:
        return (
            f"The plan was approved. {of} Carry it out now, as far as you come. When all of it is "
            "done and checked, or it cannot be done, call finish_workflow."
        )
    before = workflow.cycles[-1]
    trouble = f" The last cycle failed: {before.error}" if before.error else ""
    return (
        f"{of}{trouble} Go on where you are. What was done stays done: look before you repeat. "
        "When all of it is done and checked, or it cannot be done, call finish_workflow."
    )


def for_rejection(workflow: Workflow) -> str:
    """Tell that it will not be done."""
    why = f": {workflow.feedback}" if workflow.feedback else "."
    return f"The plan was rejected{why}\n\nNothing is to be done. Answer in a sentence or two."
