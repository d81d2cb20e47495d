"""Calls of the shell tools, as a model makes them."""

from pathlib import Path
from typing import Any

from tools import Tool, ToolContext, ToolOutput, to_output
from tools.background import Background
from tools.shell import SHELL_TOOLS, shell, shell_output, shell_stop

for each in SHELL_TOOLS:
    each.definition()  # Imports pydantic: an agent does so beside its event loop, too.


class Caller:
    """Calls tools in one session."""

    def __init__(self, workspace: Path, background: Background, session: str = "s1") -> None:
        self.context = ToolContext(session, workspace, services={Background: background})

    async def call(self, tool: Tool[..., Any], **given: Any) -> ToolOutput:
        value = await tool.run(tool.parse(given), self.context)
        return to_output(value, tool.output_limit)

    async def shell(self, command: str, **given: Any) -> str:
        return (await self.call(shell, command=command, **given)).text

    async def output(self, command_id: str, **given: Any) -> str:
        return (await self.call(shell_output, id=command_id, **given)).text

    async def stop(self, command_id: str) -> str:
        return (await self.call(shell_stop, id=command_id)).text
