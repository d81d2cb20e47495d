"""Processes that are killed in the middle of a turn, and what they run; see `test_crash`.

`python -m tests.agent.crash_child` imports everything once and starts no thread. Then each line
that it reads is a list of jobs: it forks a child for each of them, a few at a time, and answers
with the list of their exit codes, negative for a signal.
"""

import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from agent.claude.model import Incoming
from agent.claude.script import Call, Text, reply
from agent.claude.sse import EventDecoder
from agent.errors import AgentError, SessionBusyError
from agent.events import ToolFinished, ToolStarted, TurnFinished
from agent.runtime import Agent
from agent.session.disk import FileDisk
from agent.session.journal import Journal
from tools.base import Tool, tool
from tools.tool_classes import Effect, ToolClass

AT_A_TIME = 4

CALLS = {"first": "a.txt", "second": "b.txt", "third": "b.txt"}
"""One that is done, one that runs, one that is queued behind it, with their paths."""

DECLARED: dict[str, Callable[[Any], Tool[..., Any]]] = {
    "none": tool(ToolClass.LOCAL_READ, path="path", name="act"),
    "idempotent": tool(ToolClass.LOCAL_WRITE, path="path", effect=Effect.IDEMPOTENT, name="act"),
    "effectful": tool(ToolClass.SHELL, name="act"),
}
"""The same tool, by its effect."""

LANES = {"local_read": 1}
"""Reads do not wait for each other: of them, one at a time has room."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a child does, and when it is killed."""

    folder: str
    """Where the session is, and what the child leaves behind: `effects`, `written`, `told`."""
    effect: str = "none"
    step: int = 0
    """Which of the disk's steps, from 1; 0: it lives on, and leaves `steps` behind."""
    when: str = "before"
    """Or `after` the step, or in the middle of a write (`torn`)."""
    line: str = ""
    """Of the journal, or a part of one: instead, it is killed as soon as that is written."""
    does: str = "turn"
    """One of `DEEDS`."""


class Disk:
    """Counts steps in a process, and kills it at one of them."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._folder = Path(job.folder)
        self._lock = threading.Lock()
        self.steps: list[str] = []
        self.reply_ended = asyncio.Event()

    def install(self) -> None:
        """Take the place of the real steps, for every journal of this process."""
        pwrite, sync, append = FileDisk.pwrite, FileDisk.sync, Journal.append

        def do_pwrite(file: FileDisk, data: memoryview, offset: int) -> int:
            def write() -> int:
                taken = pwrite(file, data, offset)
                note(self._folder / "written", bytes(data[:taken]))
                return taken

            text, line = bytes(data), self._job.line.encode()
            if line and line in text:
                pwrite(file, data[: text.index(b"\n", text.index(line)) + 1], offset)
                die()
            half = data[: len(data) // 2]
            return int(self._step("pwrite", write, lambda: pwrite(file, half, offset)))

        def do_sync(file: FileDisk) -> None:
            self._step("sync", lambda: sync(file))

        def do_append(journal: Journal, entry: Any) -> int:
            if entry["type"] == "reply":
                self.reply_ended.set()
            return int(self._step("append", lambda: append(journal, entry)))

        for kind, step in ((FileDisk, do_pwrite), (FileDisk, do_sync), (Journal, do_append)):
            setattr(kind, step.__name__.removeprefix("do_"), step)

    def _step(self, name: str, work: Callable[[], Any], half: Callable[[], Any] = int) -> Any:
        with self._lock:
            self.steps.append(name)
            is_last = len(self.steps) == self._job.step
        if not is_last:
            return work()
        deeds: dict[str, Callable[[], Any]] = {"before": int, "torn": half, "after": work}
        deeds[self._job.when]()
        return die()


def die() -> None:
    """Be killed, here and now."""
    os.kill(os.getpid(), signal.SIGKILL)


def note(file: Path, data: bytes) -> None:
    """Append to a file what a killed process leaves behind: the system has it at once."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, data)
    os.close(descriptor)


class PlayedModel:
    """Answers each request with the next reply; the last one comes again and again.

    A reply is what `agent.claude.script.reply` makes; a step in it that is a coroutine function is
    waited for.
    """

    def __init__(self, *replies: Sequence[Any]) -> None:
        self._replies = list(replies) or [reply(Text("Done."))]
        self.bodies: list[bytes] = []

    @asynccontextmanager
    async def stream(self, body: bytes, betas: Sequence[str] = ()) -> AsyncIterator[Incoming]:  # noqa: ARG002  (the seam's)
        """See `agent.claude.model.Model`."""
        number = min(len(self.bodies), len(self._replies) - 1)
        self.bodies.append(body)
        yield Incoming(_events(self._replies[number]), f"req_{len(self.bodies)}")


async def _events(script: Sequence[Any]) -> AsyncIterator[list[Any]]:
    decoder = EventDecoder()
    for part in script:
        if isinstance(part, bytes):
            yield decoder.feed(part)
        else:
            await part()


