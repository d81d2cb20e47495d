"""`file_move`, `file_delete` and `make_directory`: what changes names, and not what files hold.

A link is moved or removed itself, and never what it leads to; below a folder that is removed, none
is followed.
"""

import os
import stat
from contextlib import ExitStack, suppress

from tools.base import tool
from tools.context import ToolContext
from tools.file_seen import Seen
from tools.renaming import rename_new
from tools.threads import in_thread
from tools.tool_classes import Effect, ToolClass
from tools.versions import FileVersions
from tools.workspace import Spot, Workspace, enter, scan
from tools.workspace_errors import NotFoundError, PathError, in_field, refused, shown, told_of


@tool(ToolClass.LOCAL_WRITE, path=("source", "target"), moves=True)
async def file_move(source: str, target: str, context: ToolContext) -> str:
    """Move or rename a file, a folder or a link of the workspace; nothing is ever overwritten.

    Missing folders above the target are made. A file that has changed since it was read is refused.

    Args:
        source: relative to the workspace, or absolute inside it.
        target: the new path with the new name, which must be free, not the folder to move into.
    """
    workspace = Workspace(context.workspace)
    return await in_thread(lambda: _move(workspace, source, target, context.versions))


@tool(ToolClass.LOCAL_WRITE, path="path", moves=True)
async def file_delete(path: str, context: ToolContext, recursive: bool = False) -> str:
    """Delete a file, a link (not what it leads to) or an empty folder of the workspace.

    It cannot be undone. A file that has changed since it was read is refused.

    Args:
        path: relative to the workspace, or absolute inside it.
        recursive: delete a folder with all that is in it.
    """
    workspace = Workspace(context.workspace)
    return await in_thread(lambda: _delete(workspace, path, context.versions, recursive))


@tool(ToolClass.LOCAL_WRITE, path="path", effect=Effect.IDEMPOTENT)
async def make_directory(path: str, context: ToolContext) -> str:
    """Make a folder of the workspace, with the missing folders above it; fine if it is there.

    Args:
        path: relative to the workspace, or absolute inside it.
    """
    workspace = Workspace(context.workspace)
    return await in_thread(lambda: _make(workspace, path))


# -- moving ----------------------------------------------------------------------------------------


def _move(workspace: Workspace, source: str, target: str, versions: FileVersions) -> str:
    with ExitStack() as stack:
        with in_field("source"):
            old = stack.enter_context(workspace.parent(source, follow=False, there=True))
            info = _there(old, source)
        with in_field("target"):
            _check_free(workspace, source, old, target)
        with in_field("source"), told_of(source):
            seen = Seen.at(old, info, versions, source)
        with in_field("target"), told_of(target):
            new = stack.enter_context(workspace.parent(target, follow=False, make=True))
            rename_new(old.name, new.name, source_folder=old.folder, target_folder=new.folder)
        seen.moved(old.key, new.key)
    done = f"Moved {shown(source)} to {shown(target)}."
    if stat.S_ISLNK(info.st_mode):
        return f"{done} It is a link: if it is relative, it may lead elsewhere from there."
    return done


def _check_free(workspace: Workspace, source: str, old: Spot, target: str) -> None:
    """Refuse a target before folders are made for it."""
    if target.startswith(f"{source.rstrip('/')}/"):
        raise PathError(f"{shown(target)} is inside of what is to be moved: name another place.")
    try:
        with workspace.parent(target, follow=False) as new:
            found = new.look()
    except NotFoundError:
        return  # folders are missing above it
    if found is None:
        return
    if stat.S_ISDIR(found.st_mode):
        inside = f"{target.rstrip('/')}/{old.name}"
        raise PathError(
            f"{shown(target)}: a folder is there already: to move into it, name {shown(inside)}."
        )
    raise PathError(f"{shown(target)}: something is there already, and is not overwritten.")


# -- deleting --------------------------------------------------------------------------------------


def _delete(workspace: Workspace, path: str, versions: FileVersions, recursive: bool) -> str:
    with workspace.parent(path, follow=False, there=True) as spot, told_of(path):
        info = _there(spot, path)
        if not stat.S_ISDIR(info.st_mode):
            seen = Seen.at(spot, info, versions, path)
            os.unlink(spot.name, dir_fd=spot.folder)
            seen.removed()
            kind = "link" if stat.S_ISLNK(info.st_mode) else "file"
            return f"Deleted the {kind} {shown(path)}."
        if not recursive:
            return _delete_empty(spot, path)
        seen = Seen.at(spot, info, versions, path)
        count = _delete_all(spot, path)
        seen.removed()
        return f"Deleted the folder {shown(path)} and {count:,} entries in it."


def _delete_empty(spot: Spot, path: str) -> str:
    folder = enter(spot.folder, spot.name)
    try:
        count = len(scan(folder))
    finally:
        os.close(folder)
    if count:
        raise PathError(
            f"{shown(path)} is a folder with {count:,} entries: nothing was deleted; set recursive "
            "to delete it with all that is in it."
        )
    os.rmdir(spot.name, dir_fd=spot.folder)
    return f"Deleted the empty folder {shown(path)}."


def _delete_all(spot: Spot, path: str) -> int:
    """Remove a folder with all that is in it; give how many entries that were."""
    try:
        count = _empty(spot)
        os.rmdir(spot.name, dir_fd=spot.folder)
    except OSError as error:
        raise PathError(f"{refused(error, path)} A part of it may be gone: list it.") from error
    return count


def _empty(spot: Spot) -> int:
    """Remove all that is in a folder; give how many entries that were."""
    folder = enter(spot.folder, spot.name)
    count = 0
    try:
        for entry in scan(folder):
            if entry.kind == "folder":
                count += _empty(Spot(folder, entry.name, entry.name))
                os.rmdir(entry.name, dir_fd=folder)
            else:
                os.unlink(entry.name, dir_fd=folder)
            count += 1
    finally:
        os.close(folder)
    return count


# -- both ------------------------------------------------------------------------------------------


def _there(spot: Spot, path: str) -> os.stat_result:
    info = spot.look()
    if info is None:
        raise PathError(f"{shown(path)} is gone meanwhile: list its folder.")
    return info


def _make(workspace: Workspace, path: str) -> str:
    # Asked first, since the workspace itself has no place in which it could be made.
    with suppress(PathError), workspace.open_folder(path):
        return f"The folder {shown(path)} is there already."
    with workspace.parent(path.rstrip("/") or path, make=True) as spot, told_of(path):
        if spot.look() is not None:
            raise PathError(
                f"{shown(path)}: something is there already that is no folder: use another name."
            )
        os.mkdir(spot.name, dir_fd=spot.folder)
        return f"Made the folder {shown(path)}."
