"""Why a program did not start: wrong calls, and what the system refused, in words that help."""

import errno
import os
import shutil
from collections.abc import Sequence
from pathlib import Path


class StartError(Exception):
    """A program did not start; the text says why and what to do about it."""


def check_call(cmd: Sequence[str], timeout: float) -> None:
    """Refuse what can never be run.

    Raises:
        TypeError: a string for the command, or something else than strings in it.
        ValueError: no program, a NUL, or a time limit that is not positive.
    """
    if isinstance(cmd, str | bytes):
        raise TypeError(
            f"a command is a list of arguments, not the string {cmd!r}: no shell will split it",
        )
    if not cmd or not cmd[0]:
        raise ValueError("the command is empty: its first item names the program")
    for argument in cmd:
        _check_argument(argument)
    if not timeout > 0:
        raise ValueError(f"a timeout is a positive number of seconds, not {timeout}")


def _check_argument(argument: object) -> None:
    if not isinstance(argument, str):
        kind = type(argument).__name__
        raise TypeError(f"the argument {argument!r} is of type {kind}: write it as a string")
    if "\0" in argument:
        raise ValueError(f"the argument {argument!r} holds a NUL, which no program can be given")
    try:
        os.fsencode(argument)
    except UnicodeEncodeError as error:
        raise ValueError(f"the argument {argument!r} holds half a character") from error


def why_not_started(
    error: OSError | ValueError,
    program: str,
    cwd: Path | str | None,
    path: str,
) -> str:
    """Say why the system refused to start a program, from its error and a look at the disk.

    `path` is the `PATH` on which the program was looked for.
    """
    if isinstance(error, ValueError):
        return f"{str(cwd)!r} cannot be a folder ({error}): name the folder to run in"
    folder = Path() if cwd is None else Path(cwd)
    if not folder.is_dir():
        return _why_not_folder(folder)
    if error.errno in {errno.ENOENT, errno.ENOTDIR}:
        return _why_not_found(program, folder, path)
    reason = _REASONS.get(error.errno or 0) or f"{error.strerror or error}"
    return f"the program {program!r} could not be started: {reason}"


_REASONS = {
    errno.EACCES: "it, or the folder it was to run in, is not open to this user; a program needs "
    "permission to be executed (chmod +x)",
    errno.EPERM: "the system does not permit it",
    errno.ENOEXEC: "it is not a program for this machine, or a script without a #! line; name "
    "its interpreter first",
    errno.E2BIG: "its arguments and environment are too long; put them into a file",
    errno.EAGAIN: "too many processes are running; try again when some have ended",
    errno.EMFILE: "too many files are open; try again when some are closed",
    errno.ENOMEM: "there is not enough memory; try again when some is free",
}


def _why_not_folder(folder: Path) -> str:
    if folder.exists():
        return f"{str(folder)!r} is not a folder: name the folder to run in"
    return f"the folder {str(folder)!r} does not exist: create it, or name another to run in"


def _why_not_found(program: str, folder: Path, path: str) -> str:
    if "/" not in program and shutil.which(program, path=path) is None:
        return f"the program {program!r} was not found: install it, or give its full path"
    if "/" in program and not (folder / program).exists():
        return f"there is no program {program!r}: check the path, or install it"
    return (
        f"the program {program!r} is there, but not the interpreter or loader that it names: "
        "look at its #! line, or install it again"
    )
