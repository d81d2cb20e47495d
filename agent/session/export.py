"""A session as a document: JSON that can be imported again, or Markdown for people."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from agent.session.entries import (
    Blocks,
    Entry,
    Header,
    Message,
    Renamed,
    ReplyEnd,
    Request,
    Result,
    TurnEnd,
    from_json,
)

Json: TypeAlias = dict[str, Any]

FORMAT = "toolloop-session"
LONGEST = 4_000
"""Characters of one answer that Markdown shows."""


def as_json(entries: Sequence[Json]) -> str:
    """Give the whole session, for `import_session`."""
    return json.dumps({"format": FORMAT, "version": 1, "entries": list(entries)}, indent=1)


def as_markdown(entries: Sequence[Json]) -> str:
    """Give what was said and done, in the order in which the model saw it."""
    parts = [*_Reader().parts(known for each in entries if (known := from_json(each)) is not None)]
    return "\n\n".join(part for part in parts if part) + "\n"


class _Reader:
    """Goes through entries; a reply is written when the next one is asked for."""

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self._blocks: dict[int, Json] = {}
        self._results: dict[int, Result] = {}
        self._kept = 0

    def parts(self, entries: Iterator[Entry]) -> Iterator[str]:
        for entry in entries:
            match entry:
                case Header() | Renamed():
                    yield f"# {entry.name}"
                case Message():
                    self._messages.append(entry)
                case Request():
                    yield from self._reply()
                    for number in entry.messages:
                        yield _message(self._messages[number])
                case Blocks():
                    self._blocks.update((place, block) for place, block in entry.blocks)
                case Result():
                    self._results.setdefault(entry.block, entry)
                case ReplyEnd():
                    self._kept = entry.kept
                case TurnEnd() if entry.text:
                    yield f"*{entry.text}*"
        yield from self._reply()

    def _reply(self) -> Iterator[str]:
        for place in sorted(self._blocks):
            if place < self._kept:
                yield _block(self._blocks[place], self._results.get(place))
        self._blocks.clear()
        self._results.clear()
        self._kept = 0


def _message(message: Message) -> str:
    return f"## {message.by.capitalize()}\n\n{_texts(message.content)}"


def _block(block: Json, result: Result | None) -> str:
    if block.get("type") == "text":
        return str(block.get("text") or "")
    if block.get("type") != "tool_use":
        return f"*({block.get('type')})*"
    call = json.dumps(block.get("input"), ensure_ascii=False, indent=1)
    shown = f"**{block.get('name')}**\n\n{_fenced(call, 'json')}"
    return shown if result is None else f"{shown}\n\n{_fenced(_texts(result.content)[:LONGEST])}"


def _texts(content: Sequence[Json]) -> str:
    return "\n".join(str(each.get("text") or f"({each.get('type')})") for each in content)


def _fenced(text: str, language: str = "") -> str:
    """Put text into a fence that is longer than any in it."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"
