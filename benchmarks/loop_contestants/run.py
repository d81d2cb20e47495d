"""Play a scenario with one contestant in this process, and print the figures as JSON.

`python -m benchmarks.loop_contestants.run CONTESTANT SCENARIO URL FOLDER`. One small turn of
another conversation comes before what is measured, unless the start itself is.
"""

import asyncio
import importlib
import json
import sys
import time
from typing import Any, TypeAlias

from benchmarks.loop_scenarios import SCENARIOS, WARM_UP, Scenario

Json: TypeAlias = dict[str, Any]


async def timed_turn(conversation, name: str) -> Json:
    """Take one turn; give its conversation and its seconds."""
    began = time.monotonic()
    await conversation.turn(name)
    return {"name": name, "wall": time.monotonic() - began}


async def play(start, scenario: Scenario) -> Json:
    """Take the scenario's turns; give the seconds of each, and the processor's after each."""
    if not scenario.is_cold:
        await (await start()).turn(WARM_UP)
    conversations = [await start() for _ in range(scenario.conversations)]
    spent = [time.process_time()]
    turns: list[Json] = []
    for number in range(scenario.turns):
        names = [f"conversation {each}, turn {number}" for each in range(scenario.conversations)]
        pairs = zip(conversations, names, strict=True)
        turns += await asyncio.gather(*(timed_turn(*pair) for pair in pairs))
        spent.append(time.process_time())
    return {"turns": turns, "spent": [each - spent[0] for each in spent]}


def peak() -> float:
    """Give the most memory that this process had, in MB."""
    try:
        with open("/proc/self/status") as status:  # noqa: PTH123  (pathlib is a contestant's import)
            found = next(line for line in status if line.startswith("VmHWM"))
        return int(found.split()[1]) / 1e3
    except (OSError, StopIteration):
        import resource  # noqa: PLC0415  (not where /proc is)

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


async def main(contestant: str, name: str, url: str, folder: str) -> None:
    """Play, and print."""
    scenario = SCENARIOS[name]
    module = importlib.import_module(f"benchmarks.loop_contestants.{contestant}")
    async with module.connected(url, folder) as start:
        figures = await play(start, scenario)
    figures["peak"] = peak()
    if scenario.turns == 1 and scenario.conversations == 1:
        from benchmarks import loop_tools  # noqa: PLC0415  (after a cold start)

        del loop_tools.RAN[: not scenario.is_cold]  # the first turn's
        figures["violations"] = loop_tools.violations(scenario.calls)
    print(json.dumps(figures))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
