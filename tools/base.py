"""How a tool is declared, and what the runtime needs of it.

`@tool` turns a function into a `Tool`. The rules that this file keeps:

- what is wrong with a declaration is told when it is made, not when a model first calls the tool;
- what a tool does not say, its class says (`tool_classes.CLASSES`);
- a tool can still be called as the function that it was.
"""

import asyncio
import functools
import inspect
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from types import EllipsisType
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload

from scheduler import Access, Resource
from scheduler.work import in_thread
from tools.context import ToolContext
from tools.declaration import AccessFunction, Arguments, Declaration, ToolApproval, check, of_two
from tools.errors import DeclarationError
from tools.file_resources import file_resources
from tools.signature import documentation
from tools.tool_classes import CLASSES, Effect, Place, ToolClass

if TYPE_CHECKING:
    from tools.input import Input

P = ParamSpec("P")
R = TypeVar("R")


class Tool(Generic[P, R]):
    """A function that a model can call.

    Raises:
        DeclarationError: it cannot be offered so; the text says what to do.
    """

    def __init__(self, function: Callable[P, R], said: Declaration | None = None) -> None:
        said = said or Declaration()
        meaning = CLASSES[said.tool_class]
        self.function = function
        self.name = said.name or str(getattr(function, "__name__", function))
        check(self.name, function, said)
        documented = documentation(self.name, function)
        self.description = documented.text
        self.tool_class = said.tool_class
        self.lane = said.tool_class.value
        """Where its capacity is counted."""
        self.effect = said.effect or meaning.effect
        self.timeout = meaning.seconds if isinstance(said.timeout, EllipsisType) else said.timeout
        self.approval = said.approval
        self.moves = meaning.moves if said.moves is None else said.moves
        self.output_limit = said.output_limit
        self._paths = said.paths
        self._access = of_two(said.access)
        self._is_async = inspect.iscoroutinefunction(function)
        self._descriptions = documented.arguments
        functools.update_wrapper(self, function, updated=())

    def __repr__(self) -> str:
        return f"<Tool {self.name} {self.tool_class}>"

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function that it was made of."""
        return self.function(*args, **kwargs)

    @functools.cached_property
    def _input(self) -> "Input":
        from tools.input import Input  # noqa: PLC0415  (imports pydantic, which is slow)

        return Input(self.name, self.function, self._descriptions)

    def definition(self) -> dict[str, Any]:
        """Give what the API is told of it; the same function gives the same bytes.

        Raises:
            DeclarationError: its parameters cannot be described to a model.
        """
        return {
            "name": self.name,
            "description": self.description,
            "input_schema": self._input.json_schema(),
        }

    def parse(self, given: object) -> Arguments:
        """Check and convert the input of a call.

        Raises:
            InputError: every field that is wrong, for the model to read.
        """
        return self._input.parse(given)

    def access(self, arguments: Arguments, place: Place) -> Access:
        """Work out what a call touches. Runs on the event loop: a few lstat calls at most.

        Raises:
            TypeError: the tool's own access function gave something else.
        """
        if self._access is None:
            return CLASSES[self.tool_class].access(self._files(arguments, place), place)
        access = self._access(arguments, place)
        if not isinstance(access, Access):
            raise TypeError(f"tool {self.name!r}: its access= gave {access!r}; give an Access")
        return access

    async def run(self, arguments: Arguments, context: ToolContext) -> object:
        """Run it and give what it returns; a plain function runs in a thread."""
        given = dict(arguments)
        if self._input.context is not None:
            given[self._input.context] = context
        function: Callable[..., Any] = self.function
        if self._is_async:
            return await function(**given)
        work = functools.partial(function, **given)
        value = await _in_thread(context, work)
        return await value if inspect.isawaitable(value) else value

    def _files(self, arguments: Arguments, place: Place) -> frozenset[Resource]:
        """Give the resources of all paths; the workspace's, where a path is needed and left out."""
        needs_files = CLASSES[self.tool_class].needs_files
        found: frozenset[Resource] = frozenset()
        for values in [arguments.get(name) for name in self._paths] or [None]:
            for path in _listed(values) or [""] * needs_files:
                found |= file_resources(place.workspace, path, place.unsettled)
        return found


def _listed(value: object) -> list[str]:
    """Give the paths in an argument; what is no path counts as the whole workspace."""
    if value is None:
        return []
    if isinstance(value, str | os.PathLike):
        return [os.fspath(value)]
    if isinstance(value, Collection) and not isinstance(value, bytes | Mapping):
        return [path for each in value for path in _listed(each)]
    return [""]


async def _in_thread(context: ToolContext, work: Callable[[], object]) -> Any:
    if context.call is None:
        return await asyncio.to_thread(work)
    return await in_thread(context.call, work)


@overload
def tool(tool_class: Callable[P, R], /) -> Tool[P, R]: ...


@overload
def tool(
    tool_class: ToolClass = ...,
    *,
    path: str | Sequence[str] | None = ...,
    access: AccessFunction | None = ...,
    effect: Effect | None = ...,
    timeout: float | EllipsisType | None = ...,
    approval: ToolApproval | None = ...,
    name: str | None = ...,
    moves: bool | None = ...,
    output_limit: int | None = ...,
) -> Callable[[Callable[P, R]], Tool[P, R]]: ...


def tool(
    tool_class: ToolClass | Callable[P, R] = ToolClass.EXCLUSIVE,
    *,
    path: str | Sequence[str] | None = None,
    access: AccessFunction | None = None,
    effect: Effect | None = None,
    timeout: float | EllipsisType | None = ...,
    approval: ToolApproval | None = None,
    name: str | None = None,
    moves: bool | None = None,
    output_limit: int | None = None,
) -> Tool[P, R] | Callable[[Callable[P, R]], Tool[P, R]]:
    """Declare a function as a tool that a model can call.

    Its docstring becomes the description, its signature the schema; a parameter that is annotated
    with `ToolContext` is passed in and hidden. `@tool` alone declares a tool that runs alone.

    Args:
        tool_class: what it touches, as a rule.
        path: the parameter that holds a path, or several of them; of every class but `local_read`,
            the paths are written. A local tool without one touches the whole workspace.
        access: works out what a call touches, of the arguments, or of the arguments and the
            `Place`; it overrides class and path.
        effect: what a repetition would do; the class's if left out.
        timeout: seconds; None for no limit, the class's if left out.
        approval: "allow", "ask" or "deny", whatever the rules say of its class.
        name: the function's if left out.
        moves: whether it may change what paths mean (a move, a delete, a link).
        output_limit: bytes of text that the model sees of a result.

    Raises:
        DeclarationError: it cannot be offered so; the text says what to do.
    """
    if not isinstance(tool_class, ToolClass):
        if callable(tool_class):
            return Tool(tool_class)
        raise DeclarationError(f"{tool_class!r} is no ToolClass: use one of {', '.join(ToolClass)}")
    said = Declaration(
        tool_class=tool_class,
        paths=(path,) if isinstance(path, str) else tuple(path or ()),
        access=access,
        effect=effect,
        timeout=timeout,
        approval=approval,
        name=name,
        moves=moves,
        output_limit=output_limit,
    )
    return lambda function: Tool(function, said)
