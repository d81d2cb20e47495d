"""A model whose conversations are written down as they come.

The rules that this file keeps:

- what is recorded is written by one thread, in the order in which it happened; a stream never
  waits for the disk, and a disk that takes nothing ends no reply that has begun: `close` raises
  for it;
- a file holds one conversation, and is never written over; several at a time need a folder;
- an exception of the model is recorded, and raised as it was; whatever ends a reply, what came of
  it is in a file that can be read.
"""

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

from agent.claude.model import Incoming, Model
from agent.claude.recorded_failure import Failure, failure_of
from agent.claude.recording import Batch, End, Ending, RecordingError
from agent.claude.recording_files import RecordingFiles, Take
from agent.claude.sse import Event

log = logging.getLogger(__name__)

T = TypeVar("T")

BATCHES: Final = 200
"""So many wait in memory before they are written; a reply's end writes the rest."""


class RecordingModel:
    """Wraps a model, and records what it is asked and what it answers.

    Args:
        model: what answers.
        path: a file, its name ending in `.jsonl`, for one conversation; or a folder, in which each
            conversation gets a file of its own. A file that is there is never written over.
        title: what the recording is called; else the first words that were said.
    """

    def __init__(self, model: Model, path: str | os.PathLike[str], title: str = "") -> None:
        self._model = model
        self._files = RecordingFiles(Path(path), title)
        self._thread = ThreadPoolExecutor(1, "recording")
        self._problem: Exception | None = None
        self.is_closed = False

    def __repr__(self) -> str:
        state = "closed" if self.is_closed else "open"
        return f"<RecordingModel of {self._model!r}: {self._files!r}, {state}>"

    @property
    def paths(self) -> list[Path]:
        """The files that were begun."""
        return list(self._files.paths)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    @asynccontextmanager
    async def stream(self, body: bytes, betas: Sequence[str] = ()) -> AsyncIterator[Incoming]:
        """Send a request through the model; see `Model.stream`.

        Raises:
            RecordingError: it cannot be recorded: the file is there already or cannot be made, or
                this is another conversation than the file's.
        """
        self._check_open()
        take = Take()
        tape = _Tape(lambda batches: self._write(self._files.write, take, batches))
        try:
            await self._do(self._files.begin, take, body, tape.began)
            try:
                async with (
                    self._model.stream(body, betas) as incoming,
                    aclosing(tape.of(incoming.events)) as events,
                ):
                    with tape.reading():
                        yield Incoming(events, incoming.request_id)
            except Exception as error:
                tape.failed(error)
                raise
        finally:
            how, at = tape.ending or End.CUT, tape.at()
            self._write(self._files.end, take, tape.rest(), at, how)

    async def flush(self) -> None:
        """Wait until all that came is in the files.

        Raises:
            RecordingError: not all of it could be written.
        """
        if not self.is_closed:
            await self._do(lambda: None)
        if self._problem is not None:
            raise RecordingError(f"not all was recorded: {self._problem}") from self._problem

    async def close(self) -> None:
        """Write what is left, and let go of the files; the model stays open.

        Raises:
            RecordingError: not all could be written.
        """
        if self.is_closed:
            return
        self.is_closed = True
        await self._do(self._files.close)
        self._thread.shutdown(wait=False)
        await self.flush()

    # -- inside --------------------------------------------------------------------------------

    def _check_open(self) -> None:
        if self.is_closed:
            raise RecordingError("this RecordingModel is closed: make another, for another file")

    async def _do(self, work: Callable[..., T], *given: object) -> T:
        """Have work done by the thread; it is done whether or not anybody waits for it."""
        return await asyncio.shield(asyncio.wrap_future(self._thread.submit(work, *given)))

    def _write(self, work: Callable[..., None], *given: object) -> None:
        if not self.is_closed:  # else the file says by its end that this reply was cut
            self._thread.submit(work, *given).add_done_callback(self._note)

    def _note(self, written: "Future[None]") -> None:
        """Keep the first problem; in the thread that writes."""
        error = written.exception()
        if isinstance(error, Exception) and self._problem is None:
            self._problem = error
            log.error("a recording could not be written: %s", error)


class _Tape:
    """What comes of one reply, with its times."""

    def __init__(self, write: Callable[[list[Batch]], None]) -> None:
        self._clock = asyncio.get_running_loop().time
        self._write = write
        self._batches: list[Batch] = []
        self._has_ended = False
        self.began = self._clock()
        self.ending: Ending | None = None

    def __repr__(self) -> str:
        return f"<_Tape {len(self._batches)} batches, {self.ending}>"

    def at(self) -> float:
        """Give the seconds since the request."""
        return self._clock() - self.began

    async def of(self, events: AsyncIterator[list[Event]]) -> AsyncGenerator[list[Event], None]:
        """Give events on as they come."""
        try:
            async for batch in events:
                self._take(batch)
                yield batch
        except Exception as error:
            self.failed(error)
            raise
        self._has_ended = True

    def failed(self, error: Exception) -> None:
        """Note that the model failed, unless the reply has ended in another way."""
        if self.ending is None:
            self.ending = failure_of(error)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Note how its reader went away; an error of the reader is none of the model."""
        try:
            yield
        finally:
            if self.ending is None:
                self.ending = End.WHOLE if self._has_ended else End.CUT

    def rest(self) -> list[Batch]:
        """Give what was not written yet."""
        rest, self._batches = self._batches, []
        return rest

    def _take(self, batch: list[Event]) -> None:
        self._batches.append(Batch(self.at(), tuple(batch)))
        if len(self._batches) >= BATCHES:
            self._write(self.rest())
        for event in batch:
            self._look(event)

    def _look(self, event: Event) -> None:
        kind = event.get("type")
        if kind == "error":
            error = event.get("error") or {}
            message, name = str(error.get("message", "")), str(error.get("type", ""))
            self.ending = Failure("stream", message, type=name)
        elif kind == "message_stop" or (event.get("delta") or {}).get("stop_reason"):
            self._has_ended = True
