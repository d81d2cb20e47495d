"""How long an approval takes, with its state on disk, while workflows are at work."""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from agent import Agent
from agent.claude.loopback import LoopbackModel
from agent.claude.script import Call, Text, reply
from agent.workflows import Phase, Workflows

APPROVALS = 200


def main():
    """Print the time of an approval: median, 99th percentile and the longest."""
    with tempfile.TemporaryDirectory() as folder:
        seconds = asyncio.run(measured(Path(folder)))
    seconds.sort()
    p99 = seconds[int(0.99 * len(seconds)) - 1]
    print(f"{len(seconds)} approvals, each on disk before it is answered, three at work meanwhile:")
    print(
        f"median {statistics.median(seconds) * 1e3:.2f} ms, 99 % within {p99 * 1e3:.2f} ms, "
        f"longest {seconds[-1] * 1e3:.2f} ms (asked: 99 % within 10 ms)"
    )


async def measured(folder):
    """Give the seconds of each approval."""
    number = 0

    def answer(request, _):
        nonlocal number
        text = str(request["messages"][-1]["content"])
        if "Cycle" not in text:
            return reply(Text("A plan."))
        number += 1
        return reply(Call(f"toolu_{number}", "finish_workflow", {"summary": "done"}))

    async with (
        LoopbackModel(answer, check=False) as server,
        Agent(
            model="claude-loopback",
            base_url=server.url,
            api_key="x",
            workspace=folder,
            data_dir=folder / "data",
            builtin_tools=("workflows",),
            approvals="allow",
        ) as agent,
        Workflows(agent, folder / "w.sqlite", host="here", is_gone=lambda _: False) as workflows,
    ):
        begun = [await workflows.begin(f"Goal {n}.", delay=0.0) for n in range(APPROVALS)]
        for each in begun:
            await workflows.ended(each.id)
        seconds = []
        for each in begun:
            start = time.perf_counter()
            await workflows.approve(each.id)
            seconds.append(time.perf_counter() - start)
        for each in begun:
            ended = await workflows.ended(each.id)
            assert ended.phase is Phase.COMPLETED, ended
        return seconds
