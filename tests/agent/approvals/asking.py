"""A session in memory whose tool commands are judged by rules, and a person who answers."""

import asyncio
import functools
import itertools
import json
from pathlib import Path

from agent.approvals import RuleBook
from agent.approvals.rules import Rule
from agent.claude.profile import CLAUDE
from agent.claude.request import Settings
from agent.conversation import Server, Toolbox
from agent.events import ApprovalAsked, ApprovalSettled, ToolFinished, ToolStarted
from agent.limits import Limits
from agent.services import end_session
from agent.session.entries import Header
from agent.session.log import SessionLog
from agent.session.session import Session
from agent.tasks import Tasks
from scheduler import Access, Scheduler
from tests.agent.claude import streams
from tests.agent.memory import MemoryStore
from tests.agent.scripted import ScriptedModel
from tools import Registry, ToolClass, ToolContext, tool

END = [
    streams.start(),
    streams.block(0, "text", text="Done."),
    streams.stop(0),
    streams.end("end_turn"),
]

GETS = Rule("allow", command="get *")
"""Of the commands below, those that need no question."""


_numbers = itertools.count()


class Diary:
    """What the commands did; each takes the time that it is given, or one unit."""

    def __init__(self, **lasts):
        self.began = []
        self.ended = []
        self.places = {}
        self._lasts = lasts

    async def run(self, command):
        self.began.append((asyncio.get_running_loop().time(), command))
        await asyncio.sleep(self._lasts.get(command.replace(" ", "_"), 1))
        self.ended.append(command)
        return f"{command} is done"

    @property
    def commands(self):
        return [command for _, command in self.began]


def calls_of(*commands, after=("tool_use",)):
    """Give a reply that calls each command, and ends so."""
    events = [streams.start()]
    for index, command in enumerate(commands):
        events += [
            streams.call(index, "run", id=f"toolu_{next(_numbers)}"),
            streams.part(index, json.dumps({"command": command})),
            streams.stop(index),
        ]
    return [*events, *(streams.end(reason) for reason in after)]


class Stage:
    """One session, its model and its store; `reopened` is the same after a crash."""

    def __init__(self, *replies, rules=(GETS,), book=None, store=None, limits=None, diary=None):
        self.book = book or RuleBook(rules)
        self.diary = diary or Diary()
        self.store = store or MemoryStore()
        self.model = ScriptedModel(*replies, *[END] * 3)
        self.scheduler = Scheduler()
        self.tasks = Tasks()
        self.events = []
        self._news = asyncio.Event()
        self.tools = Registry([self._run_tool(), self._rename_tool()])
        log = SessionLog(self.store, json.loads(json.dumps(self.store.entries)))
        if log.history.header is None:
            log.record(Header("s", "in memory", 0.0, "", self.tools.definitions()))
        server = Server(self.model, Settings("claude-opus-5-5", 1_000), CLAUDE)
        toolbox = Toolbox(
            self.tools,
            self.scheduler,
            self.book,
            Path("/w"),
            self.tasks,
            {Diary: self.diary},
        )
        self.session = Session(
            log,
            lambda: server,
            toolbox,
            limits or Limits(),
            tells_date=False,
            start=self.tasks.create_task,
            end=functools.partial(end_session, {}),
        )

    def _touched(self, given):
        verb, name = given["command"].split()
        thing = frozenset((("thing", self.diary.places.get(name, name)),))
        return Access(reads=thing) if verb == "get" else Access(writes=thing)

    def _run_tool(self):
        @tool(ToolClass.EXCLUSIVE, access=self._touched, moves=False, name="run")
        async def run(command: str, context: ToolContext) -> str:
            """Do something with a thing."""
            done: str = await context.service(Diary).run(command)
            return done

        return run

    def _rename_tool(self):
        @tool(ToolClass.EXCLUSIVE, access=self._touched, moves=True, name="rename")
        async def rename(command: str, context: ToolContext) -> str:
            """Change which thing a name means."""
            done: str = await context.service(Diary).run(command)
            name = command.split()[1]
            context.service(Diary).places[name] = f"new {name}"
            return done

        return rename

    # -- a person ------------------------------------------------------------------------------

    def begin(self, turn=None):
        """Begin a turn, whose events are kept as they come."""
        turn = turn or self.session.send("Go.")
        return asyncio.get_running_loop().create_task(self._follow(turn))

    async def _follow(self, turn):
        async for event in turn:
            self.events.append(event)
            self._news.set()
        return self.events[-1]

    async def asked(self, number):
        """Wait until as many questions have been asked as this."""
        while len(self.of(ApprovalAsked)) < number:
            self._news.clear()
            await self._news.wait()

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def open(self):
        return [question.id for question in self.session.questions]

    @property
    def settled(self):
        return [(event.id, event.how) for event in self.of(ApprovalSettled)]

    @property
    def statuses(self):
        return {event.id: event.status for event in self.of(ToolFinished)}

    @property
    def started(self):
        return [event.id for event in self.of(ToolStarted)]

    def told(self, number=-1):
        """Give the texts of the results that a request carries."""
        blocks = self.model.bodies[number]["messages"][-1]["content"]
        return [each["content"][0]["text"] for each in blocks if each["type"] == "tool_result"]

    def reopened(self, *replies, **more):
        """Give the session as the next process has it; nothing of this one goes on."""
        more = {"book": self.book, "diary": self.diary} | more
        store = MemoryStore()
        store.entries = json.loads(json.dumps(self.store.entries))
        return Stage(*replies, store=store, **more)
