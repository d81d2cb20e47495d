"""Which lines of a snapshot are worth showing when not all of them fit.

`interactive` keeps what can be acted on, with headings and dialogs for context. `outline` keeps
landmarks, headings and containers, each with a count of what is in it. In both, a long run of
siblings of the same kind is shown by its first ones, with a line that counts the rest.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tools.browser.aria import INTERACTIVE, Line, end_of

LANDMARKS: Final = frozenset(
    (
        "alert",
        "alertdialog",
        "banner",
        "complementary",
        "contentinfo",
        "dialog",
        "feed",
        "form",
        "grid",
        "iframe",
        "list",
        "listbox",
        "main",
        "menu",
        "navigation",
        "region",
        "search",
        "status",
        "table",
        "tablist",
        "toolbar",
        "tree",
        "treegrid",
    )
)
"""Roles that divide a page."""

_CONTEXT: Final = frozenset(("alert", "alertdialog", "dialog", "heading", "iframe", "status"))
"""Roles that say what the elements after them are about."""

_REPEATED: Final = frozenset(("row", "listitem", "option", "article", "treeitem", "menuitem"))
FIRST: Final = 10
"""Of a long run of rows or the like, how many are shown."""

_FEW: Final = FIRST + 5
"""A run up to here is shown as a whole: a line that counts is no shorter."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A line of a view: an element's, or one of ours between brackets."""

    at: int
    """Index in the snapshot."""
    depth: int
    note: str = ""
    """Instead of the element; or with it, when it begins with a space."""

    def written(self, lines: tuple[Line, ...]) -> str:
        """Write it as a line."""
        indent = "  " * self.depth
        if self.note and not self.note.startswith(" "):
            return f"{indent}{self.note}"
        return f"{lines[self.at].written(self.depth)}{self.note}"


def is_interactive(line: Line) -> bool:
    """Say whether something can be acted on."""
    return bool(line.ref) and (line.role in INTERACTIVE or line.clickable)


def whole(lines: tuple[Line, ...], start: int, end: int) -> list[Shown]:
    """Keep every line of a part."""
    top = lines[start].depth if start < end else 0
    return [Shown(at, lines[at].depth - top) for at in range(start, end)]


def interactive(lines: tuple[Line, ...], start: int, end: int) -> list[Shown]:
    """Keep what can be acted on, and what says what it is about."""
    kept = [
        at
        for at in range(start, end)
        if is_interactive(lines[at])
        or lines[at].role in _CONTEXT
        or (lines[at].role == "option" and lines[at].states)
    ]
    return _nested(lines, kept)


def first_rows(lines: tuple[Line, ...], start: int, end: int) -> list[Shown]:
    """Keep every line, but only the first ones of a long run."""
    skipped = dict(_runs(lines, start, end))
    top = lines[start].depth if start < end else 0
    shown, at = [], start
    while at < end:
        if at in skipped:
            stop, note = skipped[at]
            shown.append(Shown(at, lines[at].depth - top, note))
            at = stop
        else:
            shown.append(Shown(at, lines[at].depth - top))
            at += 1
    return shown


def interactive_first_rows(lines: tuple[Line, ...], start: int, end: int) -> list[Shown]:
    """Keep what can be acted on, and of a long run only that of the first ones."""
    skipped = dict(_runs(lines, start, end))
    gone: set[int] = set()
    for at, (stop, _) in skipped.items():
        gone |= set(range(at + 1, stop))
    kept = [shown for shown in interactive(lines, start, end) if shown.at not in gone]
    notes = {at: note for at, (_, note) in skipped.items() if at not in gone}
    plain = [shown for shown in kept if shown.at not in notes]
    added = [Shown(at, _depth_before(plain, at), note) for at, note in notes.items()]
    return sorted([*plain, *added], key=lambda shown: shown.at)


def outline(lines: tuple[Line, ...], start: int, end: int) -> list[Shown]:
    """Keep what divides the page, and say how much is in each part; and the first headings."""
    divides = [
        at
        for at in range(start, end)
        if lines[at].ref and (lines[at].role in LANDMARKS or lines[at].role == "heading")
    ]
    shown = []
    for each in _nested(lines, divides):
        counts = _counts(lines[each.at + 1 : end_of(lines, each.at)])
        shown.append(Shown(each.at, each.depth, f"  ({counts})" if counts else ""))
    return shown


def _runs(lines: tuple[Line, ...], start: int, end: int) -> Iterator[tuple[int, tuple[int, str]]]:
    """Give the runs of siblings that are too long: where the rest begins, ends, and a note."""
    open_runs: list[list[int]] = []
    """Starts of the siblings of a run, at each depth that has one."""
    for at in range(start, end):
        depth = lines[at].depth
        while open_runs and lines[open_runs[-1][0]].depth > depth:
            yield from _rest(lines, open_runs.pop())
        repeats = lines[at].role in _REPEATED
        if open_runs and lines[open_runs[-1][0]].depth == depth:
            if repeats and lines[open_runs[-1][0]].role == lines[at].role:
                open_runs[-1].append(at)
                continue
            yield from _rest(lines, open_runs.pop())
        if repeats:
            open_runs.append([at])
    for run in reversed(open_runs):
        yield from _rest(lines, run)


def _rest(lines: tuple[Line, ...], run: list[int]) -> Iterator[tuple[int, tuple[int, str]]]:
    if len(run) <= _FEW:
        return
    more, last = len(run) - FIRST, run[-1]
    kind = lines[run[0]].role
    refs = [lines[run[FIRST]].ref, lines[last].ref]
    span = f", {refs[0]} to {refs[1]}" if all(refs) else ""
    yield run[FIRST], (end_of(lines, last), f"[... {more:,} more: {kind}{span}]")


def _nested(lines: tuple[Line, ...], kept: Sequence[int]) -> list[Shown]:
    """Give each kept line a depth by the kept lines that it is in."""
    shown: list[Shown] = []
    around: list[int] = []
    wanted = set(kept)
    for at in range(kept[0], kept[-1] + 1) if kept else ():
        while around and around[-1] >= lines[at].depth:
            around.pop()
        if at in wanted:
            shown.append(Shown(at, len(around)))
            around.append(lines[at].depth)
    return shown


def _depth_before(shown: list[Shown], at: int) -> int:
    before = [each.depth for each in shown if each.at < at]
    return before[-1] if before else 0


def _counts(lines: Iterable[Line]) -> str:
    counts = Counter(line.role for line in lines if line.role in INTERACTIVE | _REPEATED)
    return ", ".join(f"{count:,} x {role}" for role, count in counts.most_common(4))
