"""`glob`: files of the workspace by a pattern for their paths."""

from typing import Annotated

from annotated_types import Interval

from tools.base import tool
from tools.context import ToolContext
from tools.glob_patterns import Glob, compiled
from tools.paging import Page
from tools.stoppable import Stop, stoppable
from tools.tool_classes import ToolClass
from tools.tree_walk import Found, TreeWalk, shown_path
from tools.workspace import Workspace


@tool(ToolClass.LOCAL_READ, path="path")
async def glob(
    pattern: str,
    context: ToolContext,
    path: str = ".",
    *,
    limit: Annotated[int, Interval(ge=1, le=1_000)] = 200,
    offset: Annotated[int, Interval(ge=0)] = 0,
    include_ignored: bool = False,
) -> str:
    """Find files by a pattern for their paths: `**/*.py`, `src/*.{ts,tsx}`, `test_[a-m]*`.

    Gives paths relative to the workspace, sorted by path. `*`, `?` and `[...]` match within a name,
    `**` any number of folders; a pattern without a slash is for names in any folder (`*.py` is
    `**/*.py`). Case counts. Hidden files are included, folders are not; a link is named with its
    target and not followed. Left out: `.git`, and what .gitignore and .ignore files say.

    Args:
        pattern: relative to `path`.
        path: the folder to look in, relative to the workspace or absolute inside it.
        limit: how many files to name.
        offset: how many matching files to pass over, to read on.
        include_ignored: look at ignored files too.
    """
    workspace = Workspace(context.workspace)

    def work(stop: Stop) -> str:
        wanted = compiled(pattern, "pattern")
        walk = TreeWalk(workspace, path, stop, include_ignored=include_ignored)
        return _listed(walk, wanted, Page(offset, limit))

    return await stoppable(context, work)


def _listed(walk: TreeWalk, wanted: Glob, page: Page) -> str:
    for found in walk.entries(lambda folder: wanted.may_be_below(folder.inner)):
        if found.kind != "folder" and wanted.matches(found.inner):
            page.takes(_line(found))
    if not page.total:
        return "\n".join([_nothing(walk, wanted), *walk.notices()])
    notices = page.notice("files")
    return "\n".join([*page.lines, *notices, *walk.notices()])


def _line(found: Found) -> str:
    if found.kind == "link":
        return f"{shown_path(found.path)} -> {shown_path(found.target())}"
    return shown_path(found.path)


def _nothing(walk: TreeWalk, wanted: Glob) -> str:
    text = f"No file matches {wanted.pattern!r} below {shown_path(walk.key)!r}"
    if walk.ignored:
        return (
            f"{text}; {walk.ignored:,} ignored entries were left out: include_ignored=true looks "
            "there too."
        )
    return f"{text}."
