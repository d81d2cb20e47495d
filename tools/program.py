"""One running program, from its start to the end of all that it started."""

import asyncio
import os
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Final, cast

from tools.child import Child, in_thread
from tools.output import CappedBuffer, Excerpt
from tools.pipes import InputPipe, OutputPipe
from tools.process_members import MARK, Tree
from tools.process_tree import Ended, end_tree

DRAIN_SECONDS: Final = 0.5
"""For the output of a program that has ended, while something else holds its pipes."""

REAP_SECONDS: Final = 2.0
"""For a killed program's end to be seen; only one stuck in the kernel takes longer."""


@dataclass(frozen=True, slots=True)
class Completed:
    """How a program ended, and what it wrote."""

    program: str
    stdout: Excerpt
    stderr: Excerpt
    exit_code: int | None
    """Negative: ended by that signal. None: its end was not seen."""
    time_limit: float
    timed_out: bool
    duration: float
    """Seconds from start to result, the clean-up included."""
    ended: Ended
    """What else had to be ended."""


class Program:
    """A program, in this order: `start`, `finish`, `end`, `completed`.

    `end` must follow `start`, whatever came of that. Both are bounded, and finish what they do
    before a cancellation goes on; `finish` stops at once.
    """

    def __init__(
        self,
        cmd: Sequence[str],
        *,
        stdin: bytes | None,
        time_limit: float,
        output_limit: int,
    ) -> None:
        self._name = cmd[0]
        self._child = Child(cmd, reads=stdin is not None)
        self._mark = uuid.uuid4().hex
        self._input = stdin
        self._stdin: InputPipe | None = None
        self._stdout = CappedBuffer(output_limit)
        self._stderr = CappedBuffer(output_limit)
        self._outputs: tuple[OutputPipe, ...] = ()
        self._time_limit = time_limit
        self._timed_out = False
        self._ended = Ended()
        self._since = time.time()
        self._started = time.monotonic()

    def __repr__(self) -> str:
        return f"<Program {self._child!r} {self._stdout!r}>"

    async def start(self, cwd: Path | str | None, env: Mapping[str, str]) -> None:
        """Start the program.

        Raises:
            StartError: it did not start.
        """
        marks = f"{os.environ.get(MARK, '')}{self._mark};"
        try:
            await self._child.start(cwd, {**env, MARK: marks})
        finally:
            self._connect()

    def _connect(self) -> None:
        if (process := self._child.process) is None:
            return
        # Unbuffered binary pipes are these files, whatever typeshed calls them.
        self._outputs = (
            OutputPipe(cast("FileIO", process.stdout), self._stdout),
            OutputPipe(cast("FileIO", process.stderr), self._stderr),
        )
        if self._input is not None:
            self._stdin = InputPipe(cast("FileIO", process.stdin), self._input)

    async def finish(self) -> None:
        """Wait for the program's end, up to its time limit, and then a moment for its output."""
        if await _within(self._time_limit, self._child.exited):
            await _within(DRAIN_SECONDS, *(pipe.ended for pipe in self._outputs))
        else:
            self._timed_out = True

    async def end(self, grace: float) -> None:
        """End what still runs, take in the last output, close the pipes."""
        if self._child.process is None:
            return
        by_itself = self._child.exited.is_set() and all(p.ended.is_set() for p in self._outputs)
        tree = Tree(self._child.process.pid, self._mark, self._since)
        try:
            await in_thread(lambda: self._end_tree(tree, detached=not by_itself, grace=grace))
        finally:
            self._child.kill()  # It has ended, unless there was no thread to do it in.
            self._let_go()

    def _end_tree(self, tree: Tree, *, detached: bool, grace: float) -> None:
        """End it all, in a thread."""
        self._ended = end_tree(tree, detached=detached, grace=grace)
        self._child.wait_reaped(REAP_SECONDS)

    def _let_go(self) -> None:
        for pipe in self._outputs:
            pipe.take_rest()
            pipe.close()
        if self._stdin is not None:
            self._stdin.close()

    def completed(self) -> Completed:
        """Return how it went, once it has been ended."""
        process = self._child.process
        return Completed(
            program=self._name,
            stdout=self._stdout.excerpt(),
            stderr=self._stderr.excerpt(),
            exit_code=None if process is None else process.returncode,
            time_limit=self._time_limit,
            timed_out=self._timed_out,
            duration=time.monotonic() - self._started,
            ended=self._ended,
        )


async def _within(seconds: float, *events: asyncio.Event) -> bool:
    """Wait for events, so long at most; return whether all have come."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            for event in events:
                await event.wait()
    return all(event.is_set() for event in events)
