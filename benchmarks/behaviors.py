"""The two heavy behaviours that ship, over large inputs, as real jobs with a process each.

The model is scripted, on a server in a process of its own, and answers at once: so the figures are
those of everything but a model. Memory is what the job's process has at its peak, looked at from
outside.
"""

import asyncio
import json
import logging
import random
import subprocess
import sys
import tempfile
import tracemalloc
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import MappingProxyType

import psutil

from agent.behaviors import BEHAVIOR_KINDS, SHIPPED, Behaviors, Deployments, Triggers, Work
from agent.behaviors.theme_creator import theme_creator
from agent.claude.loopback import LoopbackModel
from agent.claude.script import Call, reply
from agent.jobs.context import JobContext
from agent.jobs.in_process import InProcessEngine
from agent.jobs.job import Job, State
from agent.jobs.jobs import Jobs
from agent.jobs.kinds import Kinds
from agent.jobs.sqlite_store import SqliteJobStore
from agent.jobs.sweeping import SweepTerms
from agent.jobs.watching import Watched
from agent.jobs.workers import is_gone, worker_name
from benchmarks.measure import Stopwatch, table

SUBJECTS = (
    *("price", "service", "food", "room", "noise", "parking", "staff", "location", "breakfast"),
    *("cleaning", "garden", "internet", "water", "heating", "music", "children", "pets", "windows"),
)

LOOK_SECONDS = 0.02
MIDDLE = 30
"""Percent, at which a job is cancelled."""
CANCELLATIONS = 5
MEGABYTE = 1_000_000


def sentences(count, words):
    """Give texts about a few subjects; the same each time."""
    drawn = random.Random(7)
    fillers = [f"w{number}" for number in range(2_000)]
    return [
        f"The {drawn.choice(SUBJECTS)} {' '.join(drawn.choices(fillers, k=words))} {number}"
        for number in range(count)
    ]


def groups_input(count):
    """Give the input of `group_assignment`."""
    people = [
        {"id": f"p{number}", "answers": [text]}
        for number, text in enumerate(sentences(count, words=30))
    ]
    return {"participants": people, "group_size": 5}


def themes_input(count):
    """Give the input of `theme_creator`."""
    return {"answers": sentences(count, words=12)}


# -- the model ---------------------------------------------------------------------------------


def answered(body, number):
    """Answer any of the forms by the subjects that stand in the data."""
    form = body["tools"][0]["input_schema"]["properties"]["answer"]["$ref"].rpartition("/")[2]
    question = body["messages"][0]["content"][-1]["text"]
    data = dict(
        json.loads(line)
        for line in question.partition("<data>\n")[2].rpartition("\n</data>")[0].split("\n")
    )
    return reply(Call(f"toolu_{number}", "answer", {"answer": FORMS[form](data)}))


def having(data):
    """Give the numbers of the texts by their subjects."""
    found = {}
    for number, text in data.items():
        subject = next(each for each in SUBJECTS if each in text)
        found.setdefault(subject, []).append(number)
    return found


FORMS = {
    "TraitList": lambda _: {"traits": [{"name": subject} for subject in SUBJECTS[:16]]},
    "Readings": lambda data: {
        "participants": [
            {"number": number, "traits": [place for place in (number % 16, number % 5) if place]}
            for number in data
        ]
    },
    "Explanations": lambda data: {
        "groups": [{"number": number, "text": f"Told: {text}"} for number, text in data.items()]
    },
    "FoundThemes": lambda data: {
        "themes": [
            {"name": subject, "description": f"About {subject}.", "answers": numbers}
            for subject, numbers in having(data).items()
        ]
    },
    "MergedThemes": lambda data: {
        "themes": [
            {"name": f"{subject} and more", "description": "Both.", "themes": numbers}
            for subject, numbers in having(data).items()
        ]
    },
}


