"""Check boxes, radio buttons, lists, sliders, and what is picked from many."""

import re

from benchmarks.miniwob.calls import (
    Steps,
    choose,
    click,
    fill,
    offers,
    ordinal,
    press,
    submit,
    write,
)
from benchmarks.miniwob.seeing import Item, Page


def check_boxes(page: Page) -> Steps:
    """Check the boxes that are named, in one call."""
    named = page.said(r"Select (.*) and click Submit")[1].split(", ")
    boxes = [item for item in page.all("checkbox") if item.label in named]
    if boxes:
        yield [fill(*((box, "true") for box in boxes)), submit(page)]
    else:
        yield [submit(page)]


def click_option(page: Page) -> Steps:
    """Choose one of several radio buttons."""
    yield [click(page.one("radio", page.said(r"Select (.*) and click")[1])), submit(page)]


def choose_list(page: Page) -> Steps:
    """Choose from a list that opens."""
    wanted = page.said(r"Select (.*) from the list")[1]
    yield [choose(page.one("combobox"), wanted), submit(page)]


def scroll_list(page: Page) -> Steps:
    """Choose several entries of a list that scrolls."""
    wanted = page.said(r"Select (.*) from the scroll list")[1].split(", ")
    yield [choose(page.one("listbox"), *wanted), submit(page)]


def form_sequence(page: Page) -> Steps:
    """Set a slider, then check one of three boxes."""
    yield from set_slider(page, page.one("clickable"), int(page.said(r"Select (-?\d+)")[1]))
    yield [click(page.all("checkbox")[ordinal(page.task)]), submit(page)]


def form_sequence_2(page: Page) -> Steps:
    """Choose one of three radio buttons, then fill in one of three fields."""
    radio, number, field = page.said(r"the (\w+) radio .* \"(-?\d+)\" into the (\w+) text").groups()
    yield [
        click(page.all("radio")[ordinal(radio)]),
        write(page.all("textbox")[ordinal(field)], number),
        submit(page),
    ]


def form_sequence_3(page: Page) -> Steps:
    """Choose from a list that a page has drawn itself, then click a button."""
    wanted = page.said(r"Choose (.*) from the dropdown")[1]
    yield [click(page.one("generic", "▾"))]
    yield [click(next(item for item in page.came if item.label == wanted and item.ref))]
    yield [submit(page, page.quoted[0])]


def use_slider(page: Page) -> Steps:
    """Move a slider's handle with the keyboard."""
    yield from set_slider(page, page.one("clickable"), int(page.said(r"Select (-?\d+)")[1]))
    yield [submit(page)]


def use_sliders(page: Page) -> Steps:
    """Move three sliders to a combination."""
    wanted = re.findall(r"\d+", page.said(r"\[.*\]")[0])
    for at, value in enumerate(wanted):
        yield from set_slider(page, page.all("clickable")[at], int(value), at)
    yield [submit(page)]


MOST_PRESSES = 60


def set_slider(page: Page, slider: Item, wanted: int, at: int = 0) -> Steps:
    """Click into a slider, which sets it to its middle, and press arrows for the rest."""
    yield [click(slider)]
    while (away := wanted - _values(page)[at]) != 0:
        key = "ArrowRight" if away > 0 else "ArrowLeft"
        yield [press(key)] * min(abs(away), MOST_PRESSES)


def _values(page: Page) -> list[int]:
    return [int(item.text) for item in page.area if re.fullmatch(r"-?\d+", item.text)]


def odd_or_even(page: Page) -> Steps:
    """Mark each number as odd or even."""
    numbers = [item for item in page.area if re.fullmatch(r"-?\d+", item.text)]
    odd, even = page.all("button", "Odd"), page.all("button", "Even")
    marks = [(odd if int(item.text) % 2 else even)[at] for at, item in enumerate(numbers)]
    yield [*map(click, marks), submit(page)]


def order_food(page: Page) -> Steps:
    """Order food by its names, or so many dishes of a kind."""
    dishes = _dishes(page)
    by_kind = re.search(r"Order (\d+) items that are (.*)", page.task)
    if by_kind is not None:
        count, kind = int(by_kind[1]), by_kind[2]
        plus = [plus for _, kinds, plus in dishes if kind in kinds][:1] * count
    else:
        names = page.said(r"each item: (.*)")[1]
        plus = [plus for name, _, plus in dishes if name in names.split(", ")]
    yield [*map(click, plus), submit(page, "Order!")]


def _dishes(page: Page) -> list[tuple[str, set[str], Item]]:
    """Give name, kinds and plus sign of each dish."""
    found: list[tuple[str, set[str], Item]] = []
    name, kinds = "", set[str]()
    for item in page.area:
        if item.role == "img":
            kinds.add(item.label)
        elif item.label == "+" and item.ref:
            found.append((name, kinds, item))
        elif item.role == "generic" and item.label not in {"", "- +", "-"}:
            name, kinds = item.label, set()
    return found


def buy_ticket(page: Page) -> Steps:
    """Buy the ticket with the lowest or highest price or duration."""
    best = max if re.search("longest|most expensive", page.task) else min
    by_time = "duration" in page.task
    yield [
        click(best(offers(page), key=lambda each: each.minutes if by_time else each.price).button)
    ]


POLICIES = {
    "buy-ticket": buy_ticket,
    "choose-list": choose_list,
    "click-checkboxes": check_boxes,
    "click-checkboxes-large": check_boxes,
    "click-checkboxes-transfer": check_boxes,
    "click-option": click_option,
    "click-scroll-list": scroll_list,
    "form-sequence": form_sequence,
    "form-sequence-2": form_sequence_2,
    "form-sequence-3": form_sequence_3,
    "odd-or-even": odd_or_even,
    "order-food": order_food,
    "use-slider": use_slider,
    "use-slider-2": use_sliders,
}
