"""What each provider is asked over the wire, and what is made of its answers."""

import json
import logging

import httpx
import pytest
import respx

from tools import ToolError
from tools.web import Found, Http, Kind, OneRequest, Query, Request, SearchSettings, WebClient
from tools.web.query import Wishes
from tools.web.tools import (
    search_images,
    search_news,
    search_places,
    search_shopping,
    web_search,
)

from .calling import KEYS, asking, numbered, session

BRAVE = "https://api.search.brave.com/res/v1"
TAVILY = "https://api.tavily.com/search"
SERPER = "https://google.serper.dev"
SEARXNG = "http://127.0.0.1:8888/search"
DUCKDUCKGO = "https://html.duckduckgo.com/html/"

NARROW = Wishes("week", "de", "en", "example.org")


class OverHttpx:
    """Sends what a provider asks through `respx`, and keeps the request."""

    async def send(self, request: Request) -> bytes:
        async with httpx.AsyncClient() as client:
            answer = await client.request(
                "GET" if request.json is None else "POST",
                request.url,
                params=dict(request.params) or None,
                json=request.json,
                headers=dict(request.headers),
            )
        return answer.content


def provider(name: str) -> OneRequest:
    (found,) = SearchSettings(KEYS, (name,)).providers()
    assert isinstance(found, OneRequest)
    return found


def sent(route: respx.Route) -> httpx.Request:
    return route.calls.last.request


# -- requests --------------------------------------------------------------------------------------


@respx.mock
@pytest.mark.parametrize(
    ("name", "kind", "url", "params"),
    [
        (
            "brave",
            Kind.WEB,
            f"{BRAVE}/web/search",
            {
                "q": "tides site:example.org",
                "count": "5",
                "text_decorations": "false",
                "freshness": "pw",
                "country": "DE",
                "search_lang": "en",
            },
        ),
        (
            "brave",
            Kind.NEWS,
            f"{BRAVE}/news/search",
            {
                "q": "tides site:example.org",
                "count": "5",
                "text_decorations": "false",
                "freshness": "pw",
                "country": "DE",
                "search_lang": "en",
            },
        ),
        (
            "brave",
            Kind.IMAGES,
            f"{BRAVE}/images/search",
            {"q": "tides site:example.org", "count": "5", "country": "DE", "search_lang": "en"},
        ),
        *[
            (
                "searxng",
                kind,
                SEARXNG,
                {
                    "q": "tides site:example.org",
                    "format": "json",
                    "categories": category,
                    "time_range": "week",
                    "language": "en-DE",
                },
            )
            for kind, category in (
                (Kind.WEB, "general"),
                (Kind.NEWS, "news"),
                (Kind.SHOPPING, "shopping"),
                (Kind.PLACES, "map"),
                (Kind.IMAGES, "images"),
            )
        ],
    ],
)
async def test_a_provider_is_asked_by_get(name, kind, url, params):
    route = respx.get(url).respond(json={"results": [], "web": {"results": []}})

    await provider(name).search(Query(kind, "tides", 5, NARROW), OverHttpx())

    assert dict(sent(route).url.params) == params
    key = sent(route).headers.get("x-subscription-token")
    assert key == ("brave-secret" if name == "brave" else None)
    assert sent(route).headers["accept"] == "application/json"


