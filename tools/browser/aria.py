"""A page's accessibility tree as Playwright writes it (mode "ai"), read into lines.

The rules that this file keeps:

- what a page says can never become structure: names and texts are decoded from their quotes, and
  only what stands outside of them is a role, a state or a ref;
- the tree is a flat list, each line with its depth, so that no nesting is too deep;
- every text is scrubbed.

Playwright's writer is `renderAriaSnapshotAsYaml`; its escapes are those undone here.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from tools.browser.untrusted import scrubbed

Box: TypeAlias = tuple[int, int, int, int]
"""Left, top, width and height in CSS pixels, within the element's frame."""

INTERACTIVE: Final = frozenset(
    (
        "button",
        "checkbox",
        "clickable",
        "combobox",
        "gridcell",
        "link",
        "listbox",
        "menuitem",
        "menuitemcheckbox",
        "menuitemradio",
        "option",
        "radio",
        "scrollbar",
        "searchbox",
        "slider",
        "spinbutton",
        "switch",
        "tab",
        "textbox",
        "treeitem",
    )
)
"""Roles of what can be acted on."""

_HIDDEN: Final = "(not shown)"
_DEEPEST: Final = 24
"""Levels of indentation that are drawn; what lies deeper stands at the last one."""

_KEY: Final = re.compile(r"([A-Za-z]+)( (?=\"))?")
_STATE: Final = re.compile(r" \[([^\]\"]*)\]")
_ESCAPED: Final = re.compile(r"\\(?:x([0-9a-f]{2})|(.))", re.DOTALL)
_ESCAPES: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}

_decoder: Final = json.JSONDecoder(strict=False)


@dataclass(frozen=True, slots=True)
class Line:
    """An element of the tree, or text between elements (role `text`)."""

    depth: int
    role: str
    name: str = ""
    text: str = ""
    """Its only content, or the value of an input."""
    states: tuple[str, ...] = ()
    """Such as `checked`, `disabled`, `expanded`, `level=1`."""
    ref: str = ""
    url: str = ""
    placeholder: str = ""
    box: Box | None = None
    clickable: bool = False
    """Whether it has a pointer's cursor, or listens for clicks."""
    hint: str = ""
    """Id and classes, where nothing else says what it is."""

    def content(self, ref: str = "") -> str:
        """Write it without its depth, and without a ref: what stays when refs are renumbered."""
        parts = [self.role]
        if ref:
            parts.append(f"[ref={ref}]")
        if self.name:
            parts.append(quoted(self.name))
        parts += [f"[{state}]" for state in self.states]
        if self.clickable and self.role not in INTERACTIVE:
            parts.append("[clickable]")
        if self.hint and not self.name:
            parts.append(f"[hint={quoted(self.hint)}]")
        if self.placeholder:
            parts.append(f"[placeholder={quoted(self.placeholder)}]")
        if self.url:
            parts.append(f"[url={quoted(self.url)}]")
        return " ".join(parts) + (f": {quoted(self.text)}" if self.text else "")

    def written(self, depth: int | None = None) -> str:
        """Write it as a line, at its own depth or another."""
        indent = "  " * min(self.depth if depth is None else depth, _DEEPEST)
        return f"{indent}- {quoted(self.text) if self.role == 'text' else self.content(self.ref)}"


def quoted(text: str) -> str:
    """Write a page's text within quotes that it cannot leave."""
    return json.dumps(text, ensure_ascii=False)


def without_value(line: Line) -> Line:
    """Leave out the value of a line, as of a password."""
    return replace(line, text=_HIDDEN) if line.text else line


def read_lines(snapshot: str) -> tuple[Line, ...]:
    """Read a snapshot of `Page.aria_snapshot(mode="ai")`, with boxes or without."""
    lines: list[Line] = []
    for written in snapshot.split("\n"):
        stripped = written.lstrip(" ")
        depth = (len(written) - len(stripped)) // 2
        entry = stripped.removeprefix("- ")
        if entry.startswith("/url: ") and lines:
            lines[-1] = replace(lines[-1], url=_value(entry[6:]))
        elif entry.startswith("/placeholder: ") and lines:
            lines[-1] = replace(lines[-1], placeholder=_value(entry[14:]))
        elif entry.startswith("text: "):
            _add_text(lines, depth, _value(entry[6:]))
        elif entry:
            lines.append(_element(depth, entry))
    return tuple(lines)


def _add_text(lines: list[Line], depth: int, text: str) -> None:
    """Add text; after an input's properties it is the input's value."""
    last = lines[-1] if lines else None
    if last and last.placeholder and last.depth == depth - 1 and not last.text:
        lines[-1] = replace(last, text=text)
    else:
        lines.append(Line(depth, "text", text=text))


def _element(depth: int, entry: str) -> Line:
    key, value = _split(entry)
    match = _KEY.match(key)
    if match is None:
        return Line(depth, "text", text=scrubbed(entry))
    name, end = "", match.end()
    if match[2]:
        name, end = _decoder.raw_decode(key, end)
    states, ref, box, pointer = [], "", None, False
    for state in _STATE.findall(key, end):
        label, _, detail = state.partition("=")
        if label == "ref":
            ref = detail
        elif label == "box":
            x, y, width, height = map(int, detail.split(","))
            box = (x, y, width, height)
        elif label == "cursor":
            pointer = True
        else:
            states.append(state)
    return Line(depth, match[1], scrubbed(name), _value(value), tuple(states), ref, "", "", box,
                pointer)  # fmt: skip


def _split(entry: str) -> tuple[str, str]:
    """Split an entry at the colon behind its key, which may be in single quotes."""
    if entry.startswith("'"):
        end = 1
        while entry[end : end + 2] == "''" or entry[end] != "'":
            end += 2 if entry[end : end + 2] == "''" else 1
        key, rest = entry[1:end].replace("''", "'"), entry[end + 1 :]
        return key, rest.removeprefix(":").removeprefix(" ")
    key, _, value = entry.partition(": ")
    return key.removesuffix(":"), value


def _value(written: str) -> str:
    if not written.startswith('"'):
        return scrubbed(written)
    return scrubbed(_ESCAPED.sub(_unescaped, written[1:-1]))


def _unescaped(escape: re.Match[str]) -> str:
    if escape[1]:
        return chr(int(escape[1], 16))
    return _ESCAPES.get(escape[2], escape[2])


def end_of(lines: tuple[Line, ...], index: int) -> int:
    """Give the index behind the last line that is inside the one at `index`."""
    depth = lines[index].depth
    end = index + 1
    while end < len(lines) and lines[end].depth > depth:
        end += 1
    return end


def ancestors(lines: tuple[Line, ...], index: int) -> Iterator[int]:
    """Give the indices of the lines that one is in, from the nearest outwards."""
    depth = lines[index].depth
    for each in range(index - 1, -1, -1):
        if lines[each].depth < depth:
            depth = lines[each].depth
            yield each
