"""What a tool gives: any value becomes text and images that the API takes.

`to_output` is the one place where that happens. The rules that it keeps:

- all text together takes `limit` bytes of UTF-8 at most, head and tail kept, and a notice for each
  cut; no text is empty, and it is clean (`text.cleaned`);
- an image is what its bytes say, of a kind and size that the API takes, since one that it refuses
  would be refused with every later request too; any other becomes a text that says so;
- it never raises.
"""

import base64
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, TypeAlias, TypeGuard

from tools.output import DEFAULT_LIMIT, CappedBuffer, render
from tools.text import cleaned, is_whole

EMPTY: Final = "(no output)"
"""What stands for no text: the API refuses an empty one."""

LARGEST_IMAGE: Final = 5 * 1024 * 1024
"""Characters of base64 that the API takes."""

MOST_IMAGES: Final = 20

_PLAIN: Final = re.compile(r"[\t\n -~]*")
"""Text that stands for itself, and takes a byte a character."""

_SIGNATURES: Final[Mapping[bytes, str]] = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}


@dataclass(frozen=True, slots=True)
class Image:
    """A picture: PNG, JPEG, GIF or WebP."""

    data: bytes
    media_type: str = ""
    """What it is said to be; the bytes have the last word."""

    def __repr__(self) -> str:
        return f"<Image {self.media_type or 'of unknown type'} {len(self.data):,} bytes>"


Block: TypeAlias = str | Image


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """The result of a call. A tool may return one itself, to mark an error or to mix blocks."""

    content: tuple[Block, ...]
    is_error: bool = False

    @property
    def text(self) -> str:
        """All text of it."""
        return "\n".join(block for block in self.content if isinstance(block, str))

    def wire(self) -> list[dict[str, Any]]:
        """Give the API's content blocks."""
        return [_wire(block) for block in self.content]


def _wire(block: Block) -> dict[str, Any]:
    if isinstance(block, str):
        return {"type": "text", "text": block}
    data = base64.b64encode(block.data).decode()
    source = {"type": "base64", "media_type": block.media_type, "data": data}
    return {"type": "image", "source": source}


def to_output(value: object, limit: int | None = None) -> ToolOutput:
    """Turn what a tool returned into blocks; `limit` is in bytes of text, `DEFAULT_LIMIT` if None.

    A text stays as it is, bytes are an image, None is "(no output)", a sequence with an image in it
    is one block after the other, and any other value becomes JSON.
    """
    most = DEFAULT_LIMIT if limit is None else limit
    if type(value) is str and len(value) <= most and _PLAIN.fullmatch(value) and value.strip():
        return ToolOutput((value,))  # as most are: nothing to clean, nothing to cut
    is_error = isinstance(value, ToolOutput) and value.is_error
    try:
        blocks = [*_blocks(value)]
    except _NotShownError as error:
        blocks, is_error = [str(error)], True
    return ToolOutput(_fitting(blocks, most), is_error)


# -- from a value to blocks ------------------------------------------------------------------------


class _NotShownError(Exception):
    """A value has no form that a model could read."""


def _blocks(value: object) -> Iterator[Block]:
    if _is_sequence_of_blocks(value):
        for each in value.content if isinstance(value, ToolOutput) else value:
            yield from _blocks(each)
    elif isinstance(value, str):
        yield str(value)
    elif isinstance(value, Image):
        yield _sound(value)
    elif isinstance(value, bytes | bytearray | memoryview):
        yield _of_bytes(bytes(value))
    elif value is not None:
        yield _as_json(value)


def _is_sequence_of_blocks(value: object) -> TypeGuard[ToolOutput | Sequence[object]]:
    if isinstance(value, list | tuple):
        return any(isinstance(each, Image) for each in value)
    return isinstance(value, ToolOutput)


def _of_bytes(data: bytes) -> Block:
    if not _media_type(data):
        raise _NotShownError(
            f"The tool returned {len(data):,} bytes that are no PNG, JPEG, GIF or WebP image; "
            "they cannot be shown."
        )
    return _sound(Image(data))


def _sound(image: Image) -> Block:
    """Give an image as the API takes it, or a text that says why it does not."""
    media_type = _media_type(image.data)
    if not media_type:
        return f"[image left out: {len(image.data):,} bytes that are no PNG, JPEG, GIF or WebP]"
    if 4 * -(-len(image.data) // 3) > LARGEST_IMAGE:
        return f"[image left out: its {len(image.data):,} bytes are more than can be shown]"
    return Image(image.data, media_type)


def _media_type(data: bytes) -> str:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _SIGNATURES.items() if data.startswith(start)), "")


def _as_json(value: object) -> str:
    """Spell a value as compact JSON; NaN and the infinities become strings."""
    from pydantic_core import to_json, to_jsonable_python  # noqa: PLC0415  (slow to import)

    try:
        try:
            return to_json(value, inf_nan_mode="strings", bytes_mode="base64").decode()
        except ValueError:  # half a character in it, or no JSON at all
            plain = to_jsonable_python(_mended(value), bytes_mode="base64")
            return to_json(_mended(plain), inf_nan_mode="strings").decode()
    except Exception as error:  # a type may bring code of its own
        kind = type(value).__name__
        raise _NotShownError(f"The tool returned a {kind} that has no form as JSON.") from error


def _mended(value: object) -> object:
    """Replace half characters in the strings of a value."""
    if isinstance(value, str):
        return value if is_whole(value) else cleaned(value)
    if isinstance(value, dict):
        return {_mended(key): _mended(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_mended(each) for each in value]
    return value


# -- from blocks to what fits ----------------------------------------------------------------------


def _fitting(blocks: Sequence[Block], limit: int) -> tuple[Block, ...]:
    """Join the texts between the images, and share the limit among them by their lengths."""
    blocks = _joined(_at_most_images(blocks))
    sizes = [len(each.encode(errors="replace")) for each in blocks if isinstance(each, str)]
    shares = iter(_shares(sizes, limit))
    fitting = (_cut(each, next(shares)) if isinstance(each, str) else each for each in blocks)
    return tuple(fitting) or (EMPTY,)


def _shares(sizes: Sequence[int], limit: int) -> list[int]:
    total = sum(sizes)
    return [limit if total <= limit else limit * size // total for size in sizes]


def _cut(text: str, limit: int) -> str:
    """Cut a text to its head and tail, cleaned."""
    buffer = CappedBuffer(limit)
    for part in _parts(text, limit):
        buffer.feed(part)
    return render(buffer.excerpt())


def _parts(text: str, limit: int) -> Iterator[bytes]:
    """Give a text's bytes; of a long one only the ends are cleaned, since no other is kept."""
    if len(text) <= 2 * limit:
        yield cleaned(text).encode()
        return
    yield cleaned(text[:limit]).encode()
    yield text[limit : len(text) - limit].encode(errors="replace")
    yield cleaned(text[len(text) - limit :]).encode()


def _at_most_images(blocks: Iterable[Block]) -> Iterator[Block]:
    images = 0
    for block in blocks:
        images += isinstance(block, Image)
        left_out = isinstance(block, Image) and images > MOST_IMAGES
        yield f"[image left out: more than {MOST_IMAGES}]" if left_out else block


def _joined(blocks: Iterable[Block]) -> list[Block]:
    """Join neighbouring texts by lines, and leave out those without a visible character."""
    joined: list[Block] = []
    for is_text, group in groupby(blocks, lambda block: isinstance(block, str)):
        if is_text:
            text = "\n".join(filter(None, map(str, group)))
            joined += [text] if text.strip() else []
        else:
            joined += group
    return joined