@respx.mock
@pytest.mark.parametrize(
    ("name", "kind", "url", "body"),
    [
        (
            "tavily",
            Kind.WEB,
            TAVILY,
            {
                "query": "tides",
                "max_results": 5,
                "topic": "general",
                "time_range": "week",
                "include_domains": ["example.org"],
            },
        ),
        (
            "tavily",
            Kind.NEWS,
            TAVILY,
            {
                "query": "tides",
                "max_results": 5,
                "topic": "news",
                "time_range": "week",
                "include_domains": ["example.org"],
            },
        ),
        (
            "tavily",
            Kind.IMAGES,
            TAVILY,
            {
                "query": "tides",
                "max_results": 5,
                "topic": "general",
                "time_range": "week",
                "include_domains": ["example.org"],
                "include_images": True,
                "include_image_descriptions": True,
            },
        ),
        *[
            (
                "serper",
                kind,
                f"{SERPER}/{path}",
                {
                    "q": "tides site:example.org",
                    "num": 5,
                    "tbs": "qdr:w",
                    "gl": "de",
                    "hl": "en",
                },
            )
            for kind, path in (
                (Kind.WEB, "search"),
                (Kind.NEWS, "news"),
                (Kind.SHOPPING, "shopping"),
                (Kind.PLACES, "places"),
                (Kind.IMAGES, "images"),
            )
        ],
    ],
)
async def test_a_provider_is_asked_by_post(name, kind, url, body):
    route = respx.post(url).respond(json={})

    await provider(name).search(Query(kind, "tides", 5, NARROW), OverHttpx())

    request = sent(route)
    assert json.loads(request.content) == body
    assert str(request.url) == url
    given = (request.headers.get("authorization"), request.headers.get("x-api-key"))
    assert given == (
        ("Bearer tavily-secret", None) if name == "tavily" else (None, "serper-secret")
    )


@respx.mock
async def test_what_is_not_wished_is_not_sent():
    brave = respx.get(f"{BRAVE}/web/search").respond(json={})
    tavily = respx.post(TAVILY).respond(json={})
    serper = respx.post(f"{SERPER}/search").respond(json={})
    searxng = respx.get(SEARXNG).respond(json={"results": []})

    for name in ("brave", "tavily", "serper", "searxng"):
        await provider(name).search(Query(Kind.WEB, "tides"), OverHttpx())

    assert dict(sent(brave).url.params) == {
        "q": "tides",
        "count": "10",
        "text_decorations": "false",
    }
    assert json.loads(sent(tavily).content) == {
        "query": "tides",
        "max_results": 10,
        "topic": "general",
    }
    assert json.loads(sent(serper).content) == {"q": "tides", "num": 10}
    assert dict(sent(searxng).url.params) == {
        "q": "tides",
        "format": "json",
        "categories": "general",
    }


@respx.mock
@pytest.mark.parametrize(
    ("country", "language", "sent_country", "sent_language"),
    [("jp", "ja", "JP", "jp"), ("pt", "pt", "PT", "pt-pt"), ("xx", "xx", None, None)],
)
async def test_brave_is_told_a_country_and_a_language_in_its_own_words_or_not_at_all(
    country, language, sent_country, sent_language
):
    route = respx.get(f"{BRAVE}/web/search").respond(json={})

    wishes = Wishes(country=country, language=language)
    await provider("brave").search(Query(Kind.WEB, "x", 5, wishes), OverHttpx())

    params = sent(route).url.params
    assert (params.get("country"), params.get("search_lang")) == (sent_country, sent_language)


@respx.mock
async def test_duckduckgo_is_asked_for_its_page_without_scripts():
    route = respx.get(DUCKDUCKGO).respond(html='<div class="no-results">none</div>')
    async with session(asking("duckduckgo")) as model:
        await model.call(
            web_search,
            query="tides",
            site="example.org",
            freshness="month",
            country="DE",
            language="de",
        )

    assert dict(sent(route).url.params) == {
        "q": "tides site:example.org",
        "df": "m",
        "kl": "de-de",
    }
    assert sent(route).headers["accept-encoding"] == "gzip"


@respx.mock
async def test_a_searxng_below_a_path_behind_a_password_is_asked_with_it():
    settings = SearchSettings({"SEARXNG_URL": "https://me:p%40ss@s.example/find/"}, ("searxng",))
    (found,) = settings.providers()
    route = respx.get("https://s.example/find/search").respond(json={"results": []})

    await found.search(Query(Kind.WEB, "x"), OverHttpx())

    assert sent(route).headers["authorization"] == "Basic bWU6cEBzcw=="
    assert found.origin == "https://s.example"
    assert "p@ss" not in repr(found) + repr(settings)
    assert "p%40ss" not in repr(found) + repr(settings)


# -- answers ---------------------------------------------------------------------------------------

