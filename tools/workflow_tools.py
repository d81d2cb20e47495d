"""The tool with which a model says that the work of its workflow is over."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from tools.base import tool
from tools.context import ToolContext
from tools.errors import ToolError
from tools.tool_classes import Effect, ToolClass

Finish: TypeAlias = Callable[[str, str, bool], Awaitable[bool]]
"""Called with the session's id, the summary, and whether the goal was reached; gives whether there
is such a workflow at work."""


class WorkflowDesk:
    """Where the tool is heard; passed to it as a service, and attached by who runs workflows."""

    def __init__(self) -> None:
        self._finish: Finish | None = None

    def __repr__(self) -> str:
        return f"<WorkflowDesk {'attached' if self._finish else 'not attached'}>"

    def attach(self, finish: Finish | None) -> None:
        """Have a function called from now on; None ends that."""
        self._finish = finish

    async def finish(self, session: str, summary: str, *, succeeded: bool) -> bool:
        """Tell that the work of a session's workflow is over; give whether it has one."""
        return self._finish is not None and await self._finish(session, summary, succeeded)


@tool(ToolClass.NETWORK, effect=Effect.IDEMPOTENT, approval="allow")
async def finish_workflow(summary: str, context: ToolContext, *, succeeded: bool = True) -> str:
    """Say that the approved plan is carried out, or that it cannot be. Nothing follows after that.

    Call it alone, when the results of everything else are there.

    Args:
        summary: what was done and what came of it, for the person who approved the plan.
        succeeded: false when the goal was not reached and cannot be.
    """
    if not summary.strip():
        raise ToolError("summary: it is empty; say what was done and what came of it.")
    desk = context.service(WorkflowDesk)
    if not await desk.finish(context.session, summary, succeeded=succeeded):
        raise ToolError(
            "This session has no workflow whose plan was approved and whose work goes on, so there "
            "is nothing to finish. Answer in your own words."
        )
    return "Noted: the workflow is over when this turn is. End it with a short last word."


WORKFLOW_TOOLS: Final = (finish_workflow,)