async def serve():
    """Be the server, until whoever started it goes away."""
    # A job's end leaves replies behind that nobody reads any more.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    async with LoopbackModel(answered, check=False) as server:
        print(server.url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


# -- the host ----------------------------------------------------------------------------------


@asynccontextmanager
async def host(folder, url):
    """Lend triggers and jobs of a host whose agents ask this server."""
    options = {"model": "claude-loopback", "base_url": url, "api_key": "x", "data_dir": str(folder)}
    kinds = Kinds(BEHAVIOR_KINDS)
    store = Watched(SqliteJobStore(folder / "jobs.sqlite"))
    me = await asyncio.to_thread(worker_name)
    engine = InProcessEngine(store, kinds, me, options=MappingProxyType(options))
    jobs = Jobs(store, engine, kinds, SweepTerms(me, is_gone))
    deployments = Deployments(folder / "deployments.sqlite", Behaviors(SHIPPED))
    await jobs.start()
    try:
        yield Triggers(deployments, jobs), jobs
    finally:
        await jobs.close()
        await deployments.close()


class Peak:
    """The most memory that the processes started from here have had, one at a time."""

    def __init__(self, besides):
        self._besides = besides
        self.bytes = 0

    async def watch(self):
        """Look, until cancelled."""
        while True:
            await asyncio.to_thread(self._look)
            await asyncio.sleep(LOOK_SECONDS)

    def _look(self):
        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if child.pid not in self._besides and "job" not in child.name():
                    self.bytes = max(self.bytes, child.memory_info().rss)


async def measured(triggers, jobs, server, name, given) -> tuple[Job, float, int, int]:
    """Run a behaviour as a job; give it, its seconds, its progress events and its peak."""
    await triggers.deployments.put(
        "bench", {"behaviors": {"1": {"behavior": name, "input": given}}}
    )
    peak = Peak({server.pid})
    watching = asyncio.create_task(peak.watch())
    clock = Stopwatch()
    started = await triggers.trigger("bench", "1")
    job = await jobs.wait(started["task_id"])
    seconds = clock()
    watching.cancel()
    if job.state is not State.SUCCESS:
        sys.exit(f"{name} failed: {job.error}")
    events = [event for event in await jobs.events(job.id) if event.name == "progress"]
    return job, seconds, len(events), peak.bytes


async def cancelled(triggers, jobs) -> tuple[float, float]:
    """Cancel the deployment's behaviour in its middle; give percent, and seconds to its end."""
    started = await triggers.trigger("bench", "1")
    async for event in jobs.follow(started["task_id"]):
        if event.name == "progress" and event.data["percent"] >= MIDDLE:
            break
    clock = Stopwatch()
    await triggers.cancel("bench", started["task_id"])
    job = await jobs.wait(started["task_id"])
    if job.reason != "cancelled":
        sys.exit(f"it was not cancelled: {job}")
    return job.percent, clock()


async def in_jobs(folder, server, url):
    """Run all as jobs, and print what was measured."""
    rows = []
    async with host(folder, url) as (triggers, jobs):
        for name, made, counts in (
            ("group_assignment", groups_input, (1, 500, 2_000)),
            ("theme_creator", themes_input, (1, 5_000, 20_000)),
        ):
            for count in counts:
                given = made(count)
                job, *figures = await measured(triggers, jobs, server, name, given)
                seconds, events, peak = figures
                asked = job.result["metadata"]["model"]["asked"]
                size = len(json.dumps(given)) / MEGABYTE
                rows.append(
                    (
                        *(name, f"{count:,}", f"{size:.1f} MB", f"{seconds:.1f} s", str(asked)),
                        *(str(events), f"{peak / MEGABYTE:.0f} MB"),
                    )
                )
        table(
            "Heavy behaviours as jobs, each in a process of its own; the model answers at once",
            ("behaviour", "given", "input", "takes", "questions", "progress events", "peak memory"),
            rows,
        )
        ends = sorted([await cancelled(triggers, jobs) for _ in range(CANCELLATIONS)])
        took = sorted(seconds for _, seconds in ends)
        print(
            f"\nCancelled at {ends[0][0]:.0f} to {ends[-1][0]:.0f} percent, {len(ends)} times: "
            f"ended with its process after {1_000 * took[len(took) // 2]:.0f} ms (median), "
            f"{1_000 * took[-1]:.0f} ms (longest)"
        )


# -- memory given back -------------------------------------------------------------------------


class Watcher:
    """A reporter that looks at the memory in use at each report."""

    stop = None

    def __init__(self):
        self.bytes = {}

    def report(self, percent, stage):
        """Take a report."""
        del percent
        self.bytes.setdefault(stage, []).append(tracemalloc.get_traced_memory()[0])


def directly(folder, url, count):
    """Run `theme_creator` here; give what is in use as it was sent, and at the reports."""
    payload = {"input": json.loads(json.dumps(themes_input(count)))}
    sent = tracemalloc.get_traced_memory()[0]
    watcher = Watcher()
    options = {"model": "claude-loopback", "base_url": url, "api_key": "x", "data_dir": str(folder)}
    work = Work(JobContext("", "", payload, 1, None, "", watcher, options))
    asyncio.run(theme_creator.function(theme_creator.checked(payload.pop("input")), work))
    return sent, watcher.bytes


def by_stage(folder, url):
    """Print what `theme_creator` holds at each stage."""
    directly(folder, url, 1)  # imports
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    sent, held = directly(folder, url, 20_000)
    tracemalloc.stop()
    rows = [("as it was sent", *2 * [f"{(sent - before) / MEGABYTE:.1f} MB"])]
    rows += [
        (stage, *(f"{(each - before) / MEGABYTE:.1f} MB" for each in (max(found), found[-1])))
        for stage, found in held.items()
    ]
    table("What theme_creator holds of 20,000 answers", ("stage", "at most", "at its end"), rows)


def main():
    """Print the figures."""
    code = "import asyncio; from benchmarks import behaviors; asyncio.run(behaviors.serve())"
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as server,
    ):
        url = server.stdout.readline().strip()
        asyncio.run(in_jobs(Path(folder), server, url))
        by_stage(Path(folder), url)
        server.stdin.close()


if __name__ == "__main__":
    main()
