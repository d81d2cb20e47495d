"""Server-sent events, decoded once, as the bytes come.

Source: the WHATWG's "Server-sent events". Kept apart from the standard on purpose: the event's name
is not looked at, since compatible servers leave it out and each payload names its own type.
"""

import json
import math
import re
from typing import Any, TypeAlias

Event: TypeAlias = dict[str, Any]
"""The JSON object of one event, as it was sent."""

_ONE = re.compile(rb"event: [a-z_]+\ndata: (\{[^\r\n]*)\n\n")
"""One event in the form that the API gives it."""

DONE = b"[DONE]"
"""What some servers send last, after another protocol's custom."""


class NotAnEventError(ValueError):
    """A data line of the stream is not a JSON object; the text shows its beginning."""


class EventDecoder:
    """Bytes in, events out; an event is complete at its blank line."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def __repr__(self) -> str:
        return f"<EventDecoder {len(self._rest)} bytes and {len(self._data)} lines pending>"

    def feed(self, chunk: bytes) -> list[Event]:
        """Give the events that this chunk completes.

        Raises:
            NotAnEventError: the data of an event is not a JSON object.
        """
        if not self._rest and not self._data and (whole := _ONE.fullmatch(chunk)):
            return [_event(whole[1])]  # as the API sends them: one event, whole
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        events = []
        for line in lines:
            line = line.rstrip(b"\r")  # noqa: PLW2901  (a line is its content)
            if line.startswith(b"data:"):
                self._data.append(line[5:].strip())
            elif not line and self._data:
                data, self._data = b"\n".join(self._data), []
                if data != DONE:
                    events.append(_event(data))
        return events


def _number(digits: str) -> float | str:
    value = float(digits)
    return value if math.isfinite(value) else digits


_LENIENT = json.JSONDecoder(parse_constant=str, parse_float=_number)
"""Keeps NaN and what is too large for a number as text: they could not be sent back otherwise."""


def _event(data: bytes) -> Event:
    try:
        event = _LENIENT.decode(data.decode())
    except ValueError:
        event = None
    if not isinstance(event, dict):
        shown = data[:200].decode(errors="replace")
        raise NotAnEventError(f"the stream holds an event that is not a JSON object: {shown!r}")
    return event
