"""Text fields: what is told, copied, found, worked out or guessed is typed into them."""

import re

from benchmarks.miniwob.calls import (
    Steps,
    click,
    exact,
    fill,
    ordinal,
    press,
    scroll,
    submit,
    write,
)
from benchmarks.miniwob.seeing import Item, NotFoundError, Page


def enter_text(page: Page) -> Steps:
    """Type a text, as it is or in other letters."""
    text = page.quoted[0]
    if "upper case" in page.task:
        text = text.upper()
    if "lower case" in page.task:
        text = text.lower()
    yield [write(page.one("textbox"), text), submit(page)]


def enter_password(page: Page) -> Steps:
    """Type a password twice."""
    one, other = page.all("textbox")
    yield [write(one, page.quoted[0]), write(other, page.quoted[0]), submit(page)]


def login(page: Page) -> Steps:
    """Type name and password, close what pops up, and log in."""
    for at in (0, 1):
        yield [click(page.all("textbox")[at])]
        if page.all("button", "Cancel"):
            yield [submit(page, "Cancel")]
        yield [write(page.all("textbox")[at], page.quoted[at])]
    yield [click(page.one("button"))]


def text_transform(page: Page) -> Steps:
    """Type the letters that stand askew."""
    letters = [item.text for item in page.area if len(item.text) == 1]
    yield [write(page.one("textbox"), "".join(letters)), submit(page)]


def copy_paste(page: Page) -> Steps:
    """Copy a text exactly."""
    boxes = page.all("textbox")
    texts = [item for item in boxes if item.text]
    field = next(item for item in boxes if not item.text)
    source = texts[ordinal(page.task)] if len(texts) > 1 else texts[0]
    yield [exact(source)]
    yield [write(field, page.shown), submit(page)]


def find_word(page: Page) -> Steps:
    """Type one word of a paragraph."""
    words = re.findall(r"\w+", page.one("paragraph").text)
    yield [write(page.one("textbox"), words[ordinal(page.task)]), submit(page)]


def last_word(page: Page) -> Steps:
    """Type the last word of a long text."""
    text, field = page.all("textbox")
    yield [exact(text)]
    yield [write(field, page.shown.split()[-1].rstrip(".,")), submit(page)]


def scroll_text(page: Page) -> Steps:
    """Scroll a text to its beginning or end."""
    yield [
        scroll(page.one("textbox"), -9_000 if "top" in page.task else 9_000),
        submit(page),
    ]


def read_table(page: Page) -> Steps:
    """Type what a table says of one thing, or of several."""
    cells = [item.label for item in page.all("cell")]
    table = dict(zip(cells[::2], cells[1::2], strict=True))
    fields = page.all("textbox")
    asked = re.findall(r"value of (.*) into", page.task) or [
        item.label.rstrip(":") for item in page.all("generic") if item.label.endswith(":")
    ]
    given = [(field, table[what]) for field, what in zip(fields, asked, strict=True)]
    yield [fill(*given), submit(page)]


def algebra(page: Page) -> Steps:
    """Solve for x."""
    problem = next(item.text for item in page.area if "=" in item.text)
    left, sign, right, result = re.findall(r"-?\w+|[-+]", problem)
    known = int(right if left == "x" else left)
    total = int(result)
    if sign == "-" and left == "x":
        known = -known
    x = known - total if (sign, right) == ("-", "x") else total - known
    yield [write(page.one("textbox"), str(x)), submit(page)]


def arithmetic(page: Page) -> Steps:
    """Add, subtract or multiply."""
    problem = next(item.text for item in page.area if "=" in item.text)
    left, sign, right = re.findall(r"\d+|[-+x]", problem)
    one, other = int(left), int(right)
    result = {"+": one + other, "-": one - other, "x": one * other}[sign]
    yield [write(page.one("textbox"), str(result)), submit(page)]


def guess_number(page: Page) -> Steps:
    """Halve the numbers that are left."""
    least, most = 0, 9
    while least <= most:
        guess = (least + most) // 2
        yield [write(page.one("spinbutton"), str(guess)), submit(page)]
        told = " ".join(item.label for item in page.area)
        if "higher" in told:
            least = guess + 1
        else:
            most = guess - 1


def search_engine(page: Page) -> Steps:
    """Search, and turn pages to a result of some number."""
    at = int(page.said(r"(\d+)(?:st|nd|rd|th) search result")[1]) - 1
    yield [write(page.one("textbox"), page.quoted[0]), submit(page, "Search")]
    each = 3
    if at // each:
        yield [click(page.one("link", str(at // each + 1)))]
    results = [item for item in page.all("link") if not re.fullmatch(r"\d+|[<>]", item.label)]
    yield [click(results[at % each])]


def search_movies(page: Page) -> Steps:
    """Fill in a form whose labels and order differ from page to page."""
    found = page.said(r"Search for (\S+) movies directed by (\S+) from year (\d+)")
    genre, director, year = found.groups()
    wanted = {"genre": genre, "director": director, "year": year, "date": year}
    boxes = page.all("textbox")
    names = [box.name or _label_beside(page, box) for box in boxes]
    fields = [
        (box, next(text for key, text in wanted.items() if key in name.lower()))
        for box, name in zip(boxes, names, strict=True)
    ]
    yield [fill(*fields)]
    ends = [item for item in page.area if item.label in {"Submit", "Search", "Go!"} and item.ref]
    yield [click(ends[-1])]


def _label_beside(page: Page, box: Item) -> str:
    """Give the label that is in one group with a box, or stands before it."""
    at = page.items.index(box)
    for item in (*page.items[at + 1 : at + 2], *page.items[at - 1 :: -1]):
        if item.label and item.depth <= box.depth and _is_about_movies(item.label):
            return item.label
    raise NotFoundError(f"no label for {box.ref}")


def _is_about_movies(label: str) -> bool:
    return re.search("genre|director|year|date", label.lower()) is not None


def terminal(page: Page) -> Steps:
    """List the files of a terminal, and delete one by its extension."""
    field = page.one("textbox")
    yield [write(field, "ls", mode="keys", submit=True)]
    names = page.came[1].text.split()
    wanted = re.search(r"extension (\.\S+)", page.task)
    suffix = wanted[1] if wanted else ""
    name = next(each for each in names if _fits(each, suffix))
    yield [write(field, f"rm {name}", mode="keys", submit=True)]


def _fits(name: str, suffix: str) -> bool:
    return name.endswith(suffix) if suffix else "." not in name


def use_spinner(page: Page) -> Steps:
    """Type a value into a spinner, and leave it."""
    wanted = page.said(r"Select (-?\d+) with")[1]
    yield [write(page.one("spinbutton"), wanted), press("Tab"), submit(page)]


POLICIES = {
    "copy-paste": copy_paste,
    "copy-paste-2": copy_paste,
    "enter-password": enter_password,
    "enter-text": enter_text,
    "enter-text-2": enter_text,
    "enter-text-dynamic": enter_text,
    "find-word": find_word,
    "guess-number": guess_number,
    "login-user": login,
    "login-user-popup": login,
    "multi-layouts": search_movies,
    "multi-orderings": search_movies,
    "read-table": read_table,
    "read-table-2": read_table,
    "scroll-text": last_word,
    "scroll-text-2": scroll_text,
    "search-engine": search_engine,
    "simple-algebra": algebra,
    "simple-arithmetic": arithmetic,
    "terminal": terminal,
    "text-transform": text_transform,
    "use-spinner": use_spinner,
}
