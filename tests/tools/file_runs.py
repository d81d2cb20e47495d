"""Calls of file tools as one session makes them, for tests."""

from pathlib import Path
from typing import Any

import pytest

from tools import Tool, ToolContext, ToolError
from tools.files import FILE_TOOLS
from tools.versions import FileVersions

for each in FILE_TOOLS:
    each.definition()  # the schema is made by now, as in a session, and not in the first call


class Conversation:
    """Each call knows what the calls before it showed, and what they wrote."""

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace
        self.known: dict[str, str] = {}
        self.written: dict[str, str] = {}
        self.last = FileVersions()

    async def call(self, tool: Tool[..., Any], **given: Any) -> Any:
        self.last = FileVersions(dict(self.known), self.written)
        context = ToolContext("s", self.workspace, versions=self.last)
        try:
            return await tool.run(tool.parse(given), context)
        finally:
            self.known.update(self.last.shown)

    async def refusal(self, tool: Tool[..., Any], **given: Any) -> str:
        with pytest.raises(ToolError) as caught:
            await self.call(tool, **given)
        return str(caught.value)


def everything(folder: Path) -> dict[str, Any]:
    """All that is in a folder: names, bytes, links, inodes and modes."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        info = path.lstat()
        content = path.readlink() if path.is_symlink() else path.is_file() and path.read_bytes()
        found[str(path.relative_to(folder))] = (info.st_ino, info.st_mode, info.st_nlink, content)
    return found
