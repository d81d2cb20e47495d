"""Jobs for the tests of engines: each does one thing, or refuses to.

They tell that they are under way by a stage, and wait for files, so that no test waits by the
clock.
"""

# ruff: noqa: ARG001, BLE001, T201  (jobs that need no context, that refuse to stop, that print)

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from itertools import chain, repeat
from pathlib import Path

from agent.jobs.context import JobContext, SoftLimitError
from agent.jobs.kinds import JobKind, Kinds, job_kind

STEP = 0.005

# A child that leaves the job's session and its parent, so that only its mark leads to it.
ESCAPE = """
import os, sys
if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
print(os.getpid(), flush=True)
os.execvp("sleep", ["sleep", "600"])
"""


@job_kind("echo")
def echo(job: JobContext):
    return job.payload


@job_kind("echo async")
async def echo_async(job: JobContext):
    await asyncio.sleep(0)
    return job.payload


@job_kind("echo light", heavy=False)
def echo_light(job: JobContext):
    return job.payload


@job_kind("echo light async", heavy=False)
async def echo_light_async(job: JobContext):
    await asyncio.sleep(0)
    return job.payload


@job_kind("about")
def about(job: JobContext):
    return {
        "about": [job.id, job.kind, job.attempt, job.key, job.session],
        "pid": os.getpid(),
        "is_main_thread": threading.current_thread() is threading.main_thread(),
    }


def wait(job: JobContext) -> str:
    """Say `ready`, and wait for a file."""
    job.progress(10, "ready")
    path = Path(job.payload)
    while not path.exists():
        time.sleep(STEP)
    return "went on"


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


async def wait_async(job: JobContext) -> str:
    job.progress(10, "ready")
    while not await asyncio.to_thread(Path(job.payload).exists):  # noqa: ASYNC110  (as said above)
        await asyncio.sleep(STEP)
    return "went on"


def wait_checking(job: JobContext) -> str:
    job.progress(10, "ready")
    path = Path(job.payload)
    while not path.exists():
        job.check()
        time.sleep(STEP)
    return "went on"


@job_kind("wait")
def waits(job: JobContext):
    return wait(job)


@job_kind("wait async")
async def waits_async(job: JobContext):
    return await wait_async(job)


@job_kind("wait light", heavy=False)
def waits_light(job: JobContext):
    return wait_checking(job)


@job_kind("wait light async", heavy=False)
async def waits_light_async(job: JobContext):
    return await wait_async(job)


@job_kind("wait in a group")
async def waits_in_a_group(job: JobContext):
    """Wait in tasks of its own; say in a file which of them cleaned up."""

    async def part(name: str) -> None:
        try:
            await asyncio.sleep(600)
        finally:
            append(Path(job.payload), f"{name}\n")

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(part("one"))
        tasks.create_task(part("two"))
        await asyncio.sleep(0)
        job.progress(10, "ready")


@job_kind("tidy")
def tidy(job: JobContext):
    """Wait, and say in a file what ended it."""
    try:
        wait(job)
    except BaseException as error:
        Path(f"{job.payload} tidied").write_text(type(error).__name__)
        raise


@job_kind("tidy async")
async def tidy_async(job: JobContext):
    try:
        await wait_async(job)
    except BaseException as error:
        name = type(error).__name__
        await asyncio.to_thread(Path(f"{job.payload} tidied").write_text, name)
        raise


@job_kind("cancelled, but done", heavy=True)
def finishes_all_the_same(job: JobContext):
    try:
        wait(job)
    except BaseException:
        return "done before it was killed"


def refuse(job: JobContext) -> None:
    """Stay, whatever is raised."""
    while True:
        try:
            job.progress(10, "ready")
            time.sleep(600)
        except BaseException:
            continue


async def refuse_async(job: JobContext) -> None:
    while True:
        try:
            job.progress(10, "ready")
            await asyncio.sleep(600)
        except BaseException:
            continue


@job_kind("refuse")
def refuses(job: JobContext):
    refuse(job)


@job_kind("refuse async")
async def refuses_async(job: JobContext):
    await refuse_async(job)


@job_kind("hog")
def hog(job: JobContext):
    """Make a folder and go on for ever, in C that runs no other thread and no signal's handler."""
    job.progress(10, "ready")
    deque(chain(map(os.mkdir, [job.payload]), repeat(None)), maxlen=0)