def acting(effect: str, folder: Path, second: Callable[[], Any]) -> Tool[..., Any]:
    """Give the tool: it notes what it does, and then the call `second` waits."""

    async def act(name: str, path: str) -> str:  # noqa: ARG001  (for its access)
        """Do something."""
        await asyncio.to_thread(note, folder / "effects", f"{name}\n".encode())
        if name == "second":
            await second()
        return f"did {name}"

    return DECLARED[effect](act)


def agent_in(folder: Path, model: Any, *tools: Tool[..., Any]) -> Agent:
    """Give an agent that keeps its sessions in this folder."""
    return Agent(
        builtin_tools=False,
        model=model,
        workspace=folder,
        data_dir=folder / "data",
        tools=tools,
        profile="claude",
        lanes=LANES,
        tells_date=False,
    )


async def turn(job: Job) -> None:
    """Have a turn in which one call is done, one runs, and one waits, before the reply ends."""
    folder = Path(job.folder)
    disk = Disk(job)
    disk.install()
    runs = asyncio.Event()

    async def wait() -> None:
        runs.set()
        await disk.reply_ended.wait()

    calls = [Call(f"toolu_{n}", "act", {"name": n, "path": path}) for n, path in CALLS.items()]
    *before, end, stop = reply(*calls, Text("I wait."))
    end = end.replace(b"end_turn", b"tool_use") if isinstance(end, bytes) else end
    model = PlayedModel([*before, runs.wait, end, stop], reply(Text("All done.")))
    async with agent_in(folder, model, acting(job.effect, folder, wait)) as agent:
        session = await agent.session("crash")
        async for event in session.send("Act."):
            match event:
                case ToolStarted(id=key) | ToolFinished(id=key):
                    note(folder / "told", f"{type(event).__name__} {key}\n".encode())
                case TurnFinished(why):
                    note(folder / "told", f"TurnFinished {why}\n".encode())
    note(folder / "steps", "\n".join(disk.steps).encode())


async def resume(job: Job) -> None:
    """Go on with a session without a message."""
    folder = Path(job.folder)
    Disk(job).install()
    tool = acting(job.effect, folder, lambda: asyncio.sleep(0))
    async with agent_in(folder, PlayedModel(), tool) as agent:
        await (await agent.session("crash")).resume().result()


async def second_writer(job: Job) -> None:
    """Exit with 3 when the session is busy."""
    async with agent_in(Path(job.folder), PlayedModel()) as agent:
        try:
            await agent.session("crash")
        except SessionBusyError:
            sys.exit(3)


async def without_rights(job: Job) -> None:
    """Exit with 3 when sessions cannot be kept here, and note how that is told."""
    os.chdir(job.folder)
    with TemporaryDirectory() as elsewhere:  # what is imported at first use is there now
        async with agent_in(Path(elsewhere), PlayedModel()) as agent:
            await agent.session("crash")
    if os.geteuid() == 0:
        os.setuid(65534)  # root may write anywhere
    try:
        agent = Agent(
            model=PlayedModel(),
            workspace="/",
            data_dir="data",
            lanes=LANES,
            builtin_tools=False,
            approvals="allow",
        )
        async with agent:
            await agent.session("crash")
    except AgentError as error:
        note(Path("error"), str(error).encode())
        sys.exit(3)
    except Exception as error:
        note(Path("error"), repr(error).encode())
        raise


DEEDS = {each.__name__: each for each in (turn, resume, second_writer, without_rights)}


def run(job: Job) -> None:
    """Do a job, in a process of its own."""
    asyncio.run(DEEDS[job.does](job))


def fork(job: Job) -> int:
    """Start a child; give its id."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        run(job)
        code = 0
    except SystemExit as exit_:
        code = int(exit_.code or 0)
    except BaseException as error:  # noqa: BLE001  (the parent reads it)
        note(Path(job.folder) / "error", repr(error).encode())
    finally:
        os._exit(code)


def all_done(jobs: Sequence[Job]) -> list[int]:
    """Run jobs, a few at a time, and give their exit codes."""
    codes: dict[int, int] = {}
    running: dict[int, int] = {}
    for number, job in enumerate(jobs):
        running[fork(job)] = number
        while len(running) >= AT_A_TIME or (number == len(jobs) - 1 and running):
            child, status = os.wait()
            codes[running.pop(child)] = os.waitstatus_to_exitcode(status)
    return [codes[number] for number in range(len(jobs))]


def serve() -> None:
    """Answer each line of jobs with a line of exit codes."""
    for each in DECLARED:
        acting(each, Path(), lambda: None).definition()  # what is slow to import is there now
    for line in sys.stdin:
        codes = all_done([Job(**job) for job in json.loads(line)])
        print(json.dumps(codes), flush=True)  # noqa: T201  (its answer)


def spelled(jobs: Sequence[Job]) -> str:
    """Give the line that asks for jobs."""
    return json.dumps([asdict(job) for job in jobs]) + "\n"


if __name__ == "__main__":
    serve()
