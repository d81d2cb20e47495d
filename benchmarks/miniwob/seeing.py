"""What a model sees of a page: the text of our tools' results, and nothing else.

A policy gets a `Page`. It is fed with each result: a view replaces what was seen, and what a
difference adds is put behind its end, where a model would look for it, too.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

_LINE = re.compile(
    r'(?P<indent> *)- (?:(?P<plain>"(?:[^"\\]|\\.)*")|(?P<role>[a-z]+)'
    r'(?: \[ref=(?P<ref>\w+)\])?(?: (?P<name>"(?:[^"\\]|\\.)*"))?(?P<states>(?: \[[^\]]*\])*)'
    r'(?:: (?P<text>"(?:[^"\\]|\\.)*"))?)'
)
_CUT = re.compile(r"\.\.\. \[[\d,]+ more characters: mode=value\]$")
_MORE = re.compile(r" \((?:was (\w+)|and [\d,]+ in it)\)$")
_MARK = re.compile(r"<page (\w+)[^>]*>\n(.*)\n</page \1>", re.DOTALL)


_ALL = "this is all of it:"
VIEWS = ("browser_navigate", "browser_tab", "browser_read_page", "browser_wait")
"""Tools that show the page; the others show what has changed."""


class NotFoundError(Exception):
    """A policy looked for what the page does not show."""


@dataclass(frozen=True, slots=True)
class Item:
    """A line of a page."""

    depth: int
    role: str
    ref: str = ""
    name: str = ""
    text: str = ""
    states: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What it says, be it its name or its content; or a hint at what it is."""
        hints = (state[6:-1] for state in self.states if state.startswith('hint="'))
        return self.name or self.text or next(hints, "")


def read(line: str) -> Item | None:
    """Read a line of a view; None when it is none."""
    shortened = _CUT.search(line)
    found = _LINE.fullmatch(line if shortened is None else f'{line[: shortened.start()]}"')
    if found is None:
        return None
    depth = len(found["indent"]) // 2
    if found["plain"]:
        return Item(depth, "text", text=json.loads(found["plain"]))
    name, text = (json.loads(found[each]) if found[each] else "" for each in ("name", "text"))
    states = tuple(re.findall(r"\[([^\]]*)\]", found["states"]))
    return Item(depth, found["role"], found["ref"] or "", name, text, states)


def _row(text: str) -> tuple[Item | None, str]:
    """Read a row of a difference; give also the ref that the element had before."""
    more = _MORE.search(text)
    indent = " " * (len(text) - len(text.lstrip()))
    item = read(f"{indent}- {text[: more.start()].strip() if more else text.strip()}")
    return item, (more[1] or "") if more else ""


@dataclass
class Page:
    """What is known of a page."""

    items: list[Item] = field(default_factory=list)
    came: list[Item] = field(default_factory=list)
    """What the last results added, or showed."""
    results: list[str] = field(default_factory=list)
    """Those of the last reply's calls."""

    def take(self, tools: Sequence[str], results: Sequence[str]) -> None:
        """Take in the results of a reply's calls, which were of these tools."""
        self.results = [*results]
        self.came = []
        for tool, result in zip(tools, results, strict=True):
            marked = _MARK.search(result)
            if marked is not None:
                self._take(marked[2], is_view=tool in VIEWS or _ALL in result)

    @property
    def shown(self) -> str:
        """What the last result says of the page, as it stands there."""
        marked = _MARK.search(self.results[-1])
        return marked[2] if marked is not None else ""

    @property
    def is_outdated(self) -> bool:
        """Whether a result says that the page has to be read again."""
        return any("read the page again" in result for result in self.results)

    def _take(self, shown: str, *, is_view: bool) -> None:
        rows = shown.split("\n")
        if is_view:
            seen = [item for row in rows if (item := read(row)) is not None]
            self.came += seen
            self.items = seen or self.items
        else:
            self._change(rows)

    def _change(self, rows: Sequence[str]) -> None:
        """Put a difference where it belongs, as well as it says where that is."""
        place = len(self.items)
        deeper = 0
        for row in rows:
            self._rename(row)
            sign, (item, was) = row[:1], _row(row[2:])
            if item is None:
                continue
            at = self._find(item, was)
            if at is not None:
                deeper = self.items[at].depth - item.depth
            item = replace(item, depth=item.depth + deeper)
            if sign in {"+", "~"}:
                place = self._put(item, at, place)
            elif at is not None and sign == "-":
                del self.items[at : self._end(at)]
                place = at
            elif at is not None:
                place = self._end(at)

    def _put(self, item: Item, at: int | None, place: int) -> int:
        """Put in what is new or changed; give the place behind it."""
        self.came.append(item)
        if at is None:
            self.items.insert(place, item)
            return place + 1
        self.items[at] = item
        return at + 1

    def _find(self, item: Item, was: str) -> int | None:
        for at, each in enumerate(self.items):
            is_same = each.ref == (was or item.ref) if item.ref else each.label == item.label
            if is_same and each.role == item.role:
                return at
        return None

    def _end(self, at: int) -> int:
        depth, at = self.items[at].depth, at + 1
        while at < len(self.items) and self.items[at].depth > depth:
            at += 1
        return at

    def _rename(self, row: str) -> None:
        """Take the new refs of what looks as before."""
        if row.startswith("[Same as before"):
            renamed = dict(re.findall(r"(\w+) is (\w+)", row))
            self.items = [replace(item, ref=renamed.get(item.ref, item.ref)) for item in self.items]

    # -- what a policy asks --------------------------------------------------------------------

    @property
    def task(self) -> str:
        """The instruction, which stands first."""
        return self.items[self._task_at()].label

    def _task_at(self) -> int:
        return next(at for at, item in enumerate(self.items) if item.label)

    @property
    def quoted(self) -> list[str]:
        """What the instruction has in quotes."""
        return re.findall(r'"([^"]*)"', self.task)

    def said(self, pattern: str) -> re.Match[str]:
        """Match the instruction."""
        found = re.search(pattern, self.task)
        if found is None:
            raise NotFoundError(f"{pattern!r} is not in {self.task!r}")
        return found

    @property
    def area(self) -> list[Item]:
        """What is below the instruction."""
        return self.items[self._task_at() + 1 :]

    def all(self, role: str = "", label: str | None = None) -> list[Item]:
        """Give the items of a role, or of a label, below the instruction."""
        return [
            item for item in self.area if role in {"", item.role} and label in {None, item.label}
        ]

    def one(self, role: str = "", label: str | None = None) -> Item:
        """Give the first of those that can be acted on."""
        for item in self.all(role, label):
            if item.ref:
                return item
        raise NotFoundError(f"no {role or 'element'} {label!r}")

    def inside(self, item: Item) -> list[Item]:
        """Give what is in an item."""
        at = self.items.index(item)
        return self.items[at + 1 : self._end(at)]
