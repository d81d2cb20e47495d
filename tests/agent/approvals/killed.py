"""A process that is killed while questions are open; see `test_restart`.

`python -m tests.agent.approvals.killed FOLDER NUMBER` asks one question for each of `COMMANDS`,
answers the first so many of them, sees those calls done, and is killed.
"""

import asyncio
import sys
from pathlib import Path

from agent.claude.script import Call, reply
from agent.events import ApprovalAsked, ToolFinished
from agent.runtime import Agent
from scheduler import Access
from tests.agent.crash_child import PlayedModel, die, note
from tools import ToolClass, tool

COMMANDS = ["one", "two", "three"]


def agent_in(folder, model):
    """Give an agent that keeps its sessions here, and asks about its only tool."""

    @tool(
        ToolClass.EXCLUSIVE,
        access=lambda given: Access(writes=frozenset((("thing", given["command"]),))),
        moves=False,
    )
    async def act(command: str) -> str:
        """Do something."""
        await asyncio.to_thread(note, folder / "effects", f"{command}\n".encode())
        return f"did {command}"

    return Agent(
        builtin_tools=False,
        model=model,
        workspace=folder,
        data_dir=folder / "data",
        tools=[act],
        profile="claude",
        approvals="ask",
        tells_date=False,
    )


async def main(folder, number):
    calls = [Call(f"toolu_{each}", "act", {"command": each}) for each in COMMANDS]
    async with agent_in(folder, PlayedModel(reply(*calls))) as agent:
        session = await agent.session("killed")
        asked, done = [], 0
        async for event in session.send("Act."):
            if isinstance(event, ApprovalAsked):
                asked.append(event.id)
            if isinstance(event, ToolFinished):
                done += 1
            if len(asked) == len(COMMANDS):
                if done < number and isinstance(event, ApprovalAsked | ToolFinished):
                    await session.answer(asked[done], "once")
                elif done == number:
                    await session.flush()
                    die()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
