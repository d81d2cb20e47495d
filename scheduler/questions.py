"""Asking whether calls may run: one task per open question, in the call's own group."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from scheduler import refusals
from scheduler.access import Access
from scheduler.admission import Admission
from scheduler.call import Call, TaskHome
from scheduler.records import NotRun

Approval: TypeAlias = Callable[[Access], Awaitable[bool | str]]
"""Asks whether a call with this access may run: True, or False, or the reason of a denial.

It is asked at submission, and again when the call's keys have changed.
"""

log = logging.getLogger(__name__)


class Questions:
    """Asks, and tells the answers to `admission`; `act` is called after each.

    Only the newest question about a call counts. Questions of nested calls are denials after
    `timeout` seconds.
    """

    def __init__(self, admission: Admission, act: Callable[[], None], timeout: float) -> None:
        self._admission = admission
        self._act = act
        self._timeout = timeout

    def ask(self, tasks: TaskHome, call: Call, approval: Approval) -> None:
        """Ask about a call, instead of any question about it that is open."""
        forget(call)
        question = self._question(call, approval)
        try:
            call.question = tasks.create_task(question, name=f"question about {call.name}")
        except RuntimeError:  # the group is on its way down, and the call with it
            question.close()

    async def _question(self, call: Call, approval: Approval) -> None:
        limit = asyncio.timeout(None if call.home.parent is None else self._timeout)
        try:
            async with limit:
                answer = await approval(call.access)
        except asyncio.CancelledError:
            if _is_being_cancelled():
                raise
            refusal: NotRun | None = refusals.denied("its approval was cancelled")
        except Exception:
            if limit.expired():
                refusal = refusals.question_timed_out(self._timeout)
            else:
                log.exception("the approval of call %d (%s) failed", call.id, call.name)
                refusal = refusals.denied("its approval could not be asked for")
        else:
            refusal = None if answer is True else refusals.denied(answer or "")
        if _is_being_cancelled():
            return  # it was asked anew, or is gone: an approval that swallows that has no say
        call.question = None
        if refusal is None:
            self._admission.approve(call)
        else:
            self._admission.refuse(call, refusal)
        self._act()


def forget(call: Call) -> None:
    """Drop the open question about a call, if there is one."""
    question, call.question = call.question, None
    if question is not None and question is not asyncio.current_task():
        question.cancel()


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
