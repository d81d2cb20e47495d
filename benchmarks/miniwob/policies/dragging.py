"""What is dragged, sorted and highlighted."""

import re
from dataclasses import replace

from benchmarks.miniwob.calls import Steps, click, drag, look, ordinal, rearrange, submit
from benchmarks.miniwob.seeing import Item, Page


def drag_item(page: Page) -> Steps:
    """Drag an entry of a list to another place."""
    name, where = page.said(r"Drag (\S+) (.*)\.").groups()
    entries = _entries(page)
    at = next(n for n, item in enumerate(entries) if item.label == name)
    numbered = re.search(r"(\d)(?:st|nd|rd|th)", where)
    if numbered is not None:
        to = int(numbered[1]) - 1
    elif "by one" in where:
        to = at + (1 if "down" in where else -1)
    else:
        to = 0 if "top" in where else len(entries) - 1
    yield [rearrange(entries, at, to)]


def sort_numbers(page: Page) -> Steps:
    """Sort a list of numbers by dragging the least of the rest to its place."""
    done = 0
    while done < len(entries := _entries(page)):
        least = min(range(done, len(entries)), key=lambda at: int(entries[at].label))
        if least == done:
            done += 1
        else:
            yield [rearrange(entries, least, done)]
            yield [look()]
    yield [submit(page)]


def _entries(page: Page) -> list[Item]:
    """Give the entries of a list, named by what is in them."""
    return [
        replace(item, name=" ".join(each.label for each in page.inside(item)))
        for item in page.all("listitem")
    ]


def drag_box(page: Page) -> Steps:
    """Drag the smaller box onto the larger one."""
    yield [drag(page.one("generic", "s"), page.one("generic", "L")), submit(page)]


def highlight(page: Page) -> Steps:
    """Highlight a paragraph with three clicks."""
    texts = [item for item in page.area if item.text]
    at = ordinal(page.task) if re.search(r"\dst|\dnd|\drd", page.task) else 0
    yield [click(texts[at], count=3), submit(page)]


POLICIES = {
    "drag-box": drag_box,
    "drag-items": drag_item,
    "drag-sort-numbers": sort_numbers,
    "highlight-text": highlight,
    "highlight-text-2": highlight,
}
