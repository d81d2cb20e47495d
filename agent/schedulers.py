"""The one scheduler of each event loop: only calls of one scheduler exclude each other."""

import asyncio
import weakref
from collections.abc import Mapping

from agent.errors import ConfigurationError
from scheduler import Scheduler

_schedulers: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[Scheduler, dict[str, int]]]
_schedulers = weakref.WeakKeyDictionary()


def shared_scheduler(lanes: Mapping[str, int]) -> Scheduler:
    """Give the scheduler of this event loop, made with these lanes.

    Raises:
        ConfigurationError: it has other lanes.
    """
    loop = asyncio.get_running_loop()
    if loop not in _schedulers:
        _schedulers[loop] = (Scheduler(lanes), dict(lanes))
    scheduler, known = _schedulers[loop]
    if known != dict(lanes):
        raise ConfigurationError(
            f"lanes: another agent of this event loop has {known}; all of them share its lanes"
        )
    return scheduler
