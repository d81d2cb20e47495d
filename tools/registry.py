"""The tools of a session by name, in the order in which they were given."""

import difflib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeAlias

from tools.base import Tool
from tools.errors import DeclarationError
from tools.text import cleaned

AnyTool: TypeAlias = Tool[..., Any]

_LONGEST_NAME: Final = 64
_LONGEST_TEXT: Final = 2000


class Registry:
    """Finds tools by name. A plain function counts as a tool that runs alone.

    Raises:
        DeclarationError: two tools have one name, or a function cannot be offered as a tool.
    """

    def __init__(self, tools: Iterable[AnyTool | Callable[..., Any]]) -> None:
        self._tools: dict[str, AnyTool] = {}
        for each in tools:
            self._add(each if isinstance(each, Tool) else Tool(each))

    def __repr__(self) -> str:
        return f"<Registry {', '.join(self._tools) or 'empty'}>"

    def __len__(self) -> int:
        return len(self._tools)

    def __iter__(self) -> Iterator[AnyTool]:
        return iter(self._tools.values())

    def _add(self, tool: AnyTool) -> None:
        other = self._tools.setdefault(tool.name, tool)
        if other is not tool:
            raise DeclarationError(
                f"two tools are named {tool.name!r}: {_origin(other)} and {_origin(tool)}: "
                "give one of them another with `name=`"
            )

    def get(self, name: str) -> AnyTool | None:
        """Give a tool; None when there is none of that name."""
        return self._tools.get(name)

    def definitions(self) -> list[dict[str, Any]]:
        """Give what the API is told of the tools; the same tools give the same bytes."""
        return [tool.definition() for tool in self]

    def unknown(self, name: str) -> str:
        """Say, for the model, that there is no such tool and which there are."""
        asked = name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}..."
        text = f"There is no tool {cleaned(asked)!r}."
        near = self._nearest(asked)
        if near:
            text += f" Did you mean {' or '.join(near)}?"
        return text + _listed(list(self._tools), _LONGEST_TEXT - len(text))

    def _nearest(self, name: str) -> list[str]:
        by_folded = {known.casefold(): known for known in self._tools}
        near = difflib.get_close_matches(name.casefold(), by_folded, n=3)
        return [by_folded[each] for each in near]


def _origin(tool: AnyTool) -> str:
    return f"{tool.function.__module__}.{tool.function.__qualname__}"


def _listed(names: list[str], room: int) -> str:
    """List as many names as there is room for."""
    if not names:
        return " There are no tools."
    text = f" The tools are: {', '.join(names)}."
    if len(text) <= room:
        return text
    more = ", and more."
    return text[: text.rindex(", ", 0, room - len(more))] + more
