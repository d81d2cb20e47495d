"""Whole loops against one scripted server: ours, the SDK's own, another framework's, and the floor.

The contestants take turns, each run in a fresh process, the server in another; the garbage
collector is as it comes. Three kinds of figures:

- where replies are timed: seconds by the clock against the shortest time that is physically
  possible, which is made of the times at which the server sent what it sent, and of the calls'
  own seconds;
- own cost: the processor's seconds of the contestant's process, all threads; the server's are in a
  process of its own, and its replies come as fast as it can;
- seconds by the clock from the start of a process to the arrival of its first request.

Ours writes its journal and checks every input, which the loops by hand do not. `--quick` runs one
round, `--rounds=9` so many, `--only=mixed,cold` those parts (see `PARTS`).
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import loop_runs
from benchmarks.loop_runs import TITLES, Run, Runs
from benchmarks.loop_scenarios import SCENARIOS, size
from benchmarks.measure import table


@dataclass(frozen=True)
class Limit:
    """Something that ours must keep to."""

    what: str
    figure: float
    most: float
    unit: str = ""

    def row(self) -> list[str]:
        """Give the row of the last table."""
        shown = f"{self.figure:.{3 if self.most < 2 and not self.unit else 2}f}{self.unit}"  # noqa: PLR2004
        told = "yes" if self.figure <= self.most else "NO"
        return [self.what, shown, f"{self.most:g}{self.unit}", told]


def timed(name: str, title: str, most: float, rounds: int) -> list[Limit]:
    """Show the time to the physical bound."""
    who = loop_runs.contestants()
    has_slots = SCENARIOS[name].conversations > 1
    runs = loop_runs.run(name, rounds, ["wide", *who] if has_slots else who)
    rows = [
        [
            TITLES[each],
            f"{runs.median(each, lambda run: run.wall) * 1e3:.0f}",
            f"{runs.median(each, lambda run: run.bound) * 1e3:.0f}",
            f"{runs.median(each, to_bound):.3f}",
            f"{runs.median(each, lambda run: run.wall - run.bound) * 1e3:.1f}",
            f"{max(runs.figures(each, violations)):.0f}",
            f"{runs.median(each, lambda run: run.cpu) * 1e3:.0f}",
        ]
        for each in runs.of
    ]
    head = ["", "turn ms", "bound ms", "times", "beyond ms", "violations", "cpu ms"]
    table(f"{title} (median of {rounds} runs)", head, rows)
    return [
        *(
            Limit(f"{title}: to the bound ({TITLES[each]})", runs.median(each, to_bound), most)
            for each in ("wide", "ours")
            if each in runs.of
        ),
        Limit(f"{title}: violations", max(runs.figures("ours", violations)), 0),
    ]


def costs(name: str, title: str, most: float, rounds: int) -> tuple[list[Limit], Runs]:
    """Show own cost, in the processor's time."""
    runs = loop_runs.run(name, rounds)
    turns = SCENARIOS[name].turns
    rows = [
        [
            TITLES[each],
            f"{runs.median(each, cpu) / turns * 1e3:.2f}",
            f"{runs.ratio(each, 'plain', cpu):.3f}",
            f"{runs.median(each, lambda run: sum(run.turns)) / turns * 1e3:.2f}",
            f"{runs.ratio(each, 'plain', lambda run: sum(run.turns)):.3f}",
        ]
        for each in runs.of
    ]
    head = ["per turn", "cpu ms", "to plain", "clock ms, with the server's", "to plain"]
    table(f"{title} (median of {rounds} runs)", head, rows)
    return [
        Limit(f"{title}: cpu to the plain loop's", runs.ratio("ours", "plain", cpu), most)
    ], runs


