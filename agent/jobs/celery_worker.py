"""The process that `worker` supervises: a Celery worker with its pool, and nothing of it left over.

The rules:

- it lives no longer than its supervisor: its standard input, which begins with a line of settings
  and on which nothing else comes, ends with that;
- a process of the pool lives no longer than the worker: on Linux Celery has the kernel kill it, and
  elsewhere it sees the end of a pipe of the same kind, cancels what it runs, and ends;
- what a job started is ended then by the guard of the process that ran it;
- all of them hold one end of a pipe of the supervisor's, which so learns that the last has ended.
"""

import asyncio
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, TypeVar

from celery import Celery, signals

from agent.jobs.celery_app import CelerySettings, make_app
from agent.jobs.celery_engine import CeleryEngine
from agent.jobs.celery_names import WorkerName, is_gone
from agent.jobs.celery_task import Bench, register
from agent.jobs.kinds import Kinds, kinds_of
from tools.guard import GUARD

T = TypeVar("T")

CLEAN_SECONDS: Final = 2.0
"""For what a process of the pool runs to be cancelled, when the worker is gone."""

LEFT_SECONDS: Final = 0.1
"""For what a light job left on its loop to end."""

STDIN: Final = 0


@dataclass(frozen=True, slots=True)
class WorkerTerms:
    """What a supervisor tells its worker."""

    celery: CelerySettings
    modules: tuple[str, ...]
    """Which the kinds of jobs are in."""
    concurrency: int
    supervisor: str
    start: int
    """Which of its supervisor's workers it is, counted from 1."""
    alive: int
    """The descriptor of a pipe that is held open by whatever is alive."""
    options: Mapping[str, Any]
    """The arguments of `Agent` for jobs."""

    def encoded(self) -> bytes:
        """Give a line for the worker's standard input."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def decoded(cls, line: bytes) -> "WorkerTerms":
        """Read such a line."""
        members = json.loads(line)
        settings = CelerySettings(**members.pop("celery"))
        return cls(celery=settings, modules=tuple(members.pop("modules")), **members)


class Running:
    """What a process of the pool runs at the moment: one coroutine, or none. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self._idle = threading.Event()
        self._idle.set()

    def __repr__(self) -> str:
        return f"<Running {'nothing' if self._task is None else self._task.get_name()}>"

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end on a loop of its own."""

        async def known() -> T:
            self._set(asyncio.get_running_loop(), asyncio.current_task())
            try:
                return await work
            finally:
                self._set(None, None)

        loop = asyncio.new_event_loop()
        try:
            return loop.run_until_complete(known())
        finally:
            # `asyncio.run` would wait for ever for a light job that does not stop.
            loop.run_until_complete(_given_up(loop))
            loop.close()

    def cancel(self, seconds: float) -> None:
        """Cancel it, and wait so long for its end."""
        with self._lock:
            if self._loop is not None and self._task is not None:
                self._loop.call_soon_threadsafe(self._task.cancel)
        self._idle.wait(seconds)

    def _set(
        self, loop: asyncio.AbstractEventLoop | None, task: "asyncio.Task[Any] | None"
    ) -> None:
        with self._lock:
            self._loop, self._task = loop, task
            (self._idle.set if task is None else self._idle.clear)()


async def _given_up(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what is left on a loop, and give it a moment to end."""
    left = asyncio.all_tasks(loop) - {asyncio.current_task()}
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left, timeout=LEFT_SECONDS)
    await loop.shutdown_asyncgens()


def main() -> int:
    """Work until told to end; give the exit code."""
    line = _line()
    _at_end_of(STDIN, _die)
    terms = WorkerTerms.decoded(line)
    os.set_inheritable(terms.alive, False)  # A job's processes are not the worker's.
    app = make_app(terms.celery)
    running = Running()
    register(app, _bench(terms, running))
    _bind_pool(running)
    worker = _worker(app, terms)
    worker.start()
    return int(worker.exitcode or 0)


def _bench(terms: WorkerTerms, running: Running) -> Bench:
    worker = os.getpid()

    def gone(name: str) -> bool:
        # This process runs nothing while it looks.
        return name == own_name() or is_gone(name, terms.supervisor, terms.start, worker)

    def own_name() -> str:
        return str(WorkerName(terms.supervisor, terms.start, os.getpid()))

    return Bench(
        terms.celery,
        CeleryEngine(terms.celery),
        Kinds(kinds_of(terms.modules)),
        terms.options,
        own_name,
        gone,
        running.run,
    )


def _worker(app: Celery, terms: WorkerTerms) -> Any:
    return app.Worker(
        hostname=f"{terms.supervisor}.{terms.start}",
        pool="prefork",
        concurrency=terms.concurrency,
        loglevel="INFO",
        optimization="fair",
        without_gossip=True,
        without_mingle=True,
        task_events=True,
        quiet=True,
    )


def _bind_pool(running: Running) -> None:
    """Have the processes of the pool end when this one does."""
    reading, writing = os.pipe()

    def begin(**_: Any) -> None:
        os.close(writing)
        _at_end_of(reading, lambda: _end_work(running))
        GUARD.open(running)  # One for all jobs of this process, not one for each.

    signals.worker_process_init.connect(begin, weak=False)


def _end_work(running: Running) -> None:
    """End this process, what it runs first."""
    running.cancel(CLEAN_SECONDS)
    _die()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _at_end_of(descriptor: int, then: Callable[[], object]) -> None:
    """Do something when a pipe is at its end, in a thread."""

    def wait() -> None:
        while os.read(descriptor, 1):
            pass
        then()

    threading.Thread(target=wait, name="end of a pipe", daemon=True).start()


def _line() -> bytes:
    """Read the first line, and no byte more."""
    line = b""
    while not line.endswith(b"\n") and (read := os.read(STDIN, 1)):
        line += read
    return line


if __name__ == "__main__":
    logging.captureWarnings(capture=True)
    sys.exit(main())
