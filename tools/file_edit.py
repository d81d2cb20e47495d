"""`file_edit`: replace exact texts in a file, all of them or none."""

import dataclasses

from tools.atomic import Target, held
from tools.base import tool
from tools.context import ToolContext
from tools.errors import ToolError
from tools.file_changes import changes
from tools.file_matching import Edit, NoMatchError, applied
from tools.file_text import NotTextError, Text, decoded
from tools.file_version import LARGEST_HASHED, check_unchanged
from tools.threads import in_thread
from tools.tool_classes import ToolClass
from tools.versions import FileVersions
from tools.workspace import Workspace
from tools.workspace_errors import shown


@tool(ToolClass.LOCAL_WRITE, path="path")
async def file_edit(path: str, edits: list[Edit], context: ToolContext) -> str:
    """Replace exact texts in a file of the workspace, and show what changed.

    The edits are applied one after the other, each to what the one before left, and all or none:
    if one does not match, the file stays as it is. Encoding and line endings stay. A file that has
    changed since it was read is refused.

    Args:
        path: relative to the workspace, or absolute inside it.
        edits: one or more replacements; `old_text` must occur exactly once unless `replace_all`.
    """
    if not edits:
        raise ToolError("edits: the list is empty: give at least one replacement.")
    async with held(Workspace(context.workspace), path) as target:
        check_unchanged(context.versions, target.key, target.version, path)
        data, result = await in_thread(lambda: _edited(target, edits))
        # Who never saw the file knows no more of it than what was replaced.
        was_seen = bool(context.versions.expected(target.key))
        await target.replace(data, context.versions if was_seen else FileVersions())
        return result


def _edited(target: Target, edits: list[Edit]) -> tuple[bytes, str]:
    """Give the new bytes, and what the model is told."""
    before = _text(target)
    after, places = before, 0
    for number, edit in enumerate(edits, 1):
        try:
            text, count = applied(edit, after)
        except NoMatchError as error:
            raise _refused(error, number, len(edits), target.path) from None
        after = dataclasses.replace(after, text=text)
        places += count
    data = _encoded(after, target.path)
    if data == target.data:
        raise ToolError(f"{shown(target.path)}: the edits undo each other: nothing would change.")
    done = f"Edited {shown(target.path)}: {places:,} replacement{'s' * (places != 1)}."
    return data, "\n".join([done, *_other_names(target), changes(before.lines(), after.lines())])


def _text(target: Target) -> Text:
    if len(target.data) > LARGEST_HASHED:
        raise ToolError(
            f"{shown(target.path)} has more than the {LARGEST_HASHED:,} bytes that can be edited."
        )
    try:
        return decoded(target.data)
    except NotTextError:
        raise ToolError(
            f"{shown(target.path)} is a binary file of {len(target.data):,} bytes: only text can "
            "be edited."
        ) from None


def _encoded(text: Text, path: str) -> bytes:
    try:
        data = text.encoded(text.text)
    except UnicodeEncodeError as error:
        raise ToolError(
            f"{shown(path)} is {text.encoding}, which has no {error.object[error.start]!r}: leave "
            "it out, or write the whole file as UTF-8 with file_write."
        ) from None
    if len(data) > LARGEST_HASHED:
        raise ToolError(
            f"{shown(path)} would get {len(data):,} bytes: at most {LARGEST_HASHED:,} are written."
        )
    return data


def _refused(error: NoMatchError, number: int, count: int, path: str) -> ToolError:
    which = f"edits[{number - 1}] (edit {number} of {count})"
    before = " (after the edits before it)" if number > 1 else ""
    return ToolError(f"{shown(path)}{before}, {which}: {error} Nothing was changed.")


def _other_names(target: Target) -> list[str]:
    if target.info is None or target.info.st_nlink == 1:
        return []
    others = target.info.st_nlink - 1
    return [f"It had {others} other name(s) (hard links), which keep the old content."]
