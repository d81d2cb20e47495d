"""Reading the JSON of a provider without trusting its shape.

The rule that this file keeps: a row that is not as it should be is passed over, and what is missing
in one is empty; an answer without the list itself is unreadable, unless it may be left out.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tools.web.errors import UnreadableError


def loaded(body: bytes) -> Mapping[str, Any]:
    """Give the object that an answer is.

    Raises:
        UnreadableError: it is none.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise UnreadableError("its answer is not JSON") from None
    if not isinstance(value, dict):
        raise UnreadableError("its answer is no JSON object")
    return value


def rows(answer: Mapping[str, Any], *path: str) -> Iterator[Mapping[str, Any]]:
    """Give the objects of a list; none, where a part of the path is left out or null.

    Raises:
        UnreadableError: there is something else than a list.
    """
    value: Any = answer
    for name in path:
        value = value.get(name) if isinstance(value, dict) else value
    if value is None:
        return
    if not isinstance(value, list):
        raise UnreadableError(f"its answer has no list where {'.'.join(path)} should be")
    yield from (row for row in value if isinstance(row, dict))


def text(row: Mapping[str, Any], *names: str) -> str:
    """Give the first of some members that is a text or a number; empty when none is."""
    for name in names:
        value = row.get(name)
        if isinstance(value, str) and value.strip():
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return f"{value:g}" if isinstance(value, float) else str(value)[:20]
    return ""


def part(row: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Give a member that is an object; an empty one when it is not."""
    value = row.get(name)
    return value if isinstance(value, dict) else {}


def details(*texts: str) -> tuple[str, ...]:
    """Give those texts that there are."""
    return tuple(each for each in texts if each)


def size(row: Mapping[str, Any], width: str, height: str) -> str:
    """Give the size of a picture; empty when it is not known."""
    found = text(row, width), text(row, height)
    return f"{found[0]}x{found[1]} pixels" if all(found) else ""
