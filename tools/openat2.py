"""Linux's openat2: open a folder below another one in a single step that no link can lead astray.

See openat2(2). Where the kernel has none (before 5.6, macOS), or a sandbox forbids it, `available`
says so, and `workspace_walk` goes name by name.
"""

import ctypes
import functools
import os
import sys
from typing import Any, Final

_NUMBER: Final = 437
"""Of the system call, the same on every architecture since the kernel unified the numbers."""

_NO_MAGIC_LINKS: Final = 0x02
_NO_LINKS: Final = 0x04
_BENEATH: Final = 0x08

_FOLDER: Final = getattr(os, "O_PATH", 0) | os.O_DIRECTORY | os.O_CLOEXEC


class _How(ctypes.Structure):
    """`struct open_how`."""

    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


_HOW: Final = _How(_FOLDER, 0, _NO_MAGIC_LINKS | _NO_LINKS | _BENEATH)


@functools.cache
def available() -> bool:
    """Say whether the kernel has it and lets us use it."""
    if not sys.platform.startswith("linux"):
        return False
    root = os.open("/", _FOLDER)
    try:
        os.close(open_folder_beneath(root, "."))
    except OSError:
        return False
    finally:
        os.close(root)
    return True


def open_folder_beneath(folder: int, path: str) -> int:
    """Open a folder below another for looking things up in it; the caller closes the descriptor.

    Raises:
        OSError: it is not there, it is no folder, a link or too many `..` are on the way.
    """
    given = os.fsencode(path)
    descriptor = int(_syscall()(_NUMBER, folder, given, ctypes.byref(_HOW), ctypes.sizeof(_HOW)))
    if descriptor < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)
    return descriptor


@functools.cache
def _syscall() -> Any:
    function = ctypes.CDLL(None, use_errno=True).syscall
    function.restype = ctypes.c_long
    function.argtypes = (
        ctypes.c_long,
        ctypes.c_int,
        ctypes.c_char_p,
        ctypes.POINTER(_How),
        ctypes.c_size_t,
    )
    return function
