"""What the loops are given to do: replies, their timing, and the calls in them.

The server makes its replies of it, the main process the shortest time that is physically possible;
a contestant knows the number of turns and of conversations only.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]

WARM_UP = "warm up"
"""A message that is answered with one instant read, whatever the scenario."""

CONTENTS = "A line of a file, as long as such lines are.\n" * 22
"""What an instant read gives: 990 bytes."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A call that the model will ask for."""

    tool: str
    seconds: float = 0.0
    path: str = ""
    """Of a file tool, relative to the workspace."""
    more: Json = field(default_factory=dict)
    """The rest of its input."""

    def input(self, number: int) -> Json:
        """Give its input; the number is its place in the reply."""
        path = {"path": self.path} if self.path else {}
        return {"number": number, "seconds": self.seconds, **path, **self.more}

    def conflicts(self, other: "Planned") -> bool:
        """Say whether the two must not overlap, nor change places."""
        mine, others = TOUCHES.get(self.tool), TOUCHES.get(other.tool)
        if mine is None or others is None or mine.kind != others.kind:
            return False
        same = not self.path or not other.path or self.path == other.path
        return same and (mine.writes or others.writes)


@dataclass(frozen=True, slots=True)
class Touch:
    """What a tool touches; without a path all of its kind."""

    kind: str
    writes: bool


TOUCHES: Mapping[str, Touch] = {
    "read_file": Touch("file", writes=False),
    "write_file": Touch("file", writes=True),
    "run_command": Touch("file", writes=True),
    "click": Touch("browser", writes=True),
    "look_at_page": Touch("browser", writes=False),
}
"""A tool that is not here conflicts with none."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Each turn is a message, a reply with calls, and a reply that ends it."""

    calls: tuple[Planned, ...] = ()
    """Of each turn; without any, a turn has its last reply only."""
    lead: float = 0.0
    """Seconds from the first text to the first call."""
    gap: float = 0.0
    """Seconds for which each call streams."""
    last: float = 0.0
    """Seconds for which the last reply streams."""
    turns: int = 1
    conversations: int = 1
    text_pieces: int = 2
    """Deltas of the last reply's text."""
    text_gap: float = 0.0
    """Seconds between them, where not `last`."""
    input_pieces: int = 1
    """Deltas of each call's input."""
    is_cold: bool = False
    """Whether the first turn counts."""


def _reads(count: int, seconds: float = 0.0) -> tuple[Planned, ...]:
    return tuple(Planned("read_file", seconds, f"src/{number}.py") for number in range(count))


def _array(count: int) -> Scenario:
    """Give a call with so many objects of 47 bytes, streamed 47 bytes at a time."""
    item = {"name": "an item of them", "size": 12345, "ok": True}
    calls = (Planned("store", more={"items": [item] * count}),)
    return Scenario(calls, input_pieces=count)


def _string(size: int) -> Scenario:
    """Give a call with so long a text, streamed 50 bytes at a time."""
    text = {"text": "x = 1  # a line of a program that is written\n" * (size // 45)}
    return Scenario((Planned("write_file", 0.0, "new.py", text),), input_pieces=size // 50)


_SHORT = {"text": "text"}

MIXED = (
    *_reads(3, 0.2),
    Planned("write_file", 0.2, "out.txt", _SHORT),
    Planned("write_file", 0.2, "out.txt", _SHORT),
    Planned("read_file", 0.2, "out.txt"),
    Planned("fetch", 0.4),
    Planned("run_command", 0.3),
    *[Planned("click", 0.2)] * 3,
    Planned("look_at_page", 0.2),
)

LONG_FIRST = (Planned("fetch", 1.0), *_reads(3, 0.1))

SCENARIOS: Mapping[str, Scenario] = {
    "mixed": Scenario(MIXED, lead=0.2, gap=0.1, last=0.1),
    "long": Scenario(LONG_FIRST, lead=0.1, gap=0.3, last=0.1),
    "turns": Scenario(_reads(3), turns=10),
    "calls": Scenario(_reads(200)),
    "session": Scenario(_reads(1), turns=300),
    "many": Scenario(_reads(3, 0.2), lead=0.3, gap=0.1, last=0.3, conversations=50),
    "cold": Scenario(is_cold=True),
    "deltas": Scenario(text_pieces=2_000),
    "packets": Scenario(text_pieces=1_000, text_gap=0.001),
    "string200": _string(200_000),
    "string400": _string(400_000),
    "array4000": _array(4_000),
    "array8000": _array(8_000),
}


def conflicts(calls: Sequence[Planned]) -> list[tuple[int, int]]:
    """Give the pairs of calls of which the first must end before the second begins."""
    pairs = combinations(range(len(calls)), 2)
    return [(one, other) for one, other in pairs if calls[one].conflicts(calls[other])]


def shortest(scenario: Scenario, first: Json, last: Json) -> float:
    """Give the seconds that a turn takes at least, by the times at which its replies were sent.

    A call can start when the model has moved on from it, and those that conflict with it are over.
    """
    before = conflicts(scenario.calls)
    ends: list[float] = []
    for number, call in enumerate(scenario.calls):
        earlier = [ends[one] for one, other in before if other == number]
        ends.append(max([first["marks"][number + 2], *earlier]) + call.seconds)
    over: float = max([*ends, first["marks"][-1]])
    seconds: float = over - first["arrived"] + last["marks"][-1] - last["arrived"]
    return seconds


def size(scenario: Scenario) -> int:
    """Give the bytes of all inputs of a turn."""
    return sum(len(json.dumps(call.input(0))) for call in scenario.calls)
