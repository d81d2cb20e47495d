"""The seam between the loop and whatever answers it: a server, or a recording of one."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from agent.claude.sse import Event


@dataclass(frozen=True, slots=True)
class Incoming:
    """A reply on its way."""

    events: AsyncIterator[list[Event]]
    """Events as they come, several at a time when they came in one piece."""
    request_id: str = ""


class Model(Protocol):
    """Answers requests with streams of events."""

    def stream(
        self, body: bytes, betas: Sequence[str] = ()
    ) -> AbstractAsyncContextManager[Incoming]:
        """Send a request; the stream is closed on leaving.

        Raises:
            ModelError: no reply could be had, or one that broke off.
        """
        ...
