"""Save a file that the browser has downloaded in the workspace: confined, whole, over nothing.

The rules that this file keeps:

- the folder is reached by going down from the workspace's own (`tools.workspace`), and its
  descriptor is held to the end;
- the bytes go to a file of their own in that folder, and take a free name in one step: neither a
  file nor a link that is there is ever written over, and nobody sees a part;
- who does not wait for it any more stops it between two pieces; then nothing is left.

Everything here blocks: call it in a thread.
"""

import errno
import os
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from tools.browser.download_names import numbered
from tools.errors import ToolError
from tools.renaming import rename_new
from tools.stoppable import Stop
from tools.workspace import Spot, Workspace
from tools.workspace_errors import told_of

MOST_SAME: Final = 1000
"""Files of the same name, told apart by a number."""

_PIECE: Final = 1 << 20
_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MODE: Final = 0o600


@dataclass(frozen=True, slots=True)
class Destination:
    """A folder of a workspace that files are saved in; it is made when the first one is."""

    workspace: Workspace
    folder: str


@dataclass(frozen=True, slots=True)
class Saved:
    """A file that is in the workspace now."""

    path: str
    """Relative to the workspace, through all links."""
    size: int


def save(source: Path, name: str, to: Destination, *, most: int, stop: Stop) -> Saved:
    """Copy a file into a folder under a free name.

    Raises:
        ToolError: it is too large, or cannot be written; the text says why.
        StoppedError: nobody waits for it any more.
    """
    path = f"{to.folder}/{name}"
    with (
        os.fdopen(os.open(source, _READ), "rb") as file,
        to.workspace.parent(path, follow=False, make=True) as spot,
        told_of(path),
    ):
        info = os.fstat(file.fileno())
        if not stat.S_ISREG(info.st_mode) or info.st_size > most:
            raise too_large(info.st_size, most)
        temporary = f".toolloop-{secrets.token_hex(8)}.tmp"
        try:
            size = _copy(file, temporary, spot.folder, stop)
            taken = _take(temporary, spot)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=spot.folder)
            raise
    above = spot.key.rpartition("/")[0]
    return Saved(f"{above}/{taken}" if above else taken, size)


def too_large(size: int, most: int) -> ToolError:
    """Say that a file is larger than what is saved."""
    return ToolError(f"it has {size:,} bytes or more; at most {most:,} are saved")


def _copy(file: BinaryIO, temporary: str, folder: int, stop: Stop) -> int:
    size = 0
    with os.fdopen(os.open(temporary, _CREATE, _MODE, dir_fd=folder), "wb") as copy:
        while piece := file.read(_PIECE):
            stop.check()
            size += copy.write(piece)
        copy.flush()
        os.fsync(copy.fileno())
    return size


def _take(temporary: str, spot: Spot) -> str:
    """Give the file its name, or the next one that is free."""
    for number in range(1, MOST_SAME + 1):
        name = numbered(spot.name, number)
        with suppress(FileExistsError):
            rename_new(temporary, name, source_folder=spot.folder, target_folder=spot.folder)
            return name
    raise FileExistsError(errno.EEXIST, f"there are {MOST_SAME} files of that name")
