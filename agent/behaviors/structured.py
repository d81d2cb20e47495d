"""Answers of a fixed form, by the agent's own loop: the model has one tool, and calls it with them.

The rules that this file keeps:

- the tool's schema is the form's, a pydantic model; an input that does not fit goes back to the
  model as any tool's does, and it mends that itself; so does a reply that calls nothing;
- each question has a session of its own, which is removed with its answer: what is asked in the
  hundredth batch is neither slower nor larger than in the first;
- a question has `MOST_REQUESTS` requests, and all together have their seconds; whoever asks hears
  `NoAnswerError`, whatever went wrong, and can go on without the model;
- after `MOST_FAILURES` failures in a row nothing is asked any more.
"""

import asyncio
import itertools
import logging
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar, cast

from pydantic import BaseModel

from agent.behaviors import folder
from agent.behaviors.behavior import Work
from agent.behaviors.tally import NoAnswerError, Tally, Why
from agent.claude.retry import RetryLimits
from agent.errors import AgentError, ConfigurationError
from agent.limits import Limits
from agent.loop import Ended
from agent.session.session import Session
from agent.turn import TurnResult
from tools.base import Tool, tool
from tools.context import ToolContext
from tools.tool_classes import ToolClass

if TYPE_CHECKING:
    from agent.runtime import Agent

log = logging.getLogger(__name__)

Form = TypeVar("Form", bound=BaseModel)

MOST_REQUESTS: Final = 4
"""For one question: the first, and those that give the model another chance."""

MOST_FAILURES: Final = 4
"""In a row."""

RETRY: Final = RetryLimits(attempts=5, first=0.5, longest=4.0, longest_asked=30.0, total=60.0)
"""Less patient than a conversation: there is another way to go on."""

CALL_IT: Final = "Your answer was not taken: it counts only as the input of the tool `answer`."

_GOES_ON: Final = frozenset({"end_turn", "stop_sequence", "max_tokens", "tool_use", Ended.STEPS})
"""Ends of a request after which the model gets another chance."""


class Asker:
    """Asks a model for answers of a form; `async with` makes its sessions' folder and removes it.

    Args:
        work: of the behaviour that asks.
        role: what the model is told of its task, instead of the runtime's own role.
        seconds: for all questions together.
        retry: how often and how long a server is tried.
        agent: what else its agents are made with.
    """

    def __init__(
        self,
        work: Work,
        role: str,
        *,
        seconds: float,
        retry: RetryLimits = RETRY,
        agent: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self.tally = Tally()
        self._work = work
        self._role = role
        self._seconds = seconds
        self._limits = Limits(steps=1, retry=retry)
        self._agent = agent
        self._deadline = 0.0
        self._folder = Path()
        self._agents: dict[type[BaseModel], Agent] = {}
        self._answers: dict[str, BaseModel] = {}
        self._numbers = itertools.count(1)
        self._failed_in_a_row = 0

    def __repr__(self) -> str:
        return f"<Asker {self.tally}>"

    async def __aenter__(self) -> Self:
        """Make the folder.

        Raises:
            OSError: it cannot be made.
        """
        self._deadline = asyncio.get_running_loop().time() + self._seconds
        self._folder = await asyncio.to_thread(folder.made, self._work.job.options)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            for agent in self._agents.values():
                await agent.close()
        finally:
            await asyncio.to_thread(folder.remove, self._folder)

    async def ask(self, form: type[Form], question: str) -> Form:
        """Ask, and give the checked answer. Several may be asked at once.

        Raises:
            NoAnswerError: there is none.
            JobStopError: the job was cancelled, or its time is over.
        """
        self._work.check()
        self.tally.asked += 1
        try:
            answer = await self._in_time(form, question)
        except NoAnswerError as error:
            self._failed_in_a_row += 1
            self.tally.failed(error)
            log.info("a question has no answer (%s): %s", error.why, error)
            raise
        self._failed_in_a_row = 0
        self.tally.answered += 1
        return answer

    # -- inside --------------------------------------------------------------------------------

    async def _in_time(self, form: type[Form], question: str) -> Form:
        if self._failed_in_a_row >= MOST_FAILURES:
            raise NoAnswerError(
                Why.GIVEN_UP, f"not asked: the last {MOST_FAILURES} questions had no answer"
            )
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._answer(form, question)
        except TimeoutError:
            raise NoAnswerError(
                Why.OUT_OF_TIME, f"the {self._seconds:g} s for questions are over"
            ) from None

    async def _answer(self, form: type[Form], question: str) -> Form:
        try:
            agent = self._agent_for(form)
            session = await agent.session(f"{form.__name__} {next(self._numbers)}")
            try:
                return cast("Form", await self._rounds(session, question))
            finally:
                self._answers.pop(session.id, None)
                await _forget(agent, session)
        except NoAnswerError:
            raise
        except ConfigurationError as error:
            raise NoAnswerError(Why.NO_MODEL, str(error)) from error
        except AgentError as error:
            raise NoAnswerError(Why.NO_REPLY, str(error)) from error

    async def _rounds(self, session: Session, question: str) -> BaseModel:
        """Ask until there is an answer; a turn is one request, so that none follows the answer."""
        says: str | None = question
        for _ in range(MOST_REQUESTS):
            result = await _said(session, says)
            if result.stop_reason == "refusal":
                raise NoAnswerError(Why.REFUSED, "the model refused to answer")
            if session.id in self._answers:
                return self._answers[session.id]
            if result.stop_reason not in _GOES_ON:
                raise NoAnswerError(Why.NO_REPLY, result.error or result.stop_reason)
            says = None if session.can_resume else CALL_IT
        raise NoAnswerError(
            Why.WRONG_FORM, f"no answer in the form asked for within {MOST_REQUESTS} requests"
        )

    def _agent_for(self, form: type[BaseModel]) -> "Agent":
        if form not in self._agents:
            own = {
                "tools": [_tool(form, self._answers)],
                "builtin_tools": False,
                "server_tools": (),
                "system": self._role,
                "workspace": self._folder,
                "data_dir": self._folder,
                "record": None,
                "approvals": "allow",
                "limits": self._limits,
                "tells_date": False,
            }
            self._agents[form] = self._work.agent(**{**own, **self._agent})
        return self._agents[form]


async def _forget(agent: "Agent", session: Session) -> None:
    """Remove a session; its folder is removed in the end, whatever is wrong with it."""
    try:
        await agent.sessions.delete(session.id)
    except AgentError as error:
        log.warning("the session of a question could not be removed: %s", error)


async def _said(session: Session, text: str | None) -> TurnResult:
    """Say something, or let the model hear what became of its calls; give the request's outcome."""
    turn = session.resume() if text is None else session.send(text)
    return await turn.result()


def _tool(form: type[BaseModel], answers: dict[str, BaseModel]) -> Tool[..., Any]:
    """Make the tool that takes answers of a form; of several in a session the first counts."""

    async def answer(answer: BaseModel, context: ToolContext) -> str:
        """Give your answer. It is taken as it is given here, and nowhere else."""
        answers.setdefault(context.session, answer)
        return "Taken."

    answer.__annotations__["answer"] = form
    return tool(ToolClass.NETWORK)(answer)
