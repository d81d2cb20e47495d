"""What a search engine's result page says, told apart: pure.

For pages that are no interface and change without notice. The rules that this file keeps:

- a page with results is a page with results, whatever else is on it (a banner, the word captcha);
- a page counts as "nothing found" only where it says so in the place where it does: one that cannot
  be read is told as such, since a model would take silence for "there is nothing".
"""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

from tools.web.query import Found, Query

_LARGEST: Final = 1_000_000
"""Characters of a page that are looked at."""


class Outcome(StrEnum):
    """What a result page is."""

    RESULTS = "results"
    NO_RESULTS = "no_results"
    CONSENT_WALL = "consent_wall"
    CAPTCHA = "captcha"
    PARSE_FAILED = "parse_failed"


TOLD: Final = {
    Outcome.CONSENT_WALL: "it shows a consent wall instead of results",
    Outcome.CAPTCHA: "it asks whether a person is searching (a captcha)",
    Outcome.PARSE_FAILED: "its result page cannot be read; it may have changed",
}
"""The outcomes that are no answer, as a failure."""


@dataclass(frozen=True, slots=True)
class ResultPage:
    """What was read of a page; there are results exactly when its outcome is that."""

    outcome: Outcome
    found: tuple[Found, ...] = ()


@dataclass(frozen=True, slots=True)
class _Shape:
    """Where the parts of one engine's page are, as XPath."""

    row: str
    link: str
    """Within a row; its text is the title."""
    snippet: str
    """Within a row."""
    nothing: str
    """Is on a page that says that nothing was found."""


def _has(name: str) -> str:
    """Give the XPath condition that an element has a class."""
    return f"contains(concat(' ', normalize-space(@class), ' '), ' {name} ')"


_SHAPES: Final = (
    _Shape(  # DuckDuckGo without scripts
        f"//div[{_has('result')} and not({_has('result--ad')})]",
        f".//a[{_has('result__a')}]",
        f".//*[{_has('result__snippet')}]",
        f"//*[{_has('no-results')} or {_has('result--no-result')}]",
    ),
    _Shape(  # DuckDuckGo
        "//article[@data-testid='result']",
        ".//a[@data-testid='result-title-a']",
        ".//*[@data-result='snippet']",
        "//*[@data-testid='no-results-message']",
    ),
    _Shape(  # Bing
        f"//li[{_has('b_algo')}]",
        ".//h2//a",
        f".//*[{_has('b_caption')}]//p",
        f"//li[{_has('b_no')}]",
    ),
)

_WALLS: Final = {
    Outcome.CAPTCHA: (
        "//*[contains(@class, 'captcha') or contains(@id, 'captcha')]"
        "|//*[contains(@class, 'anomaly-modal') or @id='challenge-form']"
        f"|//*[{_has('cf-turnstile')}]|//form[contains(@action, '/sorry/')]"
        "|//iframe[contains(@src, 'captcha') or contains(@src, 'challenges.cloudflare.com')]"
    ),
    Outcome.CONSENT_WALL: (
        "//form[contains(@action, 'consent')]"
        "|//*[contains(@id, 'consent') or contains(@class, 'consent')]"
        "|//*[@id='bnp_container' or @id='didomi-host']"
    ),
}


def read_result_page(html: str) -> ResultPage:
    """Tell what a result page is, and give its results. May take seconds: for a thread."""
    import lxml.html  # type: ignore[import-untyped]  # noqa: PLC0415  (slow, and rarely needed; it has no types)

    parser = lxml.html.HTMLParser(encoding="utf-8")
    try:
        page = lxml.html.document_fromstring(html[:_LARGEST].encode(errors="replace"), parser)
    except (lxml.etree.ParserError, lxml.etree.XMLSyntaxError):
        return ResultPage(Outcome.PARSE_FAILED)
    for shape in _SHAPES:
        found = tuple(_found(page, shape))
        if found:
            return ResultPage(Outcome.RESULTS, found)
    for outcome, mark in _WALLS.items():
        if page.xpath(mark):
            return ResultPage(outcome)
    says_nothing = any(page.xpath(shape.nothing) for shape in _SHAPES)
    return ResultPage(Outcome.NO_RESULTS if says_nothing else Outcome.PARSE_FAILED)


def _found(page: Any, shape: _Shape) -> Iterator[Found]:
    for row in page.xpath(shape.row):
        links = row.xpath(shape.link)
        url = destination(links[0].get("href") or "") if links else ""
        if url:
            snippets = row.xpath(shape.snippet)
            snippet = snippets[0].text_content() if snippets else ""
            yield Found(links[0].text_content(), url, snippet)


def destination(link: str) -> str:
    """Give where a link of a result page leads in the end; empty for an advertisement.

    Search engines lead through an address of their own, which has the real one in it.
    """
    link = f"https:{link}" if link.startswith("//") else link
    try:
        parts = urlsplit(link)
        host = parts.hostname or ""
        asked = parse_qs(parts.query)
    except ValueError:
        return ""
    if host == "duckduckgo.com" or host.endswith(".duckduckgo.com"):
        return asked["uddg"][0] if parts.path == "/l/" and "uddg" in asked else ""
    if host.endswith("bing.com") and parts.path == "/ck/a":
        return _out_of_bing(asked.get("u", [""])[0])
    return link if parts.scheme in {"http", "https"} and host else ""


def _out_of_bing(given: str) -> str:
    """Decode what stands behind `a1` in base64."""
    text = given.removeprefix("a1")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, ValueError):
        return ""


def pages_of(query: Query) -> tuple[tuple[str, str], ...]:
    """Give the search engines whose pages can be read, with the address of the query's page."""
    return (
        ("bing", "https://www.bing.com/search?" + urlencode({"q": query.terms})),
        ("duckduckgo", "https://html.duckduckgo.com/html/?" + urlencode({"q": query.terms})),
    )
