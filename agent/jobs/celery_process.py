"""A worker as its supervisor sees it: started, waited for, and ended with all of its pool."""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from dataclasses import replace

from agent.jobs.celery_worker import CLEAN_SECONDS, WorkerTerms

MODULE = "agent.jobs.celery_worker"


class WorkerProcess:
    """A Celery worker that runs; made by `start`. `end` follows, however it ended."""

    def __init__(self, process: asyncio.subprocess.Process, life: int, alive: int) -> None:
        self._process = process
        self._life = life
        """Written to once; the worker ends when this is closed."""
        self._alive = alive
        """At its end when no process of the worker is left."""
        self._is_over = asyncio.Event()
        asyncio.get_running_loop().add_reader(alive, self._is_over.set)

    def __repr__(self) -> str:
        return f"<WorkerProcess {self.pid} {self._process.returncode}>"

    @classmethod
    async def start(cls, terms: WorkerTerms) -> "WorkerProcess":
        """Start a worker.

        Raises:
            OSError: there is no process to be had.
        """
        told, life = os.pipe()
        alive, held = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", MODULE),
                stdin=told,
                pass_fds=(held,),
                # So that a terminal's signals come to the supervisor only.
                start_new_session=True,
            )
        except OSError:
            os.close(life)
            os.close(alive)
            raise
        finally:
            os.close(told)
            os.close(held)
        os.write(life, replace(terms, alive=held).encoded())
        return cls(process, life, alive)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def wait(self) -> int:
        """Wait until it has ended by itself; give its exit code, negative for a signal."""
        return await self._process.wait()

    def finish(self) -> None:
        """Have it take no more jobs, and end after those that run."""
        self._signal(signal.SIGTERM)

    async def end(self) -> None:
        """Kill what is left of it, and wait for the end of all."""
        self._signal(signal.SIGKILL)
        await self._process.wait()
        with suppress(TimeoutError):  # Only what is stuck in the kernel takes longer.
            async with asyncio.timeout(2 * CLEAN_SECONDS):
                await self._is_over.wait()
        asyncio.get_running_loop().remove_reader(self._alive)
        os.close(self._alive)
        os.close(self._life)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            self._process.send_signal(number)
