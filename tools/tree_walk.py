"""A walk through all that is below a folder, by descriptors, in one fixed order.

The rules that this file keeps:

- every folder is opened by its name in the folder above it, never through a link; links, pipes and
  devices are named and nothing more is done with them;
- the order is that of the names, folder by folder (a folder's content comes right after it), and
  never that of the disk or of a clock: the same tree gives the same order;
- what cannot be read is noted and passed over; what vanishes meanwhile was not there;
- the number of entries and the depth are bounded, so that the open descriptors are, too.
"""

import os
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Final

from tools.ignores import NEVER, Ignores, above
from tools.stoppable import Stop
from tools.text import cleaned
from tools.workspace import Entry, Kind, Workspace, enter, scan
from tools.workspace_errors import told_of

MOST_ENTRIES: Final = 500_000

DEEPEST: Final = 100
"""Folders in folders."""

_SPACES: Final = {ord("\n"): "␊", ord("\r"): "␍", ord("\t"): "␉"}
"""Characters that would take a path apart, and their symbols."""

_NAMED: Final = 5
"""Paths that a notice names."""


@dataclass(frozen=True, slots=True)
class Found:
    """Something in the tree."""

    inner: str
    """Its path relative to where the walk started."""
    path: str
    """Its path relative to the workspace."""
    name: str
    kind: Kind
    depth: int
    """1 for what is right in the folder where the walk started."""
    folder: int
    """The descriptor of its folder, until the walk goes on."""

    def target(self) -> str:
        """Give what a link says; "?" when that cannot be read any more."""
        try:
            return os.readlink(self.name, dir_fd=self.folder)
        except OSError:
            return "?"


class _Folder:
    """A folder that the walk is in."""

    __slots__ = ("depth", "descriptor", "entries", "ignores", "inner")

    def __init__(self, descriptor: int, inner: str, depth: int) -> None:
        self.descriptor = descriptor
        self.inner = inner
        """Its path with a slash at its end; "" where the walk started."""
        self.depth = depth
        self.entries: Iterator[Entry] = iter(())
        self.ignores = Ignores()

    def __repr__(self) -> str:
        return f"<folder {self.inner or '.'!r} depth={self.depth}>"


class TreeWalk:
    """One walk, and what it passed over."""

    def __init__(
        self, workspace: Workspace, path: str, stop: Stop, *, include_ignored: bool = False
    ) -> None:
        self._workspace = workspace
        self._asked = path
        self._stop = stop
        self._include_ignored = include_ignored
        self._prefix = ""
        self.key = ""
        """The real path of where it started, once it has."""
        self.seen = 0
        """Entries that were not left out."""
        self.ignored = 0
        self.unreadable: list[str] = []
        self.too_deep: list[str] = []
        self.is_cut = False
        """Whether there was more than the most entries."""

    def __repr__(self) -> str:
        return f"<TreeWalk below {self._asked!r}: {self.seen} seen, {self.ignored} ignored>"

    def entries(self, enters: Callable[[Found], bool] = lambda _: True) -> Generator[Found]:
        """Give what there is; a folder's content if `enters` says so of the folder.

        Raises:
            PathError: it cannot start there.
            StoppedError: nobody waits for it any more.
        """
        stack = [self._start()]
        try:
            while stack:
                folder = stack[-1]
                self._stop.check()
                entry = next(folder.entries, None)
                if entry is None:
                    os.close(stack.pop().descriptor)
                    continue
                found = self._found(folder, entry)
                if found is None:
                    continue
                if self.seen >= MOST_ENTRIES:
                    self.is_cut = True
                    return
                self.seen += 1
                yield found
                if found.kind == "folder" and enters(found):
                    self._enter(stack, found)
        finally:
            for folder in stack:
                os.close(folder.descriptor)

    def notices(self) -> list[str]:
        """Say what was passed over, apart from what is ignored."""
        notices = []
        if self.unreadable:
            notices.append(f"[cannot be read: {some_paths(self.unreadable)}]")
        if self.too_deep:
            notices.append(
                f"[deeper than {DEEPEST} folders, not entered: {some_paths(self.too_deep)}]"
            )
        if self.is_cut:
            notices.append(f"[stopped after {MOST_ENTRIES:,} entries: name a folder below as path]")
        return notices

    def _start(self) -> _Folder:
        with self._workspace.open_folder(self._asked) as opened:
            self.key = opened.key
            self._prefix = "" if opened.key == "." else f"{opened.key}/"
            folder = _Folder(opened.fd, "", 0)
            ignores = Ignores() if self._include_ignored else above(self._workspace, opened.key)
            with told_of(self._asked):
                self._list(folder, ignores)
            opened.take()
            return folder

    def _list(self, folder: _Folder, ignores: Ignores) -> None:
        entries = scan(folder.descriptor)
        folder.entries = iter(entries)
        if not self._include_ignored:
            key = f"{self._prefix}{folder.inner}".rstrip("/") or "."
            folder.ignores = ignores.below(folder.descriptor, key, entries)

    def _found(self, folder: _Folder, entry: Entry) -> Found | None:
        if entry.name == NEVER:
            return None
        inner = f"{folder.inner}{entry.name}"
        path = f"{self._prefix}{inner}"
        if folder.ignores.leave_out(path, entry.kind):
            self.ignored += 1
            return None
        return Found(inner, path, entry.name, entry.kind, folder.depth + 1, folder.descriptor)

    def _enter(self, stack: list[_Folder], found: Found) -> None:
        if found.depth >= DEEPEST:
            self.too_deep.append(found.path)
            return
        above = stack[-1]
        try:
            descriptor = enter(found.folder, found.name)
        except OSError as error:
            self._passed_over(found, error)
            return
        folder = _Folder(descriptor, f"{found.inner}/", found.depth)
        stack.append(folder)
        try:
            self._list(folder, above.ignores)
        except OSError as error:
            self._passed_over(found, error)

    def _passed_over(self, found: Found, error: OSError) -> None:
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return  # gone meanwhile, or something else by now
        self.unreadable.append(found.path)


def shown_path(path: str) -> str:
    """Spell a path on one line, without control characters."""
    return cleaned(path).translate(_SPACES)


def some_paths(paths: list[str]) -> str:
    """Name the first of some paths."""
    named = ", ".join(shown_path(path) for path in paths[:_NAMED])
    rest = len(paths) - _NAMED
    return f"{named} and {rest:,} more" if rest > 0 else named
