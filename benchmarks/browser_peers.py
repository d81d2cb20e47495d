"""Our browser tools beside Playwright MCP: the same browser, pages and steps, in turn, in one run.

Two things differ in what comes back. A result of ours shows the page, or what has changed of it. A
result of theirs names a file that the page is written to, so a model that wants to know what came
of its click needs a second call; it is made and counted, and shown apart. `--quick` runs one round,
`--rounds=9` so many.
"""

import asyncio
import json
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks.browser_peers_hands import SERVER, Did, Hands, Json, ours, theirs
from benchmarks.browser_peers_pages import CLICKS, served, steps
from benchmarks.measure import ratio, table, without_gc
from tools.browser.settings import installed_program
from tools.browser.tools import BROWSER_TOOLS

ROUNDS = 5

Rows = dict[str, list[Did]]
Figure = Callable[[Did], float]

CLICK = "a click (of those above)"


async def play(hands: Hands, where: str) -> Rows:
    """Do all steps; give them by row, and all clicks on the page of work once more together."""
    done: Rows = defaultdict(list)
    for step in steps():
        with without_gc():
            did = await hands.do(step, where)
        if step.row:
            done[step.row].append(did)
        if step.row in CLICKS:
            done[CLICK].append(did)
    return done


async def compare(program: Path, node: str, rounds: int) -> tuple[list[Rows], list[Rows], int]:
    """Play in turn, so many rounds and one to warm up; give both, and the size of their tools."""
    played: tuple[list[Rows], list[Rows]] = ([], [])
    with served() as where, tempfile.TemporaryDirectory() as folder:
        async with (
            ours(program, where, Path(folder)) as one,
            theirs(program, node) as (other, server),
        ):
            both: list[tuple[Hands, list[Rows]]] = [(one, played[0]), (other, played[1])]
            for turn in range(rounds + 1):
                print(f"\r\033[Kround {turn} of {rounds}", end="", file=sys.stderr)
                for hands, into in both if turn % 2 else both[::-1]:
                    into.append(await play(hands, where))
            tools = [_definition(each) for each in await server.tools()]
    print("\r\033[K", end="", file=sys.stderr)
    return played[0][1:], played[1][1:], len(json.dumps(tools))


def _definition(tool: Json) -> Json:
    """Write a tool as the API takes it."""
    schema = {key: value for key, value in tool["inputSchema"].items() if key != "$schema"}
    return {"name": tool["name"], "description": tool["description"], "input_schema": schema}


def written(one: list[Rows], other: list[Rows], figures: tuple[Figure, ...]) -> list[list[str]]:
    """Give the rows of a table: medians, and the medians of each round's ratios."""
    mine, alone, look = figures
    lines = []
    for name in one[0]:
        each = [[median(map(mine, done[name])) for done in one]]
        each.append([median(map(alone, done[name])) for done in other])
        each.append([median(map(look, done[name])) for done in other])
        shown = [f"{median(values):,.0f}" for values in each]
        times = [f"{ratio(each[0], values):.2f}" for values in each[1:]]
        lines.append([name, *shown, *times])
    return lines


def main() -> None:
    """Print the tables."""
    node, program = shutil.which("node"), installed_program()
    if node is None or program is None or not SERVER.exists():
        missing = "node" if node is None else "Chromium" if program is None else "Playwright MCP"
        print(
            f"\nWithout the comparison with Playwright MCP: there is no {missing} (`make bench`)."
        )
        return
    given = [int(each[9:]) for each in sys.argv if each.startswith("--rounds=")]
    rounds = given[0] if given else 1 if "--quick" in sys.argv else ROUNDS
    one, other, tools = asyncio.run(compare(program, node, rounds))
    version = json.loads((SERVER.parent / "package.json").read_text())["version"]
    head = ["", "ours", "theirs", "theirs and a look", "ours to theirs", "to theirs and a look"]
    title = f"Beside Playwright MCP {version} (medians of {rounds} rounds in turn)"
    seconds: tuple[Figure, ...] = (
        lambda did: did.seconds * 1e3,
        lambda did: did.seconds * 1e3,
        lambda did: (did.seconds + did.look_seconds) * 1e3,
    )
    table(f"{title}: ms from the call to its result", head, written(one, other, seconds))
    characters: tuple[Figure, ...] = (
        lambda did: did.characters,
        lambda did: did.characters,
        lambda did: did.characters + did.look_characters,
    )
    mine = len(json.dumps([each.definition() for each in BROWSER_TOOLS]))
    of_tools = f"{mine / tools:.2f}"
    definitions = ["all tools' definitions", f"{mine:,}", *[f"{tools:,}"] * 2, *[of_tools] * 2]
    sizes = [*written(one, other, characters), definitions]
    table(f"{title}: characters that the model gets", head, sizes)
    print("\nTheir result names a file with the page; a look is the call that shows it.")
