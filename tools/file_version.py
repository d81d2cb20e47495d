"""Versions of files: what a model saw is compared with what is there when it is changed.

A version is "blake2b:" and the digest of the whole file up to 64 MB; of a larger one "stat:" and
its device, inode, size and time of modification. `FileVersions` holds which of them a call may
build on.
"""

import hashlib
import os
from dataclasses import dataclass
from typing import Final

from tools.versions import FileVersions
from tools.workspace import open_regular
from tools.workspace_errors import PathError, shown, told_of

LARGEST_HASHED: Final = 64 * 1024 * 1024
"""Bytes of a file whose version is that of its bytes; also the most that are read or edited."""

_DIGEST_BYTES: Final = 16

_LEAST_READ: Final = 65_536


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells without reading that a file is another, or was written to."""

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int

    @classmethod
    def of(cls, info: os.stat_result) -> "Identity":
        """Take it from a look at the file."""
        return cls(info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns)


def version_of(data: bytes, info: os.stat_result) -> str:
    """Give the version of a file of which `data` are the first bytes, all of a small one."""
    if info.st_size > LARGEST_HASHED or len(data) > LARGEST_HASHED:
        return f"stat:{info.st_dev}-{info.st_ino}-{info.st_size}-{info.st_mtime_ns}"
    return f"blake2b:{hashlib.blake2b(data, digest_size=_DIGEST_BYTES).hexdigest()}"


def most_to_read(info: os.stat_result) -> int:
    """Give how many bytes to ask for to get a whole file, without room for more than it has."""
    return min(max(info.st_size + 1, _LEAST_READ), LARGEST_HASHED + 1)


def version_at(folder: int, name: str, path: str) -> str:
    """Read a file in a folder, and give its version.

    Raises:
        PathError: it cannot be read; `path` is what the text calls it.
    """
    with told_of(path), os.fdopen(open_regular(folder, name, path), "rb") as file:
        info = os.fstat(file.fileno())
        return version_of(file.read(most_to_read(info)), info)


def check_unchanged(versions: FileVersions, key: str, version: str, path: str) -> None:
    """Refuse to touch a file that was seen, and is at another version now.

    Raises:
        PathError: it has changed.
    """
    expected = versions.expected(key)
    if expected and version not in expected:
        raise changed(path)


def changed(path: str) -> PathError:
    """Say that a file is not what the model saw."""
    return PathError(
        f"{shown(path)} has changed since it was read: read it again, so that nobody's changes are "
        "lost. Nothing was done."
    )
