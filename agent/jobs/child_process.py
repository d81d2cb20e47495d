"""A job's function in a process of its own, seen from the host.

The rules that this file keeps:

- the process leads a session and carries a mark, and the guard knows it before it starts: its whole
  tree ends with it, escaped children included, and with this process, however that ends;
- nothing here blocks the loop: starting, waiting and ending happen in threads;
- what the job prints is read all the time, so that it never waits for that, and what is kept of it
  is bounded, and goes to the log when the job ends.
"""

import asyncio
import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from io import FileIO
from multiprocessing import spawn
from pathlib import Path
from typing import Any, Final, cast

from agent.jobs.attempt_outcomes import Outcome, Raised, Returned, Stop
from agent.jobs.attempt_reports import Reports
from agent.jobs.job import Job
from agent.jobs.kinds import JobKind
from agent.jobs.payload import MOST_RESULT
from tools.child import in_thread, settled
from tools.guard import GUARD, NO_LEADER
from tools.output import CappedBuffer, render
from tools.pipes import OutputPipe
from tools.process_members import MARK, Tree
from tools.process_tree import end_tree

log = logging.getLogger(__name__)

EXIT_SECONDS: Final = 0.1
"""For a process that has said all to end by itself."""

DRAIN_SECONDS: Final = 0.5
"""For the last words of a process that has ended."""

REAP_SECONDS: Final = 2.0
"""For a killed process's end to be seen; only one stuck in the kernel takes longer."""

MOST_OUTPUT: Final = 64_000
"""Bytes of what a job prints that are kept."""

_LONGEST_LINE: Final = MOST_RESULT + 1_000_000
"""Bytes."""

_BOOT: Final = """
import ast, sys
sys.path[:] = ast.literal_eval(sys.argv[1])
from agent.jobs.child_main import main
main(int(sys.argv[2]))
"""

_MAIN: Final = ("__main__", "__mp_main__")


