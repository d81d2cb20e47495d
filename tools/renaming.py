"""Rename without overwriting: in one step where the system can, by a link where it cannot."""

import ctypes
import errno
import functools
import os
import stat
from typing import Any, Final

_RENAMES: Final = (
    ("renameat2", 1),  # Linux: RENAME_NOREPLACE
    ("renameatx_np", 4),  # macOS: RENAME_EXCL
)
"""Functions of the C library, each with its flag."""

_CANNOT: Final = frozenset((errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM))
"""What a kernel, a file system or a sandbox says that does not know the flag."""


def rename_new(source: str, target: str, *, source_folder: int, target_folder: int) -> None:
    """Rename something to a name that is free.

    Without the system's help there is a moment between looking and renaming in which an empty
    folder, or a link, that somebody puts there is overwritten; for a file only where the file
    system has no hard links either.

    Raises:
        FileExistsError: the name is taken.
        OSError: what the system says.
    """
    found = _function()
    if found is not None:
        function, flag = found
        if not function(
            source_folder, os.fsencode(source), target_folder, os.fsencode(target), flag
        ):
            return
        number = ctypes.get_errno()
        if number not in _CANNOT:
            raise OSError(number, os.strerror(number))
    _rename_checked(source, target, source_folder, target_folder)


def _rename_checked(source: str, target: str, source_folder: int, target_folder: int) -> None:
    info = os.stat(source, dir_fd=source_folder, follow_symlinks=False)
    if stat.S_ISREG(info.st_mode) and _link(source, target, source_folder, target_folder):
        os.unlink(source, dir_fd=source_folder)
        return
    try:
        os.stat(target, dir_fd=target_folder, follow_symlinks=False)
    except FileNotFoundError:
        os.rename(source, target, src_dir_fd=source_folder, dst_dir_fd=target_folder)
        return
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))


def _link(source: str, target: str, source_folder: int, target_folder: int) -> bool:
    """Give a file a second name, which must be free; False where the file system has no links."""
    try:
        os.link(
            source,
            target,
            src_dir_fd=source_folder,
            dst_dir_fd=target_folder,
            follow_symlinks=False,
        )
    except OSError as error:
        if error.errno in _CANNOT:
            return False
        raise
    return True


@functools.cache
def _function() -> tuple[Any, int] | None:
    library = ctypes.CDLL(None, use_errno=True)
    for name, flag in _RENAMES:
        function = getattr(library, name, None)
        if function is not None:
            function.argtypes = (
                ctypes.c_int,
                ctypes.c_char_p,
                ctypes.c_int,
                ctypes.c_char_p,
                ctypes.c_uint,
            )
            return function, flag
    return None
