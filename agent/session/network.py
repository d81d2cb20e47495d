"""Whether a file lies on another machine, where locks and syncs cannot be relied upon."""

import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Protocol

_log = logging.getLogger(__name__)

NETWORK: Final = frozenset(
    {"9p", "afpfs", "afs", "beegfs", "ceph", "cifs", "davfs", "glusterfs", "gpfs", "lustre"}
    | {"ncpfs", "nfs", "nfs4", "smb2", "smb3", "smbfs", "webdav"}
)
"""Types of file systems that other machines hold."""

LOCAL_FUSE: Final = frozenset({"fuseblk", "fuse.fuse-overlayfs", "fuse.mergerfs"})
"""Those served by a program of this machine; most others of that kind fetch from elsewhere."""

_told: set[Path] = set()


class Mount(Protocol):
    """Where a file system is mounted, as psutil tells it."""

    @property
    def mountpoint(self) -> str:
        """Its folder."""

    @property
    def fstype(self) -> str:
        """Its type, as the system calls it."""


def warn_of_network(path: Path) -> None:
    """Log a warning, once for each path, when a journal lies on a network file system."""
    if path not in _told and on_network(path, _mounts()):
        _told.add(path)
        _log.warning(
            "the journal '%s' lies on a network file system, where two writers may not see each "
            "other's lock, and what was synced may be lost: keep it on a disk of this machine",
            path,
        )


def on_network(path: Path, mounts: Iterable[Mount]) -> bool:
    """Tell whether a path lies on a network file system; False when that is not known."""
    real = Path(os.path.realpath(path))
    around = [mount for mount in mounts if real.is_relative_to(mount.mountpoint)]
    if not around:
        return False
    # The innermost holds the path; of two on one folder, the later one covers the other.
    kind = max(reversed(around), key=lambda mount: len(mount.mountpoint)).fstype.lower()
    return kind in NETWORK or ("fuse" in kind and kind not in LOCAL_FUSE)


def _mounts() -> Iterable[Mount]:
    import psutil  # noqa: PLC0415  (slow to import; this runs in a thread)

    try:
        return psutil.disk_partitions(all=True)
    except (OSError, psutil.Error):
        return ()
