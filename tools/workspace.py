"""Files of the workspace, reached by going down from its own folder and never by a checked path.

A path comes from a model: relative to the workspace, or absolute below it. What is opened here lies
in the workspace, whatever is moved or swapped for a link meanwhile (`workspace_walk` says how), and
is a regular file or a folder: pipes, sockets and devices are never opened, and nothing blocks.

A file is named by its `key`: its path from the workspace, through all links, as the walk that
opened it went. Two names of one file (hard links, or another case where the file system does not
tell cases apart) have two keys; a hard link to a file outside cannot be told from any other file.

Everything here blocks: call it in a thread. A `Workspace` holds nothing open, so that it is made
where it is needed: each look costs one more open, and a workspace that is moved and made again is
the new one.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Self, TypeAlias

from tools.workspace_errors import PathError, no_file, shown, told_of
from tools.workspace_root import Root
from tools.workspace_walk import Walk

_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_LIST: Final = _READ | os.O_DIRECTORY
_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

Kind: TypeAlias = Literal["file", "folder", "link", "other"]

_KINDS: Final[dict[int, Kind]] = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "folder",
    stat.S_IFLNK: "link",
}


class Opened:
    """An open file or folder of the workspace; use it in a `with`, which closes it."""

    __slots__ = ("_descriptor", "key")

    def __init__(self, descriptor: int, key: str) -> None:
        self._descriptor = descriptor
        self.key = key
        """Its real path relative to the workspace; "." for the workspace."""

    def __repr__(self) -> str:
        return f"<Opened {self.key!r}{' closed' if self._descriptor < 0 else ''}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor >= 0:
            os.close(self.take())

    @property
    def fd(self) -> int:
        """The descriptor, for as long as it is open."""
        return self._descriptor

    def take(self) -> int:
        """Give the descriptor away; the taker closes it."""
        taken, self._descriptor = self._descriptor, -1
        return taken


@dataclass(frozen=True, slots=True)
class Spot:
    """A name in a folder: where something is, or may be put."""

    folder: int
    """The folder's descriptor, for looking names up and changing them; not for listing."""
    name: str
    key: str

    def look(self) -> os.stat_result | None:
        """Look at what is there, a link itself; None when nothing is."""
        try:
            return os.stat(self.name, dir_fd=self.folder, follow_symlinks=False)
        except FileNotFoundError:
            return None


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a folder."""

    name: str
    kind: Kind


class Workspace:
    """The files below a folder.

    Every method raises `PathError`, a `ToolError` whose text names the path and says what to do;
    `NotFoundError` is the one for what is not there.
    """

    __slots__ = ("_root", "root")

    def __init__(self, root: Path) -> None:
        self.root = root if root.is_absolute() else root.absolute()
        self._root = Root(os.fspath(self.root))

    def __repr__(self) -> str:
        return f"<Workspace {os.fspath(self.root)!r}>"

    def open_file(self, path: str) -> Opened:
        """Open a regular file for reading."""
        with self._walk(path) as walk:
            if not walk.leaf:
                raise no_file(path, stat.S_IFDIR)
            if walk.missing:
                raise walk.no_leaf()
            return Opened(open_regular(walk.folder, walk.leaf, path), walk.key)

    def opener(self, path: str, flags: int) -> int:
        """Open a regular file for reading, as the `opener` of `open` and `aiofiles.open`.

        These refuse a path with a NUL by themselves, with a ValueError.
        """
        if flags & _WRITING:
            raise ValueError(
                "a workspace's opener is for reading: write whole files (tools.atomic)"
            )
        with self.open_file(path) as file:
            return file.take()

    def open_folder(self, path: str) -> Opened:
        """Open a folder for listing it (`scan`), for `enter` and for `dir_fd=`."""
        with self._walk(path) as walk:
            if walk.missing:
                raise walk.no_leaf()
            if walk.leaf:
                raise PathError(f"{shown(path)} is not a folder: name a folder, or read the file.")
            with told_of(path):
                return Opened(os.open(".", _LIST, dir_fd=walk.folder), walk.key)

    @contextmanager
    def parent(
        self, path: str, *, follow: bool = True, make: bool = False, there: bool = False
    ) -> Iterator[Spot]:
        """Give the place of a path, which need not be there, for as long as the `with` lasts.

        Args:
            path: what is to be written, moved or removed.
            follow: whether a link at its end is followed; the place is then the link's target's.
            make: whether missing folders above it are made.
            there: whether something must be there.
        """
        with self._walk(path, follow=follow, make=make) as walk:
            if there and walk.missing:
                raise walk.no_leaf()
            folder, name = walk.above()
            yield Spot(folder, name, walk.key)

    def key(self, path: str) -> str:
        """Give the real path relative to the workspace, through all links; the end may be missing.

        "." is the workspace.
        """
        with self._walk(path) as walk:
            return walk.key

    def read_link(self, path: str) -> str:
        """Give what a link says."""
        with self.parent(path, follow=False, there=True) as spot, told_of(path):
            try:
                return os.readlink(spot.name, dir_fd=spot.folder)
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
                raise PathError(f"{shown(path)} is not a link.") from error

    def _walk(self, path: str, *, follow: bool = True, make: bool = False) -> Walk:
        return Walk(self._root, path, follow=follow, make=make)


def open_regular(folder: int, name: str, path: str) -> int:
    """Open a regular file in a folder for reading, without following a link; the caller closes it.

    `path` is what errors call it.
    """
    with told_of(path):
        # Looked at first, since opening alone already does something to a pipe or a device; and
        # once more when it is open, since it may have been swapped in between.
        _check_regular(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode, path)
        descriptor = os.open(name, _READ, dir_fd=folder)
        try:
            _check_regular(os.fstat(descriptor).st_mode, path)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor


def _check_regular(mode: int, path: str) -> None:
    if not stat.S_ISREG(mode):
        raise no_file(path, mode)


def enter(folder: int, name: str) -> int:
    """Open a folder in a folder for listing it, without following a link; the caller closes it.

    Raises:
        OSError: it is not there, is a link, or no folder.
    """
    return os.open(name, _LIST, dir_fd=folder)


def scan(folder: int) -> list[Entry]:
    """List a folder by its descriptor, in the order of the names; a link is a link here.

    Raises:
        OSError: it cannot be read.
    """
    with os.scandir(folder) as entries:
        found = [Entry(entry.name, _kind(entry)) for entry in entries]
    return sorted(found, key=lambda entry: entry.name)


def _kind(entry: os.DirEntry[str]) -> Kind:
    if entry.is_symlink():
        return "link"
    if entry.is_dir(follow_symlinks=False):
        return "folder"
    return "file" if entry.is_file(follow_symlinks=False) else "other"
