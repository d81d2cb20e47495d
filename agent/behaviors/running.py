"""Behaviours as jobs: a kind for each way of running, so that what is light needs no process."""

import asyncio
import inspect
from typing import Any, Final

from agent.behaviors.behavior import Behavior, Work, imported
from agent.jobs.context import JobContext
from agent.jobs.kinds import JobKind, job_kind


@job_kind("behavior")
async def heavy_behavior(job: JobContext) -> dict[str, Any]:
    """Run a coroutine function in a process of its own."""
    chosen, given = _prepared(job)
    return _object(chosen, await chosen.function(given, Work(job)))


@job_kind("plain_behavior")
def plain_behavior(job: JobContext) -> dict[str, Any]:
    """Run a plain function in a process of its own."""
    chosen, given = _prepared(job)
    return _object(chosen, chosen.function(given, Work(job)))


@job_kind("light_behavior", heavy=False)
async def light_behavior(job: JobContext) -> dict[str, Any]:
    """Run either in the host's process; a plain function in a thread."""
    chosen, given = await asyncio.to_thread(_prepared, job)
    if inspect.iscoroutinefunction(chosen.function):
        return _object(chosen, await chosen.function(given, Work(job)))
    return _object(chosen, await asyncio.to_thread(chosen.function, given, Work(job)))


BEHAVIOR_KINDS: Final[tuple[JobKind, ...]] = (heavy_behavior, plain_behavior, light_behavior)


def kind_for(chosen: Behavior) -> JobKind:
    """Give the kind of job that runs a behaviour."""
    if not chosen.is_heavy:
        return light_behavior
    is_async = inspect.iscoroutinefunction(chosen.function)
    return heavy_behavior if is_async else plain_behavior


def _prepared(job: JobContext) -> tuple[Behavior, Any]:
    """Import a behaviour, and check its input."""
    chosen = imported(job.payload["reference"])
    return chosen, chosen.checked(job.payload["input"])


def _object(chosen: Behavior, made: Any) -> dict[str, Any]:
    if not isinstance(made, dict):
        raise TypeError(f"behaviour {chosen.name} gives a {type(made).__name__}, not an object")
    return made
