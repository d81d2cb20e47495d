"""End the programs of this process even when it is killed, which it cannot do itself.

A guard process (`guard_process`) beside this one is told of every tree of processes before it is
started and after it has ended; when this process is gone, it ends those that are left. The rules:

- a program is told of by its mark before it starts, so there is no moment in which it runs unknown:
  this process's end of the pipe is closed in a child exactly when the program takes its place, mark
  included, so that the guard sees the pipe's end no sooner than it can see the mark;
- there is a guard only while somebody owns it (`open`), and one for all of them; it is started with
  the first program after that, and ended with its last owner (`close`);
- no program waits for it, nor fails with it: one that does not start, dies or hangs is told in a
  warning and started anew, a few times;
- it holds nothing of this process but the one pipe: no other descriptor, no terminal, no folder.

All of this may block for some milliseconds, so it belongs in a thread; `open` and `repr` do not.
"""

import logging
import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from tools.environment import child_environment
from tools.process_members import MARK, Tree

log = logging.getLogger(__name__)

SCRIPT: Final = Path(__file__).with_name("guard_process.py")

NO_LEADER: Final = -1
"""The leader of a tree while it is not known: no process, no session and no group has this id."""

REAP_SECONDS: Final = 2.0
"""For a killed guard's end to be seen."""

MOST_STARTS: Final = 5
"""Of one process's guards, before it goes on without."""


class Guard:
    """This process's guard. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owners: set[object] = set()
        self._trees: dict[str, Tree] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._starts = 0

    def __repr__(self) -> str:
        process = "none" if self._process is None else f"pid {self._process.pid}"
        return f"<Guard {process}, {len(self._owners)} owners, {len(self._trees)} trees>"

    @property
    def pid(self) -> int | None:
        """The guard's process id; None while there is none."""
        return None if self._process is None else self._process.pid

    def open(self, owner: object) -> None:
        """Let there be a guard from the next program on, until `close` of the same owner."""
        self._owners.add(owner)

    def close(self, owner: object) -> None:
        """Do without a guard, if nobody else owns it; programs that still run are left alone."""
        with self._lock:
            self._owners.discard(owner)
            if not self._owners:
                self._stop()

    def watch(self, tree: Tree) -> None:
        """Take a tree in, or what is newly known of it."""
        with self._lock:
            self._trees[tree.mark] = tree
            self._tell(_watched(tree))

    def unwatch(self, mark: str) -> None:
        """Forget a tree that has ended, or that is to go on."""
        with self._lock:
            if self._trees.pop(mark, None) is not None:
                self._tell(f"- {mark}\n")

    def _tell(self, line: str) -> None:
        if not self._owners:
            return
        if self._process is not None:
            if self._process.poll() is None and _wrote(self._process, line):
                return
            log.warning("the guard process ended, or does not listen; another is started")
            self._stop()
        if self._trees and self._starts < MOST_STARTS:
            self._start()

    def _start(self) -> None:
        self._starts += 1
        try:
            self._process = _spawn()
        except (OSError, ValueError) as error:
            log.warning("no guard process (%s): if this one is killed, its programs go on", error)
            return
        _wrote(self._process, "".join(map(_watched, self._trees.values())))

    def _stop(self) -> None:
        # Killed, since the end of its pipe would make it end the programs that still run.
        if self._process is not None:
            self._process.kill()
            with suppress(subprocess.TimeoutExpired):  # Only one stuck in the kernel takes longer.
                self._process.wait(REAP_SECONDS)
            _let_go(self._process)
            self._process = None

    def forget(self) -> None:
        """Start afresh in a child of a fork: guard, programs and owners are its parent's.

        The child must not hold the pipe, since the guard would see no end of it.
        """
        if self._process is not None:
            _let_go(self._process)
            self._process.returncode = 0  # Not its child to wait for, nor to be warned about.
        self.__init__()  # type: ignore[misc]  # as new, the lock included, which a thread may hold


def _watched(tree: Tree) -> str:
    return f"+ {tree.mark} {tree.leader} {tree.since}\n"


def _wrote(process: "subprocess.Popen[bytes]", text: str) -> bool:
    """Tell a guard; return whether it was taken as a whole. Never waits."""
    data = text.encode()
    try:
        return process.stdin is not None and os.write(process.stdin.fileno(), data) == len(data)
    except OSError:
        return False


def _let_go(process: "subprocess.Popen[bytes]") -> None:
    if process.stdin is not None:
        process.stdin.close()


def _spawn() -> "subprocess.Popen[bytes]":
    """Start a guard; it takes what is told from then on, however long it takes to come up."""
    if getattr(sys, "frozen", False) or not sys.executable:
        raise ValueError("this program brings no Python interpreter to run it with")
    marks = {MARK: os.environ[MARK]} if MARK in os.environ else {}
    process = subprocess.Popen(  # noqa: S603  (our own script)
        [sys.executable, "-I", str(SCRIPT)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        cwd="/",
        # Where this process is itself part of a tree, the guard is, too.
        env=child_environment(os.environ, marks),
        start_new_session=True,
    )
    if process.stdin is not None:
        os.set_blocking(process.stdin.fileno(), False)
    return process


GUARD: Final = Guard()
"""The one of this process."""

os.register_at_fork(after_in_child=GUARD.forget)