@job_kind("sleep in C")
def sleeps_in_c(job: JobContext):
    job.progress(10, "ready")
    time.sleep(600)


@job_kind("family", uses_workspace=True)
def family(job: JobContext):
    return start_family(job)


def start_family(job: JobContext) -> str | None:
    """Start children, one of which escapes; name them all in the stage, and wait."""
    child = subprocess.Popen(["sleep", "600"])
    own = subprocess.Popen(["sleep", "600"], start_new_session=True)
    with subprocess.Popen([sys.executable, "-c", ESCAPE], stdout=subprocess.PIPE) as escaping:
        assert escaping.stdout is not None
        escaped = int(escaping.stdout.readline())
    job.progress(10, json.dumps([os.getpid(), child.pid, own.pid, escaped]))
    if job.payload == "leave":
        return "left them"
    if job.payload == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if job.payload == "refuse":
        refuse(job)
    time.sleep(600)
    return None


@job_kind("fail")
def fails(job: JobContext):
    raise ValueError(job.payload)


@job_kind("fail async")
async def fails_async(job: JobContext):
    await asyncio.sleep(0)
    raise ValueError(job.payload)


@job_kind("fail light", heavy=False)
def fails_light(job: JobContext):
    raise ValueError(job.payload)


@job_kind("fail light async", heavy=False)
async def fails_light_async(job: JobContext):
    await asyncio.sleep(0)
    raise ValueError(job.payload)


@job_kind("fail at first", attempts=3, backoff=0.05)
def fails_at_first(job: JobContext):
    job.progress(50, f"attempt {job.attempt}")
    if job.attempt < job.payload:
        raise RuntimeError(f"not in attempt {job.attempt}")
    return job.attempt


@job_kind("die at first", attempts=2, backoff=0.05)
def dies_at_first(job: JobContext):
    if job.attempt == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return "lived"


@job_kind("wait for a retry", attempts=2, backoff=600)
def waits_for_a_retry(job: JobContext):
    raise RuntimeError("once more, later")


@job_kind("die")
def dies(job: JobContext):
    os.kill(os.getpid(), job.payload)


@job_kind("exit")
def exits(job: JobContext):
    os._exit(job.payload)


@job_kind("fork and exit")
def forks_and_exits(job: JobContext):
    """End without a word, while a child holds all that the process had open."""
    if os.fork():
        os._exit(5)
    time.sleep(600)


@job_kind("fork and return")
def forks_and_returns(job: JobContext):
    """Return twice."""
    return "parent" if os.fork() else "child"


@job_kind("close all")
def closes_all(job: JobContext):
    os.closerange(3, 1_000)
    while not Path(job.payload).exists():
        time.sleep(STEP)
    return "nobody hears it"


@job_kind("descriptors")
def descriptors(job: JobContext):
    """List what is open."""
    return [int(each.name) for each in Path("/dev/fd").iterdir()]


@job_kind("babble")
def babbles(job: JobContext):
    """Write to every descriptor."""
    for descriptor in range(3, 100):
        with suppress(OSError):
            os.write(descriptor, job.payload.encode())
    time.sleep(600)


@job_kind("sys.exit")
def exits_politely(job: JobContext):
    sys.exit(job.payload)


@job_kind("deep")
def deep(job: JobContext):
    def down(n: int) -> int:
        return down(n + 1) + 1

    return down(0)


@job_kind("give")
def gives(job: JobContext):
    """Return what JSON cannot hold."""
    knot: list[object] = []
    knot.append(knot)
    return {
        "set": {1},
        "object": object(),
        "nan": [1.0, float("nan")],
        "keys": {"a": {1: 2}},
        "half": ["\ud800"],
        "bytes": b"x",
        "knot": knot,
        "large": "x" * 17_000_000,
    }[job.payload]


@job_kind("report")
def reports(job: JobContext):
    """Report each pair of the payload."""
    for percent, stage in job.payload:
        job.progress(percent, stage)
    return len(job.payload)


@job_kind("report light", heavy=False)
async def reports_light(job: JobContext):
    for percent, stage in job.payload:
        job.progress(percent, stage)
    return len(job.payload)


