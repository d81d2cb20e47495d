"""What is searched for, and what is found: plain values.

The rules that this file keeps: a `Query` that `query_of` gave can be sent to any provider, and a
`Found` may hold whatever a provider said; it is cleaned when it is shown.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, TypeAlias

from tools.errors import ToolError

LONGEST_QUERY: Final = 400
"""Characters, the site included: what the strictest provider takes."""

MOST_RESULTS: Final = 20

_SITE: Final = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+", re.IGNORECASE)
_COUNTRY: Final = re.compile(r"[a-z]{2}", re.IGNORECASE)
_LANGUAGE: Final = re.compile(r"[a-z]{2}", re.IGNORECASE)

Freshness: TypeAlias = Literal["day", "week", "month", "year"]


class Kind(StrEnum):
    """The kinds of searches; the value says in a text what is searched."""

    WEB = "web"
    NEWS = "news"
    SHOPPING = "shopping"
    PLACES = "places"
    IMAGES = "images"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a search is narrowed to; a provider that has no such filter passes over it."""

    freshness: Freshness | None = None
    country: str | None = None
    """ISO 3166, two lower-case letters."""
    language: str | None = None
    """ISO 639, two lower-case letters."""
    site: str | None = None
    """A host; hosts below it count too."""


@dataclass(frozen=True, slots=True)
class Query:
    """One search."""

    kind: Kind
    text: str
    count: int = 10
    wishes: Wishes = Wishes()

    @property
    def terms(self) -> str:
        """The text with the site in the form that all search engines take."""
        return f"{self.text} site:{self.wishes.site}" if self.wishes.site else self.text


@dataclass(frozen=True, slots=True)
class Found:
    """One result, as a provider gave it."""

    title: str
    url: str = ""
    """Of the page; of an image, the image itself. A place may have none."""
    snippet: str = ""
    date: str = ""
    details: tuple[str, ...] = ()
    """Short facts: a price, an address, a size, the paper that it is from."""


def query_of(kind: Kind, text: str, count: int, wishes: Wishes) -> Query:
    """Check and normalise what a model asked for.

    Raises:
        ToolError: which field is wrong, and what it may be.
    """
    text = " ".join(text.split())
    if not text:
        raise ToolError("query: it is empty; write what to search for.")
    query = Query(kind, text, count, _normalised(wishes))
    if len(query.terms) > LONGEST_QUERY:
        raise ToolError(
            f"query: {len(query.terms):,} characters, the site included; write at most "
            f"{LONGEST_QUERY}."
        )
    return query


def _normalised(wishes: Wishes) -> Wishes:
    return Wishes(
        wishes.freshness,
        _lower("country", wishes.country, _COUNTRY, "two letters such as de (ISO 3166)"),
        _lower("language", wishes.language, _LANGUAGE, "two letters such as en (ISO 639)"),
        _lower("site", wishes.site, _SITE, "a host such as docs.example.org, without https://"),
    )


def _lower(field: str, given: str | None, form: re.Pattern[str], told: str) -> str | None:
    if given is None:
        return None
    if not form.fullmatch(given):
        raise ToolError(f"{field}: {given[:100]!a} is none; write {told}, or leave it out.")
    return given.lower()
