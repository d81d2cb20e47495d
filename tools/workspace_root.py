"""The workspace's folder, and which paths are spelled so that they lie below it.

A path is relative to the folder. An absolute one, or the target of an absolute link, counts when it
is spelled through the folder as that was given, or as it really is.
"""

import os
from dataclasses import dataclass
from typing import Final

from tools.text import is_whole
from tools.workspace_errors import PathError, outside, shown

LOOKUP: Final = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
"""Opens a folder for looking names up in it."""

STAYING: Final = ("", ".")
"""Parts of a path that lead nowhere."""

_LONGEST: Final = 4096
"""Bytes of a path, with the NUL that the system adds."""


@dataclass(frozen=True, slots=True)
class Root:
    """The workspace's folder."""

    written: str
    """Absolute, as it was given."""

    def open(self) -> int:
        """Open it for looking things up in it.

        Raises:
            PathError: it is not there.
        """
        try:
            return os.open(self.written, LOOKUP)
        except OSError as error:
            raise PathError(
                f"The workspace {shown(self.written)} cannot be opened: {error.strerror}."
            ) from error

    def inside(self, path: str) -> list[str] | None:
        """Give the parts of an absolute path below the workspace; None when it is not below."""
        below = _below(self.written, path)
        return _below(os.path.realpath(self.written), path) if below is None else below

    def parts(self, path: str) -> list[str]:
        """Give the names along a path that a caller wrote, from the workspace on.

        Raises:
            PathError: it is no path, or lies outside.
        """
        if not path:
            raise PathError("The path is empty: name a file or folder; '.' is the workspace.")
        if "\0" in path or not is_whole(path):
            raise PathError(
                f"{shown(path)} holds a NUL or half a character, which no path can: leave it out."
            )
        size = len(path.encode())
        if size >= _LONGEST:
            raise PathError(
                f"{shown(path)} has {size:,} bytes: a path has fewer than {_LONGEST:,}."
            )
        if not path.startswith("/"):
            return path.split("/")
        parts = self.inside(path)
        if parts is None:
            raise outside(path)
        return parts

    def parts_to_link(self, path: str) -> list[str]:
        """Give them without what would follow a link at the end: slashes and `.`.

        Raises:
            PathError: as `parts`.
        """
        parts = self.parts(path)
        while parts and parts[-1] in STAYING:
            parts.pop()
        return parts


def _below(folder: str, path: str) -> list[str] | None:
    above = [part for part in folder.split("/") if part]
    parts = path.split("/")
    for name in above:
        while parts and parts[0] in STAYING:
            parts.pop(0)
        if not parts or parts.pop(0) != name:
            return None
    return parts
