"""Processes for functions that compute; a function that is cancelled is killed with its children.

A worker leads a process group of its own and does one thing at a time; a thread of ours waits for
its answer. So whoever gives up knows whom to kill, at once and whatever the worker is doing, and
the call's place is held until that worker has ended. Functions, arguments and results have to be
picklable, and functions importable by name.
"""

import contextlib
import functools
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from multiprocessing import process, spawn
from multiprocessing.connection import Connection
from typing import Any

from scheduler.call import Call
from scheduler.work import ComputingError, describe, in_thread

_BOOT = """
import ast, sys
sys.path[:] = ast.literal_eval(sys.argv[1])
from scheduler.process_pool import work
work(int(sys.argv[2]), int(sys.argv[3]))
"""


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
        except BaseException:
            self._discard(worker)
            raise
        with self._lock:
            is_sound = not self._is_stopped and not errand.is_given_up
            if is_sound:
                self._idle.append(worker)
        if not is_sound:
            self._discard(worker)
        return answer

    def _take(self) -> "_Worker":
        while True:
            with self._lock:
                worker = self._idle.pop() if self._idle else None
            if worker is None:
                break
            if worker.is_sound():
                return worker
            self._discard(worker)
        worker = _Worker()
        with self._lock:
            self._all.add(worker)
            is_late = self._is_stopped
        if is_late:
            worker.kill()
        return worker

    def _discard(self, worker: "_Worker") -> int:
        with self._lock:
            self._all.discard(worker)
        return worker.discard()


class _Errand:
    """One function for one worker, which can be given up at any moment."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._lock = threading.Lock()
        self._worker: _Worker | None = None
        self.is_given_up = False

    def run(self, worker: "_Worker") -> tuple[bool, Any]:
        with self._lock:
            if self.is_given_up:
                return False, "given up before it began"
            self._worker = worker
        try:
            return worker.ask(self._payload)
        finally:
            with self._lock:
                self._worker = None

    def give_up(self) -> None:
        with self._lock:
            self.is_given_up = True
            if self._worker is not None:
                self._worker.kill()


class _Worker:
    """A process that computes, and the pipe to it.

    Started as multiprocessing's "spawn" does it, and with its help, but without the tracker process
    that it would leave behind. A fork would copy the threads' locks.
    """

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        # Nothing is ever sent through the second pair: its end tells a worker that we are gone.
        self._life, watched = socket.socketpair()
        self._pipe: Connection[Any, Any] = Connection(ours.detach())
        self._is_over = False
        self._is_prepared = False
        descriptors = [theirs.fileno(), watched.fileno()]
        path = repr([str(entry) for entry in sys.path])
        with theirs, watched:
            self._process = subprocess.Popen(  # noqa: S603  (our own interpreter and code)
                [sys.executable, "-P", "-c", _BOOT, path, *map(str, descriptors)],
                stdin=subprocess.DEVNULL,
                pass_fds=descriptors,
                start_new_session=True,
            )

    def is_sound(self) -> bool:
        """Say whether an idle worker lives and has nothing to say."""
        return self._process.poll() is None and not self._pipe.poll()

    def ask(self, payload: bytes) -> tuple[bool, Any]:
        """Send a function and wait for what came of it.

        Raises:
            EOFError, OSError: the process ended.
        """
        if not self._is_prepared:
            about_us = spawn.get_preparation_data(f"worker {self._process.pid}")
            del about_us["authkey"]
            self._pipe.send(about_us)
            self._is_prepared = True
        self._pipe.send_bytes(payload)
        answer = self._pipe.recv_bytes()
        try:
            succeeded, value = pickle.loads(answer)  # noqa: S301  (from our own process)
        except Exception as error:  # noqa: BLE001  (whatever a class does when it is restored)
            return False, f"its result cannot be read: {describe(error)}"
        return succeeded, value

    def kill(self) -> None:
        """Kill the process and its children; what it left behind too, when it ended by itself."""
        if not self._is_over:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def discard(self) -> int:
        """Let go of a process that has ended; give its exit code."""
        self.kill()
        code = self._process.wait()
        self._is_over = True
        self._pipe.close()
        self._life.close()
        return code


def work(descriptor: int, life: int) -> None:
    """Do what comes through a pipe until it is closed; the main function of a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, args=(life,), daemon=True).start()
    me = os.getpid()
    pipe: Connection[Any, Any] = Connection(descriptor)
    about_parent = pipe.recv()
    # As multiprocessing does it: a script without a guard must not run itself again.
    process.current_process()._inheriting = True  # type: ignore[attr-defined]  # noqa: SLF001
    spawn.prepare(about_parent)
    del process.current_process()._inheriting  # type: ignore[attr-defined]  # noqa: SLF001
    with contextlib.suppress(EOFError, OSError):
        while True:
            answer = _answer(pipe.recv_bytes())
            if os.getpid() != me:
                os._exit(0)  # a fork of the function's own has come back: the pipe is not its
            pipe.send_bytes(answer)


def _die_with_parent(life: int) -> None:
    """End this process and its children when the parent has ended, however that came."""
    with contextlib.suppress(OSError):
        os.read(life, 1)
    os.killpg(0, signal.SIGKILL)


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
