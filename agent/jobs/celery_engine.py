"""An engine that has workers elsewhere run the jobs: `toolloop worker`, on any machine.

What it sends is an id. The rules:

- a message that is lost is noticed by whoever sweeps, and one that comes twice begins nothing
  twice;
- messages do not pile up for a job that only waits its turn: an attempt is carried a second time
  after a while only, and each later time after twice as long;
- no call waits for Redis for ever, nor on the event loop.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from celery import Celery
from kombu.exceptions import OperationalError
from kombu.utils.url import maybe_sanitize_url
from redis.exceptions import RedisError

from agent.jobs.celery_app import LIMIT_MARGIN, RUN_JOB, CelerySettings, make_app, priority_of
from agent.jobs.errors import JobStoreError
from agent.jobs.job import Job, State

LONGEST_SECONDS: Final = 15.0
"""For Redis to take a message, or to fail."""

_ONCE_MORE: Final = {"max_retries": 1, "interval_start": 0.0, "interval_max": 0.0}
"""Since a connection that was kept may be of a Redis that was restarted meanwhile."""

_SENDERS: Final = 4
"""Threads."""


@dataclass(frozen=True, slots=True)
class Message:
    """One on the way to a worker."""

    task: str
    """The id of its Celery task."""
    job: Job
    delay: float = 0.0
    """Seconds for which a worker keeps it before it looks at the job."""
    is_attempt: bool = True
    """Whether it is to begin one, so that monitors are told how it ends."""


def attempt_message(job: Job, delay: float = 0.0) -> Message:
    """Give the message that has a waiting job's next attempt begun."""
    return Message(f"{job.id}.{job.attempt + 1}", job, delay)


def look_message(job: Job, delay: float) -> Message:
    """Give the message that has a worker see whether the attempt that runs still lives."""
    return Message(f"{job.id}.{job.attempt}.look", job, delay, is_attempt=False)


class CeleryEngine:
    """A `JobEngine` on Celery and Redis. For one event loop at a time."""

    def __init__(self, settings: CelerySettings, now: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._now = now
        self._app: Celery = make_app(settings, has_results=False)
        self._place = maybe_sanitize_url(settings.broker)  # Without the password.
        self._threads = ThreadPoolExecutor(_SENDERS, "celery-messages")

    def __repr__(self) -> str:
        return f"<CeleryEngine {self._place} {self._settings.queue}>"

    async def start(self) -> None:
        """Make sure that Redis can be reached.

        Raises:
            JobStoreError: it cannot.
        """
        await self._called(self._connect)

    async def carry(self, job: Job) -> None:
        """Have the next attempt of a waiting job begun when it is due.

        Raises:
            JobStoreError: Redis cannot be reached; the job waits until it is swept up.
        """
        if job.state is State.PENDING:
            await self._called(lambda: self._carry(job))

    async def send(self, message: Message) -> None:
        """Send a message, whether it was sent before or not.

        Raises:
            JobStoreError: Redis cannot be reached.
        """
        await self._called(lambda: self._send(message))

    async def stop(self, job: Job) -> None:
        """Tell the workers to drop its message; who runs it sees in the store that it is to end."""
        tasks = [f"{job.id}.{number}" for number in (job.attempt, job.attempt + 1) if number]
        with suppress(JobStoreError):  # The store says it, too.
            await self._called(lambda: self._revoke(tasks))

    async def close(self) -> None:
        """Let go of the connections; what runs elsewhere goes on."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(self._app.close)

    # -- inside, in threads --------------------------------------------------------------------

    async def _called(self, function: Callable[[], None]) -> None:
        """Do something with Redis.

        Raises:
            JobStoreError: it cannot be reached, or does not answer.
        """
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                await asyncio.get_running_loop().run_in_executor(self._threads, function)
        except (OperationalError, RedisError, OSError, TimeoutError) as error:
            why = str(error) or type(error).__name__
            raise JobStoreError(
                f"the Redis that carries jobs, {self._place}, fails: {why}"
            ) from error

    def _connect(self) -> None:
        with self._app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, interval_start=0.0)
            connection.default_channel.client.ping()

    def _carry(self, job: Job) -> None:
        message = attempt_message(job, job.due - self._now())
        sent = f"{self._settings.queue}.sent.{message.task}"
        with self._app.pool.acquire(block=True) as connection:
            client: Any = connection.default_channel.client
            if client.exists(sent):
                return
            self._send(message)
            waited = self._now() - max(job.due, job.created)
            client.set(sent, 1, px=round(1_000 * max(self._settings.again, waited)))

    def _send(self, message: Message) -> None:
        # A message that is kept for longer would be given to others, too.
        delay = min(message.delay, self._settings.visibility_timeout / 2)
        due = datetime.fromtimestamp(self._now() + delay, UTC) if delay > 0 else None
        limit = message.job.terms.hard_seconds + LIMIT_MARGIN
        self._app.send_task(
            RUN_JOB,
            (message.job.id,),
            task_id=message.task,
            priority=priority_of(message.job.priority),
            eta=due,
            soft_time_limit=limit,
            time_limit=limit + LIMIT_MARGIN,
            ignore_result=not message.is_attempt,
            retry=True,
            retry_policy=_ONCE_MORE,
        )

    def _revoke(self, tasks: list[str]) -> None:
        with self._app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, interval_start=0.0)
            self._app.control.revoke(tasks, connection=connection)
