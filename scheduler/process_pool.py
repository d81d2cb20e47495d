"""Processes for functions that compute; a function that is cancelled is killed with its children.

A worker leads a process group of its own and does one thing at a time; a thread of ours waits for
its answer. So whoever gives up knows whom to kill, at once and whatever the worker is doing, and
the call's place is held until that worker has ended. Functions, arguments and results have to be
picklable, and functions importable by name.
"""

import contextlib
import functools
import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from scheduler.call import Call
from scheduler.work import describe, in_thread

_SPAWN = multiprocessing.get_context("spawn")
"""A fork would copy the threads' locks, and a fork server would outlive the pool."""


class ComputingError(Exception):
    """A function in a process failed, or the process did; the text says how."""


class ProcessPool:
    """Workers that are started when needed and used again; `stop` ends them all, busy or not."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()
        self._is_stopped = False

    def __repr__(self) -> str:
        return f"<ProcessPool {len(self._all)} workers, {len(self._idle)} idle>"

    async def run(self, call: Call, function: Callable[..., Any], kwargs: dict[str, Any]) -> Any:
        """Call a function in a process, and hold the call's place until that is over.

        Raises:
            ComputingError: the function raised, or cannot be sent, or its process died.
        """
        try:
            payload = pickle.dumps((function, kwargs))
        except Exception as error:
            raise ComputingError(f"it cannot be sent to a process: {describe(error)}") from error
        errand = _Errand(payload)
        try:
            answer = await in_thread(call, functools.partial(self._do, errand))
        except BaseException:
            errand.give_up()
            raise
        succeeded, value = answer
        if not succeeded:
            raise ComputingError(value)
        return value

    def stop(self) -> None:
        """Kill every worker; returns at once. Whoever waits for one is told, and reaps it."""
        with self._lock:
            self._is_stopped = True
            workers = list(self._all)
        for worker in workers:
            worker.kill()

    def reap(self) -> None:
        """Wait for the idle workers that `stop` has killed; for a thread."""
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            self._discard(worker)

    def _do(self, errand: "_Errand") -> tuple[bool, Any]:
        """Have a worker do an errand; runs in a thread."""
        worker = self._take()
        try:
            answer = errand.run(worker)
        except (EOFError, OSError):
            code = self._discard(worker)
            return False, f"its process ended without an answer (exit code {code})"
        with self._lock:
            self._idle.append(worker)
        return answer

    def _take(self) -> "_Worker":
        with self._lock:
            if self._idle:
                return self._idle.pop()
        worker = _Worker()
        with self._lock:
            self._all.add(worker)
            is_late = self._is_stopped
        if is_late:
            worker.kill()
        return worker

    def _discard(self, worker: "_Worker") -> int | None:
        with self._lock:
            self._all.discard(worker)
        return worker.discard()


class _Errand:
    """One function for one worker, which can be given up at any moment."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._lock = threading.Lock()
        self._worker: _Worker | None = None
        self._is_given_up = False

    def run(self, worker: "_Worker") -> tuple[bool, Any]:
        with self._lock:
            if self._is_given_up:
                return False, "given up before it began"
            self._worker = worker
        try:
            return worker.ask(self._payload)
        finally:
            with self._lock:
                self._worker = None

    def give_up(self) -> None:
        with self._lock:
            self._is_given_up = True
            if self._worker is not None:
                self._worker.kill()


class _Worker:
    """A process that computes, and the pipe to it."""

    def __init__(self) -> None:
        self._pipe, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=_work, args=(theirs,), daemon=True)
        self._process.start()
        self._is_over = False
        # Else the end of the process would not end the pipe.
        theirs.close()

    def ask(self, payload: bytes) -> tuple[bool, Any]:
        """Send a function and wait for what came of it.

        Raises:
            EOFError, OSError: the process ended.
        """
        self._pipe.send_bytes(payload)
        answer = self._pipe.recv_bytes()
        try:
            succeeded, value = pickle.loads(answer)  # noqa: S301  (from our own process)
        except Exception as error:  # noqa: BLE001  (whatever a class does when it is restored)
            return False, f"its result cannot be read: {describe(error)}"
        return succeeded, value

    def kill(self) -> None:
        """Kill the process and its children; what it left behind too, when it ended by itself."""
        if self._is_over or (pid := self._process.pid) is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            # Before its first step the process leads no group yet, and has no children.
            os.killpg(pid, signal.SIGKILL)

    def discard(self) -> int | None:
        """Let go of a process that has ended; give its exit code."""
        self.kill()
        self._process.join()
        self._is_over = True
        self._pipe.close()
        return self._process.exitcode


def _work(pipe: "Connection[Any, Any]") -> None:
    """Do what comes through the pipe until it is closed; the main function of a worker."""
    os.setpgrp()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(EOFError, OSError):
        while True:
            pipe.send_bytes(_answer(pipe.recv_bytes()))


def _answer(payload: bytes) -> bytes:
    try:
        function, kwargs = pickle.loads(payload)  # noqa: S301  (from our own parent)
        value = function(**kwargs)
    except BaseException as error:  # noqa: BLE001  (it crosses to another process as text)
        return pickle.dumps((False, describe(error)))
    try:
        return pickle.dumps((True, value))
    except Exception as error:  # noqa: BLE001  (whatever a class does when it is stored)
        return pickle.dumps((False, f"its result cannot be sent back: {describe(error)}"))
