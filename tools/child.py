"""A child process that a thread starts and waits for, and work that a cancellation cannot split.

asyncio's own subprocesses are not used, for two reasons. Their end waits for the pipes, so that a
grandchild which keeps one open holds it up for ever (CPython gh-119710). And their start can be
cancelled half way, which leaves nobody to end what has started.
"""

import asyncio
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from tools.guard import GUARD
from tools.process_members import Tree
from tools.process_start import StartError, why_not_started

T = TypeVar("T")


class Child:
    """A process in a session of its own, with pipes to its outputs, and to its input if it has one.

    Waiting for it has nothing to do with its pipes. The guard knows it before it starts; whoever
    ends its tree tells the guard so.
    """

    def __init__(self, cmd: Sequence[str], tree: Tree, *, reads: bool, merges: bool) -> None:
        self._cmd = tuple(cmd)
        self._reads = reads
        self._merges = merges
        self.tree = tree
        """Without its leader until it has started."""
        self.process: subprocess.Popen[bytes] | None = None
        """None until it has started."""
        self.exited = asyncio.Event()
        """Set when it has ended and is no zombie any more."""
        self._reaped = threading.Event()

    def __repr__(self) -> str:
        if self.process is None:
            return f"<Child {self._cmd[0]} not started>"
        code = self.process.returncode
        return f"<Child {self._cmd[0]} pid {self.process.pid} exit code {code}>"

    async def start(self, cwd: Path | str | None, env: Mapping[str, str]) -> None:
        """Start it; a cancellation waits until it has started or has not.

        Raises:
            StartError: it did not start.
        """
        started = asyncio.get_running_loop().create_future()
        # A daemon: a child stuck in the kernel must not hold up the interpreter's exit.
        thread = threading.Thread(target=self._live, args=(cwd, env, started), daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            raise StartError(f"{self._cmd[0]!r} was not started: {error}; too much runs") from error
        await settled(started)

    def _live(
        self,
        cwd: Path | str | None,
        env: Mapping[str, str],
        started: "asyncio.Future[None]",
    ) -> None:
        loop = started.get_loop()
        GUARD.watch(self.tree)
        try:
            self.process = self._popen(cwd, env)
        except (OSError, ValueError) as error:
            GUARD.unwatch(self.tree.mark)
            why = why_not_started(error, self._cmd[0], cwd, env.get("PATH", os.defpath))
            _tell(loop, started.set_exception, StartError(why))
            return
        self.tree = replace(self.tree, leader=self.process.pid)
        GUARD.watch(self.tree)
        _tell(loop, started.set_result, None)
        self.process.wait()
        self._reaped.set()
        _tell(loop, self.exited.set)

    def _popen(self, cwd: Path | str | None, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603  running what the caller names is what this is for
            self._cmd,
            stdin=subprocess.PIPE if self._reads else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            # Merged, what is written to both comes in the order in which it was written.
            stderr=subprocess.STDOUT if self._merges else subprocess.PIPE,
            bufsize=0,
            cwd=cwd,
            env=env,
            # Out of reach of our terminal's signals, and without a terminal to ask questions on.
            start_new_session=True,
        )

    def wait_reaped(self, seconds: float) -> bool:
        """Wait for its end in a thread; return whether it has come."""
        return self._reaped.wait(seconds)

    def kill(self) -> None:
        """Kill it with its group, if it still runs."""
        if self.process is not None and self.process.returncode is None:
            with suppress(OSError):
                os.killpg(self.process.pid, signal.SIGKILL)


def _tell(loop: asyncio.AbstractEventLoop, callback: Callable[..., object], *args: object) -> None:
    with suppress(RuntimeError):  # The loop is closed: nobody there asks any more.
        loop.call_soon_threadsafe(callback, *args)


async def in_thread(work: Callable[[], T]) -> T:
    """Run bounded work in a thread of its own; a cancellation waits for its end.

    Not the loop's pool: ending a program must not queue behind tools that block it. Not a pool of
    ours: after a fork a pool waits for threads that the child does not have.
    """
    thread = ThreadPoolExecutor(1, thread_name_prefix="toolloop-process")
    try:
        return await settled(asyncio.get_running_loop().run_in_executor(thread, work))
    finally:
        thread.shutdown(wait=False)


async def settled(future: "asyncio.Future[T]") -> T:
    """Wait for work that cannot be stopped; a cancellation meanwhile is raised after its end.

    The work is a future and not a task: a loop that is torn down cancels all tasks, this one's
    caller among them, and then still waits for them.
    """
    cancellation: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait((future,))
        except asyncio.CancelledError as error:
            cancellation = error
    if cancellation is None:
        return future.result()
    future.exception()  # Seen here, since nobody will ask for the result any more.
    raise cancellation
