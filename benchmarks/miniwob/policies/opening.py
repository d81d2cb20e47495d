"""Menus, trees, lists that complete what one types, and calendars: what has to be opened first."""

import re
from datetime import date, datetime

from benchmarks.miniwob.calls import Steps, click, hover, look, offers, submit, wait, write
from benchmarks.miniwob.seeing import Item, NotFoundError, Page

MENU_SECONDS = 0.5
"""After which a menu's sub-menu has come."""


def nested_menu(page: Page) -> Steps:
    """Open menus in menus by resting on them, and click the last."""
    *path, last = page.said(r"Select (.*)")[1].split(">")
    for name in path:
        yield [hover(page.one("menuitem", name)), wait(MENU_SECONDS)]
    yield [click(page.one("menuitem", last))]


def navigate_tree(page: Page) -> Steps:
    """Open folders until what is searched for is there."""
    name = page.quoted[0]
    opened = set[str]()
    while True:
        found = [item for item in page.all("generic", name) if item.ref]
        if found:
            yield [click(found[0])]
            return
        folder = next(
            item
            for item in page.all("generic")
            if "clickable" in item.states and item.label and item.label not in opened
        )
        opened.add(folder.label)
        yield [click(folder)]
        yield [look()]


def autocomplete(page: Page) -> Steps:
    """Type a beginning, and take what fits of what is offered."""
    begin, end = (*page.quoted, "")[:2]
    yield [write(page.one("textbox"), begin, mode="keys")]
    yield [wait(MENU_SECONDS)]
    offered = [item for item in page.area if item.ref and item.role in {"option", "menuitem"}]
    offered = offered or [item for item in page.came if item.ref and item.role == "generic"]
    yield [click(next(item for item in offered if _fits(item.label, begin, end)))]
    yield [submit(page)]


def _fits(label: str, begin: str, end: str) -> bool:
    return label.startswith(begin) and label.endswith(end)


def choose_date(page: Page) -> Steps:
    """Turn the months of a calendar, and click a day."""
    wanted = _date(page.said(r"\d\d/\d\d/\d{4}")[0])
    yield [click(page.one("textbox"))]
    yield from pick(page, wanted)
    yield [submit(page)]


def pick(page: Page, wanted: date) -> Steps:
    """Click a day in the calendar that is open."""
    while (away := _months(wanted) - _months(_month(page))) != 0:
        yield [click(page.one(label="Next" if away > 0 else "Prev"))]
        if page.is_outdated:
            yield [look()]
    yield [click(page.one("link", str(wanted.day)))]


def _month(page: Page) -> date:
    """Give the month that the calendar shows, which may stand in one item or in two."""
    text = " ".join(item.label for item in page.area)
    found = re.search(r"([A-Z][a-z]+) ?(20\d\d)", text)
    if found is None:
        raise NotFoundError(f"no month in {text!r}")
    return datetime.strptime(f"{found[1]} {found[2]}", "%B %Y").date()  # noqa: DTZ007  (no time)


def _months(day: date) -> int:
    return day.year * 12 + day.month


def _date(text: str) -> date:
    return datetime.strptime(text, "%m/%d/%Y").date()  # noqa: DTZ007  (no time)


def enter_date(page: Page) -> Steps:
    """Type a date into a field for dates."""
    wanted = _date(page.said(r"\d\d/\d\d/\d{4}")[0])
    yield [write(page.one("textbox"), wanted.isoformat()), submit(page)]


def enter_time(page: Page) -> Steps:
    """Type a time into a field for times."""
    wanted = page.said(r"\d+:\d\d [AP]M")[0]
    time = datetime.strptime(wanted, "%I:%M %p").time()  # noqa: DTZ007  (no day)
    yield [write(page.one("textbox"), time.strftime("%H:%M")), submit(page)]


def book_flight(page: Page) -> Steps:
    """Search for flights from one airport to another on a day, and book the best."""
    best, start, end, day = page.said(
        r"Book the (\w+) one-way flight from: (.*) to: (.*) on ([\d/]+)"
    ).groups()
    for label, place in (("From:", start), ("To:", end)):
        yield [write(page.one("textbox", label), place, mode="keys")]
        yield [wait(MENU_SECONDS)]
        yield [click(_offer(page, place))]
    field = next(item for item in page.all("textbox") if item.name not in {"From:", "To:"})
    yield [click(field)]
    yield from pick(page, _date(day))
    yield [submit(page, "Search")]
    yield [look()]
    cheap = best == "cheapest"
    yield [click(min(offers(page), key=lambda each: each.price if cheap else each.minutes).button)]


def _offer(page: Page, place: str) -> Item:
    offered = [item for item in page.area if item.ref and place in item.label]
    return next(item for item in offered if item.role not in {"textbox", "status"})


POLICIES = {
    "book-flight": book_flight,
    "book-flight-nodelay": book_flight,
    "choose-date": choose_date,
    "choose-date-easy": choose_date,
    "choose-date-medium": choose_date,
    "choose-date-nodelay": choose_date,
    "click-menu": nested_menu,
    "enter-date": enter_date,
    "enter-time": enter_time,
    "navigate-tree": navigate_tree,
    "use-autocomplete": autocomplete,
    "use-autocomplete-nodelay": autocomplete,
}
