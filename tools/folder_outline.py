"""A folder and what is below it as an indented list, within a number of entries.

The rules that this file keeps:

- in each folder the folders come first, then everything else, both by name;
- the upper levels come first: a level shares what is left of the number among its folders, and a
  folder that has folders leaves half of its share to what is below it;
- nothing is left out silently: a folder says how much of it is not shown.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

_INDENT: Final = "  "


@dataclass(slots=True)
class Node:
    """A folder, or something in one."""

    name: str
    is_folder: bool = False
    note: str = ""
    """What follows its name."""
    folders: "list[Node]" = field(default_factory=list)
    files: "list[Node]" = field(default_factory=list)
    more_folders: int = 0
    """That are in it and have no node."""
    more_files: int = 0
    shown: int = 0
    """How many of its nodes, folders first, the list shows."""

    @property
    def children(self) -> "list[Node]":
        """What is in it, in the order of the list."""
        return [*self.folders, *self.files]

    def add(self, child: "Node", most: int) -> None:
        """Put something in it; only count it, where it has so many of the kind."""
        nodes = self.folders if child.is_folder else self.files
        if len(nodes) < most:
            nodes.append(child)
        elif child.is_folder:
            self.more_folders += 1
        else:
            self.more_files += 1

    def left_out(self) -> str:
        """Count what is in it and not shown: "2 folders, 14 files"; "" when nothing is."""
        folders = len(self.folders) - min(self.shown, len(self.folders)) + self.more_folders
        files = len(self.files) - max(0, self.shown - len(self.folders)) + self.more_files
        counts = [_counted(folders, "folder"), _counted(files, "file")]
        return ", ".join(filter(None, counts))

    def lines(self, indent: str = "") -> Iterator[str]:
        """Give the lines of what is in it."""
        for child in self.children[: self.shown]:
            yield f"{indent}{child.title()}"
            if child.shown:
                yield from child.lines(indent + _INDENT)
        left_out = self.left_out()
        if left_out:
            yield f"{indent}... {left_out} more"

    def title(self) -> str:
        """Give its own line."""
        if not self.is_folder or self.note:
            return f"{self.name}{self.note}"
        return f"{self.name}/" if self.shown else f"{self.name}/ ({self.left_out() or 'empty'})"


def share_out(root: Node, depth: int, limit: int) -> bool:
    """Decide what is shown of so many levels; say whether the limit left something out."""
    level = [root]
    is_cut = False
    for left in reversed(range(depth)):
        below: list[Node] = []
        for at, node in enumerate(level):
            share = limit // (len(level) - at)
            if left and node.folders:
                share = (share + 1) // 2
            node.shown = min(len(node.children), share)
            limit -= node.shown
            is_cut |= bool(node.left_out())
            below += node.folders[: node.shown]
        level = below
    return is_cut


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}" if count else ""
