"""Which version of each file the model knows: the guard for what a person changes meanwhile.

A version is a short text that is the same exactly as long as the file's bytes are (see
`tools.file_version`); a file is named by its path relative to the workspace, through all links. The
rule: a file is written or edited only while it is at the version that the request behind this reply
showed the model, or at one that a call of ours wrote after that.
"""

from collections.abc import Mapping
from typing import Final

ABSENT: Final = "absent"
"""The version of a file that is not there."""


class FileVersions:
    """What a session knows of its files, as one call sees it.

    `known` is what the model had seen when it wrote the call; it is not changed here. `written` and
    `read` are shared by the calls of a reply. What this call adds is in `shown` and `wrote`, for
    the journal.
    """

    def __init__(
        self,
        known: Mapping[str, str] | None = None,
        written: dict[str, str] | None = None,
        read: dict[str, str] | None = None,
    ) -> None:
        self._known = known if known is not None else {}
        self._written = written if written is not None else {}
        self._read = read if read is not None else {}
        self.shown: dict[str, str] = {}
        """Versions that this call's result shows."""
        self.wrote: dict[str, str] = {}
        """Versions that this call made."""

    def __repr__(self) -> str:
        return f"<FileVersions shown {self.shown}, wrote {self.wrote}>"

    def expected(self, file: str) -> frozenset[str]:
        """Give the versions at which the file may be changed; none when it was never seen."""
        found = (self._known.get(file), self._written.get(file))
        return frozenset(version for version in found if version is not None)

    def followed(self, file: str) -> frozenset[str]:
        """Give the versions at which the file may be moved or removed.

        Those that the same reply reads count too: the model will know of them.
        """
        read = self._read.get(file)
        return self.expected(file) | (frozenset() if read is None else frozenset((read,)))

    def told(self, *, is_shown: bool) -> dict[str, str]:
        """Give what the model knows by the answer; `is_shown` says that it is the tool's own."""
        return {**(self.shown if is_shown else {}), **self.wrote}

    def show(self, file: str, version: str) -> None:
        """Note a version that the call's result shows to the model."""
        self.shown[file] = version
        self._read[file] = version

    def write(self, file: str, version: str) -> None:
        """Note a version that the call made; `ABSENT` of a file that it removed."""
        self._written[file] = version
        self.wrote[file] = version
