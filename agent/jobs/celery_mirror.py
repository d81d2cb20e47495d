"""What monitors of Celery see of a job while it runs: the state PROGRESS, with percent and stage.

It is for people who watch. Nothing waits for it but its own end, and nothing fails with it; the
truth is in the job store.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from agent.jobs.errors import JobStoreError
from agent.jobs.job import Job, State
from agent.jobs.watching import Watched
from tools.threads import in_thread

log = logging.getLogger(__name__)


class Mirror:
    """Shows one Celery task as far as its job is."""

    def __init__(self, task: Any, task_id: str, hostname: str) -> None:
        self._task = task
        self._task_id = task_id
        self._hostname = hostname

    def __repr__(self) -> str:
        return f"<Mirror {self._task_id}>"

    @asynccontextmanager
    async def following(self, store: Watched, job: str) -> AsyncIterator[None]:
        """Show each change of a job that goes through the store, until this is left."""
        following = asyncio.create_task(self._follow(store, job), name="showing progress")
        try:
            yield
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following

    async def show(self, job: Job) -> None:
        """Show a job that runs; return when that is done, even if cancelled."""
        if job.state is State.PROGRESS:
            # To its end: what is written after the task's end would be taken for news.
            await in_thread(lambda: self._show(job.percent, job.stage))

    async def _follow(self, store: Watched, job: str) -> None:
        shown: tuple[float, str] | None = None
        with store.followed(job) as news:
            while True:
                await news.wait()
                news.clear()
                with suppress(JobStoreError):
                    found = await store.get(job)
                    if found is not None and (found.percent, found.stage) != shown:
                        shown = (found.percent, found.stage)
                        await self.show(found)

    def _show(self, percent: float, stage: str) -> None:
        seen = {"percent": percent, "stage": stage}
        try:
            self._task.update_state(task_id=self._task_id, state=State.PROGRESS.value, meta=seen)
            with self._task.app.events.default_dispatcher(hostname=self._hostname) as events:
                events.send("task-progress", uuid=self._task_id, retry=False, **seen)
        except Exception as error:  # noqa: BLE001  (whatever Celery and Redis raise)
            log.debug("monitors are not told of %s: %s", self._task_id, error)
