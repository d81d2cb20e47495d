"""Whether a conversation goes as the recorded one did: pure.

The rules that this file keeps:

- messages of one role in a row are one, and a text is a block of text: how a client cuts them does
  not count, and neither do cache markers, nor the date that the runtime tells with a message;
- with `"ids"` the same calls have to be answered in the same order, whatever with; with
  `"outcomes"` none of them may fail that went well; with `"all"` what was said and answered has to
  be the same too.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Final, Literal, TypeAlias, get_args

from agent.claude.recording import blocks_of

Json: TypeAlias = dict[str, Any]
Strict: TypeAlias = Literal["ids", "outcomes", "all"]

STRICTNESSES: Final[tuple[Strict, ...]] = get_args(Strict)

DATE: Final = re.compile(r"\(Today is \d{4}-\d\d-\d\d\.\)")
"""A text block in which the runtime tells the date."""

SHOWN: Final = 120
"""Characters of what is different."""


def difference(recorded: Json, came: Json, strict: Strict) -> str:
    """Give the first difference of two requests in words; nothing when there is none."""
    known, now = _merged(recorded), _merged(came)
    for number, ((role, was), (own_role, given)) in enumerate(zip(known, now, strict=False), 1):
        if role != own_role:
            return f"message {number} was the {role}'s when recorded; now it is the {own_role}'s"
        found = next(_message(role, was, given, strict), "")
        if found:
            return f"message {number} ({role}): {found}"
    if len(known) != len(now):
        return f"{len(known)} messages were recorded (those of one role joined); {len(now)} came"
    return ""


def _merged(body: Json) -> list[tuple[str, list[Json]]]:
    runs = groupby(body.get("messages") or (), key=lambda message: str(message.get("role")))
    return [(role, [block for each in run for block in _blocks(each)]) for role, run in runs]


def _blocks(message: Json) -> Iterator[Json]:
    for block in blocks_of(message.get("content")):
        if not (block.get("type") == "text" and DATE.fullmatch(str(block.get("text")))):
            yield block


def _message(role: str, was: list[Json], now: list[Json], strict: Strict) -> Iterator[str]:
    kind, name = ("tool_use", "id") if role == "assistant" else ("tool_result", "tool_use_id")
    known, given = _ids(was, kind, name), _ids(now, kind, name)
    if known != given:
        what = "called" if role == "assistant" else "answered"
        yield f"it {what} {_listed(known)} when recorded; now it {what} {_listed(given)}"
    if strict == "outcomes":
        yield from _failures(was, now)
    if strict == "all":
        yield from _contents(was, now)


def _failures(was: list[Json], now: list[Json]) -> Iterator[str]:
    for known, given in zip(_results(was), _results(now), strict=True):
        if given.get("is_error") and not known.get("is_error"):
            yield f"{_what(given)} is {_shown(given)}, and was no error when recorded"


def _results(blocks: Iterable[Json]) -> Iterator[Json]:
    return (block for block in blocks if block.get("type") == "tool_result")


def _contents(was: list[Json], now: list[Json]) -> Iterator[str]:
    for known, given in zip(was, now, strict=False):
        if _essence(known) != _essence(given):
            yield f"{_what(known)} was {_shown(known)} when recorded; now it is {_shown(given)}"
    if len(was) != len(now):
        yield f"it had {len(was)} blocks when recorded; now it has {len(now)}"


def _essence(block: Json) -> Json:
    """Give what counts of a block."""
    bare = {name: value for name, value in block.items() if name != "cache_control"}
    if bare.get("type") != "tool_result":
        return bare
    content = [_essence(part) for part in blocks_of(bare.get("content"))]
    return {**bare, "content": content, "is_error": bool(bare.get("is_error"))}


def _what(block: Json) -> str:
    if block.get("type") == "tool_result":
        return f"the result of {block.get('tool_use_id')}"
    return f"a block of type {block.get('type')}"


def _shown(block: Json) -> str:
    """Show what a person looks for: the text, or else all of it."""
    if block.get("type") == "tool_result":
        failed = "an error " if block.get("is_error") else ""
        texts = [str(part.get("text", part)) for part in blocks_of(block.get("content"))]
        return failed + repr("".join(texts)[:SHOWN])
    return repr(block["text"] if isinstance(block.get("text"), str) else block)[:SHOWN]


def _ids(blocks: Iterable[Json], kind: str, name: str) -> list[str]:
    return [str(block.get(name)) for block in blocks if block.get("type") == kind]


def _listed(ids: Sequence[str]) -> str:
    return ", ".join(ids) or "nothing"
