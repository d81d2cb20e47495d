"""A model that plans and works as a test says, an agent of it, and its workflows."""

import asyncio
from contextlib import asynccontextmanager

from agent import Agent
from agent.claude.loopback import LoopbackModel
from agent.claude.retry import RetryLimits
from agent.claude.script import Call, HttpError, Text, reply
from agent.limits import Limits
from agent.workflows import Workflows

PLAN = "1. Write the file. 2. Look at it."


def finish(summary="All of it is done.", **more):
    return Call("toolu_finish", "finish_workflow", {"summary": summary, **more})


class Worker:
    """Answers each message by what it asks for: `plan`, a cycle's number, or "rejected"."""

    def __init__(self, plan=PLAN, cycles=None, rejected="Understood."):
        self.cycles = cycles or {1: [finish()]}
        self.said = {"plan": [Text(plan)], "rejected": [Text(rejected)]}
        self.heard = []
        self._news = asyncio.Event()
        self._calls = 0

    def __call__(self, request, _number):
        blocks = request["messages"][-1]["content"]
        texts = [block["text"] for block in blocks if block["type"] == "text"]
        if not texts:  # results of tools only: the turn's last word
            return reply(Text("That is it."))
        self.heard.append(texts[-1])
        self._news.set()
        given = self._for(texts[-1])
        if isinstance(given, HttpError):
            return given
        return reply(*[self._own(part) for part in given])

    async def has_heard(self, part, times):
        """Wait until so many messages had a part in them."""
        while sum(part in heard for heard in self.heard) < times:
            self._news.clear()
            await self._news.wait()

    def _for(self, text):
        if "The plan was rejected" in text:
            return self.said["rejected"]
        if "nothing may be changed" in text or "Do not begin yet" in text:
            return self.said["plan"]
        number = int(text.partition("Cycle ")[2].partition(" ")[0])
        return self.cycles.get(number, [Text(f"Cycle {number} went well.")])

    def _own(self, part):
        """Give a call an id that is its own."""
        if not isinstance(part, Call):
            return part
        self._calls += 1
        return Call(f"toolu_{self._calls}", part.name, part.input)


BROKEN = HttpError(400, "invalid_request_error", "the model does not like it")


@asynccontextmanager
async def at_work(folder, worker, *, host="host 1", is_gone=lambda _: False, tools=(), **more):
    """Give the workflows of an agent, and the server that answers it."""
    limits = Limits(retry=RetryLimits(attempts=1))
    async with (
        LoopbackModel(worker) as server,
        Agent(
            model="claude-loopback",
            base_url=server.url,
            api_key="x",
            workspace=folder,
            data_dir=folder / "data",
            builtin_tools=("workspace", "workflows"),
            tools=tools,
            approvals="allow",
            limits=limits,
            tells_date=False,
        ) as agent,
        Workflows(
            agent, folder / "workflows.sqlite", host=host, is_gone=is_gone, **more
        ) as workflows,
    ):
        yield workflows, server, agent


async def planned(workflows, goal="Write it.", **more):
    begun = await workflows.begin(goal, **{"delay": 0.0, **more})
    return await workflows.ended(begun.id)
