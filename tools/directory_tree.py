"""`directory_tree`: what is in a folder and below it, as an indented list."""

import os
from typing import Annotated, Final

from annotated_types import Interval

from tools.base import tool
from tools.context import ToolContext
from tools.folder_outline import Node, share_out
from tools.stoppable import Stop, stoppable
from tools.tool_classes import ToolClass
from tools.tree_walk import Found, TreeWalk, shown_path
from tools.workspace import Workspace

_STEP: Final = 1024
"""From one unit of size to the next."""


@tool(ToolClass.LOCAL_READ, path="path")
async def directory_tree(
    context: ToolContext,
    path: str = ".",
    *,
    depth: Annotated[int, Interval(ge=1, le=10)] = 3,
    limit: Annotated[int, Interval(ge=1, le=1_000)] = 300,
    include_ignored: bool = False,
) -> str:
    """Show what is in a folder and below it: names, the sizes of files, the targets of links.

    In each folder the folders come first, then the files, both by name. A folder that is not opened
    says how many entries it has. When there are more entries than the limit, the upper levels come
    first. Hidden files are shown, links are not followed. Left out: `.git`, and what .gitignore and
    .ignore files say.

    Args:
        path: the folder, relative to the workspace or absolute inside it.
        depth: how many levels to show.
        limit: how many entries to show.
        include_ignored: show ignored files and folders too.
    """
    workspace = Workspace(context.workspace)

    def work(stop: Stop) -> str:
        walk = TreeWalk(workspace, path, stop, include_ignored=include_ignored)
        root = _read(walk, depth, limit)
        is_cut = share_out(root, depth, limit)
        return "\n".join([f"{root.name}/", *root.lines("  "), *_notices(walk, limit, is_cut)])

    return await stoppable(context, work)


def _read(walk: TreeWalk, depth: int, limit: int) -> Node:
    """Read a folder to one level below what is shown, so that those folders can be counted."""
    root = Node("", is_folder=True)
    way = [root]
    folders: dict[str, Node] = {}
    for found in walk.entries(lambda folder: folder.depth <= depth):
        is_shown = found.depth <= depth
        node = _node(found, measured=is_shown)
        del way[found.depth :]
        way[-1].add(node, limit if is_shown else 0)
        way.append(node)
        if node.is_folder and is_shown:
            folders[found.path] = node
    for unreadable in walk.unreadable:
        folders[unreadable].note = "/ (cannot be read)"
    root.name = shown_path(walk.key)
    return root


def _node(found: Found, *, measured: bool) -> Node:
    name = shown_path(found.name)
    if found.kind == "folder":
        return Node(name, is_folder=True)
    if not measured:
        return Node(name)
    if found.kind == "link":
        return Node(name, note=f" -> {shown_path(found.target())}")
    if found.kind == "other":
        return Node(name, note=" (a pipe, socket or device)")
    return Node(name, note=_size(found))


def _size(found: Found) -> str:
    try:
        size = os.stat(found.name, dir_fd=found.folder, follow_symlinks=False).st_size
    except OSError:
        return ""  # gone meanwhile
    if size < _STEP:
        return f" ({size} B)"
    if size < _STEP**2:
        return f" ({size / _STEP:.1f} kB)"
    return f" ({size / _STEP**2:,.1f} MB)"


def _notices(walk: TreeWalk, limit: int, is_cut: bool) -> list[str]:
    notices = []
    if is_cut:
        notices.append(
            f"[more than limit={limit} entries: raise it (to 1,000 at most), or give a folder "
            "below as path]"
        )
    if walk.ignored:
        notices.append(f"[{walk.ignored:,} ignored entries left out; include_ignored=true]")
    return [*notices, *walk.notices()]
