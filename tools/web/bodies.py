"""Reading a response's body to a limit, however much is sent or however far it unpacks.

What `httpx` unpacks is unbounded: a few kilobytes become gigabytes. So we ask for gzip only, take
the bytes as they come, and unpack them ourselves, never further than the limit.
"""

import zlib
from collections.abc import AsyncIterator
from typing import Final

ACCEPTED: Final = "gzip"
"""What requests say in `Accept-Encoding`."""

_ENCODINGS: Final = frozenset({"", "identity", "gzip", "x-gzip"})

_EITHER_HEADER: Final = 32 + zlib.MAX_WBITS
"""gzip or zlib, as the data says."""


class EncodingError(ValueError):
    """A body is packed in a way that was not asked for, or wrongly."""


class Body:
    """The start of a body: at most `limit` bytes of it, unpacked.

    Raises:
        EncodingError: it is packed in a way that was not asked for.
    """

    __slots__ = ("_data", "_limit", "_unpacking", "is_cut")

    def __init__(self, limit: int, encoding: str) -> None:
        encoding = encoding.strip().lower()
        if encoding not in _ENCODINGS:
            raise EncodingError(f"it is packed as {encoding[:40]!r}, which was not asked for")
        self._limit = limit
        self._data = bytearray()
        packed = encoding not in {"", "identity"}
        self._unpacking = zlib.decompressobj(_EITHER_HEADER) if packed else None
        self.is_cut = False
        """Whether there was more than the limit."""

    def __repr__(self) -> str:
        cut = ", cut" if self.is_cut else ""
        return f"<Body {len(self._data):,} of at most {self._limit:,} bytes{cut}>"

    @property
    def data(self) -> bytes:
        """What there is so far."""
        return bytes(self._data)

    async def read(self, pieces: AsyncIterator[bytes]) -> None:
        """Take pieces until they end or the limit is reached; what came stays, whatever happens.

        Raises:
            EncodingError: they do not unpack.
        """
        async for piece in pieces:
            self._feed(piece)
            if self.is_cut or (self._unpacking is not None and self._unpacking.eof):
                return  # zlib would keep whatever follows its end

    def _feed(self, piece: bytes) -> None:
        room = self._limit + 1 - len(self._data)  # one more shows that there is more
        if self._unpacking is None:
            self._data += piece[:room]
        else:
            try:
                self._data += self._unpacking.decompress(piece, room)
            except zlib.error:
                raise EncodingError(
                    "it does not unpack as the gzip that it is said to be"
                ) from None
        if len(self._data) > self._limit:
            del self._data[self._limit :]
            self.is_cut = True
