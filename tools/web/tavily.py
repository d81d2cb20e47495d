"""Tavily: web, news and images. https://docs.tavily.com/documentation/api-reference ."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from tools.web.errors import UnreadableError
from tools.web.json_answers import loaded, rows, text
from tools.web.providers import OneRequest, Request
from tools.web.query import Found, Kind, Query

ORIGIN: Final = "https://api.tavily.com"
KEY: Final = "TAVILY_API_KEY"

_KINDS: Final = frozenset({Kind.WEB, Kind.NEWS, Kind.IMAGES})

_REFUSALS: Final = {
    401: f"{KEY} was refused",
    432: "the limit of its plan is reached",
    433: "the limit of its pay-as-you-go is reached",
}


def tavily(key: str) -> OneRequest:
    """Give the provider with a key."""
    return OneRequest("tavily", ORIGIN, _KINDS, lambda query: _request(query, key), _found)


def _request(query: Query, key: str) -> Request:
    asked: dict[str, Any] = {
        "query": query.text,
        "max_results": query.count,
        "topic": "news" if query.kind is Kind.NEWS else "general",
    }
    if query.wishes.freshness:
        asked["time_range"] = query.wishes.freshness
    if query.wishes.site:
        asked["include_domains"] = [query.wishes.site]
    if query.kind is Kind.IMAGES:
        asked |= {"include_images": True, "include_image_descriptions": True}
    headers = {"Authorization": f"Bearer {key}"}
    return Request(f"{ORIGIN}/search", headers=headers, json=asked, refusals=_REFUSALS)


def _found(query: Query, body: bytes) -> Sequence[Found]:
    answer = loaded(body)
    if query.kind is Kind.IMAGES:
        return [*_images(answer.get("images"))]
    return [
        Found(
            text(row, "title"), text(row, "url"), text(row, "content"), text(row, "published_date")
        )
        for row in rows(answer, "results")
    ]


def _images(images: object) -> Iterator[Found]:
    """Read pictures, which are addresses where there are no descriptions."""
    if not isinstance(images, list | None):
        raise UnreadableError("its answer has no list where images should be")
    for each in images or []:
        if isinstance(each, dict):
            yield Found(text(each, "description") or "(no description)", text(each, "url"))
        elif isinstance(each, str):
            yield Found("(no description)", each)
