"""End a program and all that it started.

Everything here blocks (it waits for processes to end), so it belongs in a thread.
"""

import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

import psutil

from tools.process_members import Search, Tree, living_process

_KILL_ROUNDS: Final = 5
_KILL_SECONDS: Final = 0.5
_FIRST_PAUSE: Final = 0.001
_LONGEST_PAUSE: Final = 0.02


@dataclass(frozen=True, slots=True)
class Ended:
    """What was found besides the leader when the tree was ended, each as "name (pid 1)"."""

    found: tuple[str, ...] = ()
    survivors: tuple[str, ...] = ()
    """Those that could not be ended: another user's, or stuck in the kernel."""


def end_tree(tree: Tree, *, detached: bool, grace: float) -> Ended:
    """End what runs of a tree: SIGTERM, up to `grace` seconds, SIGKILL.

    Both reach processes that have been frozen, so that none forks between the look and the signal.
    Without `detached` only the leader's session is looked at, which costs a fraction of a
    millisecond; with it, all three ways from the leader are followed.
    """
    search = Search(tree, detached=detached)
    freeze = partial(_send, tree, number=signal.SIGSTOP)
    living = search.find(freeze)
    if not living:
        return Ended()
    names = _names(living)
    _send(tree, living, signal.SIGTERM)
    _send(tree, living, signal.SIGCONT)
    wait_for_end(living, grace)
    for _ in range(_KILL_ROUNDS):
        living = search.find(freeze)
        if not living:
            break
        names |= _names(living)
        _send(tree, living, signal.SIGKILL)
        wait_for_end(living, _KILL_SECONDS)
    survivors = _names(process for process in living if _still_runs(process))
    names.pop(tree.leader, None)
    return Ended(tuple(names.values()), tuple(survivors.values()))


def _names(processes: Iterable[psutil.Process]) -> dict[int, str]:
    names = {}
    for process in processes:
        with suppress(psutil.Error):
            names[process.pid] = f"{process.name()} (pid {process.pid})"
    return names


def _send(tree: Tree, processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    """Signal the leader's group as one, which no fork escapes, and whoever is not in it."""
    if any(_group(process.pid) == tree.leader for process in processes):
        # The group's number is its own as long as one member lives.
        with suppress(OSError):
            os.killpg(tree.leader, number)
    for process in processes:
        # Asked again: it may have left the group just before.
        if _group(process.pid) != tree.leader:
            with suppress(psutil.Error):
                process.send_signal(number)


def _group(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except OSError:
        return None


def wait_for_end(processes: Iterable[psutil.Process], seconds: float) -> None:
    """Wait until all of them have ended, or the seconds are over.

    Polled: they are not our children, and what reports a stranger's end differs by platform.
    """
    deadline = time.monotonic() + seconds
    pause = _FIRST_PAUSE
    while any(_still_runs(process) for process in processes) and time.monotonic() < deadline:
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _still_runs(process: psutil.Process) -> bool:
    # Equal means: the same id and the same start, so not a later process with the same id.
    return living_process(process.pid) == process
