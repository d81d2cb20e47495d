"""The workflows of an agent, in the hands of this process."""

import asyncio
import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from agent.workflows.workflows import Host, Workflows


@asynccontextmanager
async def open_workflows(agent: Host, file: Path) -> AsyncIterator[Workflows]:
    """Give an agent's workflows, with those taken up that an ended process left.

    Args:
        agent: with the tool group "workflows".
        file: where they are kept; other processes may use it, too.

    Raises:
        WorkflowError: the agent lacks that group.
        DatabaseError: the file cannot be used.
    """
    # It imports what looks at processes.
    workers = await asyncio.to_thread(importlib.import_module, "agent.jobs.workers")
    host = await asyncio.to_thread(workers.worker_name)
    async with Workflows(agent, file, host=host, is_gone=workers.is_gone) as workflows:
        yield workflows
