"""What may go into a job and come out of it: JSON, and not too much of it."""

import json
import math
from typing import Any, Final

from tools.text import is_whole

MOST_PAYLOAD: Final = 16_000_000
"""Bytes of JSON."""

MOST_RESULT: Final = 16_000_000
"""Bytes of JSON."""

_DEEPEST: Final = 100


def encoded(value: Any, most: int, what: str) -> bytes:
    """Give a value as JSON.

    Raises:
        ValueError: it is none, or too much; the text says where and what.
    """
    _check(value, what, 0)
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    if len(data) > most:
        raise ValueError(f"{what} has {len(data):,} bytes as JSON; at most {most:,} are taken")
    return data


def _check(value: Any, where: str, depth: int) -> None:
    """Find what JSON cannot hold, or would change on the way."""
    if depth > _DEEPEST:
        raise ValueError(f"{where} is nested more than {_DEEPEST} deep")
    match value:
        case list() | tuple():
            for index, each in enumerate(value):
                _check(each, f"{where}[{index}]", depth + 1)
        case dict():
            for name, each in value.items():
                fault = _fault(name) if isinstance(name, str) else "is no text"
                if fault:
                    raise ValueError(f"the key {name!r} of {where} {fault}")
                _check(each, f"{where}[{name!r}]", depth + 1)
        case _ if fault := _fault(value):
            raise ValueError(f"{where} {fault}")


def _fault(value: Any) -> str:
    """Say what keeps a single value from being JSON; empty when nothing does."""
    match value:
        case None | bool() | int():
            return ""
        case str():
            return "" if is_whole(value) else "holds half a character"
        case float():
            return "" if math.isfinite(value) else f"is {value}, which JSON does not have"
        case _:
            return f"is a {type(value).__name__}, which JSON does not have"
