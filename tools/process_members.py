"""Which processes a program started.

A program is started as the leader of a session of its own and with a mark in its environment.
Three things lead from it to what it started, each where another fails:

- the session: found even when every process in between has ended; left by `setsid`;
- the parent: found even with a cleared environment; lost when a process in between has ended;
- the mark: found after `setsid` and two forks; lost with a cleared environment.

What gets away is a process that does all three: its own session, a parent that has ended, and a
cleared environment. Linux and macOS differ in all of this; psutil is where they are made equal.

Everything here blocks (it looks at each process of the machine), so it belongs in a thread.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import psutil

MARK: Final = "TOOLLOOP_PROCESS_TREE"
"""Environment variable: the marks of all trees that a process belongs to, outermost first."""

_LOOKS: Final = 10
_PAUSE: Final = 0.002
"""Seconds between two looks; a blank in an environment lasts less than one."""

_CLOCK_SLACK: Final = 2.0
"""Seconds; the system counts a process's start from a time of boot in whole seconds."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A program and all that it started."""

    leader: int
    """The program's process id; also that of its session and of its first process group."""
    mark: str
    since: float
    """When the program was started, in seconds since 1970."""


class Search:
    """Looks for the living members of a tree until none can have been missed.

    The list of all processes is no snapshot: a member that was listed may fork and end before it is
    looked at, and its child is not in the list. So a look that finds nobody proves something only
    if every member in the list was known to have ended before, and nothing in it was unrecognised.
    """

    def __init__(self, tree: Tree, *, detached: bool) -> None:
        self._tree = tree
        self._detached = detached
        self._ended: set[int] = set()
        """Members that have ended, zombies included."""
        self._strangers: set[int] = {os.getpid()}
        """Not looked at again within one `find`; so brief, an id is not given to another."""
        self._certain = False

    def find(self) -> list[psutil.Process]:
        """Return the members that live, or nobody once that is certain."""
        self._strangers = {os.getpid()}
        living: list[psutil.Process] = []
        for _ in range(_LOOKS):
            living = self._look()
            if living or self._certain:
                break
            time.sleep(_PAUSE)
        return living

    def _look(self) -> list[psutil.Process]:
        self._certain = True
        pids = set(psutil.pids()) - self._ended - self._strangers
        members = {pid for pid in pids if self._in_session(pid)}
        if self._detached:
            members = self._with_detached(members, pids)
        processes = {pid: living_process(pid) for pid in sorted(members)}
        if ended := {pid for pid, process in processes.items() if process is None}:
            self._ended |= ended
            self._certain = False
        return [process for process in processes.values() if process is not None]

    def _in_session(self, pid: int) -> bool:
        try:
            return os.getsid(pid) == self._tree.leader
        except ProcessLookupError:
            self._certain = False  # It may have been a member.
        except PermissionError:
            pass  # Some systems answer so for every other session.
        return False

    def _with_detached(self, members: set[int], pids: set[int]) -> set[int]:
        processes = {pid: process for pid in pids if (process := _process(pid)) is not None}
        marked = {pid: self._is_marked(process) for pid, process in processes.items()}
        unrecognised = {pid for pid in pids if marked.get(pid) is None}
        if unrecognised - members:
            self._certain = False
        parents = {pid: _parent(process) for pid, process in processes.items()}
        found = _with_descendants(members | {pid for pid in pids if marked.get(pid)}, parents)
        self._strangers |= pids - found - unrecognised
        self._ended |= {pid for pid in unrecognised - found if living_process(pid) is None}
        return found

    def _is_marked(self, process: psutil.Process) -> bool | None:
        """Return whether a process bears the mark; None while that cannot be told."""
        try:
            environment = process.environ()
        except psutil.AccessDenied:
            return False
        except (psutil.Error, OSError):
            environment = {}  # It has ended, or is the system's own.
        if not environment and self._may_be_member(process):
            # It has ended, or is changing from one program to the next and is a blank meanwhile.
            return None
        return self._tree.mark in environment.get(MARK, "")

    def _may_be_member(self, process: psutil.Process) -> bool:
        try:
            return process.create_time() >= self._tree.since - _CLOCK_SLACK
        except psutil.Error:
            return True


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.Error:
        return None


def _parent(process: psutil.Process) -> int | None:
    try:
        return process.ppid()
    except psutil.Error:
        return None


def _with_descendants(members: set[int], parents: Mapping[int, int | None]) -> set[int]:
    found = set(members)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def living_process(pid: int) -> psutil.Process | None:
    """Return the process, or None when it has ended; a zombie has ended."""
    process = _process(pid)
    try:
        return process if process and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None
