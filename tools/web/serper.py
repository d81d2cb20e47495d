"""Serper, which asks Google: web, news, shopping, places and images. https://serper.dev ."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from tools.web.json_answers import details, loaded, rows, size, text
from tools.web.providers import OneRequest, Request
from tools.web.query import Found, Kind, Query

ORIGIN: Final = "https://google.serper.dev"
KEY: Final = "SERPER_API_KEY"

_FRESHNESS: Final = {"day": "qdr:d", "week": "qdr:w", "month": "qdr:m", "year": "qdr:y"}

_REFUSALS: Final = {
    400: "the request was refused, or no credits are left",
    401: f"{KEY} was refused",
    403: f"{KEY} was refused",
}


def serper(key: str) -> OneRequest:
    """Give the provider with a key."""
    return OneRequest(
        "serper", ORIGIN, frozenset(_FORMS), lambda query: _request(query, key), _found
    )


def _request(query: Query, key: str) -> Request:
    asked: dict[str, Any] = {"q": query.terms, "num": query.count}
    if query.wishes.freshness:
        asked["tbs"] = _FRESHNESS[query.wishes.freshness]
    if query.wishes.country:
        asked["gl"] = query.wishes.country
    if query.wishes.language:
        asked["hl"] = query.wishes.language
    path = "search" if query.kind is Kind.WEB else query.kind.value
    headers = {"X-API-KEY": key}
    return Request(f"{ORIGIN}/{path}", headers=headers, json=asked, refusals=_REFUSALS)


def _found(query: Query, body: bytes) -> Sequence[Found]:
    member, read = _FORMS[query.kind]
    return [read(row) for row in rows(loaded(body), member)]


def _page(row: Mapping[str, Any]) -> Found:
    return Found(
        text(row, "title"),
        text(row, "link"),
        text(row, "snippet"),
        text(row, "date"),
        details(text(row, "source")),
    )


def _product(row: Mapping[str, Any]) -> Found:
    return Found(
        text(row, "title"),
        text(row, "link"),
        details=details(
            text(row, "price"), text(row, "source"), text(row, "delivery"), _rating(row)
        ),
    )


def _place(row: Mapping[str, Any]) -> Found:
    return Found(
        text(row, "title"),
        text(row, "website"),
        details=details(
            text(row, "address"),
            text(row, "category", "type"),
            text(row, "phoneNumber"),
            _rating(row),
            ", ".join(filter(None, (text(row, "latitude"), text(row, "longitude")))),
        ),
    )


def _image(row: Mapping[str, Any]) -> Found:
    page = text(row, "link")
    return Found(
        text(row, "title"),
        text(row, "imageUrl"),
        details=details(f"on {page}" if page else "", size(row, "imageWidth", "imageHeight")),
    )


def _rating(row: Mapping[str, Any]) -> str:
    rating, count = text(row, "rating"), text(row, "ratingCount")
    if not rating:
        return ""
    return f"rated {rating} of 5 by {count}" if count else f"rated {rating} of 5"


_FORMS: Final[Mapping[Kind, tuple[str, Callable[[Mapping[str, Any]], Found]]]] = {
    Kind.WEB: ("organic", _page),
    Kind.NEWS: ("news", _page),
    Kind.SHOPPING: ("shopping", _product),
    Kind.PLACES: ("places", _place),
    Kind.IMAGES: ("images", _image),
}
"""Of each kind: the member of the answer that lists what was found, and how a row is read."""
