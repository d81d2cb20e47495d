"""A prompt built once for all who ask for it within its time.

The rules that this file keeps:

- **single flight**: whoever asks while it is being built waits for that one; a caller that is
  cancelled takes nothing from the others;
- it is built in a thread, off the event loop;
- a failure goes to all who wait for it, and is not kept;
- an expired prompt feeds new sessions only: a session pins the bytes that it got.
"""

import asyncio
import functools
import time
from collections.abc import Callable, Hashable

from cachetools import TTLCache

TTL = 300.0
"""Seconds."""

SIZE = 64
"""How many prompts are kept; the one that was used longest ago goes first."""


class PromptCache:
    """Built prompts by key, each for `ttl` seconds; to be used on one event loop."""

    def __init__(
        self, ttl: float = TTL, *, size: int = SIZE, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._kept: TTLCache[Hashable, str] = TTLCache(size, ttl, timer)
        self._flights: dict[Hashable, asyncio.Future[str]] = {}

    def __repr__(self) -> str:
        return f"<PromptCache {len(self._kept)} kept, {len(self._flights)} being built>"

    async def get(self, key: Hashable, build: Callable[[], str]) -> str:
        """Give the prompt of a key; `build` makes it when there is none.

        Raises:
            Exception: what `build` raises.
        """
        kept = self._kept.get(key)
        if kept is not None:
            return kept
        flight = self._flights.get(key)
        if flight is None:
            flight = asyncio.get_running_loop().run_in_executor(None, build)
            self._flights[key] = flight
            flight.add_done_callback(functools.partial(self._land, key))
        return await asyncio.shield(flight)

    def _land(self, key: Hashable, flight: "asyncio.Future[str]") -> None:
        del self._flights[key]
        # Looked at here as well, since all who waited may have been cancelled.
        if not flight.cancelled() and flight.exception() is None:
            self._kept[key] = flight.result()
