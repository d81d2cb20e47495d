"""Play all tasks, and print what came of them.

`--task=NAME` (several times) plays only these, `--seeds=N` so many seeds instead of 5, and `--show`
prints all that the tools answered in an episode that failed.
"""

import asyncio
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean

from benchmarks.measure import table
from benchmarks.miniwob.pages import installed, served
from benchmarks.miniwob.playing import Episode, player
from benchmarks.miniwob.policies import POLICIES
from tools.browser.settings import installed_program

SEEDS = 5

NOT_INSTALLED = """
miniwob: skipped, its pages are not installed. `make bench` installs them, or:
.venv/bench/bin/python -m pip install --no-deps --require-hashes \\
    -r benchmarks/miniwob/requirements.txt"""

HEAD = ("task", "solved", "calls", "seconds", "characters")


async def play(host: str, tasks: Sequence[str], seeds: int) -> list[Episode]:
    """Play so many seeds of each task, one episode after the other."""
    async with player(host) as playing:
        await playing.play("click-test", POLICIES["click-test"], 0)  # starts the browser
        return [
            await playing.play(task, POLICIES[task], seed)
            for task in tasks
            for seed in range(seeds)
        ]


def by_task(episodes: Sequence[Episode]) -> Mapping[str, Sequence[Episode]]:
    """Put the episodes of each task together."""
    found: defaultdict[str, list[Episode]] = defaultdict(list)
    for each in episodes:
        found[each.task].append(each)
    return found


def row(name: str, episodes: Sequence[Episode]) -> list[str]:
    """Give a line of the table; calls, seconds and characters are those of one episode."""
    return [
        name,
        f"{sum(each.is_solved for each in episodes)}/{len(episodes)}",
        f"{fmean(each.calls for each in episodes):.1f}",
        f"{fmean(each.seconds for each in episodes):.2f}",
        f"{fmean(each.characters for each in episodes):,.0f}",
    ]


def _chosen() -> tuple[list[str], int]:
    given = [each.partition("=") for each in sys.argv[1:] if each.startswith("--")]
    tasks = [value for name, _, value in given if name == "--task"]
    seeds = [int(value) for name, _, value in given if name == "--seeds"]
    if unknown := [task for task in tasks if task not in POLICIES]:
        sys.exit(f"miniwob: no policy for {', '.join(unknown)}; there are: {', '.join(POLICIES)}")
    return tasks or [*POLICIES], seeds[-1] if seeds else SEEDS


def main() -> None:
    """Print the table, and why what failed did."""
    folder = installed()
    if folder is None or installed_program() is None:
        print(NOT_INSTALLED if folder is None else "\nminiwob: skipped, there is no Chromium")
        return
    tasks, seeds = _chosen()
    with served(folder) as host:
        episodes = asyncio.run(play(host, tasks, seeds))
    rows = [row(task, each) for task, each in by_task(episodes).items()]
    solved = sum(each.is_solved for each in episodes)
    title = f"MiniWoB++: {len(rows)} tasks over {seeds} seeds each, the means of an episode"
    table(title, HEAD, [*rows, row("all", episodes)])
    whole = sum(all(each.is_solved for each in some) for some in by_task(episodes).values())
    print(f"\n{solved / len(episodes):.1%} solved; {whole} tasks with all of their seeds")
    for each in episodes:
        if not each.is_solved:
            print(f"{each.task}, seed {each.seed}: {each.why}")
            for text in each.results if "--show" in sys.argv else ():
                print(text)
