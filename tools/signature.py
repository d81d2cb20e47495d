"""What a function says of itself: its parameters, and what its docstring says of each.

The rules that this file keeps: a tool's function takes each parameter by name, every parameter has
an annotation, and there is a docstring. All of that is looked at when the tool is declared;
annotations are resolved later (`resolved`), since they may name what stands further down.
"""

import inspect
import re
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tools.errors import DeclarationError

_TOOL_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_SECTION: Final = re.compile(r"(?:Args|Arguments|Parameters):\s*")
_ENTRY: Final = re.compile(r"\*{0,2}(\w+)(?:\s*\([^)]*\))?:\s*(.*)")
_BY_NAME: Final = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True, slots=True)
class Documentation:
    """A docstring without its section of arguments, and what that says by parameter."""

    text: str
    arguments: Mapping[str, str]


def check_function(tool: str, function: Callable[..., object]) -> None:
    """Refuse a function that no input can be passed to.

    Raises:
        DeclarationError: which tool, what is wrong, what to do.
    """
    if not (inspect.isfunction(function) or inspect.ismethod(function)):
        raise DeclarationError(f"tool {tool!r}: {function!r} is no function: wrap it in a `def`")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise DeclarationError(f"tool {tool!r} yields: return the whole result instead")
    for name, parameter in inspect.signature(function).parameters.items():
        _check_parameter(tool, name, parameter)


def _check_parameter(tool: str, name: str, parameter: inspect.Parameter) -> None:
    if parameter.kind not in _BY_NAME:
        raise DeclarationError(
            f"tool {tool!r}: `{parameter}` cannot be given by name, and an input has only names: "
            "write one ordinary parameter for each field"
        )
    if parameter.annotation is inspect.Parameter.empty:
        raise DeclarationError(
            f"tool {tool!r}: parameter {name!r} has no annotation: write `{name}: str` or what it "
            "is (a method is declared once it is bound: `tool(...)(thing.method)`)"
        )


def check_name(name: str) -> None:
    """Refuse a name that the API does not take.

    Raises:
        DeclarationError: what it may be.
    """
    if not _TOOL_NAME.fullmatch(name):
        raise DeclarationError(
            f"{name!r} is no name for a tool: use 1 to 64 letters, digits, `_` and `-` "
            "of ASCII, or give another with `name=`"
        )


def check_paths(tool: str, paths: Sequence[str], function: Callable[..., object]) -> None:
    """Refuse paths that are no parameters.

    Raises:
        DeclarationError: which one, and what parameters there are.
    """
    names = list(inspect.signature(function).parameters)
    for path in paths:
        if path not in names:
            raise DeclarationError(
                f"tool {tool!r}: path={path!r} is none of its parameters "
                f"({', '.join(names) or 'it has none'}): name one that holds a path"
            )


def documentation(tool: str, function: Callable[..., object]) -> Documentation:
    """Take a docstring in Google's style apart.

    Raises:
        DeclarationError: there is none, or it describes a parameter that there is not.
    """
    text, arguments = _taken_apart(inspect.getdoc(function) or "")
    if not text:
        raise DeclarationError(
            f"tool {tool!r} has no docstring: say in it what the tool does; the model reads that"
        )
    unknown = arguments.keys() - inspect.signature(function).parameters.keys()
    if unknown:
        raise DeclarationError(
            f"tool {tool!r}: its docstring describes {', '.join(sorted(map(repr, unknown)))}, "
            "which it does not take: correct the Args section"
        )
    return Documentation(text, arguments)


def _taken_apart(text: str) -> tuple[str, dict[str, str]]:
    lines = text.splitlines()
    start = next((at for at, line in enumerate(lines) if _SECTION.fullmatch(line)), len(lines))
    end = start + 1
    while end < len(lines) and (not lines[end].strip() or lines[end][0].isspace()):
        end += 1
    rest = "\n".join(lines[:start]).strip() + "\n\n" + "\n".join(lines[end:]).strip()
    return rest.strip(), _entries(lines[start + 1 : end])


def _entries(lines: Sequence[str]) -> dict[str, str]:
    """Give the entries of an Args section; a line that is further in goes on with the last one."""
    entries: dict[str, list[str]] = {}
    name, indent = "", min((_indent(line) for line in lines if line.strip()), default=0)
    for line in lines:
        entry = _ENTRY.fullmatch(line.strip()) if _indent(line) == indent else None
        if entry is not None:
            name = entry[1]
            entries[name] = [entry[2]]
        elif name:
            entries[name].append(line.strip())
    return {name: " ".join(filter(None, text)) for name, text in entries.items()}


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def resolved(tool: str, function: Callable[..., object]) -> dict[str, Any]:
    """Give the annotations of the parameters, in order.

    Raises:
        DeclarationError: one of them names what cannot be found.
    """
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError, SyntaxError) as error:
        raise DeclarationError(
            f"tool {tool!r}: an annotation cannot be resolved ({error}): import or define what it "
            "names in the tool's module, outside of functions and of `if TYPE_CHECKING`"
        ) from error
    return {name: hints[name] for name in inspect.signature(function).parameters}
