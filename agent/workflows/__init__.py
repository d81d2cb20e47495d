"""Approval workflows: the agent plans, a person approves, the work goes on in the background.

Read in this order: `workflow` (what is known of one, and what may become of it: pure), `store`
(where it is kept), `texts` (what the agent is told), `cycles` (one turn of its session), `running`
(those at work, at most three at once), `answers` (what is said of them, also in the founding
shapes), `workflows` (what a host does with them), `opening`.
"""

from agent.workflows.opening import open_workflows
from agent.workflows.workflow import Cycle, CycleOutcome, Phase, Workflow
from agent.workflows.workflows import WorkflowNotFoundError, Workflows

__all__ = [
    "Cycle",
    "CycleOutcome",
    "Phase",
    "Workflow",
    "WorkflowNotFoundError",
    "Workflows",
    "open_workflows",
]
