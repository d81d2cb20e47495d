"""From a ref to its element, if it still is the one that the model saw and can be acted on.

The rules that this file keeps:

- nothing waits for the element to come: a ref that is gone is said to be gone within milliseconds;
- role and name are compared with what the model saw, as Playwright itself computes them; an
  element without a name is compared by its text;
- only what is known to be a ref gets into a selector.
"""

import asyncio
import re
from typing import TYPE_CHECKING, Final

from tools.browser import listeners
from tools.browser.aria import quoted
from tools.browser.covering import Cover, Probe, probe
from tools.browser.errors import BrowserCode, BrowserError
from tools.browser.snapshot import EDITABLE, Element, take
from tools.browser.untrusted import scrubbed

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

_REF: Final = re.compile(r"(f\d{1,9})?e\d{1,9}")
_LISTENING: Final = re.compile(r"x\d{1,9}")
_ACTUAL: Final = re.compile(
    r"^Actual value: (.*?)\s*^(?:Call log|Aria snapshot):", re.DOTALL | re.MULTILINE
)
_NO_ROLE: Final = frozenset(("generic", "iframe", "text"))
"""Roles of the tree that no element says that it has."""
_AT_ONCE: Final = 100
"""Milliseconds: Playwright looks once before it waits. Less is over before it looks, of which its
driver warns on the terminal."""
_SECONDS: Final = 2.0
"""For one question to the page, which takes milliseconds if the page answers at all."""

_PATIENCE: Final = 1.0
_PAUSE: Final = 0.05
"""Seconds between two looks at what cannot be clicked yet: no event tells that it can."""

_WHY_NOT: Final = {
    "disabled": "is disabled, so it does not react. Do first what the page asks for",
    "unseen": "is not visible. It may be in a part of the page that is closed or hidden",
    "outside": "cannot be scrolled into view",
}


async def check(page: "Page", ref: str, seen: Element, *, for_click: bool = True) -> "Locator":
    """Give the element of a ref, if it is what the model saw and can be clicked now.

    `for_click=False` asks only whether it is there and is the same, as for reading its value or
    for an upload to an input that no page shows.

    Raises:
        BrowserError: `stale_ref`, `ref_changed`, `covered_by`, or `action_failed` when it is
            disabled or not visible; the text names what is there instead.
        playwright.async_api.Error: the page is gone, or does not answer.
    """
    is_ours = _LISTENING.fullmatch(ref) is not None
    if is_ours:
        locator = await _listening(page, ref, seen)
    else:
        locator = await locate(page, ref)
        await _is_same(locator, ref, seen)
    if not for_click and (seen.name or seen.role in EDITABLE or is_ours):
        return locator
    found = await _probed(locator, ref)
    if not is_ours:
        await _has_same_text(page, ref, seen, found)
    if for_click:
        await _can_be_clicked(page, ref, seen, await _ready(locator, ref, found))
    return locator


async def _ready(locator: "Locator", ref: str, found: Probe) -> Probe:
    """Look again for a while at what cannot be clicked: what covers it may be fading out."""
    loop = asyncio.get_running_loop()
    end = loop.time() + _PATIENCE
    while (found.state in _WHY_NOT or found.cover is not None) and loop.time() < end:
        await asyncio.sleep(_PAUSE)
        found = await _probed(locator, ref)
    return found


async def locate(page: "Page", ref: str) -> "Locator":
    """Give the element of a ref, whatever it is now.

    Raises:
        BrowserError: `stale_ref`.
    """
    if _LISTENING.fullmatch(ref):
        found = await listeners.find(page, ref)
        if found is None:
            raise _stale(ref)
        return found[0]
    if not _REF.fullmatch(ref):
        raise BrowserError(
            BrowserCode.STALE_REF,
            f"ref: {quoted(ref[:60])} is no ref; they look like e12, f1e2 or x3, and stand in the "
            "page's text as [ref=e12].",
        )
    locator = page.get_by_ref(ref)
    if await locator.count() != 1:
        raise _stale(ref)
    return locator


async def _listening(page: "Page", ref: str, seen: Element) -> "Locator":
    found = await listeners.find(page, ref)
    if found is None:
        raise _stale(ref, seen)
    locator, name = found
    if name != seen.name:
        raise _changed(ref, seen, str(Element(seen.role, name)))
    return locator


