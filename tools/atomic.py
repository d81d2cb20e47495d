"""Replace a file as a whole: whoever reads it sees the old bytes or the new ones, never a mixture.

The rules that this file keeps:

- the new bytes go to a file of their own in the same folder, are synced, and take the old name's
  place in one step; a failure or a cancellation leaves the old file, and no other;
- mode and owner of the old file stay (the owner where the system allows it; set-user-id bits go,
  as with any write); access lists and other attributes do not; its other hard links keep the old
  bytes; a write-protected file is refused, though its folder would allow it;
- a name that was free when it was looked at is only taken if it still is;
- the folder's descriptor is held from the first look to the end, so that the file that is replaced
  is the one that was read, wherever its folder is moved meanwhile.

The bytes are synced and the rename is not: after a power cut the old file may be back, as a whole.
A process that is killed meanwhile leaves its file behind, named `.toolloop-*.tmp`.

What remains: between the last look at the old file and the rename, a few microseconds later,
somebody else's write to it can be lost.
"""

import os
import secrets
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import aiofiles

from tools.file_version import Identity, changed, most_to_read, version_of
from tools.renaming import rename_new
from tools.threads import in_thread, to_its_end
from tools.versions import ABSENT, FileVersions
from tools.workspace import Spot, Workspace, open_regular
from tools.workspace_errors import PathError, no_file, shown, told_of

_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Target:
    """A file that is to be replaced, or made. `held` gives one; its methods block.

    Invariant: `_temporary` names a file in the folder as long as one of ours is there.
    """

    def __init__(self, spot: Spot, path: str) -> None:
        """Look at what is there.

        Raises:
            PathError: something else than a regular file, or one that may not be written.
        """
        self.path = path
        self.key = spot.key
        self.data = b""
        """What the file holds; of a very large one (`file_version`) only the start."""
        self.version = ABSENT
        self._name = spot.name
        self._temporary = ""
        self.info = spot.look()
        """What was there; None when the name was free."""
        if self.info is not None:
            _check_writable(spot, self.info, path)
            self._read(spot.folder)
        self._folder = os.dup(spot.folder)

    def __repr__(self) -> str:
        return f"<Target {self.key!r}{' new' if self.info is None else ''}>"

    def _read(self, folder: int) -> None:
        with os.fdopen(open_regular(folder, self._name, self.path), "rb") as file:
            self.info = os.fstat(file.fileno())
            self.data = file.read(most_to_read(self.info))
        self.version = version_of(self.data, self.info)

    async def replace(self, data: bytes, versions: FileVersions) -> None:
        """Put a file with these bytes in its place, and note its version.

        Raises:
            PathError: the old one has changed since it was looked at, or the system refuses.
        """

        def finish() -> None:
            self._commit()
            # Here and not by the caller, who may be cancelled meanwhile.
            versions.write(self.key, self._new_version(data))

        with told_of(self.path):
            await to_its_end(self._write(data))
            await in_thread(finish)

    async def _write(self, data: bytes) -> None:
        self._temporary = f".toolloop-{secrets.token_hex(8)}.tmp"
        async with aiofiles.open(self._temporary, "wb", opener=self._create) as file:
            await file.write(data)

    def _create(self, name: str, _: int) -> int:
        if self.info is None:
            return os.open(name, _CREATE, 0o666, dir_fd=self._folder)
        descriptor = os.open(name, _CREATE, 0o600, dir_fd=self._folder)
        with suppress(PermissionError):
            os.fchown(descriptor, self.info.st_uid, self.info.st_gid)
        os.fchmod(descriptor, self.info.st_mode & 0o777)
        return descriptor

    def _commit(self) -> None:
        self._sync()
        if self.info is None:
            rename_new(
                self._temporary,
                self._name,
                source_folder=self._folder,
                target_folder=self._folder,
            )
        else:
            self._check_unchanged()
            os.replace(
                self._temporary, self._name, src_dir_fd=self._folder, dst_dir_fd=self._folder
            )
        self._temporary = ""

    def _new_version(self, data: bytes) -> str:
        return version_of(data, os.stat(self._name, dir_fd=self._folder, follow_symlinks=False))

    def _sync(self) -> None:
        # A descriptor of its own: the system tells a failed write to whoever asks first.
        descriptor = os.open(
            self._temporary, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._folder
        )
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _check_unchanged(self) -> None:
        try:
            now = os.stat(self._name, dir_fd=self._folder, follow_symlinks=False)
        except FileNotFoundError:
            raise changed(self.path) from None
        if self.info is None or Identity.of(now) != Identity.of(self.info):
            raise changed(self.path)

    def close(self) -> None:
        """Take away what was not put in place, and let go of the folder."""
        try:
            if self._temporary:
                with suppress(FileNotFoundError):
                    os.unlink(self._temporary, dir_fd=self._folder)
        finally:
            os.close(self._folder)


@asynccontextmanager
async def held(workspace: Workspace, path: str, *, make: bool = False) -> AsyncIterator[Target]:
    """Hold the place of a file; `make` says that it, and folders above it, may be missing.

    Raises:
        PathError: it cannot be a file that is written.
    """
    targets: list[Target] = []

    def look() -> None:
        with workspace.parent(path, make=make, there=not make) as spot, told_of(path):
            targets.append(Target(spot, path))

    try:
        await in_thread(look)
        yield targets[0]
    finally:
        for target in targets:
            await in_thread(target.close)


def _check_writable(spot: Spot, info: os.stat_result, path: str) -> None:
    if not stat.S_ISREG(info.st_mode):
        raise no_file(path, info.st_mode)
    mode = stat.S_IMODE(info.st_mode)
    if not mode & 0o222 or not os.access(spot.name, os.W_OK, dir_fd=spot.folder):
        raise PathError(
            f"{shown(path)} is write-protected (mode {mode:04o}): nothing was changed; whoever "
            "protected it must allow it first."
        )
