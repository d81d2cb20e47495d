"""A job's own process: runs its function in the main thread, and speaks with the host.

What goes over the socket is JSON, a line each. From the host: first what to run (`kind`, `job`,
`options`, and `main` for a kind of the host's own script), then `stop`, perhaps twice. To the host:
`begun` when the function is found, `reports` any number of times, and at the end one `result` or
`error`. The rules:

- a job never waits for the host: what it reports is sent by a thread of its own;
- it is told to stop by an exception, where it waits or computes, each kind of stop once; code of
  ours is not interrupted by that;
- when the host is gone the process ends at once, whatever it does, with its process group.
"""

import asyncio
import inspect
import json
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Coroutine
from contextlib import suppress
from io import BufferedReader
from typing import Any, Final

from agent.jobs.attempt_coroutine import StoppableCoroutine
from agent.jobs.attempt_outcomes import STOP_ERRORS, Stop
from agent.jobs.attempt_reports import Reports
from agent.jobs.attempt_text import described, is_giving_up
from agent.jobs.context import JobContext, JobStopError
from agent.jobs.kinds import imported

REPORT_PAUSE: Final = 0.05
"""Seconds between two messages with reports."""

STOP_SIGNAL: Final = signal.SIGUSR1
"""By which a thread of ours interrupts the main one."""


def main(descriptor: int) -> None:
    """Run what the host names; the main function of a job's process."""
    host = socket.socket(fileno=descriptor)
    host.set_inheritable(False)
    lines = host.makefile("rb")
    line = lines.readline()
    if line:
        _Child(host, lines, json.loads(line)).run()


class _Child:
    """One job, and the line to its host."""

    def __init__(self, host: socket.socket, lines: BufferedReader, start: dict[str, Any]) -> None:
        self._host = host
        self._lines = lines
        self._start = start
        self._main = threading.get_ident()
        self._sending = threading.Lock()
        self._is_ended = False
        self._news = threading.Event()
        self._reports = Reports(self._news.set)
        self._asked: Stop | None = None
        self._delivered: Stop | None = None
        self._coroutine: StoppableCoroutine | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_interruptible = False

    def run(self) -> None:
        """Run the job's function, and tell the host what came of it."""
        pid = os.getpid()
        signal.signal(STOP_SIGNAL, self._interrupt)
        for work in (self._listen, self._keep_sending):
            threading.Thread(target=work, daemon=True, name=f"job {work.__name__}").start()
        try:
            result = self._call()
            answer = _result_line(result)
        except BaseException as error:  # noqa: BLE001  (it crosses to another process as text)
            self._is_interruptible = False
            answer = self._error_line(error)
        if os.getpid() != pid:
            os._exit(0)  # a fork of the function's own has come back: the line is not its
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        self._send(answer, is_last=True)

    # -- the job's side ------------------------------------------------------------------------

    def report(self, percent: float | None, stage: str | None) -> None:
        """Take a report: see `Reporter`."""
        if threading.get_ident() != self._main:
            self._reports.add(percent, stage)
            return
        # An exception in the middle would leave locks behind; `progress` raises it right after.
        was_interruptible, self._is_interruptible = self._is_interruptible, False
        try:
            self._reports.add(percent, stage)
        finally:
            self._is_interruptible = was_interruptible

    @property
    def stop(self) -> JobStopError | None:
        """What the job is to be ended with: see `Reporter`."""
        if self._asked is None:
            return None
        self._delivered = self._asked
        return STOP_ERRORS[self._asked]()

    def _call(self) -> Any:
        if "main" in self._start:
            _prepare_main(self._start["main"])
        kind = imported(self._start["kind"])
        context = JobContext(**self._start["job"], reporter=self, options=self._start["options"])
        self._host.sendall(b'{"begun":true}\n')
        try:
            self._is_interruptible = True
            context.check()
            value = kind.function(context)
        finally:
            self._is_interruptible = False
        return asyncio.run(self._awaited(value)) if inspect.iscoroutine(value) else value

    async def _awaited(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        self._coroutine = StoppableCoroutine(coroutine)
        self._loop = asyncio.get_running_loop()
        if self._asked is not None:
            self._stop_coroutine(self._asked)
        return await self._coroutine

    def _stop_coroutine(self, stop: Stop) -> None:
        if self._coroutine is not None and self._delivered is not stop:
            self._delivered = stop
            self._coroutine.stop(stop)

    def _interrupt(self, *_: object) -> None:
        if self._is_interruptible and self._asked is not None and self._asked != self._delivered:
            self._delivered = self._asked
            raise STOP_ERRORS[self._asked]

    # -- the host's side -----------------------------------------------------------------------

    def _listen(self) -> None:
        with suppress(OSError):
            for line in self._lines:
                self._asked = Stop(json.loads(line)["stop"])
                if self._loop is None:
                    signal.pthread_kill(self._main, STOP_SIGNAL)
                else:
                    with suppress(RuntimeError):  # it is closed: the job has ended
                        self._loop.call_soon_threadsafe(self._stop_coroutine, self._asked)
        os.killpg(0, signal.SIGKILL)

    def _keep_sending(self) -> None:
        while not self._is_ended:
            self._news.wait()
            self._news.clear()
            self._send(b"")
            time.sleep(REPORT_PAUSE)

    def _send(self, line: bytes, *, is_last: bool = False) -> None:
        """Send what was reported, and then a line."""
        with self._sending, suppress(OSError):
            if self._is_ended:
                return
            self._is_ended = is_last
            reports = self._reports.take()
            said = json.dumps({"reports": reports}).encode() + b"\n" if reports else b""
            self._host.sendall(said + line)

    def _error_line(self, error: BaseException) -> bytes:
        if self._asked is not None and is_giving_up(error):
            return b'{"error":""}\n'
        with suppress(OSError, ValueError):
            traceback.print_exception(error)
        return json.dumps({"error": described(error, self._start["options"])}).encode() + b"\n"


def _result_line(result: Any) -> bytes:
    # Slow to import, and needed only now.
    from agent.jobs.payload import MOST_RESULT, encoded  # noqa: PLC0415  (as said)

    return b'{"result":' + encoded(result, MOST_RESULT, "the result") + b"}\n"


def _prepare_main(about_host: dict[str, Any]) -> None:
    """Import the host's script as multiprocessing does it: one without a guard does not run."""
    from multiprocessing import process, spawn  # noqa: PLC0415  (only for kinds of a script)

    process.current_process()._inheriting = True  # type: ignore[attr-defined]  # noqa: SLF001  (as spawn's own)
    spawn.prepare(about_host)
    del process.current_process()._inheriting  # type: ignore[attr-defined]  # noqa: SLF001  (as above)
