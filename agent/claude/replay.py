"""A recording in a model's place: it answers as the recorded model did, and when it did.

The rules that this file keeps:

- the n-th request gets the n-th recorded reply, also when that was an error; so a request that is
  sent again after a recorded error gets what came then;
- a request that is not the recorded one is answered by a `ReplayMismatchError`, and uses up none;
- times count from the request, by the clock of the event loop; tools take what they take, and what
  a test held up comes later by as much.
"""

import asyncio
import json
import math
import os
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final, TypeAlias

from agent.claude.model import Incoming
from agent.claude.recorded_failure import Failure
from agent.claude.recording import Batch, End, RecordedReply, Recording, RecordingError
from agent.claude.recording_reading import read
from agent.claude.replay_check import STRICTNESSES, Strict, difference
from agent.claude.replay_hold import Hold
from agent.claude.sse import Event
from agent.errors import ConfigurationError, ModelError

Json: TypeAlias = dict[str, Any]

CAUSES: Final = (
    "Likely causes: a tool that is missing here, answers differently, or was changed; a message "
    "that was changed, added or left out; a recording of another conversation."
)


class ReplayMismatchError(ModelError):
    """What came is not what was recorded; the text says what was, what came, and why that may be.

    It is never sent again: the recording would not change.
    """

    def __init__(self, message: str, *, request: int) -> None:
        super().__init__(message)
        self.request = request
        """Counted from 1."""


class ReplayModel:
    """Plays a recording back.

    Args:
        recording: one that was read, or its file, which is read at the first request.
        speed: 1.0 is the recorded timing, 10 is ten times as fast; None or infinity: at once.
        strict: `"ids"` asks for the same calls, answered in the same order; `"outcomes"` also for
            none that fails and did not before; `"all"` for the same results and the same words of
            the person.

    Raises:
        ConfigurationError: the speed is none.
    """

    def __init__(
        self,
        recording: Recording | str | os.PathLike[str],
        speed: float | None = 1.0,
        *,
        strict: Strict = "ids",
    ) -> None:
        if strict not in STRICTNESSES:
            known = ", ".join(map(repr, STRICTNESSES))
            raise ConfigurationError(f"strict: {strict!r}; it is one of {known}")
        self.speed = checked_speed(speed)
        self._strict: Strict = strict
        self._given = recording
        self._recording = recording if isinstance(recording, Recording) else None
        self._holds: list[Hold] = []
        self.used = 0
        """How many recorded replies were asked for."""
        self.is_streaming = False
        """Whether a reply is on its way."""
        self.mismatches: list[ReplayMismatchError] = []
        """What was not as recorded."""

    def __repr__(self) -> str:
        if self._recording is None:
            return f"<ReplayModel {self.name!r}, not read>"
        return f"<ReplayModel {self.name!r}, {self.used} of {self._count} replies used>"

    @property
    def name(self) -> str:
        """What the recording is called."""
        return os.fspath(self._path)

    @property
    def recording(self) -> Recording:
        """What is played.

        Raises:
            RecordingError: it was not read yet.
        """
        if self._recording is None:
            raise RecordingError(f"{self.name} was not read yet: await load()", file=self.name)
        return self._recording

    @property
    def left(self) -> int:
        """How many recorded replies were not asked for; of a file that was not read, none."""
        return self._count - self.used

    async def load(self) -> Recording:
        """Read the recording, unless that is done.

        Raises:
            RecordingError: it cannot be read, or has not the points at which it is to hold.
        """
        if self._recording is None:
            found = await asyncio.to_thread(read, self._path)
            for hold in self._holds:
                hold.find(found)
            self._recording = found
        return self._recording

    def hold(self, before: int | str, *, reply: int | None = None) -> Hold:
        """Stop before a point of the recording, until it is released.

        Args:
            before: the number of a batch of events in its reply, from 0, or from the end if
                negative; or an event's type, a call's id or a tool's name: before the first batch
                that has it; or `"end"`: before the reply's end, when all its events have come,
                for a reply that was interrupted or failed (else its reader has left by then).
            reply: the number of the reply, from 0; None: the first for a number and for `"end"`,
                else the first one that has it.

        Raises:
            RecordingError: there is no such point; for a file not read yet, `load` says so.
        """
        hold = Hold(before, reply)
        if self._recording is not None:
            hold.find(self._recording)
        self._holds.append(hold)
        return hold

    @asynccontextmanager
    async def stream(
        self,
        body: bytes,
        betas: Sequence[str] = (),  # noqa: ARG002  (the seam's; a recording has its own)
    ) -> AsyncIterator[Incoming]:
        """Answer with the next recorded reply; see `Model.stream`."""
        began = asyncio.get_running_loop().time()
        number, reply = self._next(await self.load(), json.loads(body))
        self.is_streaming = True
        try:
            async with aclosing(self._events(number, reply, began)) as events:
                if not reply.batches and isinstance(reply.ending, Failure):
                    await anext(events)  # raises: there was an error instead of a reply
                yield Incoming(events, f"req_replay_{number + 1}")
        finally:
            self.is_streaming = False
            for hold in self._holds:
                hold.leave(number)

    # -- inside --------------------------------------------------------------------------------

    @property
    def _path(self) -> str | os.PathLike[str]:
        return self._given.name if isinstance(self._given, Recording) else self._given

    @property
    def _count(self) -> int:
        return len(self._recording.replies) if self._recording is not None else 0

    def _next(self, recording: Recording, body: Json) -> tuple[int, RecordedReply]:
        number = self.used
        if number >= len(recording.replies):
            raise self._mismatch(
                number,
                f"The recording {recording.name} has come to its end: all of its {number} replies "
                f"were used, and another request came. {CAUSES}",
            )
        reply = recording.replies[number]
        found = difference(reply.body, body, self._strict)
        if found:
            raise self._mismatch(
                number,
                f"Request {number + 1} is not the one that {recording.name} has: {found}. {CAUSES}",
            )
        self.used += 1
        return number, reply

    def _mismatch(self, number: int, message: str) -> ReplayMismatchError:
        error = ReplayMismatchError(message, request=number + 1)
        self.mismatches.append(error)
        return error

    async def _events(
        self, number: int, reply: RecordedReply, began: float
    ) -> AsyncGenerator[list[Event], None]:
        for place, batch in enumerate((*reply.batches, Batch(reply.seconds, ()))):
            await self._until(began + batch.at / self.speed)
            began += await self._held(number, place)
            if place < len(reply.batches):
                yield list(batch.events)
        if isinstance(reply.ending, Failure):
            raise reply.ending.error()
        if reply.ending is End.CUT:
            raise self._mismatch(
                number,
                f"The reply to request {number + 1} was interrupted here when it was recorded: "
                'interrupt it here too (hold(before="end") stops at this point).',
            )

    async def _until(self, due: float) -> None:
        left = due - asyncio.get_running_loop().time()
        await asyncio.sleep(max(0.0, left))  # always lets others run, as a real stream does

    async def _held(self, reply: int, batch: int) -> float:
        """Stop at what holds here; give the seconds for which it did."""
        clock = asyncio.get_running_loop().time
        began = clock()
        for hold in self._holds:
            await hold.stop(reply, batch)
        return clock() - began


def checked_speed(speed: float | None) -> float:
    """Give a speed as a number; None is infinity.

    Raises:
        ConfigurationError: it is none.
    """
    if speed is None:
        return math.inf
    if not speed > 0:
        raise ConfigurationError(
            f"speed: {speed!r}; it is a number above 0: 1 for the recorded timing, 10 for ten "
            "times as fast, None for at once"
        )
    return speed