def long_session(rounds: int) -> list[Limit]:
    """Show what a session of 300 turns costs, and how that grows."""
    title = "300 turns of one call in one session"
    limits, runs = costs("session", title, 0.4, rounds)
    rows = [
        [
            TITLES[each],
            f"{runs.median(each, first_turns) / 20 * 1e3:.2f}",
            f"{runs.median(each, last_turns) / 20 * 1e3:.2f}",
            f"{runs.median(each, growth):.2f}",
        ]
        for each in runs.of
    ]
    head = ["cpu ms per turn", "first 20", "last 20", "times"]
    table(f"{title}: how it grows", head, rows)
    grown = Limit(f"{title}: last 20 to first 20", runs.median("ours", growth), 1.5)
    return [*limits, grown, *memory(runs, title)]


def memory(runs: Runs, title: str) -> list[Limit]:
    """Show the most memory that each process had."""
    rows = [
        [
            TITLES[each],
            f"{runs.median(each, peak):.1f}",
            f"{runs.difference(each, 'plain', peak):+.1f}",
        ]
        for each in runs.of
    ]
    table(f"{title}: peak memory", ["", "MB", "to plain MB"], rows)
    more = runs.difference("ours", "plain", peak)
    return [Limit(f"{title}: peak memory above the plain loop's", more, 15, " MB")]


def cold(rounds: int) -> list[Limit]:
    """Show how long it takes from the start of a process to its first request."""
    runs = loop_runs.run("cold", rounds)
    rows = [
        [
            TITLES[each],
            f"{runs.median(each, first_request) * 1e3:.0f}",
            f"{runs.difference(each, 'plain', first_request) * 1e3:+.0f}",
        ]
        for each in runs.of
    ]
    title = "Cold process to first request"
    table(f"{title} (median of {rounds} runs)", ["", "ms", "to plain ms"], rows)
    more = runs.difference("ours", "plain", first_request) * 1e3
    return [Limit(f"{title}: beyond the plain loop", more, 100, " ms")]


def events(rounds: int) -> list[Limit]:
    """Show the cost of an event of the stream."""
    limits = []
    for name, title in (
        ("deltas", "2,000 text deltas as fast as they come"),
        ("packets", "1,000 text deltas, 1 ms apart"),
    ):
        runs = loop_runs.run(name, rounds)
        count = SCENARIOS[name].text_pieces
        rows = [
            [
                TITLES[each],
                f"{runs.median(each, cpu) / count * 1e6:.1f}",
                f"{runs.ratio(each, 'plain', cpu):.3f}",
            ]
            for each in runs.of
        ]
        table(f"{title} (median of {rounds} runs)", ["", "cpu us per event", "to plain"], rows)
        if name == "deltas":
            ratio = runs.ratio("ours", "plain", cpu)
            limits.append(Limit(f"{title}: cpu to the plain loop's", ratio, 0.25))
    return limits


LONG_INPUTS = ("ours", "plain", "floor")
"""Whom the long inputs are given to; each takes the plain loop seconds."""


def inputs(rounds: int) -> list[Limit]:
    """Show that an input costs what its length costs, and not the square."""
    limits, rows = [], []
    for one, double, title in (
        ("string200", "string400", "one long text"),
        ("array4000", "array8000", "an array of objects"),
    ):
        small = loop_runs.run(one, rounds, LONG_INPUTS)
        large = loop_runs.run(double, rounds, LONG_INPUTS)
        sizes = f"{size(SCENARIOS[one]) / 1e3:.0f} and {size(SCENARIOS[double]) / 1e3:.0f}"
        for each in LONG_INPUTS:
            figures = [small.median(each, cpu), large.median(each, cpu)]
            times = figures[1] / figures[0]
            shown = [*(f"{figure * 1e3:.0f}" for figure in figures), f"{times:.2f}"]
            rows.append([title, TITLES[each], sizes, *shown])
            if each == "ours":
                limits.append(Limit(f"an input of {title}: twice as long", times, 2.3))
    head = ["input", "", "kB", "cpu ms", "twice as long", "times"]
    table(f"A call with a long input, in pieces of 50 bytes (median of {rounds} runs)", head, rows)
    return limits


