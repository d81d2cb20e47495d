"""The workflows at work: each in a task, so many at once, the rest wait in the order they came.

The rules that this file keeps:

- what a workflow has come to is stored before its next step begins; a restart goes on from there;
- a cycle that failed is recorded, and the next is tried after the delay; what no other cycle could
  mend ends the workflow, with the error kept;
- a workflow's task never ends without having said in the store why, unless its host ends.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final, Protocol

from agent.errors import AgentError
from agent.session.session import Session
from agent.workflows import cycles, texts, workflow
from agent.workflows.cycles import CycleError
from agent.workflows.store import WorkflowStore
from agent.workflows.workflow import Phase, Workflow
from scheduler.work import describe

log = logging.getLogger(__name__)

MOST_RUNNING: Final = 3
"""Workflows at work at once."""


class Opens(Protocol):
    """What sessions come from: an `Agent`."""

    async def session(self, name: str | None = None) -> Session:
        """Open a session, or go on with it."""
        ...


class Running:
    """Plans, and works through approved plans, in the background."""

    def __init__(
        self,
        agent: Opens,
        store: WorkflowStore,
        *,
        most: int = MOST_RUNNING,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._agent = agent
        self._store = store
        self._slots = asyncio.Semaphore(most)
        self._now = now
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._waiting: set[str] = set()
        self._of_session: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"<Running {len(self._tasks)} workflows, {len(self._waiting)} of them wait>"

    def begin(self, workflow_id: str) -> None:
        """Have a workflow go on from where it is, unless it does."""
        if workflow_id not in self._tasks:
            task = asyncio.create_task(self._go(workflow_id), name=f"workflow {workflow_id}")
            self._tasks[workflow_id] = task
            task.add_done_callback(lambda _: self._tasks.pop(workflow_id, None))

    def is_at_work(self, workflow_id: str) -> bool:
        """Say whether a workflow has a task here, be it that it waits for its turn."""
        return workflow_id in self._tasks

    def waits(self, workflow_id: str) -> bool:
        """Say whether a workflow waits for its turn."""
        return workflow_id in self._waiting

    def workflow_of(self, session: str) -> str | None:
        """Give the workflow that is at work in the session of an id."""
        return self._of_session.get(session)

    async def settled(self, workflow_id: str) -> None:
        """Wait until a workflow has no task here."""
        while (task := self._tasks.get(workflow_id)) is not None:
            await asyncio.wait({task})

    async def stop(self, workflow_id: str) -> None:
        """Interrupt what a workflow does, and wait for that."""
        task = self._tasks.get(workflow_id)
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    async def close(self) -> None:
        """Interrupt all; they go on when a host takes them up again."""
        tasks = [*self._tasks.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    # -- a workflow's way ----------------------------------------------------------------------

    async def _go(self, workflow_id: str) -> None:
        self._waiting.add(workflow_id)
        try:
            async with self._slots:
                self._waiting.discard(workflow_id)
                await self._steps(workflow_id)
        except Exception as error:  # the store itself, or a bug: said where it still can be
            log.exception("workflow %s ended", workflow_id)
            await self._fail(workflow_id, describe(error))
        finally:
            self._waiting.discard(workflow_id)

    async def _steps(self, workflow_id: str) -> None:
        """Do what is to be done next, until a person is asked or all is over."""
        while (current := await self._store.get(workflow_id)) is not None:
            match current.phase:
                case Phase.PLANNING:
                    await self._plan(current)
                    return
                case Phase.PROCESSING:
                    await self._cycle(current)
                case Phase.REJECTED:
                    await self._tell_rejection(current)
                    return
                case _:
                    return

    async def _plan(self, current: Workflow) -> None:
        text = texts.for_plan(current)
        try:
            plan = await self._say(current, text, read_only=True)
        except (CycleError, AgentError) as error:
            await self._fail(current.id, f"no plan was made: {error}")
            return
        if not plan.strip():
            await self._fail(current.id, "no plan was made: the agent answered without a text")
            return
        await self._store.change(
            current.id, lambda stored: workflow.proposed(stored, plan, self._now())
        )

    async def _cycle(self, current: Workflow) -> None:
        """Run one cycle, or the one that a restart cut off; wait a moment if another follows."""
        if current.began is None:
            begun, _ = await self._store.change(
                current.id, lambda stored: workflow.cycle_began(stored, self._now())
            )
            current = begun or current
        said, error = "", ""
        if current.finished is None:  # else the crash came after its last word
            text = texts.for_cycle(current, len(current.cycles) + 1)
            try:
                said = await self._say(current, text, read_only=False)
            except CycleError as failure:
                error = str(failure)
            except AgentError as critical:
                await self._fail(current.id, str(critical))
                return
        ended, _ = await self._store.change(
            current.id, lambda stored: workflow.cycle_ended(stored, said, error, self._now())
        )
        if error:
            log.warning("workflow %s: cycle %d failed: %s", current.id, current.cycle, error)
        if ended is not None and not ended.is_ended:
            await asyncio.sleep(ended.delay)

    async def _tell_rejection(self, current: Workflow) -> None:
        """Tell the agent why; what it says to that changes nothing."""
        text = texts.for_rejection(current)
        try:
            await self._say(current, text, read_only=True)
        except (CycleError, AgentError) as error:
            log.info("workflow %s: its agent was not told: %s", current.id, error)

    async def _say(self, current: Workflow, text: str, *, read_only: bool) -> str:
        session = await self._agent.session(current.session)
        self._of_session[session.id] = current.id
        try:
            return await cycles.say(session, text, read_only=read_only)
        finally:
            del self._of_session[session.id]

    async def _fail(self, workflow_id: str, error: str) -> None:
        log.error("workflow %s failed: %s", workflow_id, error)
        try:
            await self._store.change(
                workflow_id, lambda stored: workflow.failed(stored, error, self._now())
            )
        except AgentError:
            log.exception("workflow %s: that it failed could not be stored", workflow_id)
