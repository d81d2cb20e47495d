"""The tools of the loops' benchmark: plain coroutine functions, the same for every contestant.

Each notes when it ran, so that calls that conflict and overlap, or change places, are found.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.loop_scenarios import CONTENTS, Planned, conflicts

RAN: list[tuple[int, float, float]] = []
"""Of each call: its place in the reply, when it began, when it ended."""


async def _work(number: int, seconds: float) -> str:
    began = time.monotonic()
    if seconds:
        await asyncio.sleep(seconds)
    RAN.append((number, began, time.monotonic()))
    return CONTENTS


async def read_file(path: str, number: int, seconds: float) -> str:
    """Read a file.

    Args:
        path: the file.
        number: the place of the call.
        seconds: how long it takes.
    """
    del path
    return await _work(number, seconds)


async def write_file(path: str, text: str, number: int, seconds: float) -> str:
    """Write a file.

    Args:
        path: the file.
        text: what it shall hold.
        number: the place of the call.
        seconds: how long it takes.
    """
    del path, text
    return await _work(number, seconds)


async def run_command(number: int, seconds: float) -> str:
    """Run a command in the workspace.

    Args:
        number: the place of the call.
        seconds: how long it takes.
    """
    return await _work(number, seconds)


async def fetch(number: int, seconds: float) -> str:
    """Fetch a page.

    Args:
        number: the place of the call.
        seconds: how long it takes.
    """
    return await _work(number, seconds)


async def click(number: int, seconds: float) -> str:
    """Click in the browser.

    Args:
        number: the place of the call.
        seconds: how long it takes.
    """
    return await _work(number, seconds)


async def look_at_page(number: int, seconds: float) -> str:
    """Look at the browser's page.

    Args:
        number: the place of the call.
        seconds: how long it takes.
    """
    return await _work(number, seconds)


async def store(items: list[dict[str, Any]], number: int, seconds: float) -> str:
    """Store items.

    Args:
        items: what to store.
        number: the place of the call.
        seconds: how long it takes.
    """
    del items
    return await _work(number, seconds)


FUNCTIONS = (read_file, write_file, run_command, fetch, click, look_at_page, store)

_TYPES: Mapping[str, Any] = {
    "path": {"type": "string"},
    "text": {"type": "string"},
    "items": {"type": "array", "items": {"type": "object"}},
    "number": {"type": "integer"},
    "seconds": {"type": "number"},
}


def definitions() -> list[dict[str, Any]]:
    """Describe the tools to the model, for a contestant that does not do that itself."""
    return [_definition(function) for function in FUNCTIONS]


def _definition(function) -> dict[str, Any]:
    names = [name for name in function.__annotations__ if name != "return"]
    schema = {
        "type": "object",
        "properties": {name: _TYPES[name] for name in names},
        "required": names,
    }
    return {
        "name": function.__name__,
        "description": function.__doc__.partition("\n")[0],
        "input_schema": schema,
    }


def violations(calls: Sequence[Planned]) -> int:
    """Count the pairs of conflicting calls that overlapped or ran in the wrong order."""
    times = {number: (began, ended) for number, began, ended in RAN}
    return sum(times[other][0] < times[one][1] for one, other in conflicts(calls))
