"""What a model can ask of git: to look. What changes a repository goes through the shell.

See `tools.git` for what is switched off in a repository that may be hostile.
"""

from typing import Annotated, Final

from annotated_types import Interval

from tools.base import tool
from tools.content import ToolOutput
from tools.context import ToolContext
from tools.git import git_diff_async, git_log_async, git_status_async
from tools.results import as_output
from tools.tool_classes import ToolClass

SECONDS: Final = 150.0


@tool(ToolClass.LOCAL_READ, timeout=SECONDS)
async def git_status(context: ToolContext) -> ToolOutput:
    """Show the branch and the changed, staged and untracked files, as `git status --short`."""
    return as_output(await git_status_async(context.workspace), empty="Nothing has changed.")


@tool(ToolClass.LOCAL_READ, timeout=SECONDS)
async def git_diff(
    context: ToolContext, path: str | None = None, staged: bool = False
) -> ToolOutput:
    """Show what has changed in the files that git knows, as a unified diff.

    Args:
        path: a file or folder of the workspace; all of it if left out.
        staged: show what is staged for the next commit, not what is not yet staged.
    """
    found = await git_diff_async(context.workspace, staged, path)
    return as_output(found, empty="No differences.")


@tool(ToolClass.LOCAL_READ, timeout=SECONDS)
async def git_log(
    context: ToolContext,
    path: str | None = None,
    count: Annotated[int, Interval(ge=1, le=200)] = 20,
) -> ToolOutput:
    """List the newest commits: hash, date, author, first line of the message, files with counts.

    Args:
        path: only those that changed this file or folder of the workspace.
        count: how many commits, at most 200.
    """
    found = await git_log_async(context.workspace, path, count)
    return as_output(found, empty="No commits.")


GIT_TOOLS: Final = (git_status, git_diff, git_log)