async def _is_same(locator: "Locator", ref: str, seen: Element) -> None:
    """Compare role and name with what the model saw."""
    name, role = await asyncio.gather(_name_now(locator, seen), _role_now(locator, seen))
    if (role, name) == (seen.role, seen.name):
        return
    if not await locator.count():
        raise _stale(ref, seen)
    if not await locator.is_visible():
        raise _refused(ref, seen, "unseen")  # What is hidden has no name any more.
    raise _changed(ref, seen, str(Element(role, name)))


async def _name_now(locator: "Locator", seen: Element) -> str:
    """Give the name, which is not asked for when the model saw none: then its text counts."""
    from playwright.async_api import expect  # noqa: PLC0415  (slow to import)

    if not seen.name:
        return ""
    try:
        await expect(locator).to_have_accessible_name(seen.name, timeout=_AT_ONCE)
    except AssertionError as error:
        now = " ".join(scrubbed(_actual(error)).split())
        return seen.name if now == " ".join(seen.name.split()) else now
    return seen.name


async def _role_now(locator: "Locator", seen: Element) -> str:
    from playwright.async_api import expect  # noqa: PLC0415  (slow to import)

    if seen.role in _NO_ROLE:
        return seen.role
    try:
        # Playwright's list of roles is of literals; these come from Playwright.
        await expect(locator).to_have_role(seen.role, timeout=_AT_ONCE)  # type: ignore[arg-type]  # (from its own tree)
    except AssertionError as error:
        return scrubbed(_actual(error)) or "generic"
    return seen.role


def _actual(error: AssertionError) -> str:
    """Give what an assertion of Playwright found instead."""
    match = _ACTUAL.search(str(error))
    return match[1].strip() if match else ""


async def _probed(locator: "Locator", ref: str) -> Probe:
    from playwright.async_api import Error  # noqa: PLC0415  (slow to import)

    is_framed = ref.startswith(("f", "x"))
    try:
        found = await probe(locator, is_framed=is_framed, seconds=_SECONDS)
    except Error:
        if await locator.count():
            raise
        raise _stale(ref) from None
    if found.state == "gone":
        raise _stale(ref)
    return found


async def _has_same_text(page: "Page", ref: str, seen: Element, found: Probe) -> None:
    """Compare the text of what has no name; what looks different is compared once more in full."""
    if seen.name or seen.role in EDITABLE or not seen.text:
        return
    if "".join(found.text.split()).startswith("".join(seen.text.split())):
        return
    now = (await take(page)).elements.get(ref)
    if now is None:
        raise _stale(ref, seen)
    if now != seen:
        raise _changed(ref, seen, str(now))


async def _can_be_clicked(page: "Page", ref: str, seen: Element, found: Probe) -> None:
    if found.state in _WHY_NOT:
        raise _refused(ref, seen, found.state)
    if found.cover is not None:
        above = await _ref_of(page, ref, found.cover)
        raise BrowserError(
            BrowserCode.COVERED_BY,
            f"{ref} ({seen}) is covered by {found.cover}{f' [ref={above}]' if above else ''}; "
            "nothing was done.",
        )


async def _ref_of(page: "Page", ref: str, cover: Cover) -> str:
    """Give the ref of what covers an element; "" when it has none."""
    snapshot = await take(page, boxes=True)
    frame = "" if cover.is_outside else ref.partition("e")[0].removeprefix("x")
    by_box = {
        line.box: line.ref
        for line in snapshot.lines
        if line.ref and line.ref.partition("e")[0].rstrip("0123456789") in (frame[:1], "x")
    }
    return next((by_box[box] for box in cover.boxes if box in by_box), "")


def _refused(ref: str, seen: Element, state: str) -> BrowserError:
    return BrowserError(
        BrowserCode.ACTION_FAILED, f"{ref} ({seen}) {_WHY_NOT[state]}; nothing was done."
    )


def _stale(ref: str, seen: Element | None = None) -> BrowserError:
    what = f" ({seen})" if seen else ""
    return BrowserError(
        BrowserCode.STALE_REF, f"{ref}{what} is not on the page any more; nothing was done."
    )


def _changed(ref: str, seen: Element, now: str) -> BrowserError:
    return BrowserError(
        BrowserCode.REF_CHANGED, f"{ref} was {seen} and is {now} now; nothing was done."
    )
