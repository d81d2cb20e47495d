"""What a move or a removal checks first: that no file in it has changed since the model saw it."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from tools.file_version import Identity, changed, version_at
from tools.versions import ABSENT, FileVersions
from tools.workspace import Spot, enter, scan
from tools.workspace_errors import PathError, shown

DEEPEST: Final = 200
"""Folders in one another; each is open while those in it are gone through."""


@dataclass(slots=True)
class Seen:
    """The files at a place, or below it, that the model knows; all are at a version that it may."""

    versions: FileVersions
    path: str
    """What the model called the place."""
    found: dict[str, str] = field(default_factory=dict)
    """Versions by key."""

    @classmethod
    def at(cls, spot: Spot, info: os.stat_result, versions: FileVersions, path: str) -> "Seen":
        """Look through a place.

        Raises:
            PathError: a file has changed since it was seen.
            OSError: something cannot be read.
        """
        seen = cls(versions, path)
        if stat.S_ISREG(info.st_mode):
            seen._look(spot)
            if seen.found:
                seen._check_same(spot, info)
        elif stat.S_ISDIR(info.st_mode):
            seen._look_below(spot)
        return seen

    def moved(self, source: str, target: str) -> None:
        """Note that all of them are elsewhere now."""
        for key, version in self.found.items():
            self.versions.write(key, ABSENT)
            self.versions.write(target + key.removeprefix(source), version)

    def removed(self) -> None:
        """Note that all of them are gone."""
        for key in self.found:
            self.versions.write(key, ABSENT)

    def _look_below(self, spot: Spot) -> None:
        folder = enter(spot.folder, spot.name)
        try:
            for each in _files(folder, spot.key, 1):
                self._look(each)
        except _TooDeepError:
            raise PathError(
                f"{shown(self.path)} has folders more than {DEEPEST} levels deep: name one "
                "further down first."
            ) from None
        finally:
            os.close(folder)

    def _look(self, spot: Spot) -> None:
        followed = self.versions.followed(spot.key)
        if not followed:
            return
        version = version_at(spot.folder, spot.name, spot.key)
        if version not in followed:
            raise changed(spot.key)
        self.found[spot.key] = version

    def _check_same(self, spot: Spot, info: os.stat_result) -> None:
        now = spot.look()
        if now is None or Identity.of(now) != Identity.of(info):
            raise changed(self.path)


class _TooDeepError(Exception):
    """Folders are nested too deeply."""


def _files(folder: int, key: str, depth: int) -> Iterator[Spot]:
    """Give the regular files below a folder, each for as long as nothing else is asked for."""
    if depth > DEEPEST:
        raise _TooDeepError
    for entry in scan(folder):
        below = f"{key}/{entry.name}"
        if entry.kind == "file":
            yield Spot(folder, entry.name, below)
        elif entry.kind == "folder":
            inner = enter(folder, entry.name)
            try:
                yield from _files(inner, below, depth + 1)
            finally:
                os.close(inner)