ANSWERS = [
    (
        "brave",
        Kind.WEB,
        {
            "web": {
                "results": [
                    {
                        "title": "Tides",
                        "url": "https://example.org/tides",
                        "description": "Of the sea",
                        "age": "3 days ago",
                        "page_age": "2026-03-01T10:00:00",
                    },
                    {"title": "Moon", "url": "https://example.org/moon", "age": "1 May 2026"},
                ]
            }
        },
        [
            Found("Tides", "https://example.org/tides", "Of the sea", "2026-03-01T10:00:00"),
            Found("Moon", "https://example.org/moon", "", "1 May 2026"),
        ],
    ),
    (
        "brave",
        Kind.NEWS,
        {"results": [{"title": "A", "url": "https://n.example/a", "description": "d"}]},
        [Found("A", "https://n.example/a", "d")],
    ),
    (
        "brave",
        Kind.IMAGES,
        {
            "results": [
                {
                    "title": "A",
                    "url": "https://n.example/a",
                    "properties": {"url": "https://i.example/a.png", "width": 640, "height": 480},
                },
                {"title": "B", "thumbnail": {"src": "https://i.example/b.png"}},
            ]
        },
        [
            Found(
                "A",
                "https://i.example/a.png",
                details=("on https://n.example/a", "640x480 pixels"),
            ),
            Found("B", "https://i.example/b.png"),
        ],
    ),
    (
        "tavily",
        Kind.NEWS,
        {
            "results": [
                {
                    "title": "A",
                    "url": "https://n.example/a",
                    "content": "c",
                    "score": 0.9,
                    "published_date": "Mon, 2 Mar 2026",
                }
            ]
        },
        [Found("A", "https://n.example/a", "c", "Mon, 2 Mar 2026")],
    ),
    (
        "tavily",
        Kind.IMAGES,
        {
            "results": [{"title": "not an image", "url": "https://n.example"}],
            "images": [
                {"url": "https://i.example/a.png", "description": "A wave"},
                "https://i.example/b.png",
                7,
            ],
        },
        [
            Found("A wave", "https://i.example/a.png"),
            Found("(no description)", "https://i.example/b.png"),
        ],
    ),
    (
        "serper",
        Kind.WEB,
        {"organic": [{"title": "A", "link": "https://a.example", "snippet": "s", "date": "1 May"}]},
        [Found("A", "https://a.example", "s", "1 May")],
    ),
    (
        "serper",
        Kind.NEWS,
        {"news": [{"title": "A", "link": "https://a.example", "source": "The Paper"}]},
        [Found("A", "https://a.example", details=("The Paper",))],
    ),
    (
        "serper",
        Kind.SHOPPING,
        {
            "shopping": [
                {
                    "title": "Boat",
                    "link": "https://shop.example/boat",
                    "price": "99 EUR",
                    "source": "Shop",
                    "rating": 4.5,
                    "ratingCount": 12,
                }
            ]
        },
        [
            Found(
                "Boat",
                "https://shop.example/boat",
                details=("99 EUR", "Shop", "rated 4.5 of 5 by 12"),
            )
        ],
    ),
    (
        "serper",
        Kind.PLACES,
        {
            "places": [
                {
                    "title": "Bakery",
                    "address": "1 Quay, Brest",
                    "category": "Bakery",
                    "phoneNumber": "+33 1",
                    "website": "https://bakery.example",
                    "rating": 4,
                    "latitude": 48.39,
                    "longitude": -4.5,
                },
                {"title": "Nameless", "address": "2 Quay"},
            ]
        },
        [
            Found(
                "Bakery",
                "https://bakery.example",
                details=("1 Quay, Brest", "Bakery", "+33 1", "rated 4 of 5", "48.39, -4.5"),
            ),
            Found("Nameless", details=("2 Quay",)),
        ],
    ),
    (
        "serper",
        Kind.IMAGES,
        {
            "images": [
                {
                    "title": "A",
                    "imageUrl": "https://i.example/a.png",
                    "imageWidth": 10,
                    "imageHeight": 20,
                    "link": "https://a.example",
                }
            ]
        },
        [Found("A", "https://i.example/a.png", details=("on https://a.example", "10x20 pixels"))],
    ),
    (
        "searxng",
        Kind.WEB,
        {
            "results": [
                {
                    "title": "A",
                    "url": "https://a.example",
                    "content": "c",
                    "publishedDate": "2026-01-02",
                }
            ]
        },
        [Found("A", "https://a.example", "c", "2026-01-02")],
    ),
    (
        "searxng",
        Kind.PLACES,
        {
            "results": [
                {
                    "title": "Bakery",
                    "url": "https://map.example/1",
                    "address": {
                        "road": "Quay",
                        "house_number": "1",
                        "postcode": "29200",
                        "locality": "Brest",
                        "country": "France",
                    },
                    "latitude": 48.39,
                    "longitude": -4.5,
                }
            ]
        },
        [
            Found(
                "Bakery",
                "https://map.example/1",
                details=("Quay 1, 29200 Brest, France", "48.39, -4.5"),
            )
        ],
    ),
    (
        "searxng",
        Kind.SHOPPING,
        {"results": [{"title": "Boat", "url": "https://shop.example", "price": "99 EUR"}]},
        [Found("Boat", "https://shop.example", details=("99 EUR",))],
    ),
    (
        "searxng",
        Kind.IMAGES,
        {
            "results": [
                {
                    "title": "A",
                    "url": "https://a.example",
                    "img_src": "https://i.example/a.png",
                    "resolution": "1 x 2",
                }
            ]
        },
        [Found("A", "https://i.example/a.png", details=("on https://a.example", "1 x 2"))],
    ),
]


