"""One running program, from its start to the end of all that it started."""

import asyncio
import math
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
from tools.guard import GUARD, NO_LEADER
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

    With `merged`, both outputs go there in the order in which they were written. A `time_limit` may
    be infinite. `ends_services` ends services too (`process` says what these are).
    """

    def __init__(
        self,
        cmd: Sequence[str],
        *,
        stdin: bytes | None,
        time_limit: float,
        output_limit: int,
        merged: CappedBuffer | None = None,
        ends_services: bool = False,
    ) -> None:
        self._name = cmd[0]
        tree = Tree(NO_LEADER, uuid.uuid4().hex, time.time())
        self._child = Child(cmd, tree, reads=stdin is not None, merges=merged is not None)
        self._input = stdin
        self._stdin: InputPipe | None = None
        self._stdout = CappedBuffer(output_limit) if merged is None else merged
        self._stderr = CappedBuffer(output_limit)
        self._outputs: tuple[OutputPipe, ...] = ()
        self._time_limit = time_limit
        self._timed_out = False
        self._ends_services = ends_services
        self._ended = Ended()
        self._started = time.monotonic()

    def __repr__(self) -> str:
        return f"<Program {self._child!r} {self._stdout!r}>"

    async def start(self, cwd: Path | str | None, env: Mapping[str, str]) -> None:
        """Start the program.

        Raises:
            StartError: it did not start.
        """
        marks = f"{os.environ.get(MARK, '')}{self._child.tree.mark};"
        try:
            await self._child.start(cwd, {**env, MARK: marks})
        finally:
            self._connect()

    def _connect(self) -> None:
        if (process := self._child.process) is None:
            return
        # Unbuffered binary pipes are these files, whatever typeshed calls them.
        files = ((process.stdout, self._stdout), (process.stderr, self._stderr))
        self._outputs = tuple(
            OutputPipe(cast("FileIO", file), buffer) for file, buffer in files if file is not None
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
        detached = self._ends_services or not by_itself
        try:
            await in_thread(lambda: self._end_tree(detached=detached, grace=grace))
        finally:
            self._child.kill()  # It has ended, unless there was no thread to do it in.
            self._let_go()

    def _end_tree(self, *, detached: bool, grace: float) -> None:
        """End it all, in a thread."""
        tree = self._child.tree
        self._ended = end_tree(tree, detached=detached, grace=grace)
        if not self._ended.survivors:
            GUARD.unwatch(tree.mark)
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
        async with asyncio.timeout(seconds if math.isfinite(seconds) else None):
            for event in events:
                await event.wait()
    return all(event.is_set() for event in events)
