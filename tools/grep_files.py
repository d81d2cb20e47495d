"""`grep`: lines of the workspace's files by a regular expression.

One engine (RE2, in this process) reads the files through descriptors of its own walk. A program
such as ripgrep would be given paths, which it opens again by itself: what it reads then may lie
elsewhere, and its dialect, encodings and order would have to be made equal for where it is missing.
"""

from contextlib import closing
from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeAlias

from annotated_types import Interval

from tools.base import tool
from tools.context import ToolContext
from tools.glob_patterns import Glob, compiled
from tools.grep_blocks import LONGEST_LINE, Blocks
from tools.grep_lines import lines_around, spans
from tools.grep_output import FileLines
from tools.grep_pattern import Pattern
from tools.paging import Page
from tools.stoppable import Stop, stoppable
from tools.tool_classes import ToolClass
from tools.tree_walk import TreeWalk, shown_path, some_paths
from tools.workspace import Workspace, open_regular
from tools.workspace_errors import NotFoundError, PathError

Output: TypeAlias = Literal["lines", "files", "count"]

_ITEMS: Final = {"lines": "matching lines", "files": "matching files", "count": "matching files"}


@tool(ToolClass.LOCAL_READ, path="path")
async def grep(
    pattern: str,
    context: ToolContext,
    path: str = ".",
    *,
    glob: str | None = None,
    ignore_case: bool = False,
    literal: bool = False,
    context_lines: Annotated[int, Interval(ge=0, le=10)] = 0,
    output: Output = "lines",
    limit: Annotated[int, Interval(ge=1, le=1_000)] = 100,
    offset: Annotated[int, Interval(ge=0)] = 0,
    include_ignored: bool = False,
) -> str:
    r"""Search the lines of files for a regular expression.

    The syntax is RE2's: as in Perl and Python (`\bfoo\(`, `^\s*def `, `[a-z]+`, `\d{2,}`, `(?i)`),
    without look-around and back-references; `\w`, `\d`, `\s` and `\b` know ASCII only. Each line is
    searched by itself. The result is sorted by path: below each path its lines as `12:text`, lines
    around them as `13-text`; of long lines what is around the match. Hidden files are searched; of
    a binary file only is said that it matches; links are not followed. Left out: `.git`, and what
    .gitignore and .ignore files say.

    Args:
        pattern: what to search for.
        path: the folder or file to search, relative to the workspace or absolute inside it.
        glob: search only files that match, such as `*.py` or `src/**/*.{ts,tsx}`, relative to path.
        ignore_case: whether upper and lower case are the same.
        literal: whether the pattern is text as it stands.
        context_lines: how many lines to show before and after each match.
        output: "lines" with numbers, only the paths of "files", or the "count" of lines by file.
        limit: how many lines, or files, to show.
        offset: how many to pass over, to read on.
        include_ignored: search ignored files too.
    """
    workspace = Workspace(context.workspace)

    def work(stop: Stop) -> str:
        asked = _Asked(
            Pattern(pattern, literal=literal, ignore_case=ignore_case),
            None if glob is None else compiled(glob, "glob"),
            context_lines,
            output,
        )
        walk = TreeWalk(workspace, path, stop, include_ignored=include_ignored)
        search = _Search(asked, Page(offset, limit), stop)
        if _is_file(workspace, path):
            return search.of_file(workspace, path)
        return search.of_folder(walk)

    return await stoppable(context, work)


def _is_file(workspace: Workspace, path: str) -> bool:
    """Say whether a path is no folder; what else it is, opening it shows."""
    try:
        with workspace.open_folder(path):
            return False
    except NotFoundError:
        raise
    except PathError as error:
        if error.__cause__ is not None:  # the system refused
            raise
        return True


@dataclass(frozen=True, slots=True)
class _Asked:
    pattern: Pattern
    glob: Glob | None
    context_lines: int
    output: Output


