"""What can be wrong with a path that a model gives, said so that it can give a better one.

```
ToolError
└── PathError              the path cannot be used as it is meant
    └── NotFoundError      nothing is there
```
"""

import difflib
import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Final

from tools.errors import ToolError

_MOST_COMPARED: Final = 2_000
"""Names of a folder that are compared with one that is not in it."""

_NEAR_NAMES: Final = 3

_SHOWN: Final = 200
"""Characters of a path that an error shows."""


class PathError(ToolError):
    """A path cannot be used as it is meant; the text names it, and says what to do."""


class NotFoundError(PathError):
    """There is nothing at the path."""


_REASONS: Final = {
    errno.EACCES: "permission denied: this file or a folder on the way belongs to somebody else, "
    "or its mode forbids it",
    errno.EPERM: "not permitted: the system forbids it for this file or folder",
    errno.EROFS: "the file system is read-only",
    errno.ENOSPC: "the disk is full: nothing was changed; make room first",
    errno.EDQUOT: "the disk quota is used up: nothing was changed; make room first",
    errno.EFBIG: "it would be larger than the system allows",
    errno.ENAMETOOLONG: "a name in it is too long: use at most 255 bytes for each name",
    errno.ENOTDIR: "something on the way is not a folder: list the folder above it",
    errno.EISDIR: "it is a folder, not a file",
    errno.ELOOP: "it turned into a link while it was opened: look at it again",
    errno.ENOENT: "it is gone meanwhile: list its folder",
    errno.EEXIST: "something else was put there meanwhile: look at it first",
    errno.ENOTEMPTY: "the folder is not empty",
    errno.EXDEV: "source and target are on different file systems, which cannot be done in one "
    "step: write the new file, then delete the old one",
    errno.EBUSY: "it is in use by the system (a mount point?)",
    errno.EMFILE: "too many files are open: try again later",
    errno.ENFILE: "too many files are open: try again later",
    errno.EINVAL: "the system does not take it: a folder cannot go into itself, and some file "
    "systems refuse some names",
}


def shown(path: str) -> str:
    """Spell a path for an error, cut if it is very long."""
    return repr(path if len(path) <= _SHOWN else f"{path[:_SHOWN]}...")


def refused(error: OSError, path: str) -> PathError:
    """Say what the system refused."""
    reason = _REASONS.get(error.errno or 0) or f"the system says: {error.strerror or 'no reason'}"
    return PathError(f"{shown(path)}: {reason}.")


@contextmanager
def told_of(path: str) -> Iterator[None]:
    """Turn what the system refuses into an error that names the path."""
    try:
        yield
    except OSError as error:
        raise refused(error, path) from error


@contextmanager
def in_field(field: str) -> Iterator[None]:
    """Name the field, for a tool that takes several paths."""
    try:
        yield
    except NotFoundError as error:
        raise NotFoundError(f"{field}: {error}") from error
    except PathError as error:
        raise PathError(f"{field}: {error}") from error


def outside(path: str) -> PathError:
    """Say that a path leads out."""
    return PathError(
        f"{shown(path)} leads out of the workspace: name a path inside it, relative to the "
        "workspace's folder or absolute below it; links must lead to somewhere inside it too."
    )


def not_found(path: str, folder: int, within: str, name: str) -> NotFoundError:
    """Say which part of a path is missing, and what is there that has nearly its name."""
    near = _near_names(folder, name)
    hint = f"near names there: {', '.join(map(repr, near))}" if near else "list that folder"
    return NotFoundError(
        f"{shown(path)} was not found: there is no {shown(name)} in {shown(within or '.')}; {hint}."
    )


def no_folder(path: str, name: str) -> PathError:
    """Say that something on the way is no folder."""
    return PathError(
        f"{shown(path)}: {shown(name)} is not a folder, so nothing can be below it; for the file "
        "itself leave off what follows its name."
    )


def no_file(path: str, mode: int) -> PathError:
    """Say what is there instead of a regular file."""
    if stat.S_ISDIR(mode):
        return PathError(f"{shown(path)} is a folder: name a file in it.")
    kinds = {
        stat.S_IFIFO: "a named pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
        stat.S_IFLNK: "a link that was put there just now",
    }
    kind = kinds.get(stat.S_IFMT(mode), "something else")
    return PathError(f"{shown(path)} is not a regular file but {kind}, which is never opened.")


def _near_names(folder: int, name: str) -> list[str]:
    try:
        names = _names(folder)
    except OSError:
        return []
    folded = {each.casefold(): each for each in names}
    near = difflib.get_close_matches(name.casefold(), folded, _NEAR_NAMES)
    return [folded[each] for each in near]


def _names(folder: int) -> list[str]:
    # The descriptor of a walk is for looking names up; reading the folder needs one of its own.
    readable = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    try:
        with os.scandir(readable) as entries:
            return [entry.name for entry in islice(entries, _MOST_COMPARED)]
    finally:
        os.close(readable)
