"""Behaviours as jobs: a kind for each way of running, so that what is light needs no process.

A process of its own holds the input once: what it was sent is given back as soon as it is checked,
and from then on the input belongs to the behaviour alone.
"""

import asyncio
import inspect
from typing import Any, Final

from pydantic import BaseModel

from agent.behaviors.behavior import Behavior, BehaviorError, Work, imported
from agent.jobs.context import JobContext
from agent.jobs.kinds import JobKind, job_kind

_MAIN: Final = "__main__:"


@job_kind("behavior")
async def heavy_behavior(job: JobContext) -> dict[str, Any]:
    """Run a coroutine function in a process of its own."""
    chosen = imported(job.payload["reference"])
    return _object(chosen, await chosen.function(_taken(chosen, job), Work(job)))


@job_kind("plain_behavior")
def plain_behavior(job: JobContext) -> dict[str, Any]:
    """Run a plain function in a process of its own."""
    chosen = imported(job.payload["reference"])
    return _object(chosen, chosen.function(_taken(chosen, job), Work(job)))


@job_kind("light_behavior", heavy=False)
async def light_behavior(job: JobContext) -> dict[str, Any]:
    """Run a coroutine function on the host's loop."""
    chosen, given = await asyncio.to_thread(_prepared, job)
    return _object(chosen, await chosen.function(given, Work(job)))


@job_kind("light_plain_behavior", heavy=False)
def light_plain_behavior(job: JobContext) -> dict[str, Any]:
    """Run a plain function in a thread of the host."""
    chosen, given = _prepared(job)
    return _object(chosen, chosen.function(given, Work(job)))


BEHAVIOR_KINDS: Final[tuple[JobKind, ...]] = (
    heavy_behavior,
    plain_behavior,
    light_behavior,
    light_plain_behavior,
)


def kind_for(chosen: Behavior) -> JobKind:
    """Give the kind of job that runs a behaviour.

    Raises:
        BehaviorError: its process could not import it.
    """
    is_async = inspect.iscoroutinefunction(chosen.function)
    if not chosen.is_heavy:
        return light_behavior if is_async else light_plain_behavior
    if chosen.reference.startswith(_MAIN):
        raise BehaviorError(
            f"behaviour {chosen.name!r} is defined in the program's own script, which a process "
            "for it cannot import: move it to a module"
        )
    return heavy_behavior if is_async else plain_behavior


def _prepared(job: JobContext) -> tuple[Behavior, BaseModel]:
    """Import a behaviour, and check its input."""
    chosen = imported(job.payload["reference"])
    return chosen, chosen.checked(job.payload["input"])


def _taken(chosen: Behavior, job: JobContext) -> BaseModel:
    """Check the input of a job whose process nobody shares, and let go of what it was made of."""
    return chosen.checked(job.payload.pop("input"))


def _object(chosen: Behavior, made: Any) -> dict[str, Any]:
    if not isinstance(made, dict):
        raise TypeError(f"behaviour {chosen.name} gives a {type(made).__name__}, not an object")
    return made