@job_kind("stages at a signal")
def stages_at_a_signal(job: JobContext):
    """Report when there is a file, and end when there is another."""
    job.progress(10, "ready")
    while not (Path(job.payload) / "report").exists():
        time.sleep(STEP)
    for stage in ("first", "second", "third"):
        job.progress(None, stage)
    while not (Path(job.payload) / "end").exists():
        time.sleep(STEP)
    return "ended"


@job_kind("report much")
def reports_much(job: JobContext):
    for n in range(job.payload):
        job.progress(100 * n / job.payload)
    return job.payload


@job_kind("report wrongly")
def reports_wrongly(job: JobContext):
    job.progress(job.payload)


@job_kind("report from a thread")
def reports_from_a_thread(job: JobContext):
    thread = threading.Thread(target=lambda: job.progress(40, "from a thread"))
    thread.start()
    thread.join()


@job_kind("report late", heavy=False)
def reports_late(job: JobContext):
    """Leave a thread behind that reports when there is a file."""

    def late() -> None:
        while not Path(job.payload).exists():
            time.sleep(STEP)
        job.progress(50, "too late")
        Path(f"{job.payload} done").touch()

    threading.Thread(target=late, daemon=True).start()
    return "ended"


@job_kind("print")
def prints(job: JobContext):
    """Print more than any pipe holds."""
    for _ in range(job.payload):
        print("x" * 1_000)
        print("y" * 1_000, file=sys.stderr)
    return "printed"


@job_kind("note")
def notes(job: JobContext):
    """Write its name into a file."""
    append(Path(job.payload["file"]), f"{job.payload['name']}\n")


@job_kind("leave a task")
async def leaves_a_task(job: JobContext):
    task = asyncio.create_task(asyncio.sleep(600))
    await asyncio.sleep(0)
    return not task.done()


def obey(job: JobContext) -> None:
    try:
        wait(job)
    except SoftLimitError:
        Path(f"{job.payload} tidied").write_text("tidied")
        raise


async def obey_async(job: JobContext) -> None:
    try:
        await wait_async(job)
    except SoftLimitError:
        await asyncio.to_thread(Path(f"{job.payload} tidied").write_text, "tidied")
        raise


@job_kind("obey", soft_seconds=0.3, hard_seconds=30)
def obeys(job: JobContext):
    obey(job)


@job_kind("obey async", soft_seconds=0.3, hard_seconds=30)
async def obeys_async(job: JobContext):
    await obey_async(job)


@job_kind("obey light", heavy=False, soft_seconds=0.3, hard_seconds=30)
def obeys_light(job: JobContext):
    wait_checking(job)


@job_kind("obey light async", heavy=False, soft_seconds=0.3, hard_seconds=30)
async def obeys_light_async(job: JobContext):
    await obey_async(job)


@job_kind("overrun", soft_seconds=0.2, hard_seconds=0.5)
def overruns(job: JobContext):
    refuse(job)


@job_kind("overrun async", soft_seconds=0.2, hard_seconds=0.5)
async def overruns_async(job: JobContext):
    await refuse_async(job)


@job_kind("overrun with children", soft_seconds=2.0, hard_seconds=2.5)
def overruns_with_children(job: JobContext):
    start_family(job)


@job_kind("overrun light", heavy=False, soft_seconds=0.1, hard_seconds=0.3)
def overruns_light(job: JobContext):
    """Ask for nothing until there is a file."""
    job.progress(10, "ready")
    while not Path(job.payload).exists():
        time.sleep(STEP)


@job_kind("overrun light async", heavy=False, soft_seconds=0.1, hard_seconds=0.3)
async def overruns_light_async(job: JobContext):
    job.progress(10, "ready")
    while True:
        try:
            if await asyncio.to_thread(Path(job.payload).exists):
                return
            await asyncio.sleep(STEP)
        except BaseException:
            continue


@job_kind("finish after the soft limit", soft_seconds=0.2, hard_seconds=30)
def finishes_late(job: JobContext):
    try:
        wait(job)
    except SoftLimitError:
        return "what there was by then"


@job_kind("fail after the soft limit", soft_seconds=0.2, hard_seconds=30, attempts=3)
def fails_late(job: JobContext):
    try:
        wait(job)
    except SoftLimitError as error:
        raise RuntimeError("half done") from error


@job_kind("forget soon", keep_seconds=0)
def is_forgotten(job: JobContext):
    return None


def all_kinds() -> Kinds:
    return Kinds(each for each in globals().values() if isinstance(each, JobKind))
