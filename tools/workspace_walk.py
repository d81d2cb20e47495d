"""The way from the workspace's own descriptor down to a path, name by name.

The rules that this file keeps:

- every folder is opened by its name in the folder above it, and never through a link
  (O_NOFOLLOW); a link is read and followed here, by its text, so that one which the system would
  follow to elsewhere (those of /proc) has no power;
- `..` goes back to the descriptor that the way came through, and never above the workspace's; so
  whatever is moved, or swapped for a link, while a walk is under way: what it holds open is a
  folder that was reached by going down;
- at most 40 links, as on Linux.

Where the kernel has openat2, all folders above the last name are opened in one step, if there is
no link and no `..` among them; whatever it refuses, the walk decides.
"""

import errno
import os
from typing import Final, Self

from tools import openat2
from tools.workspace_errors import PathError, no_folder, not_found, outside, refused, shown
from tools.workspace_root import LOOKUP, STAYING, Root

_FOLDER: Final = LOOKUP | os.O_NOFOLLOW | os.O_NONBLOCK

_MOST_LINKS: Final = 40

_NO_NAMES: Final = ("", ".", "..")

_NO_FOLDER_HERE: Final = frozenset((errno.ENOTDIR, errno.ELOOP))
"""What opening a file or a link as a folder gives."""


class Walk:
    """One way down. Use it in a `with`, which closes what it opened.

    Invariant: the descriptors are those of the workspace and of folders on the way down; the last
    one is where it stands.
    """

    __slots__ = (
        "_asked",
        "_descriptors",
        "_follow",
        "_jumped",
        "_links",
        "_make",
        "_names",
        "_rest",
        "_root",
        "leaf",
        "missing",
        "path",
    )

    def __init__(self, root: Root, path: str, *, follow: bool = True, make: bool = False) -> None:
        """Get ready to follow `path`.

        Args:
            root: where it starts.
            path: relative, or absolute below the workspace.
            follow: whether the last name is followed if it is a link.
            make: whether folders that are missing above the last name are made.
        """
        self.path = path
        self.leaf = ""
        """The last name, when no folder was opened there; empty when it stands in the folder."""
        self.missing = False
        """Whether there was nothing at `leaf`."""
        self._root = root
        self._asked = root.parts(path) if follow else root.parts_to_link(path)
        self._follow = follow
        self._make = make
        self._descriptors: list[int] = []
        self._start()

    def __repr__(self) -> str:
        return f"<Walk {self.path!r} at {self.key!r}>"

    def __enter__(self) -> Self:
        """Go all the way.

        Raises:
            PathError: there is no such way.
        """
        try:
            self._descriptors.append(self._root.open())
            self._jump()
            while self._rest:
                self._step(self._rest.pop(0))
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def folder(self) -> int:
        """The folder that holds `leaf`, or where it stands."""
        return self._descriptors[-1]

    @property
    def key(self) -> str:
        """The real path relative to the workspace, through all links; "." for the workspace."""
        return "/".join([*self._names, self.leaf] if self.leaf else self._names) or "."

    def above(self) -> tuple[int, str]:
        """Give the folder that holds the end of the way, and its name there.

        Raises:
            PathError: it ends at the workspace itself.
        """
        if self.leaf:
            return self.folder, self.leaf
        if not self._names:
            raise PathError(f"{shown(self.path)} is the workspace itself: name something in it.")
        return self._descriptors[-2], self._names[-1]

    def take(self) -> int:
        """Give away the descriptor of where it stands; the taker closes it."""
        return self._descriptors.pop()

    def no_leaf(self) -> PathError:
        """Say that nothing is at `leaf`."""
        return not_found(self.path, self.folder, "/".join(self._names), self.leaf)

    def close(self) -> None:
        """Close all descriptors."""
        while self._descriptors:
            os.close(self._descriptors.pop())

    # -- steps -------------------------------------------------------------------------------------

    def _start(self) -> None:
        """Stand in the workspace, with the whole way ahead."""
        self._names: list[str] = []
        self._rest = [*self._asked]
        self._links = 0
        self._jumped = False

    def _jump(self) -> None:
        """Go to the folder above the last name in one step, if nothing on the way is special."""
        last = max((at for at, part in enumerate(self._rest) if part not in STAYING), default=0)
        above = [part for part in self._rest[:last] if part not in STAYING]
        if not above or ".." in self._rest or not openat2.available():
            return
        try:
            folder = openat2.open_folder_beneath(self.folder, "/".join(above))
        except OSError:
            return
        self._descriptors.append(folder)
        self._names = above
        self._rest = self._rest[last:]
        self._jumped = True

    def _step(self, part: str) -> None:
        if self.leaf:
            raise self._blocked(part)
        if part == "..":
            self._leave()
        elif part not in STAYING:
            self._enter(part)

    def _leave(self) -> None:
        if not self._names:
            raise outside(self.path)
        os.close(self._descriptors.pop())
        self._names.pop()

    def _enter(self, name: str) -> None:
        try:
            folder = os.open(name, _FOLDER, dir_fd=self.folder)
        except FileNotFoundError:
            self._lack(name)
        except OSError as error:
            if error.errno not in _NO_FOLDER_HERE:
                raise refused(error, self.path) from error
            self._come_to(name)
        else:
            self._descriptors.append(folder)
            self._names.append(name)

    def _lack(self, name: str) -> None:
        """Go on where nothing is: make the folder, if that is wanted and more is to come."""
        if not self._make or all(part in _NO_NAMES for part in self._rest):
            self.leaf, self.missing = name, True
            return
        try:
            os.mkdir(name, dir_fd=self.folder)
        except FileExistsError:
            pass  # somebody else made it meanwhile: entering it shows what it is
        except OSError as error:
            raise refused(error, self.path) from error
        self._rest.insert(0, name)

    def _come_to(self, name: str) -> None:
        """Come to something that is no folder: follow it if it is a link."""
        try:
            target = os.readlink(name, dir_fd=self.folder)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOENT):
                raise refused(error, self.path) from error
            self.leaf, self.missing = name, error.errno == errno.ENOENT
            return
        if self._rest or self._follow:
            self._go_through(target)
        else:
            self.leaf = name

    def _go_through(self, target: str) -> None:
        if self._jumped:  # the link may lead up, and the folders above are not open
            self._back_to_root()
            self._start()
            return
        self._links += 1
        if self._links > _MOST_LINKS:
            raise PathError(
                f"{shown(self.path)} leads through more than {_MOST_LINKS} links, in a circle "
                "perhaps: name the file itself."
            )
        if not target.startswith("/"):
            self._rest[:0] = target.split("/")
            return
        parts = self._root.inside(target)
        if parts is None:
            raise outside(self.path)
        self._back_to_root()
        self._names.clear()
        self._rest[:0] = parts

    def _back_to_root(self) -> None:
        while len(self._descriptors) > 1:
            os.close(self._descriptors.pop())

    def _blocked(self, part: str) -> PathError:
        """Say why the way does not go on behind `leaf`."""
        if self.missing and self._make and part in STAYING:
            return PathError(
                f"{shown(self.path)} ends like a folder's name: leave off what follows "
                f"{shown(self.leaf)}."
            )
        return self.no_leaf() if self.missing else no_folder(self.path, self.leaf)
