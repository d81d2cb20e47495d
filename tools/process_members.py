"""Which processes a program started.

A program is started as the leader of a session of its own and with a mark in its environment.
Three things lead from it to what it started, each where another fails:

- the session: found even when every process in between has ended; left by `setsid`;
- the parent: found even with a cleared environment; lost when a process in between has ended;
- the mark: found after `setsid` and two forks; lost with a cleared environment.

Whoever is found leads on in the same way. What gets away is a process that was alone in a session
of its own, without a parent and with a cleared environment, before anybody looked. Linux and macOS
differ in all of this; psutil is where they are made equal.

Everything here blocks (it looks at each process of the machine), so it belongs in a thread.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
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


@dataclass(frozen=True, slots=True)
class Traits:
    """What is seen of a process."""

    session: int | None
    parent: int | None = None
    marked: bool | None = None
    """None while that cannot be told."""


def members_among(traits: Mapping[int, Traits], sessions: AbstractSet[int]) -> set[int]:
    """Return who belongs to a tree that has these sessions: by session, by mark, by parent.

    A member's session is the tree's own: it was inherited from another member, or made by one.
    """
    members = {pid for pid, seen in traits.items() if seen.marked or seen.session in sessions}
    found = members
    while found:
        known = sessions | {traits[pid].session for pid in members} - {None}
        found = {
            pid
            for pid, seen in traits.items()
            if pid not in members and (seen.parent in members or seen.session in known)
        }
        members |= found
    return members


class Search:
    """Looks for the living members of a tree until none can have been missed.

    The list of all processes is no snapshot. While it is gone through, a member may fork, so each
    that is found is frozen, and the next look finds what it had started before. And a member may
    end, so a look that met one which had ended, or something that it could not recognise, is not
    the last.
    """

    def __init__(self, tree: Tree, *, detached: bool) -> None:
        self._tree = tree
        self._detached = detached
        self._sessions = {tree.leader}
        """The tree's, as far as they are known."""
        self._ended: set[int] = set()
        """Processes that have ended, zombies included."""
        self._strangers: set[int] = set()
        """Not looked at again within one `find`; so brief, an id is not given to another."""

    def find(self, freeze: Callable[[Sequence[psutil.Process]], None]) -> list[psutil.Process]:
        """Return the members that live, each handed to `freeze` when it is first seen."""
        self._strangers = {os.getpid()}
        frozen: list[psutil.Process] = []
        living: list[psutil.Process] = []
        for _ in range(_LOOKS):
            living, certain = self._look()
            if new := [process for process in living if process not in frozen]:
                freeze(new)
                frozen += new
            elif certain:
                break
            else:
                time.sleep(_PAUSE)
        return living

    def _look(self) -> tuple[list[psutil.Process], bool]:
        pids = set(psutil.pids()) - self._ended - self._strangers
        traits = {pid: self._traits(pid) for pid in pids}
        members = members_among(traits, self._sessions)
        unrecognised = {pid for pid in pids - members if traits[pid].marked is None}
        self._sessions |= {session for pid in members if (session := traits[pid].session)}
        self._strangers |= pids - members - unrecognised
        processes = {pid: living_process(pid) for pid in sorted(members | unrecognised)}
        ended = {pid for pid, process in processes.items() if process is None}
        self._ended |= ended
        living = [process for pid in sorted(members) if (process := processes[pid]) is not None]
        return living, not (ended or unrecognised)

    def _traits(self, pid: int) -> Traits:
        try:
            session = os.getsid(pid)
        except ProcessLookupError:
            return Traits(None)  # It may have been a member.
        except PermissionError:
            session = None  # Some systems answer so for every other session.
        if not self._detached:
            return Traits(session, marked=False)
        try:
            process = psutil.Process(pid)
            return Traits(session, process.ppid(), self._is_marked(process))
        except psutil.Error:
            return Traits(session)

    def _is_marked(self, process: psutil.Process) -> bool | None:
        try:
            environment = process.environ()
        except psutil.AccessDenied:
            return False
        except (psutil.Error, OSError):
            environment = {}  # It has ended, or is the system's own.
        if not environment and process.create_time() >= self._tree.since - _CLOCK_SLACK:
            # It has ended, or is changing from one program to the next and is a blank meanwhile.
            return None
        return self._tree.mark in environment.get(MARK, "")


def living_process(pid: int) -> psutil.Process | None:
    """Return the process, or None when it has ended; a zombie has ended."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process
    except psutil.Error:
        return None
