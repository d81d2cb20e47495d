"""The resources of a path: where it leads, through which links, and under which other names.

The rules that this file keeps:

- a resource is absolute, through all links, in Unicode's NFC and case-folded, whatever the file
  system does: two paths of one file meet, at the price that two files may, too;
- a link in the workspace that the path goes through is touched as well: whoever replaces the link
  changes what the path means;
- a file with several names has its identity as an alias, so that its names meet. Aliases stand
  below the workspace's resource, where no file can be: so a shell command in the workspace meets
  them, and a parent that may write the workspace covers them. A folder has all aliases, since any
  may be of a file below it;
- what cannot be told counts as the whole workspace, and nothing here raises.

A file with one name needs no alias, though a second name can be made while a call waits: whoever
makes it is a call that moves things, and when such a call ends, the resources are worked out
again. Names that somebody else makes meanwhile are outside of the promise.

This runs on the event loop: one lstat for each part of the path, and one readlink for each link.
"""

import functools
import os
import stat
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from scheduler import Resource
from scheduler.access import overlap

ALIASES: Final = "//links"
"""The part of a resource that stands above the files with several names: no name holds a slash."""

_LONGEST: Final = 4096
"""Characters of the longest path that is looked at; systems refuse longer ones."""

_MOST_LINKS: Final = 40
"""Links that one path may lead through, as on Linux."""


def workspace_resource(workspace: Path) -> Resource:
    """Give the resource that covers the whole workspace."""
    return _resource(_root(workspace))


def file_resources(
    workspace: Path, path: str, unsettled: frozenset[Resource] = frozenset()
) -> frozenset[Resource]:
    """Give the resources of a path, which is absolute or relative to the workspace.

    A path through what is `unsettled` (at it, above it or below it) may mean something else by the
    time it is used: it counts as the whole workspace too. `~` is a name like any other.
    """
    root = _root(workspace)
    whole = _resource(root)
    way = _Way(root)
    try:
        way.follow_all(os.fspath(workspace), path)
    except (OSError, ValueError):
        return frozenset((whole,))
    found = {_resource(way.here), *way.aliases(whole)}
    if way.links:
        found.update(link for link in map(_resource, way.links) if _is_at_or_below(link, whole))
    if unsettled and _any_overlap({*found, *map(_resource, way.passed())}, unsettled):
        found.add(whole)
    return _without_covered(found, whole)


class _Way:
    """The way that a path leads, link by link. Raises OSError or ValueError where that ends.

    Invariant: `here` is absolute and no link, nor is any folder above it; the root is "".
    """

    __slots__ = ("_seen", "here", "left", "links")

    def __init__(self, here: str) -> None:
        self.here = here
        self.links: list[str] = []
        """Where the links stand that it leads through."""
        self.left: list[str] = []
        """The folders that `..` left again."""
        self._seen: os.stat_result | None = None

    def __repr__(self) -> str:
        return f"<way to {self.here or '/'} through {len(self.links)} links>"

    def follow_all(self, workspace: str, path: str) -> None:
        """Follow a path that a caller wrote."""
        if len(path) > _LONGEST or "\0" in path:
            raise ValueError("no system takes such a path")
        if path.startswith(f"{workspace}/"):
            path = path[len(workspace) :]
        elif path.startswith("/"):
            self.here = ""
        self.follow(path)

    def follow(self, path: str, *, in_link: bool = False) -> None:
        """Go on along a path, or along what a link says."""
        for part in path.split("/"):
            if part == "..":
                self._leave(in_link=in_link)
            elif part and part != ".":
                self._enter(part)

    def _enter(self, part: str) -> None:
        at = f"{self.here}/{part}"
        self._seen = _lstat(at)
        if self._seen is None or not stat.S_ISLNK(self._seen.st_mode):
            self.here = at
            return
        self.links.append(at)
        if len(self.links) > _MOST_LINKS:
            raise OSError("too many links")
        target = os.readlink(at)  # noqa: PTH115  (text, as the kernel reads it; and quick)
        if target.startswith("/"):
            self.here = ""
        self.follow(target, in_link=True)

    def _leave(self, *, in_link: bool) -> None:
        if self.links and not in_link:
            raise ValueError("`link/..`: read as text and by the system it is not the same folder")
        self.left.append(self.here)
        self.here = self.here.rpartition("/")[0]
        self._seen = None

    def aliases(self, whole: Resource) -> Iterable[Resource]:
        """Give the alias of a file with several names, and all of them for a folder."""
        info = self._seen or _lstat(self.here or "/")
        if info is None:
            return ()
        if stat.S_ISDIR(info.st_mode):
            return ((*whole, ALIASES),)
        if stat.S_ISREG(info.st_mode) and info.st_nlink > 1:
            return ((*whole, ALIASES, f"{info.st_dev}:{info.st_ino}"),)
        return ()

    def passed(self) -> list[str]:
        """Give the places on the way that its end does not show."""
        return [*self.links, *self.left]


def _lstat(path: str) -> os.stat_result | None:
    """Look at what is there; None when nothing is."""
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _root(workspace: Path) -> str:
    """Give where a workspace really is; as it is written, where that cannot be told."""
    written = os.fspath(workspace if workspace.is_absolute() else workspace.absolute())
    info = _lstat(written)
    if info is None or stat.S_ISLNK(info.st_mode):
        return _real(written)
    return _known(written, info.st_dev, info.st_ino)


@functools.lru_cache(maxsize=64)
def _known(written: str, device: int, inode: int) -> str:  # noqa: ARG001  (the same folder as then)
    return _real(written)


def _real(written: str) -> str:
    way = _Way("")
    try:
        way.follow(written, in_link=True)
    except (OSError, ValueError):
        return written.rstrip("/")
    return way.here


def _resource(place: str) -> Resource:
    return ("file", "/", *[part for part in _folded(place).split("/") if part])


def _folded(text: str) -> str:
    """Fold case as Unicode's canonical caseless matching does."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def _is_at_or_below(resource: Resource, general: Resource) -> bool:
    return resource[: len(general)] == general


def _any_overlap(some: Iterable[Resource], others: Iterable[Resource]) -> bool:
    return any(overlap(one, other) for one in some for other in others)


def _without_covered(found: set[Resource], whole: Resource) -> frozenset[Resource]:
    """Leave out what the workspace's resource covers, if that is among them."""
    if whole not in found:
        return frozenset(found)
    return frozenset({whole, *(one for one in found if not _is_at_or_below(one, whole))})
