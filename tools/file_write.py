"""`file_write`: a whole file, new or in place of one that the model has read."""

from typing import Final

from tools.atomic import Target, held
from tools.base import tool
from tools.context import ToolContext
from tools.file_text import NotTextError, decoded
from tools.file_version import check_unchanged
from tools.threads import in_thread
from tools.tool_classes import Effect, ToolClass
from tools.versions import ABSENT
from tools.workspace import Workspace
from tools.workspace_errors import PathError, shown

_PLAIN: Final = "UTF-8"


@tool(ToolClass.LOCAL_WRITE, path="path", effect=Effect.IDEMPOTENT)
async def file_write(path: str, content: str, context: ToolContext) -> str:
    """Write a whole file of the workspace, as UTF-8; missing folders above it are made.

    An existing file is replaced only if it was read in this conversation before, and has not
    changed since. To change a part of a file use file_edit.

    Args:
        path: relative to the workspace, or absolute inside it.
        content: all that the file is to hold; end the last line with a line feed.
    """
    data = content.encode()
    async with held(Workspace(context.workspace), path, make=True) as target:
        _check_seen(target, context)
        was_seen = bool(context.versions.expected(target.key) - {ABSENT})
        await target.replace(data, context.versions)
        return await in_thread(lambda: _result(target, content, len(data), was_seen=was_seen))


def _check_seen(target: Target, context: ToolContext) -> None:
    if target.info is None:
        return
    if not context.versions.expected(target.key):
        raise PathError(
            f"{shown(target.path)} exists and was not read in this conversation: read it first "
            "(file_read), or change a part of it (file_edit). Nothing was done."
        )
    check_unchanged(context.versions, target.key, target.version, target.path)


def _result(target: Target, content: str, size: int, *, was_seen: bool) -> str:
    lines = content.count("\n") + (not content.endswith("\n") and bool(content))
    done = "Created" if target.info is None else "Overwrote"
    said = [f"{done} {shown(target.path)}: {size:,} bytes, {lines:,} lines."]
    if target.info is None:
        if was_seen:
            said.append("The file that was read there had been deleted meanwhile.")
        return " ".join(said)
    if target.info.st_nlink > 1:
        others = target.info.st_nlink - 1
        said.append(f"It had {others} other name(s) (hard links), which keep the old content.")
    encoding = _encoding(target.data)
    if encoding != _PLAIN:
        said.append(f"It was {encoding} before, and is {_PLAIN} now.")
    return " ".join(said)


def _encoding(data: bytes) -> str:
    try:
        return decoded(data).encoding
    except NotTextError:
        return "binary"
