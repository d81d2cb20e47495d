"""The input of a call: what a model gives, checked and converted.

Importing this file imports pydantic, so that `tools` does it only when it is first asked for a
tool's schema. Accepted beyond the schema is only what cannot mean anything else: `"3"` for a
number, `"true"` for a boolean, and JSON in a string for an array or an object.
"""

import copy
import json
from collections.abc import Callable, Mapping
from typing import Any, get_args

import pydantic

from tools.context import ToolContext
from tools.errors import InputError
from tools.input_errors import describe
from tools.schema import Schema, containers_of, model_of, schema_of
from tools.signature import resolved
from tools.text import is_whole


class Input:
    """The input of one tool."""

    def __init__(
        self, tool: str, function: Callable[..., object], descriptions: Mapping[str, str]
    ) -> None:
        hints = resolved(tool, function)
        self.context = next((name for name, hint in hints.items() if _is_context(hint)), None)
        """The parameter that takes the `ToolContext`."""
        hints = {name: hint for name, hint in hints.items() if not _is_context(hint)}
        self._tool = tool
        self._names = tuple(hints)
        self._model = model_of(tool, function, hints)
        self._schema = schema_of(tool, self._model, descriptions)
        self._containers = containers_of(self._schema)
        self._validator = self._model.__pydantic_validator__

    def __repr__(self) -> str:
        return f"<Input of {self._tool}: {', '.join(self._names) or 'nothing'}>"

    def json_schema(self) -> Schema:
        """Give a copy of the schema."""
        return copy.deepcopy(self._schema)

    def parse(self, given: object) -> dict[str, Any]:
        """Check and convert an input; give the arguments by parameter, defaults included.

        Raises:
            InputError: every field that is wrong, for the model to read.
        """
        try:
            return self._checked(given)
        except pydantic.ValidationError as error:
            mended = self._mended(given)
            if mended is None:
                raise self._input_error(error, given) from None
        try:
            return self._checked(mended)
        except pydantic.ValidationError as error:
            raise self._input_error(error, mended) from None

    def _checked(self, given: Any) -> dict[str, Any]:
        # `extra` holds for nested models too, which do not take over the outer one's settings.
        found = self._validator.validate_python(given, extra="forbid")
        halves = [name for name, value in given.items() if not _is_whole(value)]
        if halves:
            raise self._halves_error(halves, given)
        return dict(zip(self._names, found.__dict__.values(), strict=True))

    def _mended(self, given: object) -> dict[str, Any] | None:
        """Give the input with JSON in strings parsed, where that is what is asked for."""
        if not isinstance(given, dict):
            return None
        texts = {name: given[name] for name in self._containers if isinstance(given.get(name), str)}
        parsed = {
            name: value for name, text in texts.items() if (value := _parsed(text)) is not None
        }
        return {**given, **parsed} if parsed else None

    def _input_error(self, error: pydantic.ValidationError, given: object) -> InputError:
        problems = error.errors(include_url=False, include_context=False)
        return InputError(describe(self._tool, problems, given, self._schema))

    def _halves_error(self, names: list[str], given: Mapping[str, object]) -> InputError:
        what = "a text in it holds half a character (a lone surrogate): write the character whole"
        problems = [
            {"type": "half", "loc": (name,), "msg": what, "input": given[name]} for name in names
        ]
        return InputError(describe(self._tool, problems, given, self._schema))


def _is_whole(value: object) -> bool:
    """Say whether no string in a value, at whatever depth, holds half a character."""
    rest = [value]
    while rest:
        each = rest.pop()
        if isinstance(each, str):
            if not is_whole(each):
                return False
        elif isinstance(each, dict):
            rest += each
            rest += each.values()
        elif isinstance(each, list):
            rest += each
    return True


def _is_context(hint: object) -> bool:
    return hint is ToolContext or ToolContext in get_args(hint)


def _parsed(text: str) -> object:
    """Parse JSON that is an array or an object; None when it is neither."""
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")
