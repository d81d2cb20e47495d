"""Events as lines of text, for a person at a terminal: pure.

What a model or a tool wrote is cleaned of control characters: it must not act on the terminal.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from agent.claude.prices import Usage
from agent.events import (
    ApprovalAsked,
    Event,
    Notice,
    ReplyDiscarded,
    Retrying,
    ToolFinished,
    ToolProgress,
    TurnFinished,
)
from tools.text import visible

WIDTH: Final = 100
"""Characters of a call's input, or of a failure's text, in one line."""

DETAILS: Final = 20
"""Lines of a text that a person is shown before it is written."""

LONGEST: Final = 1_000
"""Characters of such a line."""

MARKS: Final = {
    "finished": "+",
    "failed": "x",
    "denied": "-",
    "timed_out": "x",
    "interrupted": "x",
    "not_executed": "-",
}
"""How a call ended, in a character."""

MARGINS: Final = {"content": "+ ", "html": "+ ", "command": "  "}
"""What stands before the lines of an input; its name, where this has none."""

GOOD_ENDS: Final = frozenset({"end_turn", "stop_sequence", "tool_use"})
"""Ends of a turn that nobody has to be told of."""


def one_line(text: str, width: int = WIDTH) -> str:
    """Give a text as one line that is not too long."""
    line = " ".join(visible(text).split())
    return line if len(line) <= width else f"{line[: width - 3]}..."


def summary(call_input: Mapping[str, Any], width: int = WIDTH) -> str:
    """Say in a line what a call was given: the first text alone, the rest by name."""
    first, *rest = [*call_input.items()] or [("", "")]
    named = [f"{name}={_value(value)}" for name, value in rest]
    begin = first[1] if isinstance(first[1], str) else f"{first[0]}={_value(first[1])}"
    return one_line(", ".join([begin, *named]), width)


def _value(value: object) -> str:
    """Write a value in a word or two."""
    match value:
        case str():
            return one_line(value, 40)
        case list():
            return f"[{len(value)}]"
        case _:
            return json.dumps(value, ensure_ascii=False, default=str)


def call_title(name: str, call_input: Mapping[str, Any], width: int = WIDTH) -> str:
    """Name a call and what it was given."""
    return f"{one_line(name, 40)} {summary(call_input, width)}".rstrip()


def details(call_input: Mapping[str, Any]) -> Iterable[str]:
    """Show what a person has to see before it is done: all that the call's title leaves out."""
    title = summary(call_input)
    for name, value in call_input.items():
        if name == "edits" and isinstance(value, list):
            yield from _edits(value)
            continue
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if "\n" in text or visible(text) not in title:
            yield from _shown(text, MARGINS.get(name, f"{one_line(name, 40)}: "))


def _edits(edits: Iterable[object]) -> Iterable[str]:
    for edit in edits:
        if isinstance(edit, Mapping):
            yield from _shown(str(edit.get("old_text", "")), "- ")
            yield from _shown(str(edit.get("new_text", "")), "+ ")


def _shown(text: str, mark: str) -> Iterable[str]:
    lines = visible(text).splitlines()
    for line in lines[:DETAILS]:
        more = len(line) - LONGEST
        cut = f"{line[:LONGEST]}... and {more:,} more characters" if more > 0 else line
        yield f"    {mark}{cut}"
    if len(lines) > DETAILS:
        yield f"    {mark}... and {len(lines) - DETAILS} more lines"


class Narrator:
    """Tells a turn's events in lines; text of the model is told by whoever shows it."""

    def __init__(self) -> None:
        self._titles: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"<Narrator of {len(self._titles)} calls>"

    def called(self, key: str, name: str, call_input: Mapping[str, Any]) -> None:
        """Note a call's input, for the line of its end."""
        self._titles[key] = call_title(name, call_input)

    def lines(self, event: Event) -> Iterable[str]:
        """Give the lines that tell an event; most have none."""
        match event:
            case ToolProgress():
                yield f"  . {event.name}: {one_line(event.text)}"
            case ToolFinished():
                yield from self._finished(event)
            case ApprovalAsked():
                yield f"? {call_title(event.name, event.input)}"
                yield from details(event.input)
                yield f"  {one_line(event.why)}"
            case ReplyDiscarded():
                yield f"! what was shown of this reply does not count: {one_line(event.why)}"
            case Retrying():
                yield f"! {one_line(event.why)}; again in {event.seconds:.0f} s"
            case Notice():
                yield f"! {one_line(event.text, 4 * WIDTH)}"
            case TurnFinished():
                yield from _end(event)

    def _finished(self, event: ToolFinished) -> Iterable[str]:
        title = self._titles.pop(event.id, one_line(event.name))
        mark = MARKS.get(event.status, "?")
        took = f"  {event.seconds:.2f} s" if event.seconds else ""
        yield f"  {mark} {title}{took}"
        if event.is_error:
            yield f"    {event.status}: {one_line(event.text)}"


def _end(event: TurnFinished) -> Iterable[str]:
    if event.error:
        yield f"! {one_line(event.error, 4 * WIDTH)}"
    elif event.why not in GOOD_ENDS:
        yield f"! the turn ended: {one_line(event.why)}"


def used(usage: Usage) -> str:
    """Say what was used."""
    cost = f", ${usage.cost:.4f}" if usage.cost else ""
    return (
        f"{usage.requests} requests, {usage.prompt:,} tokens in "
        f"({usage.cache_read:,} from the cache), {usage.output:,} out{cost}"
    )
