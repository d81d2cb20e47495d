"""The calls that policies make, and what several of them do alike."""

import re
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from benchmarks.miniwob.seeing import Item, Page

Step: TypeAlias = tuple[str, dict[str, Any]]
"""A tool, and what it is called with."""
Steps: TypeAlias = Generator[Sequence[Step], None, None]
"""The calls of one reply after the other; in between come their results."""
Policy: TypeAlias = Callable[[Page], Steps]
"""What is to be done in a task."""

ORDINALS = ("1st", "2nd", "3rd", *(f"{number}th" for number in range(4, 21)))


def click(item: Item, **more: Any) -> Step:
    """Click an item."""
    return "browser_click", {"ref": item.ref, **more}


def write(item: Item, text: str, **more: Any) -> Step:
    """Type into a field."""
    return "browser_type", {"ref": item.ref, "text": text, **more}


def fill(*fields: tuple[Item, str]) -> Step:
    """Fill several fields."""
    given = [{"ref": item.ref, "value": value} for item, value in fields]
    return "browser_fill_form", {"fields": given}


def choose(item: Item, *values: str) -> Step:
    """Choose options of a list."""
    return "browser_select", {"ref": item.ref, "values": [*values]}


def press(key: str, item: Item | None = None) -> Step:
    """Press a key."""
    return "browser_press", {"key": key} | ({"ref": item.ref} if item is not None else {})


def drag(item: Item, target: Item, **more: Any) -> Step:
    """Drag an item onto another one."""
    return "browser_drag", {"source": item.ref, "target": target.ref, **more}


def rearrange(entries: Sequence[Item], at: int, to: int) -> Step:
    """Drag an entry of a list to the place of another."""
    return drag(entries[at], entries[to], at="before" if to < at else "after")


def scroll(item: Item, dy: int) -> Step:
    """Scroll within an item."""
    return "browser_scroll", {"ref": item.ref, "dy": dy}


def hover(item: Item) -> Step:
    """Move the pointer over an item."""
    return "browser_hover", {"ref": item.ref}


def look(**more: Any) -> Step:
    """Read the page again."""
    return "browser_read_page", {"mode": "full", **more}


def exact(item: Item) -> Step:
    """Read a value as it is."""
    return "browser_read_page", {"mode": "value", "ref": item.ref}


def wait(seconds: float, **more: Any) -> Step:
    """Wait, for a text or for so long."""
    return "browser_wait", {"seconds": seconds, **more}


def submit(page: Page, label: str = "Submit") -> Step:
    """Click the button that ends a form."""
    return click(page.one("button", label))


def ordinal(text: str) -> int:
    """Give the number, from 0, of the first ordinal in a text."""
    return next(at for at, each in enumerate(ORDINALS) if each in text.split())


@dataclass(frozen=True, slots=True)
class Offer:
    """A journey that can be bought."""

    price: int
    minutes: int
    button: Item


def offers(page: Page) -> list[Offer]:
    """Give the journeys that a page offers: each a duration, and then a button with the price."""
    found: list[Offer] = []
    minutes = 0
    for item in page.area:
        if (time := re.search(r"(\d+)h (\d+)m", item.label)) is not None:
            minutes = int(time[1]) * 60 + int(time[2])
        elif (price := re.search(r"\$(\d+)", item.label)) is not None and item.role == "button":
            found.append(Offer(int(price[1]), minutes, item))
    return found