class _Search:
    """One search, and what it has found so far."""

    def __init__(self, asked: _Asked, page: Page, stop: Stop) -> None:
        self._asked = asked
        self._page = page
        self._stop = stop
        self._searched = 0
        self._unreadable: list[str] = []
        self._cut: list[str] = []

    def __repr__(self) -> str:
        return f"<search for {self._asked.pattern.text!r}: {self._page!r}>"

    def of_file(self, workspace: Workspace, path: str) -> str:
        """Search one file."""
        with workspace.open_file(path) as file:
            self._search(file.fd, file.key)
        nothing = f"No line of {shown_path(path)!r} matches {self._asked.pattern.text!r}."
        return self._told(nothing, [])

    def of_folder(self, walk: TreeWalk) -> str:
        """Search all files below a folder, until the page is full."""
        glob = self._asked.glob
        entries = walk.entries(lambda folder: glob is None or glob.may_be_below(folder.inner))
        with closing(entries):
            for found in entries:
                if found.kind == "file" and (glob is None or glob.matches(found.inner)):
                    self._open(found.folder, found.name, found.path)
                if self._page.is_full:
                    break
        return self._told(self._nothing(walk), walk.notices())

    def _open(self, folder: int, name: str, path: str) -> None:
        try:
            descriptor = open_regular(folder, name, path)
        except PathError as error:
            if isinstance(error.__cause__, PermissionError):
                self._unreadable.append(path)
            return  # or it is gone meanwhile, or something else by now
        with open(descriptor, "rb", buffering=0) as file:  # noqa: PTH123  (closes the descriptor)
            self._search(file.fileno(), path)

    def _search(self, descriptor: int, path: str) -> None:
        self._searched += 1
        try:
            blocks = Blocks(descriptor, self._stop)
            self._take(blocks, shown_path(path))
        except OSError:
            self._unreadable.append(path)
            return
        if blocks.is_cut:
            self._cut.append(path)

    def _take(self, blocks: Blocks, path: str) -> None:
        pattern = self._asked.pattern
        if self._asked.output == "lines" and not blocks.is_binary:
            context = self._asked.context_lines
            lines = lines_around(blocks, pattern, context)
            FileLines(self._page, path, context).show(lines)
        elif self._asked.output == "count" and not blocks.is_binary:
            count = sum(1 for block in blocks for _ in spans(block, pattern))
            if count:
                self._page.takes(f"{path}: {count:,}")
        elif any(pattern.span(block, 0) for block in blocks):
            is_told = blocks.is_binary and self._asked.output != "files"
            self._page.takes(f"{path}: binary file matches" if is_told else path)

    def _told(self, nothing: str, notices: list[str]) -> str:
        page = self._page
        told = page.lines if page.total else [nothing]
        more = page.open_notice(_ITEMS[self._asked.output]) if page.total else []
        if more and page.lines and self._asked.output == "lines":
            more.insert(0, "")
        return "\n".join([*told, *more, *self._notices(), *notices])

    def _notices(self) -> list[str]:
        notices = []
        if self._unreadable:
            notices.append(f"[files that cannot be read: {some_paths(self._unreadable)}]")
        if self._cut:
            size = LONGEST_LINE // 1024 // 1024
            notices.append(
                f"[lines of more than {size} MB, whose rest was not searched: "
                f"{some_paths(self._cut)}]"
            )
        return notices

    def _nothing(self, walk: TreeWalk) -> str:
        files = f"{self._searched:,} file{'' if self._searched == 1 else 's'}"
        glob = f" (glob {self._asked.glob.pattern!r})" if self._asked.glob else ""
        text = (
            f"No line matches {self._asked.pattern.text!r} in {files}{glob} below "
            f"{shown_path(walk.key)!r}"
        )
        if walk.ignored:
            text += (
                f"; {walk.ignored:,} ignored entries were left out: include_ignored=true "
                "searches them too"
            )
        return f"{text}."
