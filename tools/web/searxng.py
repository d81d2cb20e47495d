"""SearXNG, a search engine of one's own. https://docs.searxng.org/dev/search_api.html .

Whatever it is configured with; which categories have an engine is its own affair.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tools.web.json_answers import details, loaded, part, rows, text
from tools.web.providers import OneRequest, Request
from tools.web.query import Found, Kind, Query

ADDRESS: Final = "SEARXNG_URL"

_CATEGORIES: Final[Mapping[Kind, str]] = {
    Kind.WEB: "general",
    Kind.NEWS: "news",
    Kind.SHOPPING: "shopping",
    Kind.PLACES: "map",
    Kind.IMAGES: "images",
}

_REFUSALS: Final = {
    401: f"the user or password in {ADDRESS} was refused",
    403: "it gives no JSON: add json to search.formats in its settings",
}


def searxng(origin: str, path: str = "", authorization: str = "") -> OneRequest:
    """Give the provider at an address; `authorization` is the whole value of that header."""
    headers = {"Accept": "application/json"}
    if authorization:
        headers["Authorization"] = authorization
    url = f"{origin}{path.rstrip('/')}/search"
    return OneRequest(
        "searxng",
        origin,
        frozenset(_CATEGORIES),
        lambda query: Request(url, _params(query), headers, refusals=_REFUSALS),
        _found,
    )


def _params(query: Query) -> dict[str, str]:
    params = {"q": query.terms, "format": "json", "categories": _CATEGORIES[query.kind]}
    if query.wishes.freshness:
        params["time_range"] = query.wishes.freshness
    if query.wishes.language:
        country = query.wishes.country
        language = query.wishes.language
        params["language"] = f"{language}-{country.upper()}" if country else language
    return params


def _found(query: Query, body: bytes) -> Sequence[Found]:
    read = _image if query.kind is Kind.IMAGES else _page
    return [read(row) for row in rows(loaded(body), "results")]


def _page(row: Mapping[str, Any]) -> Found:
    return Found(
        text(row, "title"),
        text(row, "url"),
        text(row, "content"),
        text(row, "publishedDate"),
        details(text(row, "price"), _address(row), _coordinates(row)),
    )


def _image(row: Mapping[str, Any]) -> Found:
    page = text(row, "url")
    return Found(
        text(row, "title"),
        text(row, "img_src", "thumbnail_src"),
        details=details(f"on {page}" if page else "", text(row, "resolution")),
    )


def _address(row: Mapping[str, Any]) -> str:
    address = part(row, "address")
    street = " ".join(filter(None, (text(address, "road"), text(address, "house_number"))))
    town = " ".join(filter(None, (text(address, "postcode"), text(address, "locality"))))
    return ", ".join(filter(None, (street, town, text(address, "country"))))


def _coordinates(row: Mapping[str, Any]) -> str:
    return ", ".join(filter(None, (text(row, "latitude"), text(row, "longitude"))))
