"""What a person sends, as content blocks."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, TypeAlias

from agent.errors import SessionError

Json: TypeAlias = dict[str, Any]
Content: TypeAlias = str | Sequence[Mapping[str, Any]]


def message_blocks(content: Content) -> list[Json]:
    """Give a message's blocks, without those that are blank.

    Raises:
        SessionError: nothing is left.
    """
    given = [{"type": "text", "text": content}] if isinstance(content, str) else content
    blocks = [dict(block) for block in given if not _is_blank(block)]
    if not blocks:
        raise SessionError("a message needs a text that is not blank, or another content block")
    return blocks


class DateTeller:
    """Tells the date with the first message of a day: the prompt must not change with it."""

    def __init__(self, *, is_on: bool) -> None:
        self._is_on = is_on
        self._told = ""

    def __repr__(self) -> str:
        return f"<DateTeller told {self._told or 'nothing'}>"

    def blocks(self) -> list[Json]:
        """Give what to put before a message."""
        today = date.today().isoformat()  # noqa: DTZ011  (the person's own day)
        if not self._is_on or today == self._told:
            return []
        self._told = today
        return [{"type": "text", "text": f"(Today is {today}.)"}]


def _is_blank(block: Mapping[str, Any]) -> bool:
    return block.get("type") == "text" and not str(block.get("text") or "").strip()
