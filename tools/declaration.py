"""What a tool says of itself beside its function, and what may be wrong with that."""

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import EllipsisType
from typing import Any, Final, Literal, TypeAlias, cast, get_args

from scheduler import Access
from tools.errors import DeclarationError
from tools.signature import check_function, check_name, check_paths
from tools.tool_classes import Effect, Place, ToolClass

Arguments: TypeAlias = Mapping[str, Any]
"""Checked and converted values by parameter, defaults included."""

AccessFunction: TypeAlias = Callable[[Arguments], Access] | Callable[[Arguments, Place], Access]
"""Works out what a call touches. It is plain and quick: it runs on the event loop."""

ToolApproval: TypeAlias = Literal["allow", "ask", "deny"]

_APPROVALS: Final = get_args(ToolApproval)


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a tool says of itself beside its function."""

    tool_class: ToolClass = ToolClass.EXCLUSIVE
    paths: tuple[str, ...] = ()
    """The parameters that hold a path, or several."""
    access: AccessFunction | None = None
    """For what the class cannot say; it overrides class and paths."""
    effect: Effect | None = None
    timeout: float | EllipsisType | None = ...
    """Seconds; None for no limit, `...` for the class's."""
    approval: ToolApproval | None = None
    name: str | None = None
    moves: bool | None = None
    """Whether it may change what paths mean: by a move, a delete, a link."""
    output_limit: int | None = None
    """Bytes of text."""


def check(name: str, function: Callable[..., object], said: Declaration) -> None:
    """Refuse a declaration that cannot work.

    Raises:
        DeclarationError: which tool, what is wrong, what to do.
    """
    check_name(name)
    check_function(name, function)
    check_paths(name, said.paths, function)
    if said.access is not None:
        _check_access(name, said.access)
    if said.approval is not None and said.approval not in _APPROVALS:
        raise DeclarationError(
            f"tool {name!r}: approval={said.approval!r} is none of {', '.join(_APPROVALS)}"
        )
    _check_number(name, "timeout", said.timeout, "seconds, or None for no limit")
    _check_number(name, "output_limit", said.output_limit, "bytes")


def _check_access(tool: str, access: AccessFunction) -> None:
    takes = len(inspect.signature(access).parameters)
    if takes not in (1, 2) or inspect.iscoroutinefunction(access):
        raise DeclarationError(
            f"tool {tool!r}: access= is a plain function of the arguments, "
            "or of the arguments and the Place"
        )


def _check_number(tool: str, field: str, value: object, unit: str) -> None:
    if value is None or value is ...:
        return
    if not isinstance(value, int | float) or not 0 < value < math.inf:
        raise DeclarationError(f"tool {tool!r}: {field}={value!r} is no number of {unit}")


def of_two(access: AccessFunction | None) -> Callable[[Arguments, Place], object] | None:
    """Give an access function that takes both, whatever the tool's own takes."""
    if access is None or len(inspect.signature(access).parameters) > 1:
        return cast("Callable[[Arguments, Place], object] | None", access)
    of_one = cast("Callable[[Arguments], object]", access)
    return lambda arguments, _: of_one(arguments)
