"""Brave Search: web, news and images. https://api-dashboard.search.brave.com/documentation ."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tools.web.json_answers import details, loaded, part, rows, size, text
from tools.web.providers import OneRequest, Request
from tools.web.query import Found, Kind, Query

ORIGIN: Final = "https://api.search.brave.com"
KEY: Final = "BRAVE_API_KEY"

_FRESHNESS: Final = {"day": "pd", "week": "pw", "month": "pm", "year": "py"}

_COUNTRIES: Final = frozenset(
    (
        *("ar", "at", "au", "be", "br", "ca", "ch", "cl", "cn", "de", "dk", "es", "fi", "fr"),
        *("gb", "gr", "hk", "id", "in", "it", "jp", "kr", "mx", "my", "nl", "no", "nz", "ph"),
        *("pl", "pt", "ru", "sa", "se", "tr", "tw", "us", "za"),
    )
)
"""Any other is answered with an error."""

_LANGUAGES: Final = frozenset(
    (
        *("ar", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "es", "et", "eu", "fi", "fr"),
        *("gl", "gu", "he", "hi", "hr", "hu", "is", "it", "ja", "kn", "ko", "lt", "lv", "ml"),
        *("mr", "ms", "nb", "nl", "pa", "pl", "pt", "ro", "ru", "sk", "sl", "sr", "sv", "ta"),
        *("te", "th", "tr", "uk", "vi", "zh"),
    )
)
"""Any other is answered with an error."""

_OTHERWISE: Final = {"ja": "jp", "pt": "pt-pt", "zh": "zh-hans"}
"""Languages that have another name there."""

_LISTS: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.WEB: ("web", "results"),
    Kind.NEWS: ("results",),
    Kind.IMAGES: ("results",),
}


def brave(key: str) -> OneRequest:
    """Give the provider with a key."""
    return OneRequest(
        "brave", ORIGIN, frozenset(_LISTS), lambda query: _request(query, key), _found
    )


def _request(query: Query, key: str) -> Request:
    params = {"q": query.terms, "count": str(query.count)}
    if query.kind is not Kind.IMAGES:
        params["text_decorations"] = "false"
        if query.wishes.freshness:
            params["freshness"] = _FRESHNESS[query.wishes.freshness]
    country, language = query.wishes.country, query.wishes.language
    if country and country in _COUNTRIES:
        params["country"] = country.upper()
    if language and language in _LANGUAGES:
        params["search_lang"] = _OTHERWISE.get(language, language)
    refusals = dict.fromkeys((401, 403, 422), f"the request or {KEY} was refused")
    headers = {"X-Subscription-Token": key, "Accept": "application/json"}
    return Request(f"{ORIGIN}/res/v1/{query.kind}/search", params, headers, refusals=refusals)


def _found(query: Query, body: bytes) -> Sequence[Found]:
    read = _image if query.kind is Kind.IMAGES else _page
    return [read(row) for row in rows(loaded(body), *_LISTS[query.kind])]


def _page(row: Mapping[str, Any]) -> Found:
    return Found(
        text(row, "title"),
        text(row, "url"),
        text(row, "description"),
        text(row, "page_age", "age"),
    )


def _image(row: Mapping[str, Any]) -> Found:
    properties = part(row, "properties")
    page = text(row, "url")
    return Found(
        text(row, "title"),
        text(properties, "url") or text(part(row, "thumbnail"), "src"),
        details=details(f"on {page}" if page else "", size(properties, "width", "height")),
    )
