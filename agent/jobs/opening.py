"""A host's jobs, put together: in this process, or with workers elsewhere when Celery is named."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from agent.errors import ConfigurationError
from agent.jobs.in_process import InProcessEngine, Lease
from agent.jobs.jobs import Jobs
from agent.jobs.kinds import JobKind, Kinds
from agent.jobs.sqlite_store import SqliteJobStore
from agent.jobs.sweeping import SweepTerms
from agent.jobs.watching import Watched
from agent.jobs.workers import is_gone, worker_name

BROKER: Final = "CELERY_BROKER_URL"
BACKEND: Final = "CELERY_RESULT_BACKEND"

FILE: Final = "jobs.sqlite"
"""In the folder of the data."""

LIGHT_AND_HEAVY: Final = 4
"""Jobs at once in one process."""


async def open_jobs(
    kinds: Iterable[JobKind],
    data_dir: Path,
    *,
    variables: Mapping[str, str],
    options: Mapping[str, Any],
    lease: Lease | None = None,
    most: int = LIGHT_AND_HEAVY,
) -> Jobs:
    """Give a host's jobs, started; whoever opens them closes them.

    Args:
        kinds: what can be submitted.
        data_dir: where jobs of this machine are kept.
        variables: `CELERY_BROKER_URL` names the Redis that carries jobs to `toolloop worker`s,
            `CELERY_RESULT_BACKEND` the one that holds them, the broker's if it is not set. Without
            either the jobs run in this process.
        options: the arguments of `Agent` for sessions of the jobs' own, where they run here.
        lease: what a job holds that touches the workspace, where it runs here.
        most: jobs at once, where they run here.

    Raises:
        ConfigurationError: Celery is asked for and not installed.
        JobStoreError: the jobs, or what carries them, cannot be reached.
    """
    me = await asyncio.to_thread(worker_name)
    known = Kinds(kinds)
    if variables.get(BROKER):
        jobs = await asyncio.to_thread(_elsewhere, known, variables, me)
    else:
        store = Watched(SqliteJobStore(data_dir / FILE))
        engine = InProcessEngine(store, known, me, most=most, options=options, lease=lease)
        jobs = Jobs(store, engine, known, SweepTerms(me, is_gone), now=time.time)
    try:
        await jobs.start()
    except BaseException:
        await jobs.close()
        raise
    return jobs


def _elsewhere(kinds: Kinds, variables: Mapping[str, str], me: str) -> Jobs:
    try:
        from agent.jobs.celery_app import CelerySettings  # noqa: PLC0415  (an extra)
        from agent.jobs.celery_engine import CeleryEngine  # noqa: PLC0415  (an extra)
        from agent.jobs.redis_store import RedisJobStore  # noqa: PLC0415  (an extra)
    except ImportError as error:
        raise ConfigurationError(
            f"{BROKER} is set, and Celery is not installed: pip install 'toolloop[celery]', or "
            "unset it to run jobs in this process"
        ) from error
    broker = variables[BROKER]
    settings = CelerySettings(broker, variables.get(BACKEND) or broker)
    store = Watched(RedisJobStore(settings.backend, settings.prefix))
    # Names of processes tell nothing on other machines: two may be called alike.
    terms = SweepTerms(me, lambda _: False, silence=settings.silence, stale=settings.again)
    return Jobs(store, CeleryEngine(settings), kinds, terms)
