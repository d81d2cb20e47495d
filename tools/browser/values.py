"""The exact value or text of one element: white space as it is, which a snapshot does not keep."""

from typing import TYPE_CHECKING, Final

from tools.browser.refs import check
from tools.browser.snapshot import Element
from tools.browser.untrusted import scrubbed
from tools.browser.views import MOST_CHARACTERS, View, page_of

if TYPE_CHECKING:
    from playwright.async_api import Page

_VALUE: Final = """e => {
  if (e.type === 'password' || /(^| )(current|new)-password( |$)/.test(e.autocomplete || ''))
    return null;
  if (e.localName === 'select') return [...e.selectedOptions].map(o => o.value).join('\\n');
  if ('value' in e && typeof e.value === 'string' && e.localName !== 'li') return e.value;
  return e.textContent || '';
}"""

_MODE: Final = "value"


async def read_value(
    page: "Page", ref: str, seen: Element, *, cursor: str = "", most: int = MOST_CHARACTERS
) -> View:
    """Read the value of an input, or the text of another element, exactly; never a password's.

    Raises:
        BrowserError: `stale_ref`, `ref_changed`.
        ToolError: `cursor` is none of ours.
    """
    locator = await check(page, ref, seen, for_click=False)
    value: str | None = await locator.evaluate(_VALUE)
    text = "(a password's value is never shown)" if value is None else scrubbed(value)
    return page_of(text, _MODE, cursor, most=most)
