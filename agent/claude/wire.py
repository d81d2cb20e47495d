"""The one form in which blocks go to the server, fixed before they are first sent.

What came goes back as it came. The rules for what cannot:

- a call's input that is no JSON object becomes `{"unparsed_input": <its text>}`;
- an id that the API refuses, or that was there before, becomes one of our own, and a name that it
  refuses one that it takes; the journal keeps what came;
- half a surrogate pair becomes U+FFFD, and two halves that met become their character;
- an empty text block is left out: the API refuses it.
"""

import json
import math
import re
from collections.abc import Sequence
from typing import Any, TypeAlias

from agent.claude.blocks import CALLS

Json: TypeAlias = dict[str, Any]

SHOWN = 2_000
"""Characters of an input that could not be read, which the model is shown again."""

NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
"""What the API takes as a tool's name."""

CALL_ID = re.compile(r"[a-zA-Z0-9_-]+")
"""What it takes as a call's id."""


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def encode(value: object) -> bytes:
    """Give the JSON of a value, with the same bytes for the same value."""
    try:
        return _dumped(value)
    except UnicodeEncodeError:
        return encode(_cleaned(value))
    except ValueError:
        return encode(finite(value))


def _dumped(value: object) -> bytes:
    return _ENCODER.encode(value).encode()


def finite(value: Any) -> Any:
    """Give a value with NaN and infinities as text: JSON has none."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {name: finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [finite(part) for part in value]
    return value


def clean_text(text: str) -> str:
    """Join surrogates that form a pair, and replace the others."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def outgoing(blocks: Sequence[Json], reply: int, known_ids: set[str]) -> list[Json]:
    """Give a reply's blocks as they go back; ids that are new are added to `known_ids`.

    One block out for each block in, an empty dictionary for one that is left out.
    """
    given = {block.get("id") for block in blocks if isinstance(block.get("id"), str)}
    wire = []
    for place, block in enumerate(blocks):
        own_id = f"call_{reply}_{place}"
        while own_id in known_ids or own_id in given:
            own_id += "_"
        wire.append(_outgoing(block, own_id, known_ids))
    return wire


def _outgoing(block: Json, own_id: str, known_ids: set[str]) -> Json:
    if block.get("type") == "text" and not str(block.get("text") or "").strip():
        return {}
    if block.get("type") not in CALLS:
        return block
    wire = {**block, "input": _input(block.get("input"))}
    if wire["type"] != "tool_use":
        return wire
    if not _fits(NAME, block.get("name")):
        wire["name"] = re.sub(r"[^a-zA-Z0-9_-]", "_", str(block.get("name") or ""))[:128] or "_"
    if not _fits(CALL_ID, block.get("id")) or block["id"] in known_ids:
        wire["id"] = own_id
    known_ids.add(wire["id"])
    return wire


def _fits(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _input(given: object) -> object:
    if isinstance(given, dict):
        return given
    text = given if isinstance(given, str) else encode(given).decode()
    return {"unparsed_input": text[:SHOWN]}


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {clean_text(str(name)): _cleaned(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(part) for part in value]
    return value