class ChildProcess:
    """A `Run` that can be killed."""

    def __init__(self, job: Job, kind: JobKind, options: Mapping[str, Any]) -> None:
        self.news = asyncio.Event()
        self.begun = asyncio.Event()
        self.reports = Reports(self.news.set)
        self._job = job
        self._kind = kind
        self._options = options
        self._tree = Tree(NO_LEADER, uuid.uuid4().hex, time.time())
        self._process: subprocess.Popen[bytes] | None = None
        self._exited = asyncio.Event()
        self._reaped = threading.Event()
        self._writer: asyncio.StreamWriter | None = None
        self._output: OutputPipe | None = None
        self._listening: asyncio.Task[Outcome | None] | None = None

    def __repr__(self) -> str:
        pid = "not started" if self._process is None else f"pid {self._process.pid}"
        return f"<ChildProcess {self._kind.reference} {pid}>"

    @property
    def pid(self) -> int | None:
        """The process's id; None until it has started."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Start the process, and tell it what to run; a cancellation waits until it has started.

        Raises:
            OSError, ValueError, TypeError: it did not start, or what is to go there is no JSON.
        """
        first = await in_thread(self._first_line)
        ours, theirs = socket.socketpair()
        GUARD.open(self)
        try:
            with theirs:
                await self._start(theirs)
            self._output = OutputPipe(self._stdout(), CappedBuffer(MOST_OUTPUT))
            reader, self._writer = await asyncio.open_connection(sock=ours, limit=_LONGEST_LINE)
        except BaseException:
            ours.close()
            raise
        self._writer.write(first)
        self._listening = asyncio.create_task(self._listen(reader), name=f"job {self._job.id}")

    async def outcome(self) -> Outcome:
        """Wait for what the job says last, or for its end without a word."""
        if self._listening is None:
            raise RuntimeError("it was not started")
        ended = asyncio.create_task(self._exited.wait())
        try:
            await asyncio.wait((self._listening, ended), return_when=asyncio.FIRST_COMPLETED)
            if ended.done():  # what it said is on its way, unless a child of its own holds the line
                await asyncio.wait((self._listening,), timeout=DRAIN_SECONDS)
            if self._listening.done() and (said := self._listening.result()) is not None:
                return said
            await ended
        finally:
            ended.cancel()
        return Raised(f"its process ended ({self._how()}) without a result")

    def tell(self, stop: Stop) -> None:
        """Tell the process to raise inside the job."""
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(json.dumps({"stop": stop}).encode() + b"\n")

    async def end(self) -> None:
        """End the process with all that it started, and log what it printed."""
        if self._process is None:
            await in_thread(partial(GUARD.close, self))
            return
        if self._listening is not None and self._listening.done():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._exited.wait(), EXIT_SECONDS)
        try:
            await in_thread(self._end_tree)
        finally:
            self._let_go()

    # -- inside --------------------------------------------------------------------------------

    def _first_line(self) -> bytes:
        job = self._job
        told = {
            name: getattr(job, name)
            for name in ("id", "kind", "payload", "attempt", "key", "session")
        }
        reference = self._kind.reference
        about: dict[str, Any] = {"kind": reference, "job": told, "options": dict(self._options)}
        if reference.partition(":")[0] in _MAIN:
            about["main"] = spawn.get_preparation_data(f"job {job.id}")
            del about["main"]["authkey"]  # bytes, and nothing here needs it
        return json.dumps(about, default=_as_path).encode() + b"\n"

    async def _start(self, theirs: socket.socket) -> None:
        started = asyncio.get_running_loop().create_future()
        # A daemon: a child stuck in the kernel must not hold up the interpreter's exit.
        threading.Thread(
            target=self._live, args=(theirs.fileno(), started), daemon=True, name=f"{self!r}"
        ).start()
        await settled(started)

    def _live(self, descriptor: int, started: "asyncio.Future[None]") -> None:
        loop = started.get_loop()
        GUARD.watch(self._tree)
        try:
            self._process = self._popen(descriptor)
        except (OSError, ValueError) as error:
            GUARD.unwatch(self._tree.mark)
            _tell(loop, started.set_exception, error)
            return
        self._tree = replace(self._tree, leader=self._process.pid)
        GUARD.watch(self._tree)
        _tell(loop, started.set_result, None)
        self._process.wait()
        self._reaped.set()
        _tell(loop, self._exited.set)

    def _popen(self, descriptor: int) -> "subprocess.Popen[bytes]":
        path = repr([str(entry) for entry in sys.path])
        marks = f"{os.environ.get(MARK, '')}{self._tree.mark};"
        return subprocess.Popen(  # noqa: S603  (our own interpreter and code)
            [sys.executable, "-P", "-c", _BOOT, path, str(descriptor)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            pass_fds=[descriptor],
            env={**os.environ, MARK: marks},
            start_new_session=True,
        )

    def _stdout(self) -> FileIO:
        if self._process is None or self._process.stdout is None:
            raise RuntimeError("it was not started with a pipe")
        # Unbuffered binary pipes are these files, whatever typeshed calls them.
        return cast("FileIO", self._process.stdout)

    async def _listen(self, reader: asyncio.StreamReader) -> Outcome | None:
        """Take in what the process says; give its last word, None if it ended without one."""
        try:
            while line := await reader.readline():
                self.begun.set()
                said = json.loads(line)
                for percent, stage in said.get("reports", ()):
                    self.reports.add(percent, stage)
                if "result" in said:
                    return Returned(said["result"])
                if "error" in said:
                    return Raised(said["error"])
        except (OSError, ValueError, TypeError, LookupError, AttributeError):
            # The line broke, or what comes is not ours: a job may write to any descriptor.
            log.debug("job %s: its process does not speak any more", self._job.id, exc_info=True)
        return None

    def _end_tree(self) -> None:
        """End it all, in a thread."""
        ended = end_tree(self._tree, detached=True, grace=0.0)
        if ended.survivors:
            log.error("job %s: could not be ended: %s", self._job.id, ", ".join(ended.survivors))
        else:
            GUARD.unwatch(self._tree.mark)
        self._reaped.wait(REAP_SECONDS)
        GUARD.close(self)

    def _let_go(self) -> None:
        if self._writer is not None:
            self._writer.close()
        if self._listening is not None:
            self._listening.cancel()
        if self._output is None:
            self._stdout().close()
            return
        self._output.take_rest()
        self._output.close()
        if printed := render(self._output.buffer.excerpt()).rstrip():
            log.info("job %s (%s) printed:\n%s", self._job.id, self._job.kind, printed)

    def _how(self) -> str:
        code = None if self._process is None else self._process.returncode
        return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"


def _tell(loop: asyncio.AbstractEventLoop, callback: Callable[..., object], *args: object) -> None:
    with suppress(RuntimeError):  # The loop is closed: nobody there asks any more.
        loop.call_soon_threadsafe(callback, *args)


def _as_path(value: object) -> str:
    """Give a path as JSON.

    Raises:
        TypeError: it is something else.
    """
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"a {type(value).__name__} cannot be sent to a job's process")
