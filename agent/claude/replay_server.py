"""A recording behind the loopback server, so that any client of the API can be pointed at it.

The rules that this file keeps:

- a request is answered by the reply that was recorded where the conversation stood there: the
  server keeps no place of its own, so a new conversation begins the recording anew, and several
  go on side by side;
- where the same request was recorded more than once, since the first ones failed, they are answered
  one after the other;
- each request is checked as the API would, and nothing of ours is asked beyond it; one that stands
  nowhere in the recording is refused too, and the error says why.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

from agent.claude.checking import Rules
from agent.claude.loopback import LoopbackModel
from agent.claude.loopback_connection import Connection, Received
from agent.claude.recorded_failure import Failure
from agent.claude.recording import Batch, End, RecordedReply, Recording
from agent.claude.replay import CAUSES
from agent.claude.replay_check import difference
from agent.claude.script import Close, HttpError, Pause, Reset, Script, Step, frame

Json: TypeAlias = dict[str, Any]

AS_THE_API: Final = Rules(strict_order=False, strict_blocks=False)
"""A client may do what the API lets it do."""

STOP: Final = {"type": "message_stop"}


class ReplayServer(LoopbackModel):
    """The server; `async with` starts and ends it.

    Args:
        recording: what it answers with.
        speed: 1.0 is the recorded timing, infinity is at once.
        port: where it listens on 127.0.0.1; 0 is any free one.
        tell: called with a line about each request, once it is answered.
    """

    def __init__(
        self,
        recording: Recording,
        speed: float = 1.0,
        *,
        port: int = 0,
        tell: Callable[[str], object] = lambda _: None,
    ) -> None:
        super().__init__(self._script_for, rules=AS_THE_API, port=port)
        self._recording = recording
        self._speed = speed
        self._tell = tell
        self._came: Counter[str] = Counter()
        self._told: dict[int, str] = {}

    def __repr__(self) -> str:
        return f"<ReplayServer {self.url}: {self._recording.name!r}, {self.received} requests>"

    async def answer(self, received: Received, out: Connection) -> None:
        """Answer one request, and tell of it."""
        refused = len(self.refused)  # its own refusal is the next: nothing is awaited before it
        try:
            await super().answer(received, out)
        finally:
            self._tell(f"{_asked(received)}: {self._outcome(received, refused)}")

    def _outcome(self, received: Received, refused: int) -> str:
        told = self._told.pop(id(received.body), "")
        if not told and len(self.refused) > refused and received.path == "/v1/messages":
            told = f"refused with 400: {self.refused[refused]}"
        return (told or "answered") + ("" if received.is_answered else ", not to its end")

    # -- replies -------------------------------------------------------------------------------

    def _script_for(self, body: Json, _: int) -> Script:
        number = self._place(body)
        if number is None:
            found = self._nearest(body)
            self._told[id(body)] = f"refused with 400: {found}"
            told = f"This is not the recorded conversation: {found}. {CAUSES}"
            return HttpError(400, "invalid_request_error", told, should_retry=False)
        replies = self._recording.replies
        self._told[id(body)] = f"reply {number + 1} of {len(replies)}"
        return script(replies[number], self._speed)

    def _place(self, body: Json) -> int | None:
        """Give the number of the reply for a request; the next one, where several are."""
        replies = self._recording.replies
        fitting = [
            number
            for number, reply in enumerate(replies)
            if not difference(reply.body, body, "ids")
        ]
        if not fitting:
            return None
        if len(fitting) == 1:
            return fitting[0]
        key = repr(body.get("messages"))
        self._came[key] += 1
        return fitting[(self._came[key] - 1) % len(fitting)]

    def _nearest(self, body: Json) -> str:
        """Say how a request differs from the recorded one that it should be."""
        replies = self._recording.replies
        if not replies:
            return "the recording has no replies"
        steps = _steps(body)
        nearest = min(replies, key=lambda reply: abs(_steps(reply.body) - steps))
        found = difference(nearest.body, body, "ids")
        has_more = steps > max(_steps(reply.body) for reply in replies)
        return f"{found}; the recording has come to its end" if has_more else found


def script(reply: RecordedReply, speed: float) -> Script:
    """Give a recorded reply as the server sends it."""
    failure = reply.ending if isinstance(reply.ending, Failure) else None
    if failure is not None and failure.kind == "api" and not reply.batches:
        return _http_error(failure)
    return [*_parts(reply.batches, speed), *_last(reply, speed)]


def _parts(batches: tuple[Batch, ...], speed: float) -> Iterator[bytes | Step]:
    at = 0.0
    for batch in batches:
        yield Pause(max(0.0, batch.at - at) / speed)
        if data := b"".join(frame(event) for event in batch.events if "type" in event):
            yield data
        at = batch.at


def _last(reply: RecordedReply, speed: float) -> Iterator[bytes | Step]:
    """End a reply as it ended; a client that read no further than it had to left out the stop."""
    types = {event.get("type") for batch in reply.batches for event in batch.events}
    if reply.ending is End.WHOLE:
        if reply.batches and "message_stop" not in types:
            yield frame(STOP)
        return
    at = reply.batches[-1].at if reply.batches else 0.0
    yield Pause(max(0.0, reply.seconds - at) / speed)
    yield Close() if reply.ending is End.CUT or "error" in types else Reset()


def _http_error(failure: Failure) -> HttpError:
    asked = failure.retry_after
    headers = {} if asked is None else {"retry-after": f"{asked:g}"}
    status = failure.status if failure.status >= 400 else 500  # noqa: PLR2004  (HTTP's errors)
    kind = failure.type or "api_error"
    return HttpError(status, kind, failure.message, headers, failure.should_retry)


def _asked(received: Received) -> str:
    count = len(received.body.get("messages") or ())
    said = f" with {count} message{'s' * (count != 1)}" if count else ""
    return f"{received.method} {received.path}{said}"


def _steps(body: Json) -> int:
    """Give how many times the model has answered."""
    return sum(message.get("role") == "assistant" for message in body.get("messages") or ())
