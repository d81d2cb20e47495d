"""Paths that a caller names within a project, for programs that take paths as arguments.

A check, not a wall: the program opens the path later, and whatever runs in between may have moved
it. Files that we open ourselves are confined by descriptors instead.
"""

import os
from pathlib import Path


class OutsideError(Exception):
    """A path leads out of its project; the text names both."""


def path_inside(project_dir: Path | str, path: str, *, follow: bool) -> str:
    """Return `path` relative to the project's folder, without `..` and without links on the way.

    It is read as relative to that folder, or absolute. `follow` says that the program will follow
    the path if it is a link itself, so that the link's target must lie inside too. Reads the disk.

    Raises:
        OutsideError: it leads out of the project, is empty, or holds a NUL.
    """
    if not path or "\0" in f"{project_dir}{path}":
        raise OutsideError(f"not a path: {path!r} in {str(project_dir)!r}")
    root = Path(os.path.realpath(project_dir))
    # Read as text first, as git does: `link/..` is the folder that the link is in.
    named = Path(project_dir).absolute() / os.path.normpath(path)
    target = Path(os.path.realpath(named))
    if target == root:
        return "."
    link = Path(os.path.realpath(named.parent)) / named.name
    reached = target if follow else link
    if named.name == ".." or not (link.is_relative_to(root) and reached.is_relative_to(root)):
        raise OutsideError(f"{path!r} leads out of {str(project_dir)!r}: name a path inside it")
    return str(link.relative_to(root))
