"""The conversation as bytes: each message encoded once, appended, never changed.

A request's body is joined from these bytes, so that its prefix is the same to the byte in every
later request, and a long session costs no new encoding. Cache markers are no part of it: they are
spliced in where a user's message ends.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

from agent.claude.wire import encode

Json: TypeAlias = dict[str, Any]

MARKER = b',"cache_control":{"type":"ephemeral"}'


class Transcript:
    """Messages in the order in which the model sees them."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._ends: list[int] = []
        self.messages = 0

    def __repr__(self) -> str:
        return f"<Transcript {self.messages} messages, {len(self._bytes)} bytes>"

    def add(self, role: str, blocks: Sequence[bytes]) -> None:
        """Append a message of encoded blocks."""
        if self._bytes:
            self._bytes += b","
        self._bytes += b'{"role":"%b","content":[' % role.encode()
        self._bytes += b",".join(blocks)
        if role == "user":
            self._ends.append(len(self._bytes) - 1)
        self._bytes += b"]}"
        self.messages += 1

    def body(self, head: bytes, more: Json | None = None, *, is_marked: bool) -> bytes:
        """Join a request: `head` opens the object and ends before the list of messages.

        `more` holds members that change from request to request; they follow the messages.

        The markers stand at the end of the newest user message and of the one before, which the
        request before wrote to the cache: so the search back from the newest, 20 blocks at most,
        never has to find it.
        """
        marks = self._ends[-2:] if is_marked else []
        view = memoryview(self._bytes)
        parts: list[bytes | memoryview] = [head, b'"messages":[']
        begin = 0
        for end in marks:
            parts += [view[begin:end], MARKER]
            begin = end
        tail = b"]," + encode(more)[1:] if more else b"]}"
        joined = b"".join([*parts, view[begin:], tail])
        view.release()
        return joined

    def as_json(self) -> bytes:
        """Give the list of messages."""
        return b"[" + bytes(self._bytes) + b"]"


def tool_result(call_id: str, content: Sequence[Json], *, is_error: bool) -> bytes:
    """Encode the block that answers a call."""
    block = {"type": "tool_result", "tool_use_id": call_id, "content": list(content)}
    return encode({**block, "is_error": True} if is_error else block)
