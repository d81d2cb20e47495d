"""What a session's turns are made with: values that stay while a turn goes."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.approvals.questions import Questions
from agent.approvals.verdicts import Approvals
from agent.claude.model import Model
from agent.claude.prices import PRICES, Price
from agent.claude.profile import Profile
from agent.claude.request import Settings
from agent.events import Event
from agent.session.log import SessionLog
from scheduler import CallRecord, Scheduler
from scheduler.call import TaskHome
from tools.registry import Registry


@dataclass(frozen=True, slots=True)
class Server:
    """Who answers, and how it is asked."""

    model: Model
    settings: Settings
    profile: Profile
    prices: Mapping[str, Price] = field(default_factory=lambda: PRICES)


@dataclass(frozen=True, slots=True)
class Toolbox:
    """What a session's calls are run with."""

    registry: Registry
    scheduler: Scheduler
    approvals: Approvals
    workspace: Path
    tasks: TaskHome
    """Where its calls live: they may outlive the turn."""
    services: Mapping[type, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ran:
    """A call that was submitted."""

    key: str
    """As in the events."""
    record: CallRecord
    task: "asyncio.Task[Any]"


@dataclass(frozen=True, slots=True)
class Conversation:
    """One session's side of its turns."""

    session: str
    """Its id: the owner of its calls."""
    server: Server
    head: bytes
    """Of each request: see `agent.claude.request.head`."""
    toolbox: Toolbox
    log: SessionLog
    questions: Questions
    emit: Callable[[Event], None]
    read_only: bool = False
    """Whether calls with an effect are denied."""
    ran: list[Ran] = field(default_factory=list)
    """The turn's calls so far."""
