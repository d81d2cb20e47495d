"""A response read event by event, each wait of it limited."""

import asyncio
from typing import TYPE_CHECKING, Self

from agent.claude import sdk
from agent.claude.sse import Event, EventDecoder
from agent.errors import StreamBrokenError

if TYPE_CHECKING:
    import httpx2


class Watchdog:
    """Cancels its task when one wait takes too long; one timer for many waits, seldom moved.

    `asyncio.timeout` for each wait would cost more than what is waited for.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        """Of one wait."""
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._cancelling = self._task.cancelling() if self._task is not None else 0
        self._has_barked = False
        self.since: float | None = None
        """When the wait began; None outside of one."""
        self._timer = self._loop.call_later(seconds, self._look)

    def __repr__(self) -> str:
        return f"<Watchdog {self.seconds:g} s>"

    def took_too_long(self) -> bool:
        """Say whether a cancellation that came is this one's own; if so, it is over."""
        if not self._has_barked or self._task is None:
            return False
        self._has_barked = False
        return self._task.uncancel() <= self._cancelling

    def allow(self, seconds: float) -> None:
        """Set another limit, from the next wait on."""
        if seconds != self.seconds:
            self.seconds = seconds
            self._timer.cancel()
            self._timer = self._loop.call_later(seconds, self._look)

    def stop(self) -> None:
        """Watch no more."""
        self._timer.cancel()

    def _look(self) -> None:
        since = self._loop.time() if self.since is None else self.since
        left = since + self.seconds - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look)
        elif self._task is not None:
            self._has_barked = True
            self._task.cancel()


class EventReader:
    """Iterate over it for the events of a response, several at a time; for one task."""

    def __init__(self, response: "httpx2.Response", first_byte: float, silence: float) -> None:
        self._pieces = sdk.pieces(response)
        self._decoder = EventDecoder()
        self._silence = silence
        self._watchdog = Watchdog(first_byte)
        self._time = asyncio.get_running_loop().time

    def __repr__(self) -> str:
        return f"<EventReader {self._decoder!r}>"

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[Event]:
        """Give the next events.

        Raises:
            StreamBrokenError: the connection broke, or was silent for too long.
        """
        watchdog = self._watchdog
        while True:
            watchdog.since = self._time()
            try:
                piece = await anext(self._pieces)
                events = self._decoder.feed(piece)
            except asyncio.CancelledError:
                if not watchdog.took_too_long():
                    raise
                seconds = watchdog.seconds
                raise StreamBrokenError(f"the server was silent for {seconds:g} s") from None
            except Exception as error:
                raise sdk.in_stream(error) from error
            finally:
                watchdog.since = None
            watchdog.allow(self._silence)
            if events:
                return events

    async def drain(self, seconds: float) -> None:
        """Read on to the response's very end, so that its connection can serve the next."""
        self._watchdog.stop()
        async with asyncio.timeout(seconds):
            while await anext(self._pieces, None) is not None:
                pass

    def stop(self) -> None:
        """Read no more."""
        self._watchdog.stop()
