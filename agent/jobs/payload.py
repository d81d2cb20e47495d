"""What may go into a job and come out of it: JSON, and not too much of it."""

import json
import math
from dataclasses import dataclass
from typing import Any, Final

from tools.text import is_whole

MOST_PAYLOAD: Final = 16_000_000
"""Bytes of JSON."""

MOST_RESULT: Final = 16_000_000
"""Bytes of JSON."""

_DEEPEST: Final = 100


@dataclass(frozen=True, slots=True)
class _Fault:
    """What is wrong, and the way to it: `before` the name of the whole, `path`, `after`."""

    after: str
    before: str = ""
    path: str = ""

    def within(self, step: str) -> "_Fault":
        return _Fault(self.after, self.before, step + self.path)


def encoded(value: Any, most: int, what: str) -> bytes:
    """Give a value as JSON.

    Raises:
        ValueError: it is none, or too much; the text says where and what.
    """
    fault = _fault(value, 0)
    if fault is not None:
        raise ValueError(f"{fault.before}{what}{fault.path} {fault.after}")
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    if len(data) > most:
        raise ValueError(f"{what} has {len(data):,} bytes as JSON; at most {most:,} are taken")
    return data


def _fault(value: Any, depth: int) -> _Fault | None:
    """Find what JSON cannot hold, or would change on the way.

    The way to it is put together only when there is one: values come by the million.
    """
    if isinstance(value, list | tuple | dict):
        if depth > _DEEPEST:
            return _Fault(f"is nested more than {_DEEPEST} deep")
        within = _fault_in_object if isinstance(value, dict) else _fault_in_list
        return within(value, depth)
    said = _said(value)
    return _Fault(said) if said else None


def _said(value: Any) -> str:
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


def _fault_in_list(value: Any, depth: int) -> _Fault | None:
    for index, each in enumerate(value):
        fault = _fault(each, depth + 1)
        if fault is not None:
            return fault.within(f"[{index}]")
    return None


def _fault_in_object(value: Any, depth: int) -> _Fault | None:
    for name, each in value.items():
        said = _said(name) if isinstance(name, str) else "is no text"
        if said:
            return _Fault(said, f"the key {name!r} of ")
        fault = _fault(each, depth + 1)
        if fault is not None:
            return fault.within(f"[{name!r}]")
    return None
