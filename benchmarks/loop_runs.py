"""Start server and contestants, each in a process of its own, in turn, and gather what they print.

The clock is the machine's monotonic one, which all of its processes share.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from benchmarks.loop_scenarios import SCENARIOS, WARM_UP, shortest

Json: TypeAlias = dict[str, Any]

HERE = Path(__file__).parent.parent
OTHER_PYTHON = HERE / ".venv" / "bench" / "bin" / "python"
"""With the packages that only a contestant needs; `make bench` makes it."""

TITLES = {
    "ours": "ours",
    "wide": "ours, without lane limits",
    "plain": "messages.stream + gather",
    "runner": "SDK tool_runner",
    "eager": "SDK tool_runner, eager",
    "pydantic_ai": "Pydantic AI",
    "floor": "httpx2 + json",
}


def contestants() -> list[str]:
    """Give the names of those that can run here, without the variant of ours."""
    missing = {"wide"} if OTHER_PYTHON.exists() else {"wide", "pydantic_ai"}
    return [name for name in TITLES if name not in missing]


@dataclass
class Run:
    """What one process of one contestant did, in seconds and MB."""

    spent: list[float]
    """Of the processor, up to the end of each turn; the first is 0."""
    turns: list[float]
    """By the clock, each turn."""
    shortest: list[float]
    """What is physically possible, each turn; empty where replies are not timed."""
    peak: float
    violations: int
    first_request: float
    """From the start of the process until the server had its first request."""

    @property
    def cpu(self) -> float:
        """Give the processor's seconds."""
        return self.spent[-1]

    @property
    def wall(self) -> float:
        """Give the seconds of the median turn."""
        return statistics.median(self.turns)

    @property
    def bound(self) -> float:
        """Give the shortest possible median turn."""
        return statistics.median(self.shortest)

    @property
    def to_bound(self) -> float:
        """Give the median of how many times the shortest possible each turn took."""
        pairs = zip(self.turns, self.shortest, strict=True)
        return statistics.median(took / least for took, least in pairs)


@dataclass
class Runs:
    """All runs of one scenario."""

    of: dict[str, list[Run]] = field(default_factory=dict)

    def figures(self, contestant: str, figure) -> list[float]:
        """Give a figure of each run."""
        return [figure(run) for run in self.of[contestant]]

    def median(self, contestant: str, figure) -> float:
        """Give the median of a figure."""
        return statistics.median(self.figures(contestant, figure))

    def ratio(self, contestant: str, other: str, figure) -> float:
        """Give the median of the ratios of each round."""
        pairs = zip(self.figures(contestant, figure), self.figures(other, figure), strict=True)
        return statistics.median(one / another for one, another in pairs)

    def difference(self, contestant: str, other: str, figure) -> float:
        """Give the median of the differences of each round."""
        pairs = zip(self.figures(contestant, figure), self.figures(other, figure), strict=True)
        return statistics.median(one - another for one, another in pairs)


def run(name: str, rounds: int, only: Sequence[str] = ()) -> Runs:
    """Run a scenario with each contestant in turn, so many rounds."""
    runs = Runs({each: [] for each in only or contestants()})
    with _server(name) as server:
        for turn in range(rounds):
            for contestant, done in runs.of.items():
                print(f"\r\033[K{name}: round {turn + 1}, {contestant}", end="", file=sys.stderr)
                done.append(_run(contestant, name, server))
    print("\r\033[K", end="", file=sys.stderr)
    return runs


class _Server:
    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.url = self._line()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def asked(self) -> list[Json]:
        """Give the requests since the last time."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return list(json.loads(self._line()))


@contextmanager
def _server(name: str) -> Iterator[_Server]:
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.loop_server", name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=HERE,
    ) as process:
        yield _Server(process)
        assert process.stdin is not None
        process.stdin.close()


BYTECODE = tempfile.TemporaryDirectory(prefix="bytecode-")
"""All contestants find their modules compiled, ours too, as installed packages are."""


def environment() -> dict[str, str]:
    """Give the variables of a contestant's process: none that configures a client or an agent."""
    kept = {name: value for name, value in os.environ.items() if "ANTHROPIC" not in name}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return kept | {"PYTHONPATH": str(HERE), "PYTHONPYCACHEPREFIX": BYTECODE.name}


def _run(contestant: str, name: str, server: _Server) -> Run:
    python = str(OTHER_PYTHON) if contestant == "pydantic_ai" else sys.executable
    module = "benchmarks.loop_contestants.run"
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        done = subprocess.run(
            [python, "-m", module, contestant, name, server.url, folder],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            cwd=HERE,
            env=environment(),
        )
    printed = json.loads(done.stdout)
    asked = server.asked()
    first = min(request["arrived"] for request in asked)
    return Run(
        spent=printed["spent"],
        turns=[turn["wall"] for turn in printed["turns"]],
        shortest=_bounds(name, printed["turns"], asked),
        peak=printed["peak"],
        violations=printed.get("violations", 0),
        first_request=first - began,
    )


def _bounds(name: str, turns: Sequence[Json], asked: Sequence[Json]) -> list[float]:
    """Give the shortest possible time of each turn of a timed scenario."""
    scenario = SCENARIOS[name]
    if not scenario.last:
        return []
    replies: dict[str, list[Json]] = {}
    for request in asked:
        if request["name"] != WARM_UP:
            replies.setdefault(request["name"], []).append(request)
    return [shortest(scenario, *replies[turn["name"]]) for turn in turns]
