"""What a host does with workflows: begin, look, decide, cancel.

A decision is on disk before it is answered, and answered before anything is done about it.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Collection
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

from agent.database import DatabaseError
from agent.errors import AgentError
from agent.session.session import Session
from agent.workflows import workflow
from agent.workflows.answers import Decided, Status, said
from agent.workflows.running import MOST_RUNNING, Running
from agent.workflows.store import WorkflowStore
from agent.workflows.workflow import CYCLE_DELAY, MOST_CYCLES, Phase, Workflow
from tools.workflow_tools import WorkflowDesk

log = logging.getLogger(__name__)

LONGEST_GOAL: Final = 100_000
"""Characters."""

LOOK_SECONDS: Final = 1.0
"""Between two looks for workflows that were decided on in another process, or left by one."""


class WorkflowError(AgentError):
    """A workflow cannot be made of this."""


class WorkflowNotFoundError(AgentError):
    """There is no workflow of that id."""


class Host(Protocol):
    """What workflows need of an agent."""

    async def session(self, name: str | None = None) -> Session:
        """Open a session, or go on with it."""
        ...

    def service(self, kind: type[WorkflowDesk]) -> WorkflowDesk | None:
        """Give a service that its tools have."""
        ...


class Workflows:
    """The workflows of an agent; use it as an asynchronous context manager.

    Args:
        agent: plans and works, in a session for each; it needs the tool group "workflows".
        file: where they are kept; other processes may use it, too.
        host: who this is, for the workflows that it has in hand.
        is_gone: says whether another host has ended, so that its workflows are taken up here.
        most: how many are at work at once.
    """

    def __init__(
        self,
        agent: Host,
        file: Path,
        *,
        host: str,
        is_gone: Callable[[str], bool],
        most: int = MOST_RUNNING,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._agent = agent
        self._store = WorkflowStore(file)
        self._host = host
        self._is_gone = is_gone
        self._now = now
        self._running = Running(agent, self._store, most=most, now=now)
        self._looking: asyncio.Task[None] | None = None
        self._is_closed = False

    def __repr__(self) -> str:
        return f"<Workflows {self._running!r}>"

    async def __aenter__(self) -> Self:
        """Take up what an earlier host left."""
        desk = self._agent.service(WorkflowDesk)
        if desk is None:
            raise WorkflowError(
                'The agent has no tool to finish a workflow: give it builtin_tools=("workspace", '
                '"workflows").'
            )
        desk.attach(self._finish)
        await self._take_up()
        self._looking = asyncio.create_task(self._keep_looking(), name="looking for workflows")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Interrupt what goes on, to be taken up later; harmless twice."""
        if not self._is_closed:
            self._is_closed = True
            if self._looking is not None:
                self._looking.cancel()
                await asyncio.wait({self._looking})
            desk = self._agent.service(WorkflowDesk)
            if desk is not None:
                desk.attach(None)
            await self._running.close()
            await self._store.close()

    async def begin(
        self, goal: str, *, most_cycles: int = MOST_CYCLES, delay: float = CYCLE_DELAY
    ) -> Workflow:
        """Begin a workflow: its plan is made in the background.

        Args:
            goal: what is to be done, in a person's words.
            most_cycles: after so many turns of work it has failed.
            delay: seconds between two of them.

        Raises:
            WorkflowError: it cannot be made of this.
            DatabaseError: it cannot be kept.
        """
        if not goal.strip() or len(goal) > LONGEST_GOAL:
            raise WorkflowError(
                f"goal: 1 to {LONGEST_GOAL:,} characters that say what is to be done"
            )
        if most_cycles < 1 or delay < 0:
            raise WorkflowError("most_cycles is at least 1, and delay at least 0 seconds")
        now = self._now()
        begun = Workflow(uuid.uuid4().hex[:12], goal, now, now, most_cycles, delay, host=self._host)
        await self._store.add(begun)
        self._running.begin(begun.id)
        return begun

    async def get(self, workflow_id: str) -> Workflow:
        """Give a workflow as it is now.

        Raises:
            WorkflowNotFoundError: there is none of that id.
        """
        found = await self._store.get(workflow_id)
        if found is None:
            raise WorkflowNotFoundError(f"there is no workflow {workflow_id!r}")
        return found

    async def all(self, phases: Collection[Phase] = tuple(Phase)) -> list[Workflow]:
        """List workflows, the oldest first."""
        return await self._store.all(phases)

    async def approve(self, workflow_id: str) -> Decided:
        """Approve the plan: the work begins in the background, or waits for its turn.

        Raises:
            WorkflowNotFoundError: there is none of that id.
            DatabaseError: it could not be kept; nothing was approved.
        """
        now = self._now()
        decided = await self._decide(workflow_id, lambda w: workflow.approved(w, now))
        self._go_on(decided)
        return decided

    async def reject(
        self, workflow_id: str, reason: str = "", *, asks_for_another: bool = False
    ) -> Decided:
        """Reject the plan; the agent hears the reason, and makes another plan if that is asked for.

        Raises:
            WorkflowNotFoundError: there is none of that id.
            DatabaseError: it could not be kept; nothing was rejected.
        """
        decide = workflow.sent_back if asks_for_another else workflow.rejected
        now = self._now()
        decided = await self._decide(workflow_id, lambda w: decide(w, reason.strip(), now))
        self._go_on(decided)
        return decided

    async def cancel(self, workflow_id: str) -> Workflow:
        """End a workflow, whatever it does; what was done stays done.

        Raises:
            WorkflowNotFoundError: there is none of that id.
        """
        now = self._now()
        found, _ = await self._store.change(
            workflow_id, lambda w: workflow.failed(w, "cancelled", now)
        )
        if found is None:
            return await self.get(workflow_id)
        await self._running.stop(workflow_id)
        return found

    async def status(self, workflow_id: str) -> Status:
        """Say where a workflow is at this moment.

        Raises:
            WorkflowNotFoundError: there is none of that id.
        """
        found = await self.get(workflow_id)
        is_at_work = self._running.is_at_work(workflow_id) and not found.is_ended
        questions = 0
        if is_at_work and not self._running.waits(workflow_id):
            questions = len((await self._agent.session(found.session)).questions)
        return Status(found, is_at_work, self._running.waits(workflow_id), questions)

    async def ended(self, workflow_id: str) -> Workflow:
        """Wait until nothing goes on in the background: a person is asked, or all is over.

        Raises:
            WorkflowNotFoundError: there is none of that id.
        """
        await self._running.settled(workflow_id)
        return await self.get(workflow_id)

    # -- inside --------------------------------------------------------------------------------

    def _go_on(self, decided: Decided) -> None:
        """Begin what follows from a decision; in another host's hands, that one does."""
        if decided.took_effect and decided.workflow.host == self._host:
            self._running.begin(decided.workflow.id)

    async def _decide(
        self, workflow_id: str, decide: Callable[[Workflow], Workflow | None]
    ) -> Decided:
        found, took_effect = await self._store.change(workflow_id, decide)
        if found is None:
            raise WorkflowNotFoundError(f"there is no workflow {workflow_id!r}")
        return Decided(found, took_effect, said(found, took_effect=took_effect))

    async def _finish(self, session: str, summary: str, succeeded: bool) -> bool:
        """Keep what the agent of a session says of its work."""
        found = self._running.workflow_of(session)
        if found is None:
            return False
        now = self._now()
        _, was_changed = await self._store.change(
            found, lambda w: workflow.finished(w, summary, now, succeeded=succeeded)
        )
        return was_changed

    async def _take_up(self) -> None:
        """Go on with what is in this host's hands, or in those of one that has ended."""
        for left in await self._store.all((Phase.PLANNING, Phase.PROCESSING)):
            if left.host == self._host:
                self._running.begin(left.id)
            elif self._is_gone(left.host):
                _, is_ours = await self._store.change(left.id, self._taken)
                if is_ours:
                    self._running.begin(left.id)

    def _taken(self, stored: Workflow) -> Workflow | None:
        return workflow.taken(stored, self._host) if self._is_gone(stored.host) else None

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self._take_up()
            except DatabaseError as error:
                log.warning("workflows could not be looked through: %s", error)
