"""Calls of the tools that look for files, as a model makes them."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools.base import Tool
from tools.context import ToolContext
from tools.find import directory_tree, glob, grep


async def _found(tool: Tool[..., Any], folder: Path, given: dict[str, object]) -> str:
    # The first call of a tool imports pydantic, which reads files.
    arguments = await asyncio.to_thread(tool.parse, given)
    text = await tool.run(arguments, ToolContext("a session", folder))
    assert isinstance(text, str)
    return text


async def globbed(folder: Path, pattern: str, **given: object) -> str:
    return await _found(glob, folder, {"pattern": pattern, **given})


async def grepped(folder: Path, pattern: str, **given: object) -> str:
    return await _found(grep, folder, {"pattern": pattern, **given})


async def outlined(folder: Path, **given: object) -> str:
    return await _found(directory_tree, folder, given)


def put(folder: Path, files: Mapping[str, str | bytes]) -> None:
    """Write files, with the folders above them."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
