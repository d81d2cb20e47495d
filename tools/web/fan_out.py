"""Asking several providers at the same time.

The rules that this file keeps:

- all are asked before any answers, and one's failure is its own: a text, never an exception;
- each has a time limit; once enough is found, the others have a short grace only, since a search
  is as slow as what it waits for;
- when this is left, no request is open, however it is left.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from tools.web.errors import ProviderError
from tools.web.merging import merge
from tools.web.providers import Http, SearchProvider
from tools.web.query import Found, Query

_log = logging.getLogger(__name__)

_Asked: TypeAlias = dict["asyncio.Task[Sequence[Found] | str]", str]
"""Who was asked, by the task that waits for the answer."""


@dataclass(frozen=True, slots=True)
class SearchLimits:
    """How long a search may take, in seconds."""

    provider: float = 8.0
    """For one provider."""
    total: float = 10.0
    """For all of them."""
    grace: float = 1.0
    """For the others, once as many results are there as were asked for."""


@dataclass(slots=True)
class Answers:
    """What providers found, and why some did not answer; in the order in which they are named."""

    found: dict[str, Sequence[Found]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


async def ask_all(
    providers: Sequence[SearchProvider], query: Query, http: Http, limits: SearchLimits
) -> Answers:
    """Ask all providers, and give what they found within the limits."""
    asked: _Asked = {}
    async with asyncio.TaskGroup() as group:
        for each in providers:
            asked[group.create_task(_ask(each, query, http, limits.provider))] = each.name
        await _enough(asked, query.count, limits)
        for task in asked:
            task.cancel()
    return _told(asked)


async def _ask(
    provider: SearchProvider, query: Query, http: Http, seconds: float
) -> Sequence[Found] | str:
    """Ask one provider; give what it found, or why it did not answer."""
    try:
        async with asyncio.timeout(seconds):
            return [_checked(each) for each in await provider.search(query, http)]
    except TimeoutError:
        return f"no answer within {seconds:g} s"
    except ProviderError as error:
        return str(error)
    except Exception:  # noqa: BLE001  (it may be anybody's code; the others are not spoiled)
        _log.exception("the search provider %s failed", provider.name)
        return "it failed with an error of its own, which is logged"


def _checked(found: object) -> Found:
    if not isinstance(found, Found):
        raise TypeError(f"a provider gives Found, not {type(found).__name__}")
    return found


async def _enough(asked: _Asked, count: int, limits: SearchLimits) -> None:
    """Wait until all have answered, or enough has been found and the grace is over."""
    loop = asyncio.get_running_loop()
    end = loop.time() + limits.total
    waiting = set(asked)
    while waiting and loop.time() < end:
        _, waiting = await asyncio.wait(
            waiting, timeout=end - loop.time(), return_when=asyncio.FIRST_COMPLETED
        )
        if waiting and len(merge(_told(asked).found)) >= count:
            await asyncio.wait(waiting, timeout=min(end - loop.time(), limits.grace))
            return


def _told(asked: _Asked) -> Answers:
    """Give what there is so far."""
    answers = Answers()
    for task, name in asked.items():
        is_there = task.done() and not task.cancelled()
        told = task.result() if is_there else "it had not answered when the search ended"
        if isinstance(told, str):
            answers.failures[name] = told
        else:
            answers.found[name] = told
    return answers