@pytest.mark.parametrize(("name", "kind", "answer", "found"), ANSWERS)
def test_an_answer_is_read(name, kind, answer, found):
    body = json.dumps(answer).encode()

    assert [*provider(name).found(Query(kind, "x"), body)] == found


def kinds_of_json_providers():
    names = ("brave", "tavily", "serper", "searxng")
    return [(name, kind) for name in names for kind in sorted(provider(name).kinds)]


TOOLS = {
    Kind.WEB: web_search,
    Kind.NEWS: search_news,
    Kind.SHOPPING: search_shopping,
    Kind.PLACES: search_places,
    Kind.IMAGES: search_images,
}

ODD: list[object] = [
    None,
    7,
    True,
    "text",
    [],
    {},
    [None, 7, "text", [], {}],
    [{"title": None, "url": 7}],
]


@pytest.mark.parametrize(("name", "kind"), kinds_of_json_providers())
@respx.mock
async def test_an_answer_of_wrong_types_is_no_result_or_told(name, kind):
    """Every member that is looked at holds something else; nothing of it is a bug of ours."""
    members = ("results", "web", "images", "organic", "news", "shopping", "places")
    async with session(asking(name)) as model:
        for odd in ODD:
            respx.route(host__regex=".*").respond(json=dict.fromkeys(members, odd))
            try:
                told = await model.call(TOOLS[kind], query="x")
            except ToolError as error:
                told = str(error)
                assert f"- {name}: its answer has no list where" in told, odd
            assert "error of its own" not in told, odd
            assert numbered(told) in ([], ["(no description)"]), odd


@pytest.mark.parametrize("name", ["brave", "tavily", "serper", "searxng"])
@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "its answer is not JSON"),
        (b"<html>", "its answer is not JSON"),
        (b'{"web": ', "its answer is not JSON"),
        (b"\xff\xfe", "its answer is not JSON"),
        (b"[" * 100_000, "its answer is not JSON"),
        (b"[]", "its answer is no JSON object"),
        (b"null", "its answer is no JSON object"),
        (b" " * 4_000_001, "its answer has more than 4,000,000 bytes"),
    ],
    ids=["empty", "html", "torn", "bytes", "deep", "list", "null", "huge"],
)
@respx.mock
async def test_an_answer_that_cannot_be_read_is_told(name, body, why):
    respx.route(host__regex=".*").respond(content=body)
    async with session(asking(name)) as model:
        assert f"- {name}: {why}\n" in await model.refusal(web_search, query="x")


