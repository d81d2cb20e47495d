"""What a worker does with a message: begins the job's attempt, puts the message off, or drops it.

The rules:

- a message begins the attempt that it was sent for, and no other: whatever else is to be done with
  its job is sent as a message of its own;
- an attempt that lives elsewhere is left alone, and looked at again after the time in which its end
  would show;
- the task ends as the attempt did, for those who watch Celery; a job is never retried by Celery;
- when Redis fails, the message is given back and comes again.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from celery import Celery
from celery.exceptions import Ignore, Reject

from agent.jobs import transitions
from agent.jobs.attempt import run_attempt
from agent.jobs.celery_app import RUN_JOB, CelerySettings
from agent.jobs.celery_engine import CeleryEngine, attempt_message, look_message
from agent.jobs.celery_mirror import Mirror
from agent.jobs.errors import JobError, JobStoreError
from agent.jobs.job import Job, State
from agent.jobs.kinds import Kinds
from agent.jobs.redis_store import RedisJobStore
from agent.jobs.watching import Watched

log = logging.getLogger(__name__)


GIVEN_BACK_SECONDS: Final = 1.0
"""Before a message is given back: it would come again at once, and fail again."""


class JobFailedError(JobError):
    """An attempt of a job failed; only monitors see this."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What a worker has to run jobs with."""

    settings: CelerySettings
    engine: CeleryEngine
    kinds: Kinds
    options: Mapping[str, Any]
    """The arguments of `Agent` for sessions of the jobs' own."""
    own_name: Callable[[], str]
    """Gives the name of this process."""
    is_gone: Callable[[str], bool]
    """Says whether who runs an attempt is known to have ended."""
    run: Callable[[Any], Any] = asyncio.run
    """Runs a coroutine to its end."""


class Step(Enum):
    """What a message comes to."""

    BEGIN = "begin"
    """The attempt that it was sent for."""
    WAIT = "wait"
    """The attempt is not due; the same message is sent once more."""
    CARRY = "carry"
    """Another attempt is due, which has a message of its own."""
    LOOK = "look"
    """An attempt runs; it is looked at later."""
    END = "end"
    """There is nothing left to do."""


def step(job: Job, task_id: str, now: float) -> Step:
    """Decide what the message of a Celery task comes to."""
    if job.is_ended:
        return Step.END
    if job.state is State.PROGRESS:
        return Step.LOOK
    if attempt_message(job).task != task_id:
        return Step.CARRY
    return Step.BEGIN if job.due <= now else Step.WAIT


def register(app: Celery, bench: Bench) -> None:
    """Have a worker's app know the task."""

    def run_job(task: Any, job_id: str) -> dict[str, str]:
        request = task.request
        mirror = Mirror(task, request.id, request.hostname)
        try:
            job = bench.run(_done_with(job_id, request.id, bench, mirror))
        except JobStoreError as error:
            log.warning("the message of job %s is given back: %s", job_id, error)
            time.sleep(GIVEN_BACK_SECONDS)
            raise Reject(str(error), requeue=True) from error
        if job is None or request.ignore_result:
            raise Ignore
        return _outcome(job)

    app.task(run_job, name=RUN_JOB, bind=True, throws=(JobFailedError,), max_retries=0)


async def _done_with(job_id: str, task_id: str, bench: Bench, mirror: Mirror) -> Job | None:
    """Do what a message asks for; give the job as its attempt left it, None while that goes on."""
    store = Watched(RedisJobStore(bench.settings.backend, bench.settings.prefix))
    try:
        job = await _checked(store, job_id, bench)
        if job is not None and step(job, task_id, time.time()) is Step.BEGIN:
            job = await _attempted(store, job, bench, mirror) or await store.get(job_id)
        return None if job is None else await _seen_to(job, task_id, bench, mirror)
    finally:
        await store.close()


async def _checked(store: Watched, job_id: str, bench: Bench) -> Job | None:
    """Give a job; if its attempt is gone, it is lost first."""

    def decide(job: Job) -> transitions.Change | None:
        now = time.time()
        is_silent = job.heartbeat is None or now - job.heartbeat > bench.settings.silence
        is_lost = is_silent or bench.is_gone(job.worker)
        return transitions.lose(job, job.attempt, now) if is_lost else None

    job, _ = await store.change(job_id, decide)
    return job


async def _attempted(store: Watched, job: Job, bench: Bench, mirror: Mirror) -> Job | None:
    """Run an attempt; None if somebody else was quicker."""
    async with mirror.following(store, job.id):
        return await run_attempt(
            job.id,
            store=store,
            kinds=bench.kinds,
            worker=bench.own_name(),
            options=bench.options,
        )


async def _seen_to(job: Job, task_id: str, bench: Bench, mirror: Mirror) -> Job | None:
    """Send what is to be sent of a job; give it, unless this message's attempt goes on."""
    now = time.time()
    match step(job, task_id, now):
        case Step.CARRY:
            await bench.engine.carry(job)
            return job
        case Step.LOOK:
            await mirror.show(job)
            await bench.engine.send(look_message(job, bench.settings.silence))
            return None
        case Step.WAIT | Step.BEGIN:
            await bench.engine.send(attempt_message(job, job.due - now))
            return None
        case Step.END:
            return job


def _outcome(job: Job) -> dict[str, str]:
    """Give what monitors see of an attempt's end.

    Raises:
        JobFailedError: it failed.
    """
    if job.state is State.SUCCESS:
        return {"job": job.id, "state": job.state.value}
    if job.state is State.PENDING:
        why = job.error or "what ran it is gone"
        raise JobFailedError(
            f"job {job.id}: attempt {job.attempt} failed, and one more follows: {why}"
        )
    raise JobFailedError(f"job {job.id} failed ({job.reason}): {job.error}")
