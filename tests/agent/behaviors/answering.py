"""A server whose model answers each form by a function, and behaviours run beside it."""

import asyncio
import gc
import json
import tracemalloc
from dataclasses import dataclass, field, replace

from agent.behaviors.behavior import Work
from agent.claude.loopback import LoopbackModel
from agent.claude.retry import RetryLimits
from agent.claude.script import Call, HttpError, Text, reply
from agent.jobs.context import JobContext

QUICK = RetryLimits(attempts=2, first=0.0)

UNREACHABLE = "http://127.0.0.1:9"


def form_of(body):
    """Name the form that a request asks for."""
    [tool] = body["tools"]
    return tool["input_schema"]["properties"]["answer"]["$ref"].rpartition("/")[2]


def question_of(body):
    """Give the text of a request's first message."""
    return "\n".join(block["text"] for block in body["messages"][0]["content"])


def data_of(body):
    """Give the texts that a question marks as data, by their numbers."""
    data = question_of(body).partition("<data>\n")[2].rpartition("\n</data>")[0]
    return dict(json.loads(line) for line in data.split("\n"))


def calls(answer):
    """Script a reply that answers."""
    return reply(Call("toolu_1", "answer", {"answer": answer}))


class Model:
    """Answers each form by a function of its data, by number; or by the script that it gives."""

    def __init__(self, **by_form):
        self.by_form = by_form
        self.asked = []
        self.bodies = []

    def __call__(self, body, _):
        form = form_of(body)
        self.asked.append(form)
        self.bodies.append(body)
        made = self.by_form.get(form)
        if made is None:
            return HttpError(500, "api_error", f"no {form} here", should_retry=False)
        answer = made(data_of(body))
        return calls(answer) if isinstance(answer, dict) else answer


PROSE = reply(Text("Here is what I think: they are all very nice."))
REFUSAL = reply(Text("I would rather not."), stop_reason="refusal")
DOWN = HttpError(500, "api_error", "it is down", should_retry=False)


@dataclass
class Reports:
    """What a behaviour said, and whether it is to stop."""

    said: list[tuple[float | None, str | None]] = field(default_factory=list)
    stop: object = None
    at: dict[str, BaseException] = field(default_factory=dict)
    """What to stop with, by stage."""

    def report(self, percent, stage):
        self.said.append((percent, stage))
        self.stop = self.at.get(stage, self.stop)


@dataclass(frozen=True, slots=True)
class QuickWork(Work):
    """A behaviour whose agents do not wait between two tries."""

    def agent(self, **more):
        limits = replace(more["limits"], retry=QUICK)
        return Work.agent(self, **{**more, "limits": limits})


def work_of(folder, url, reports=None, **options):
    """Make the work of a job that nobody carries."""
    given = {"model": "claude-loopback", "base_url": url, "api_key": "x", "profile": "claude"}
    given |= {"data_dir": str(folder / "data")} | options
    return QuickWork(JobContext("j1", "behavior", {}, 1, None, "", reports or Reports(), given))


async def run(behavior, given, folder, model=None, reports=None, **options):
    """Run a behaviour; without a model no server is there."""
    checked = behavior.checked(given)
    if model is None:
        return await behavior.function(checked, work_of(folder, UNREACHABLE, reports, **options))
    async with LoopbackModel(model) as server:
        running = behavior.function(checked, work_of(folder, server.url, reports, **options))
        # Caught, since the server would put an exception into a group.
        [made] = await asyncio.gather(running, return_exceptions=True)
        assert server.refused == []
    if isinstance(made, BaseException):
        raise made
    return made


class Held(Reports):
    """Looks at the memory in use at each report."""

    def report(self, percent, stage):
        gc.collect()
        self.at_stage = {**getattr(self, "at_stage", {}), stage: tracemalloc.get_traced_memory()[0]}
        super().report(percent, stage)


async def held_by_stage(behavior, given, folder):
    """Run a behaviour without a model; give the bytes that it holds at each stage's last report."""
    for measured in (False, True):  # once for what is imported
        held = Held()
        if measured:
            tracemalloc.start()
        copied = json.loads(json.dumps(given))
        checked = behavior.checked(copied)
        del copied
        try:
            work = work_of(folder, UNREACHABLE, held, model=None)
            running = behavior.function(checked, work)
            del checked
            await running
        finally:
            tracemalloc.stop()
    return held.at_stage
