"""Behaviours for the tests: each does one thing, and waits for a file instead of the clock."""

# ruff: noqa: ARG001  (a behaviour takes both, whether it needs them or not)

import asyncio
import os
import time
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from agent.behaviors import Work, behavior
from agent.jobs.context import JobStopError

STEP = 0.005


class Given(BaseModel):
    """A text, and a file to wait for."""

    model_config = ConfigDict(extra="forbid")

    text: str = ""
    until: str = ""


def told(given):
    return {
        "groups": {"all": [given.text]},
        "explanations": {"all": "There is one."},
        "metadata": {"pid": os.getpid()},
    }


async def waited(given):
    while given.until and not await asyncio.to_thread(Path(given.until).exists):  # noqa: ASYNC110  (a file sets no event)
        await asyncio.sleep(STEP)


@behavior("plain")
def plain(given: Given, work: Work):
    work.stage("waiting", 40)
    while given.until and not Path(given.until).exists():
        time.sleep(STEP)
    return told(given)


@behavior("coroutine")
async def coroutine(given: Given, work: Work):
    work.stage("waiting", 40)
    await waited(given)
    return told(given)


@behavior("light", heavy=False)
async def light(given: Given, work: Work):
    work.stage("waiting", 40)
    await waited(given)
    return told(given)


@behavior("light plain", heavy=False)
def light_plain(given: Given, work: Work):
    work.stage("waiting", 40)
    while given.until and not Path(given.until).exists():
        work.check()
        time.sleep(STEP)
    return told(given)


@behavior("failing", heavy=False)
def failing(given: Given, work: Work):
    raise ValueError(given.text)


@behavior("wrong result", heavy=False)
def gives_a_list(given: Given, work: Work):
    return [given.text]


@behavior("overwriting", heavy=False)
def overwriting(given: Given, work: Work):
    return {**told(given), "success": False, "behavior_number": "9", "execution_time": "never"}


@behavior("impatient", soft_seconds=0.3, hard_seconds=30)
async def impatient(given: Given, work: Work):
    work.stage("waiting", 40)
    await asyncio.sleep(600)


@behavior("stubborn", heavy=False)
async def stubborn(given: Given, work: Work):
    """Have a result in spite of being cancelled."""
    work.stage("waiting", 40)
    try:
        await asyncio.sleep(600)
    except JobStopError:
        return told(given)


@behavior("keeping")
def keeping(given: Given, work: Work):
    """Tell what its process still has of what it was sent."""
    return {"kept": sorted(work.job.payload)}


ALL = (
    *(plain, coroutine, light, light_plain, failing, gives_a_list, overwriting, impatient),
    *(stubborn, keeping),
)