IMPORTS = {
    "nothing": "pass",
    "import agent": "import agent",
    "from agent import Agent": "from agent import Agent",
    "import anthropic": "import anthropic",
}


def imports(rounds: int) -> None:
    """Show what an import costs, in a fresh process."""
    tell = "; import sys; print(int('anthropic' in sys.modules))"
    rows = []
    took: dict[str, list[float]] = {name: [] for name in IMPORTS}
    loads: dict[str, bool] = {}
    for _ in range(rounds):
        for name, statement in IMPORTS.items():
            began = time.monotonic()
            done = subprocess.run(
                [sys.executable, "-c", statement + tell],
                stdout=subprocess.PIPE,
                check=True,
                cwd=loop_runs.HERE,
                env=loop_runs.environment(),
            )
            took[name].append(time.monotonic() - began)
            loads[name] = bool(json.loads(done.stdout))
    nothing = statistics.median(took["nothing"])
    for name in IMPORTS:
        seconds = statistics.median(took[name]) - nothing
        rows.append([name, f"{seconds * 1e3:.0f}", "yes" if loads[name] else "no"])
    head = ["", "ms beyond a bare interpreter", "loads anthropic"]
    table(f"Imports (median of {rounds} fresh processes)", head, rows)


def cpu(run: Run) -> float:
    """Give the processor's seconds."""
    return run.cpu


def to_bound(run: Run) -> float:
    """Give how many times the shortest possible a turn took."""
    return run.to_bound


def violations(run: Run) -> float:
    """Give the pairs of conflicting calls that overlapped or changed places."""
    return run.violations


def peak(run: Run) -> float:
    """Give the most memory."""
    return run.peak


def first_request(run: Run) -> float:
    """Give the seconds until the first request."""
    return run.first_request


def first_turns(run: Run) -> float:
    """Give the processor's seconds of the first 20 turns."""
    return run.spent[20]


def last_turns(run: Run) -> float:
    """Give the processor's seconds of the last 20 turns."""
    return run.spent[-1] - run.spent[-21]


def growth(run: Run) -> float:
    """Give how many times the first turns' cost the last ones cost."""
    return last_turns(run) / first_turns(run)


def ten_turns(rounds: int) -> list[Limit]:
    """Show the cost of short turns, and the memory."""
    title = "Ten turns of three calls"
    limits, runs = costs("turns", title, 0.5, rounds)
    return [*limits, *memory(runs, title)]


ROUNDS = 5
"""Of each scenario; half of them where a run takes long."""

PARTS: dict[str, Callable[[int], list[Limit]]] = {
    "mixed": lambda rounds: timed("mixed", "A mixed batch of 12 calls", 1.01, rounds),
    "long": lambda rounds: timed("long", "A long tool first of four", 1.01, rounds),
    "many": lambda rounds: timed("many", "50 sessions at once", 1.10, rounds),
    "turns": ten_turns,
    "calls": lambda rounds: costs("calls", "A reply of 200 calls", 0.35, rounds)[0],
    "session": lambda rounds: long_session(max(1, rounds // 2)),
    "cold": cold,
    "events": events,
    "inputs": lambda rounds: inputs(max(1, rounds // 2)),
}


def main() -> None:
    """Print the tables."""
    given = [int(each[9:]) for each in sys.argv if each.startswith("--rounds=")]
    rounds = given[0] if given else 1 if "--quick" in sys.argv else ROUNDS
    chosen = [each[7:].split(",") for each in sys.argv if each.startswith("--only=")]
    if not loop_runs.OTHER_PYTHON.exists():
        print("\nWithout Pydantic AI: `make bench` installs it, in an environment of its own.")
    limits: list[Limit] = []
    for name in chosen[0] if chosen else PARTS:
        limits += PARTS[name](rounds)
    imports(rounds)
    head = ["what ours must show", "shows", "at most", "kept"]
    table("The limits", head, [limit.row() for limit in limits])
