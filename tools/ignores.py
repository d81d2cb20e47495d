"""What .gitignore and .ignore files say to leave out.

The rules that this file keeps:

- each such file holds for the folder that it is in and below; a deeper one has the last word, and
  in one folder .ignore after .gitignore. What is in a folder that is left out stays out, as in git;
- none above the workspace counts, nor git's own configuration of a machine or a clone;
- they are regular files, reached without following a link, and read up to a limit.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from tools.glob_regex import matchable
from tools.ignore_rules import IgnoreRules, rules_of
from tools.workspace import Entry, Kind, Workspace, open_regular, scan
from tools.workspace_errors import PathError

NAMES: Final = (".gitignore", ".ignore")

NEVER: Final = ".git"
"""What is left out always, ignored or not: git's own folder, or the file that names it."""

_MOST_BYTES: Final = 256 * 1024
_MOST_LINES: Final = 2_000
"""Of one file; more are not read."""


@dataclass(frozen=True, slots=True)
class _Level:
    """What the files of one folder say."""

    base: str
    """The folder's path with a slash at its end; "" for the workspace."""
    rules: IgnoreRules


@dataclass(frozen=True, slots=True)
class Ignores:
    """What the files from the workspace down to a folder say."""

    _levels: tuple[_Level, ...] = ()
    """The deepest first."""

    def leave_out(self, path: str, kind: Kind) -> bool:
        """Say whether a path relative to the workspace, in a folder that is not left out, is."""
        if not self._levels:
            return False
        text = matchable(path)
        for level in self._levels:
            said = level.rules.leave_out(text[len(level.base) :], is_folder=kind == "folder")
            if said is not None:
                return said
        return False

    def below(self, folder: int, key: str, entries: Iterable[Entry]) -> "Ignores":
        """Give what holds in a folder too."""
        names = [each.name for each in entries if each.name in NAMES and each.kind == "file"]
        lines = [line for name in sorted(names) for line in _lines(folder, name)]
        if not lines:
            return self
        base = "" if key == "." else f"{matchable(key)}/"
        return Ignores((_Level(base, rules_of(tuple(lines))), *self._levels))


def above(workspace: Workspace, key: str) -> Ignores:
    """Give what the folders above a folder say of it; nothing when they leave it out.

    Whoever asks for a folder that is left out wants to see what is in it.
    """
    ignores = Ignores()
    parts = [] if key == "." else key.split("/")
    for count in range(len(parts)):
        at = "/".join(parts[:count]) or "."
        # A folder above that cannot be listed has no rules that could be known.
        with suppress(PathError, OSError), workspace.open_folder(at) as folder:
            ignores = ignores.below(folder.fd, at, scan(folder.fd))
        if ignores.leave_out("/".join(parts[: count + 1]), "folder"):
            return Ignores()
    return ignores


def _lines(folder: int, name: str) -> list[str]:
    try:
        descriptor = open_regular(folder, name, name)
    except PathError:
        return []
    with os.fdopen(descriptor, "rb") as file:
        text = file.read(_MOST_BYTES).decode("utf-8-sig", "replace")
    return text.split("\n", _MOST_LINES)[:_MOST_LINES]