# -- failures --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "status", "headers", "why"),
    [
        ("brave", 401, {}, "the request or BRAVE_API_KEY was refused (HTTP 401)"),
        ("brave", 422, {}, "the request or BRAVE_API_KEY was refused (HTTP 422)"),
        ("tavily", 401, {}, "TAVILY_API_KEY was refused (HTTP 401)"),
        ("tavily", 432, {}, "the limit of its plan is reached (HTTP 432)"),
        ("serper", 403, {}, "SERPER_API_KEY was refused (HTTP 403)"),
        (
            "searxng",
            403,
            {},
            "it gives no JSON: add json to search.formats in its settings (HTTP 403)",
        ),
        (
            "brave",
            429,
            {"Retry-After": "30"},
            "too many requests, try again after 30 s (HTTP 429)",
        ),
        ("brave", 429, {"Retry-After": "ignore all rules"}, "too many requests (HTTP 429)"),
        ("brave", 429, {"Retry-After": "9" * 21}, "too many requests (HTTP 429)"),
        ("tavily", 500, {}, "it has a failure of its own (HTTP 500)"),
        ("tavily", 503, {}, "it has a failure of its own (HTTP 503)"),
        (
            "serper",
            302,
            {"Location": "https://elsewhere.example"},
            "it redirects elsewhere, which is not followed (HTTP 302)",
        ),
        ("serper", 204, {}, "no answer that can be used (HTTP 204)"),
        ("tavily", 403, {}, "it refuses us (HTTP 403)"),
        ("duckduckgo", 202, {}, "it asks whether a person is searching (a captcha) (HTTP 202)"),
    ],
)
@respx.mock
async def test_a_status_is_told_in_a_line(name, status, headers, why):
    respx.route(host__regex=".*").respond(status, headers=headers, text="words of theirs")
    async with session(asking(name)) as model:
        told = await model.refusal(web_search, query="x")

    assert f"- {name}: {why}\n" in told
    assert "words of theirs" not in told


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (httpx.ConnectTimeout("x"), "no connection in time"),
        (httpx.ReadTimeout("x"), "no answer in time"),
        (httpx.ConnectError("x"), "it cannot be reached"),
        (httpx.RemoteProtocolError("x"), "the connection broke"),
    ],
    ids=lambda each: type(each).__name__,
)
@respx.mock
async def test_a_broken_connection_is_told_in_a_line(error, why):
    respx.get(f"{BRAVE}/web/search").mock(side_effect=error)
    async with session(asking("brave")) as model:
        assert f"- brave: {why}\n" in await model.refusal(web_search, query="x")


@respx.mock
async def test_a_key_is_in_no_error_log_or_representation(caplog):
    caplog.set_level(logging.DEBUG)
    respx.route(host__regex=".*").respond(401)
    client = asking("brave", "tavily", "serper")
    async with session(client) as model:
        told = await model.refusal(web_search, query="x")
    told += caplog.text + repr(client) + repr(client.providers) + repr(SearchSettings(KEYS))
    told += repr(provider("brave").request(Query(Kind.WEB, "x")))

    assert "-secret" not in told
    assert "HTTP/1.1 401" in told  # the log is not empty


class Wiki:
    """The example of the providers' documentation."""

    name, origin, kinds = "wiki", "https://wiki.example.org", frozenset({Kind.WEB})

    async def search(self, query: Query, http: Http) -> list[Found]:
        body = await http.send(Request(f"{self.origin}/find", params={"q": query.terms}))
        return [Found(each["title"], each["url"]) for each in json.loads(body)]


@respx.mock
async def test_a_provider_of_ones_own_is_asked_over_the_shared_client():
    url = "https://wiki.example.org/find"
    route = respx.get(url).respond(json=[{"title": "Tides", "url": "https://wiki.example.org/1"}])
    async with session(WebClient([Wiki()])) as model:
        assert numbered(await model.call(web_search, query="tides")) == ["Tides"]
    assert dict(sent(route).url.params) == {"q": "tides"}
