"""A session in memory: no disk, no threads, so that it runs on the virtual clock."""

import asyncio
import functools
from pathlib import Path

import pydantic

from agent.approvals.policies import ByTool
from agent.claude.profile import CLAUDE
from agent.claude.request import Settings
from agent.conversation import Server, Toolbox
from agent.limits import Limits
from agent.services import end_session
from agent.session.entries import Header
from agent.session.log import SessionLog
from agent.session.session import Session
from agent.tasks import Tasks
from scheduler import Scheduler
from tools import Registry

pydantic.create_model("First")  # it reads files: an agent makes its schemas in a thread


class MemoryStore:
    """Keeps entries; a flush takes `sync` units of the clock, and is counted."""

    def __init__(self, sync=0):
        self.entries = []
        self.sync = sync
        self.flushes = []

    def append(self, entry):
        self.entries.append(entry)
        return len(self.entries) - 1

    async def flush(self):
        self.flushes.append(asyncio.get_running_loop().time())
        if self.sync:
            await asyncio.sleep(self.sync)

    async def close(self):
        pass


def session_of(model, tools, *, store=None, limits=None, scheduler=None, approvals=None):
    registry = Registry(tools)
    judge = (
        ByTool(approvals or {}) if approvals is None or isinstance(approvals, dict) else approvals
    )
    log = SessionLog(store or MemoryStore())
    log.record(Header("s", "in memory", 0.0, "", registry.definitions()))
    server = Server(model, Settings("claude-opus-5-5", 1_000), CLAUDE)
    scheduler = scheduler or Scheduler()
    tasks = Tasks()
    toolbox = Toolbox(registry, scheduler, judge, Path("/w"), tasks)
    return Session(
        log,
        lambda: server,
        toolbox,
        limits or Limits(),
        tells_date=False,
        start=tasks.create_task,
        end=functools.partial(end_session, {}),
    )
