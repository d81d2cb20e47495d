"""The address of a recording's pages, which is another one each time that it is played.

The rules that this file keeps:

- in its file the address is a made-up one that leads nowhere, so a recording that was played
  without its pages fails, and reaches nobody else's;
- wherever that address stands it becomes the real one: in what was said, called and answered, and
  in the files;
- a reply comes in the pieces in which it came before. An address that was cut by their ends comes
  whole with the piece that it began in.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import Any, Final, TypeAlias, TypeVar

from agent.claude.recording import RecordedReply, Recording

Json: TypeAlias = dict[str, Any]
T = TypeVar("T")

PLACEHOLDER: Final = "http://pages.invalid"
"""What stands for the address in a recording's file; nobody can have that name (RFC 2606)."""

PIECES: Final[Mapping[str, str]] = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "input_json_delta": "partial_json",
}
"""The deltas that a block's text comes in, and the member that holds it."""


def located(recording: Recording, url: str) -> Recording:
    """Give a recording with the address at which its pages are served, such as `http://host:1`."""
    return replace(
        recording,
        replies=tuple(_reply(each, url) for each in recording.replies),
        files={path: _put(text, url) for path, text in recording.files.items()},
    )


def _reply(reply: RecordedReply, url: str) -> RecordedReply:
    events = [event for batch in reply.batches for event in batch.events]
    changed = iter(_everywhere(_whole(events, url), url))
    batches = tuple(
        replace(batch, events=tuple(next(changed) for _ in batch.events)) for batch in reply.batches
    )
    return replace(reply, body=_everywhere(reply.body, url), batches=batches)


def _whole(events: Sequence[Json], url: str) -> list[Json]:
    """Give the events of a reply with the address whole in one of them, wherever it stands."""
    found = list(events)
    for (_, member), places in _deltas(events).items():
        pieces = [events[place]["delta"][member] for place in places]
        for place, piece in zip(places, _moved(pieces, url), strict=True):
            found[place] = {**events[place], "delta": {**events[place]["delta"], member: piece}}
    return found


def _deltas(events: Iterable[Json]) -> dict[tuple[object, str], list[int]]:
    """Give the places of the pieces of each block's text."""
    places: dict[tuple[object, str], list[int]] = {}
    for place, event in enumerate(events):
        delta = event.get("delta")
        if event.get("type") != "content_block_delta" or not isinstance(delta, dict):
            continue
        member = PIECES.get(str(delta.get("type")), "")
        if isinstance(delta.get(member), str):
            places.setdefault((event.get("index"), member), []).append(place)
    return places


def _moved(pieces: Sequence[str], url: str) -> Iterator[str]:
    """Give the pieces of a text with the address in it; no end of one is inside of an address."""
    text = "".join(pieces)
    spans = [found.span() for found in re.finditer(re.escape(PLACEHOLDER), text)]
    ends = [
        next((stop for start, stop in spans if start < end < stop), end)
        for end in accumulate(map(len, pieces))
    ]
    return (_put(text[start:end], url) for start, end in pairwise([0, *ends]))


def _everywhere(value: T, url: str) -> T:
    changed: T = json.loads(_put(json.dumps(value), url))
    return changed


def _put(text: str, url: str) -> str:
    return text.replace(PLACEHOLDER, url)
