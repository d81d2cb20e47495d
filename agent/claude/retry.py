"""Whether and when a failed request is sent again: pure.

The rules that this file keeps:

- sent again: 408, 409, 429, 500 and above (529 among them), connections that failed, streams that
  broke, and what the server itself marks so; never what it marks otherwise, and never a limit on
  spending;
- `retry-after` is obeyed; when it asks for more than `longest_asked`, or more than is left of
  `total`, the error is raised at once instead of a wait that nobody expects;
- otherwise the wait doubles from `first` up to `longest`, less a random part of a quarter at most.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from agent.errors import ApiError, ConnectionFailedError, ModelError, StreamBrokenError

AGAIN = frozenset({408, 409, 429})
"""Statuses below 500 that may pass."""

MOST_DOUBLINGS = 30
"""Of a wait: more than any wait needs."""

FINAL_EVENTS = frozenset(
    {
        "invalid_request_error",
        "authentication_error",
        "permission_error",
        "not_found_error",
        "request_too_large",
        "billing_error",
    }
)
"""Error events in a stream that a repetition would meet again."""


@dataclass(frozen=True, slots=True)
class RetryLimits:
    """How often and how long; times in seconds."""

    attempts: int = 8
    """Requests in all, the first one included."""
    first: float = 0.5
    longest: float = 8.0
    longest_asked: float = 120.0
    total: float = 300.0
    """From the first failure to the start of the last attempt."""


class Retries:
    """The attempts of one request."""

    def __init__(self, limits: RetryLimits, chance: Callable[[], float] = random.random) -> None:
        self._limits = limits
        self._chance = chance
        self.failures = 0
        self._waited_since: float | None = None

    def __repr__(self) -> str:
        return f"<Retries {self.failures} failures of {self._limits.attempts}>"

    def wait(self, error: ModelError, now: float) -> float | None:
        """Give the seconds to wait before the next attempt; None when there is none."""
        self.failures += 1
        if self._waited_since is None:
            self._waited_since = now
        if self.failures >= self._limits.attempts or not may_pass(error):
            return None
        asked = error.retry_after if isinstance(error, ApiError) else None
        if asked is not None and asked > self._limits.longest_asked:
            return None
        seconds = self._backoff() if asked is None else max(asked, 0.0)
        left = self._waited_since + self._limits.total - now
        return seconds if seconds <= left else None

    def _backoff(self) -> float:
        doubled = self._limits.first * 2.0 ** min(self.failures - 1, MOST_DOUBLINGS)
        return min(doubled, self._limits.longest) * (1 - self._chance() / 4)


def may_pass(error: ModelError) -> bool:
    """Say whether the same request may succeed a little later."""
    match error:
        case ApiError():
            if error.code.endswith("spend_limit_reached"):
                return False
            if error.should_retry is not None:
                return error.should_retry
            return error.status in AGAIN or error.status >= 500  # noqa: PLR2004  (HTTP's classes)
        case StreamBrokenError():
            return error.type not in FINAL_EVENTS
    return isinstance(error, ConnectionFailedError)
