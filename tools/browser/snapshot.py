"""What a page shows at a moment: its elements, each with a ref that an action can name.

The rules that this file keeps:

- a snapshot is of the whole page, frames and open shadow roots included: Playwright's refs mean the
  latest snapshot of a frame, so one of a part would make all other refs of that frame stale;
- what only listens for clicks has a ref as well (`x1`), the same as long as its document lives;
- the value of a password is in none.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from tools.browser.aria import Line, read_lines, without_value
from tools.browser.listeners import DEEPEST, Sweep, sweep
from tools.browser.placing import placed
from tools.browser.untrusted import scrubbed

if TYPE_CHECKING:
    from playwright.async_api import Page

MOST_NAME: Final = 200
"""Characters of an element's text that stand for its name when it has none."""

_MOST_DEEP: Final = 5

EDITABLE: Final = frozenset(("textbox", "searchbox", "combobox", "spinbutton", "slider"))
"""Roles whose text is a value, which changes without their becoming another element."""

_HIDES_VALUE: Final = """element => element.type === 'password' ||
  /(^| )(current|new)-password( |$)/.test(element.autocomplete || '')
"""


@dataclass(frozen=True, slots=True)
class Element:
    """What a model saw behind a ref."""

    role: str
    name: str
    """Its accessible name; "" when it has none."""
    text: str = ""
    """The beginning of what is in it, where it has no name."""

    def __str__(self) -> str:
        label = self.name or self.text
        return f'{self.role} "{label}"' if label else f"{self.role} without a name"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A page at a moment."""

    url: str
    title: str
    lines: tuple[Line, ...]
    elements: Mapping[str, Element] = field(default_factory=lambda: MappingProxyType({}))
    """By ref."""
    notes: tuple[str, ...] = ()
    """What could not be seen, in sentences."""

    @property
    def text(self) -> str:
        """The whole tree, a line for each element."""
        return "\n".join(line.written() for line in self.lines)


async def take(page: "Page", *, seconds: float = 10, boxes: bool = False) -> Snapshot:
    """Take a snapshot of a page.

    `boxes` adds where each element is, which costs half as much again on a large page.

    Raises:
        TimeoutError: the page does not answer within `seconds`.
        playwright.async_api.Error: the page is gone.
    """
    async with asyncio.timeout(seconds):
        found = await sweep(page)
        needs_boxes = boxes or bool(found.listening)
        written = await page.aria_snapshot(
            mode="ai", boxes=needs_boxes, depth=DEEPEST, timeout=seconds * 1000
        )
        lines = read_lines(written)
        if found.secrets or found.unasked:
            lines = await _without_secrets(page, lines)
        if found.listening:
            lines = await placed(page, lines, found)
        title = await page.title()
    if not boxes:
        lines = tuple(replace(line, box=None) for line in lines) if needs_boxes else lines
    return Snapshot(page.url, scrubbed(title), lines, elements_of(lines), _notes(found, lines))


def elements_of(lines: tuple[Line, ...]) -> Mapping[str, Element]:
    """Give what stands behind each ref."""
    return _Elements(lines)


class _Elements(Mapping[str, Element]):
    """Made when they are asked for: a large page has thousands, and few are ever named."""

    def __init__(self, lines: tuple[Line, ...]) -> None:
        self._lines = lines
        self._at = {line.ref: at for at, line in enumerate(lines) if line.ref}

    def __repr__(self) -> str:
        return f"<_Elements {len(self._at)}>"

    def __getitem__(self, ref: str) -> Element:
        at = self._at[ref]
        line = self._lines[at]
        return Element(line.role, line.name, _text(self._lines, at))

    def __iter__(self) -> Iterator[str]:
        return iter(self._at)

    def __len__(self) -> int:
        return len(self._at)


def _text(lines: tuple[Line, ...], index: int) -> str:
    line = lines[index]
    if line.name or line.role in EDITABLE or line.role == "iframe":
        return ""
    texts, size = [line.text], len(line.text)
    for inner in range(index + 1, len(lines)):
        if lines[inner].depth <= line.depth or size > MOST_NAME:
            break
        if lines[inner].role in EDITABLE:
            continue
        texts += [lines[inner].name, lines[inner].text]
        size += len(lines[inner].name) + len(lines[inner].text)
    return " ".join(filter(None, texts))[:MOST_NAME]


async def _without_secrets(page: "Page", lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """Leave out the values of passwords, and those of inputs that cannot be asked."""
    filled = [at for at, line in enumerate(lines) if line.role == "textbox" and line.text]
    secret = await asyncio.gather(*[_is_secret(page, lines[at].ref) for at in filled])
    hidden = {at for at, is_hidden in zip(filled, secret, strict=True) if is_hidden}
    return tuple(without_value(line) if at in hidden else line for at, line in enumerate(lines))


async def _is_secret(page: "Page", ref: str) -> bool:
    from playwright.async_api import Error  # noqa: PLC0415  (slow to import)

    if not ref:
        return True
    try:
        return bool(await page.get_by_ref(ref).evaluate(_HIDES_VALUE, timeout=1000))
    except Error:
        return True


def _notes(found: Sweep, lines: tuple[Line, ...]) -> tuple[str, ...]:
    notes = []
    if found.closed:
        tags = ", ".join(f"<{tag}>" for tag in found.closed)
        notes.append(
            f"Not seen: what is inside closed shadow roots ({tags}); a screenshot shows it."
        )
    if found.unasked:
        notes.append(
            f"Not seen: what only listens for clicks in {found.unasked} "
            f"{'frame' if found.unasked == 1 else 'frames'} of other sites; click at its place."
        )
    deep = [line.ref for line in lines if line.depth == DEEPEST and line.ref and not line.text]
    if deep:
        refs = ", ".join(deep[:_MOST_DEEP])
        notes.append(
            f"Not seen: text nested deeper than {DEEPEST} levels, inside {refs}; read its value."
        )
    return tuple(notes)
