"""Buttons, links, tabs, sections, dialogs and other things that are clicked."""

import re

from benchmarks.miniwob.calls import (
    Steps,
    click,
    look,
    ordinal,
    scroll,
    submit,
    wait,
    write,
)
from benchmarks.miniwob.seeing import Page


def click_button(page: Page) -> Steps:
    """Click the button that is named, or the only one."""
    named = page.quoted or re.findall(r"button ([A-Z]+)", page.task) or [None]
    yield [click(page.one("button", label)) for label in named]


def click_link(page: Page) -> Steps:
    """Click a word that listens for clicks."""
    yield [click(page.one("clickable", page.quoted[0]))]


def click_tab(page: Page) -> Steps:
    """Click the tab that is named."""
    yield [click(page.one("link", page.said(r"Tab #\d")[0]))]


def find_in_tabs(page: Page) -> Steps:
    """Look behind each tab for a word, and click it."""
    tabs = [item for item in page.all("link") if item.ref]
    for tab in tabs:
        yield [click(tab)]
        found = page.all("clickable", page.quoted[0])
        if found:
            yield [click(found[0])]


def find_in_sections(page: Page) -> Steps:
    """Open one section after the other, until a word is seen, and click it."""
    for section in page.all("tab"):
        yield [click(section)]
        yield [wait(0.5), look()]
        found = page.all("clickable", page.quoted[0])
        if found:
            yield [click(found[0])]


def open_section(page: Page) -> Steps:
    """Open the only section, and submit."""
    yield [click(page.one("tab"))]
    yield [submit(page)]


def click_in_dialog(page: Page) -> Steps:
    """Click a button of a dialog; the "x" is named Close."""
    wanted = page.quoted[0]
    yield [click(page.one("button", "Close" if wanted == "x" else wanted))]


def click_widget(page: Page) -> Steps:
    """Click a widget of a kind; a text area is a text field of several lines."""
    kind = page.quoted[0]
    if kind in {"text", "textarea"}:
        found = page.all("textbox")
        fits = [item for item in found if ("multiline" in item.states) == (kind == "textarea")]
    else:
        fits = page.all(kind)
    yield [click(fits[0])]


def sign_agreement(page: Page) -> Steps:
    """Read an agreement to its end, sign it, and press a button; or just cancel."""
    if "cancel button" in page.task:
        yield [submit(page, "Cancel")]
        return
    name, button = page.quoted
    text, field = page.all("textbox")
    yield [scroll(text, 5_000)]
    yield [write(field, name)]
    yield [submit(page, button)]


def focus_text(page: Page) -> Steps:
    """Click into one of the text fields."""
    at = ordinal(page.task) if "input" in page.task else 0
    yield [click(page.all("textbox")[at])]


def grid_coordinate(page: Page) -> Steps:
    """Click a point of a grid."""
    point = page.said(r"[(].*[)]")[0]
    yield [click(next(item for item in page.area if item.label.startswith(f"#{point}")))]


def find_greatest(page: Page) -> Steps:
    """Pick the card with the greatest number."""
    cards = [item for item in page.all("generic") if item.label.isdecimal()]
    yield [click(max(cards, key=lambda item: int(item.label)))]
    yield [submit(page)]


def generate_number(page: Page) -> Steps:
    """Have numbers generated until one is as it should be."""
    limit = re.search(r"(less|greater) than (\d+)", page.task)
    while True:
        yield [click(page.one("button", "Generate"))]
        number = int(next(item.label for item in page.area if item.label.isdecimal()))
        if limit is None:
            fits = (number % 2 == 1) == ("odd" in page.task)
        else:
            fits = number < int(limit[2]) if limit[1] == "less" else number > int(limit[2])
        if fits:
            yield [submit(page)]
            return


def phone_book(page: Page) -> Steps:
    """Turn the pages of a phone book to somebody, and click what is asked for."""
    name, what = page.said(r"Find (\S+) in .* their (.*)\.").groups()
    while not page.all("heading", name):
        yield [click(page.one("link", ">"))]
    label = {"phone number": "Phone:", "email": "Email:"}.get(what, "Address:")
    at = next(n for n, item in enumerate(page.area) if item.label == label)
    yield [click(page.area[at + 1])]


POLICIES = {
    "click-button": click_button,
    "click-button-sequence": click_button,
    "click-collapsible": open_section,
    "click-collapsible-nodelay": open_section,
    "click-collapsible-2": find_in_sections,
    "click-collapsible-2-nodelay": find_in_sections,
    "click-dialog": click_in_dialog,
    "click-dialog-2": click_in_dialog,
    "click-link": click_link,
    "click-tab": click_tab,
    "click-tab-2": find_in_tabs,
    "click-tab-2-easy": find_in_tabs,
    "click-tab-2-medium": find_in_tabs,
    "click-tab-2-hard": find_in_tabs,
    "click-test": click_button,
    "click-test-2": click_button,
    "click-test-transfer": click_button,
    "click-widget": click_widget,
    "find-greatest": find_greatest,
    "focus-text": focus_text,
    "focus-text-2": focus_text,
    "generate-number": generate_number,
    "grid-coordinate": grid_coordinate,
    "phone-book": phone_book,
    "sign-agreement": sign_agreement,
    "unicode-test": click_button,
}
