"""What is wrong with an input, in words that a model can act on.

A line for each field: where it is, what would be right, what was given. At most ten lines, each
bounded, however large or deep the input is.
"""

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from tools.text import cleaned

_MOST_PROBLEMS: Final = 10
_MOST_NAMES: Final = 30
_LONGEST_VALUE: Final = 80
_LONGEST_NAME: Final = 60
_LONGEST_REASON: Final = 300
_LONGEST_WAY: Final = 160
_LOOKED_AT: Final = 200
"""Errors that are looked at: a long array can have one for each element."""
_DEEPEST: Final = 3
_MOST_PARTS: Final = 6

_UNKNOWN: Final = frozenset(("extra_forbidden", "unexpected_keyword_argument"))
_MISSING: Final = frozenset(("missing", "missing_argument", "missing_keyword_only_argument"))

_NAMELESS: Final = _UNKNOWN | _MISSING
"""Errors of a name, where the value does not matter."""

_PHRASES: Final = (
    ("Input should be", "it should be"),
    ("Value error, ", ""),
    ("Assertion failed, ", ""),
    ("a valid dictionary or instance of", "an object, with the fields of"),
    ("a valid dictionary or object to extract fields from", "an object"),
    ("a dictionary or an instance of", "an object, with the fields of"),
    ("a valid dictionary", "an object"),
    ("a valid list", "an array"),
    ("a valid tuple", "an array"),
    ("a valid set", "an array"),
)
"""What pydantic says, and what a model that knows JSON understands."""


def describe(
    tool: str, problems: Sequence[Mapping[str, Any]], given: object, schema: Mapping[str, Any]
) -> str:
    """Say which fields of a tool's input are wrong, given pydantic's errors."""
    if not isinstance(given, dict):
        return f"The input of {tool} is an object with named fields; got {shown(given)}."
    lines = [*_lines(problems[:_LOOKED_AT], given, schema)]
    more = len(lines) - _MOST_PROBLEMS + max(0, len(problems) - _LOOKED_AT)
    if more > 0:
        lines[_MOST_PROBLEMS:] = [f"- and {more} more"]
    return cleaned("\n".join([f"The input of {tool} does not fit, so it was not run:", *lines]))


def _lines(
    problems: Iterable[Mapping[str, Any]], given: object, schema: Mapping[str, Any]
) -> Iterator[str]:
    """Give a line for each field; the choices of a union make one together."""
    fields: dict[str, dict[str, None]] = {}
    values: dict[str, object] = {}
    for problem in problems:
        way = _way(problem["loc"], given)
        field = _spelled(way)
        fields.setdefault(field, {})[_reason(problem, way, schema)] = None
        if problem["type"] not in _NAMELESS:
            values[field] = problem["input"]
    for field, reasons in fields.items():
        got = f"; got {shown(values[field])}" if field in values else ""
        yield f"- {field}: {', or '.join(reasons)}{got}"


def _reason(problem: Mapping[str, Any], way: Sequence[str | int], schema: Mapping[str, Any]) -> str:
    kind = problem["type"]
    if kind in _MISSING:
        return "missing, and it has no default"
    if kind in _UNKNOWN:
        return f"there is no such field{_nearest(str(way[-1]), _names(way[:-1], schema))}"
    text = problem["msg"]
    for theirs, ours in _PHRASES:
        text = text.replace(theirs, ours)
    return _shortened(text, _LONGEST_REASON)


def _nearest(name: str, names: Sequence[str]) -> str:
    if not names:
        return "; there are none here"
    near = difflib.get_close_matches(name[:_LONGEST_NAME], names, 1)
    guess = f"; did you mean {near[0]}?" if near else ";"
    listed = ", ".join(names[:_MOST_NAMES]) + (", ..." if len(names) > _MOST_NAMES else "")
    return f"{guess} the fields are {listed}"


# -- where -----------------------------------------------------------------------------------------


def _way(location: Sequence[str | int], given: object) -> list[str | int]:
    """Leave out what is in no input: the names that pydantic gives to a union's choices."""
    way: list[str | int] = []
    for at, step in enumerate(location):
        is_last = at == len(location) - 1
        if isinstance(given, dict) and (step in given or is_last):
            given = given.get(step)
        elif isinstance(given, list) and isinstance(step, int) and (step < len(given) or is_last):
            given = given[step] if step < len(given) else None
        else:
            continue
        way.append(step)
    return way


def _spelled(way: Sequence[str | int]) -> str:
    """Spell a way as `edits[2].old_text`."""
    text = ""
    for step in way:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            name = _shortened(step, _LONGEST_NAME)
            text += f".{name}" if text else name
    return _shortened(text, _LONGEST_WAY) or "the input"


def _names(way: Sequence[str | int], schema: Mapping[str, Any]) -> list[str]:
    """Give the fields that the schema has at a place; those of all choices of a union."""
    level = [*_choices(schema, schema)]
    for step in way:
        inner = [sub for each in level for sub in _inner(each, step)]
        level = [choice for each in inner for choice in _choices(each, schema)]
    return list(dict.fromkeys(name for each in level for name in each.get("properties", ())))


def _inner(schema: Mapping[str, Any], step: str | int) -> Iterator[Mapping[str, Any]]:
    found = (
        schema.get("items")
        if isinstance(step, int)
        else schema.get("properties", {}).get(step) or schema.get("additionalProperties")
    )
    if isinstance(found, dict):
        yield found


def _choices(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "$ref" in schema:
        yield from _choices(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root)
    for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from _choices(choice, root)
    yield schema


# -- what was given --------------------------------------------------------------------------------


def shown(value: object) -> str:
    """Show a value as JSON, in at most 80 characters, however large or deep it is."""
    return _shortened("".join(_json(value, _DEEPEST)), _LONGEST_VALUE)


def _json(value: object, depth: int) -> Iterator[str]:
    """Spell the beginning of a value."""
    if isinstance(value, dict | list) and value and not depth:
        yield "{...}" if isinstance(value, dict) else "[...]"
    elif isinstance(value, dict):
        pairs = (_pair(str(key), each, depth) for key, each in value.items())
        yield from _joined("{", pairs, "}")
    elif isinstance(value, list):
        yield from _joined("[", (_json(each, depth - 1) for each in value), "]")
    elif isinstance(value, str):
        yield json.dumps(value[:_LONGEST_VALUE], ensure_ascii=False)
    else:
        yield json.dumps(value, default=lambda other: type(other).__name__)


def _pair(key: str, value: object, depth: int) -> Iterator[str]:
    yield from _json(key, 0)
    yield ": "
    yield from _json(value, depth - 1)


def _joined(start: str, parts: Iterable[Iterable[str]], end: str) -> Iterator[str]:
    yield start
    for at, part in enumerate(parts):
        if at == _MOST_PARTS:
            yield ", ..."
            break
        yield ", " if at else ""
        yield from part
    yield end


def _shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
