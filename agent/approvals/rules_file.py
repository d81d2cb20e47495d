"""Rules in a file that people read and edit: TOML, an array `rules` of tables.

```toml
[[rules]]
action = "allow"            # or "ask", or "deny"
tool = "shell"              # each of these may be left out
command = "git log *"
workspace = "/home/me/project"
```

What is added here is appended; what people wrote stays as they wrote it. A file that cannot be read
is an error and not "no rules": a denial must not be lost to a typing mistake. Nothing is added to
such a file, nor what would make it one.
"""

import errno
import fcntl
import json
import os
import stat
import tomllib
from io import FileIO
from pathlib import Path
from typing import Final

from agent.approvals.rules import ACTIONS, MEMBERS, Rule
from agent.errors import ConfigurationError
from tools.text import is_whole

HEAD: Final = """\
# What tools may do without a question. Each rule begins with [[rules]] and has an action, "allow",
# "ask" or "deny"; what else it names, a call has to fit:
#
#   tool       the tool's name
#   command    a shell command, word by word; as its last word, * stands for any further words, and
#              with them for all that the program can do
#   path       a file or folder, from the workspace or from /; ** stands for any folders
#   address    a host, and a port if it is to be that one only
#   workspace  the folder in which the rule holds
#
# Elsewhere * stands for any characters, and \\* for a star. A denial wins; then rules with a path,
# a command or an address win over those without; then asking wins over allowing. The rules are
# read when the program starts.
"""

MOST_BYTES: Final = 1_000_000
"""Of a file that can be one with rules."""


def load(file: Path) -> list[Rule]:
    """Read the rules; none when there is no file.

    Raises:
        ConfigurationError: the file, what is wrong in it, and what would be right.
    """
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb", buffering=0) as opened:
            return _parsed(_read(opened, file), file)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigurationError(f"the rules in {file} cannot be read: {error.strerror}") from error


def _read(opened: FileIO, file: Path) -> bytes:
    """Read a file that may be one with rules. Raises ConfigurationError for any other."""
    info = os.fstat(opened.fileno())
    if not stat.S_ISREG(info.st_mode):
        raise ConfigurationError(f"the rules in {file} cannot be read: it is not a file")
    if info.st_size > MOST_BYTES:
        raise ConfigurationError(
            f"the rules in {file} cannot be read: {info.st_size} bytes are too many for rules, "
            f"{MOST_BYTES} at most"
        )
    return opened.readall()


def _parsed(data: bytes, file: Path) -> list[Rule]:
    """Read the rules in a file's bytes. Raises ConfigurationError."""
    try:
        given = tomllib.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"the rules in {file} cannot be read: {error}") from error
    listed = given.pop("rules", [])
    if given or not isinstance(listed, list):
        raise ConfigurationError(f"{file}: it holds [[rules]] and nothing else")
    return [_rule(each, f"rule {number} in {file}") for number, each in enumerate(listed, 1)]


def _rule(given: object, where: str) -> Rule:
    if not isinstance(given, dict) or "action" not in given:
        raise ConfigurationError(f"{where}: its action is one of {', '.join(ACTIONS)}")
    known = ("action", *MEMBERS)
    for name in given.keys() - {*known}:
        raise ConfigurationError(f"{where}: {name!r} is unknown; there are {', '.join(known)}")
    try:
        return Rule(**given)
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}: {error}") from error


def as_toml(rule: Rule) -> str:
    """Write a rule as it stands in the file."""
    named = {name: getattr(rule, name) for name in ("action", *MEMBERS)}
    lines = [f"{name} = {_text(value)}" for name, value in named.items() if value is not None]
    return "\n".join(["[[rules]]", *lines, ""])


def can_hold(rule: Rule) -> bool:
    """Say whether a file can hold a rule: half of a surrogate pair is no text."""
    return all(is_whole(getattr(rule, name) or "") for name in MEMBERS)


def _text(value: str) -> str:
    """Write a string, without escapes where that can be; what cannot be seen is escaped."""
    if "'" not in value and value.isprintable() and set(value) & {'"', "\\"}:
        return f"'{value}'"
    written = json.dumps(value, ensure_ascii=False)  # JSON's escapes are TOML's
    return "".join(each if each.isprintable() else f"\\U{ord(each):08x}" for each in written)


def append(file: Path, rule: Rule) -> None:
    """Add a rule at the end, on disk when this returns.

    Raises:
        ConfigurationError: the file cannot be written, or could not be read then.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "r+b", buffering=0) as opened:
            fcntl.flock(opened, fcntl.LOCK_EX)
            _append(opened, file, rule)
    except OSError as error:
        raise ConfigurationError(
            f"the rule could not be kept in {file}: {error.strerror}"
        ) from error


def _append(opened: FileIO, file: Path, rule: Rule) -> None:
    """Add a rule to a file that nobody else adds to meanwhile."""
    was = _read(opened, file)
    gap = b"" if was.endswith(b"\n") else b"\n"
    added = gap * bool(was) + f"{'' if was.strip() else HEAD}\n{as_toml(rule)}".encode()
    try:
        _parsed(was + added, file)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"the rule is not kept, since {file} could not be read with it; add it by hand:\n"
            f"{as_toml(rule)}({error})"
        ) from error
    try:
        taken = opened.write(added)
        os.fsync(opened.fileno())
    except OSError:
        taken = 0
        raise
    finally:
        if taken != len(added):
            opened.truncate(len(was))
    if taken != len(added):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
