"""Result pages told apart; the pages are in the shape of those of search engines."""

import asyncio
import base64
from urllib.parse import parse_qs, urlsplit

import pytest

from tools import ToolError
from tools.web import Found, Kind, Query, WebClient
from tools.web.fallback import Outcome, ResultPage, destination, read_result_page
from tools.web.tools import search_news, web_search

from .calling import Fake, numbered, refused, session


def bing_link(url: str) -> str:
    packed = base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")
    return f"https://www.bing.com/ck/a?!&amp;&amp;p=1&amp;u=a1{packed}&amp;ntb=1"


def html(body: str) -> str:
    return f"<!DOCTYPE html><html><head><title>x at search</title></head><body>{body}</body></html>"


DUCK_ROW = """
<div class="result results_links web-result {more}">
  <h2 class="result__title"><a rel="nofollow" class="result__a" href="{href}">{title}</a></h2>
  <a class="result__snippet" href="{href}">About <b>{title}</b> &amp; more</a>
</div>"""


def duck_row(title: str, href: str, more: str = "") -> str:
    return DUCK_ROW.format(title=title, href=href, more=more)


DUCK = html(
    duck_row("Ad", "https://duckduckgo.com/y.js?ad_domain=shop.example", "result--ad")
    + duck_row("Another ad", "https://shop.example/boat", "result--ad")
    + duck_row("Tides", "//duckduckgo.com/l/?uddg=https%3A%2F%2Fexample.org%2Ftides%3Fa%3D1&rut=f")
    + duck_row("Moon", "https://example.org/moon")
    + '<p class="captcha-free">This page speaks of a captcha.</p>'
)

DUCK_SCRIPTED = html(
    """<article data-testid="result"><h2><a data-testid="result-title-a"
    href="https://example.org/tides">Tides</a></h2><div data-result="snippet">Of the
    sea</div></article>"""
)

BING = html(
    f"""<ol id="b_results"><li class="b_ad"><h2><a href="https://shop.example">Buy</a></h2></li>
    <li class="b_algo" data-id="1"><h2><a href="{bing_link("https://example.org/tides?a=ü")}">The
    <strong>tides</strong></a></h2><div class="b_caption"><p>Of the sea</p></div></li>
    <li class="b_algo"><h2><a href="https://example.org/moon">Moon</a></h2></li></ol>
    <div id="bnp_container">We use cookies</div>"""
)

DUCK_NOTHING = html('<div class="no-results">Nothing at all for this.</div>')
DUCK_SCRIPTED_NOTHING = html('<p data-testid="no-results-message">Nothing.</p>')
BING_NOTHING = html('<ol id="b_results"><li class="b_no"><h1>Nothing for this</h1></li></ol>')

CAPTCHAS = [
    html('<form id="challenge-form"><div class="anomaly-modal__title">Ducks?</div></form>'),
    html('<div class="cf-turnstile" data-sitekey="x"></div>'),
    html('<form id="captcha-form" action="index"><div class="g-recaptcha"></div></form>'),
    html('<form action="/sorry/index?continue=x"><input name="q"></form>'),
    html('<iframe src="https://challenges.cloudflare.com/x"></iframe>'),
    html('<div class="captcha_header">One last step</div><div id="bnp_container"></div>'),
]

WALLS = [
    html('<form action="https://consent.search.example/save"><button>Agree</button></form>'),
    html('<div id="bnp_container"><button>Accept</button></div>'),
    html('<div id="didomi-host"></div>'),
    html('<div class="consent-page">Before you go on</div>'),
]

UNREADABLE = [
    "",
    " ",
    "no html at all",
    html("<h1>A portal</h1><p>No results are shown here, only news.</p>"),
    html('<div class="result"><h3>A new shape without the links</h3></div>'),
    '{"results": []}',
    "<" * 10_000,
    "\0\0",
]


@pytest.mark.parametrize(
    ("page", "found"),
    [
        (
            DUCK,
            (
                Found("Tides", "https://example.org/tides?a=1", "About Tides & more"),
                Found("Moon", "https://example.org/moon", "About Moon & more"),
            ),
        ),
        (DUCK_SCRIPTED, (Found("Tides", "https://example.org/tides", "Of the\n    sea"),)),
        (
            BING,
            (
                Found("The\n    tides", "https://example.org/tides?a=ü", "Of the sea"),
                Found("Moon", "https://example.org/moon"),
            ),
        ),
    ],
    ids=["duckduckgo", "duckduckgo with scripts", "bing"],
)
def test_results_are_read_whatever_else_is_on_the_page(page, found):
    assert read_result_page(page) == ResultPage(Outcome.RESULTS, found)


@pytest.mark.parametrize("page", [DUCK_NOTHING, DUCK_SCRIPTED_NOTHING, BING_NOTHING])
def test_a_page_that_says_so_has_no_results(page):
    assert read_result_page(page) == ResultPage(Outcome.NO_RESULTS)


@pytest.mark.parametrize("page", CAPTCHAS)
def test_a_captcha_is_told(page):
    assert read_result_page(page) == ResultPage(Outcome.CAPTCHA)


@pytest.mark.parametrize("page", WALLS)
def test_a_consent_wall_is_told(page):
    assert read_result_page(page) == ResultPage(Outcome.CONSENT_WALL)


@pytest.mark.parametrize("page", UNREADABLE, ids=lambda page: repr(page[:20]))
def test_any_other_page_is_never_taken_for_an_empty_one(page):
    assert read_result_page(page) == ResultPage(Outcome.PARSE_FAILED)


def test_only_the_beginning_of_a_huge_page_is_looked_at():
    page = html(f"<p>{'x' * 1_000_000}</p>" + duck_row("Tides", "https://example.org"))

    assert read_result_page(page).outcome is Outcome.PARSE_FAILED


@pytest.mark.parametrize(
    ("link", "there"),
    [
        ("https://example.org/a?b=c", "https://example.org/a?b=c"),
        ("//duckduckgo.com/l/?uddg=https%3A%2F%2Fa.example", "https://a.example"),
        ("https://duckduckgo.com/l/?other=1", ""),
        ("https://duckduckgo.com/y.js?uddg=https%3A%2F%2Fshop.example", ""),
        ("https://notduckduckgo.com/l/", "https://notduckduckgo.com/l/"),
        ("https://www.bing.com/ck/a?u=a1%%%", ""),
        ("https://www.bing.com/ck/a?u=a1_w", ""),
        ("https://www.bing.com/ck/a", ""),
        ("javascript:alert(1)", ""),
        ("/relative", ""),
        ("http://[::1", ""),
        ("", ""),
    ],
)
def test_a_link_is_followed_out_of_the_search_engine(link, there):
    assert destination(link) == there


# -- with a browser --------------------------------------------------------------------------------


class Browser:
    """Shows a page for each host, or fails."""

    def __init__(self, bing: str | Exception, duckduckgo: str | Exception = "") -> None:
        self._pages = {"www.bing.com": bing, "html.duckduckgo.com": duckduckgo}
        self.asked: list[str] = []

    async def __call__(self, url: str) -> str:
        self.asked.append(url)
        page = self._pages[urlsplit(url).hostname or ""]
        if isinstance(page, Exception):
            raise page
        return page


async def searched(browser: Browser, *fakes: Fake) -> str:
    async with session(WebClient(fakes, fetch_page=browser)) as model:
        return await model.call(web_search, query="tides & moon", site="example.org")


async def test_a_browser_is_asked_when_no_provider_answers():
    browser = Browser(BING)

    told = await searched(browser, Fake("one", refused()), Fake("two", refused()))

    assert numbered(told) == ["The tides", "Moon"]
    assert "(found by bing in a browser)" in told
    assert told.endswith(
        "\nNot answered: one: it refuses us (HTTP 403).\n"
        "Not answered: two: it refuses us (HTTP 403)."
    )
    assert [parse_qs(urlsplit(url).query) for url in browser.asked] == [
        {"q": ["tides & moon site:example.org"]}
    ]


async def test_a_browser_is_asked_when_no_provider_is_configured():
    assert numbered(await searched(Browser(BING))) == ["The tides", "Moon"]


async def test_no_browser_is_asked_when_a_provider_answers_even_with_nothing():
    browser = Browser(BING)

    told = await searched(browser, Fake("one", refused()), Fake("two", []))

    assert told == (
        "No web results for 'tides & moon site:example.org'.\n"
        "Not answered: one: it refuses us (HTTP 403)."
    )
    assert browser.asked == []


async def test_a_browser_that_finds_nothing_is_an_answer():
    assert await searched(Browser(BING_NOTHING)) == (
        "No web results for 'tides & moon site:example.org'."
    )


@pytest.mark.parametrize(
    ("page", "why"),
    [
        (CAPTCHAS[0], "it asks whether a person is searching (a captcha)"),
        (WALLS[0], "it shows a consent wall instead of results"),
        (UNREADABLE[3], "its result page cannot be read; it may have changed"),
        (ToolError("The browser is not installed."), "The browser is not installed"),
        (TimeoutError(), "no page within 15 s"),
        (RuntimeError("words"), "the browser failed with an error, which is logged"),
    ],
    ids=["captcha", "consent", "unreadable", "tool error", "late", "bug"],
)
async def test_a_page_that_is_no_answer_is_told_and_the_next_one_looked_at(page, why):
    told = await searched(Browser(page, DUCK))

    assert numbered(told) == ["Tides", "Moon"]
    assert told.endswith(f"\nNot answered: bing in a browser: {why}.")


async def test_when_nothing_answers_at_all_every_reason_is_told():
    browser = Browser(CAPTCHAS[0], WALLS[0])
    async with session(WebClient([Fake("one", refused())], fetch_page=browser)) as model:
        assert await model.refusal(web_search, query="x") == (
            "No provider answered the web search:\n"
            "- one: it refuses us (HTTP 403)\n"
            "- bing in a browser: it asks whether a person is searching (a captcha)\n"
            "- duckduckgo in a browser: it shows a consent wall instead of results\n"
            "Try again later; if it stays so, the user can set BRAVE_API_KEY, TAVILY_API_KEY, "
            "SERPER_API_KEY or SEARXNG_URL in the agent's environment."
        )


async def test_the_browser_is_asked_for_web_pages_only():
    browser = Browser(BING)
    only_web = Fake("one", kinds=frozenset({Kind.WEB}))
    async with session(WebClient([only_web], fetch_page=browser)) as model:
        told = await model.refusal(search_news, query="x")

    assert told == (
        "No provider is configured that searches news. The user can set BRAVE_API_KEY, "
        "TAVILY_API_KEY, SERPER_API_KEY or SEARXNG_URL in the agent's environment. "
        "web_search may find some of it meanwhile."
    )
    assert (browser.asked, only_web.asked) == ([], [])


async def test_a_cancelled_search_leaves_the_browser():
    left, opened = asyncio.Event(), asyncio.Event()

    async def never(url: str) -> str:
        del url
        opened.set()
        try:
            await asyncio.Event().wait()
        finally:
            left.set()
        raise AssertionError

    client = WebClient([], fetch_page=never)
    task = asyncio.create_task(client.search(Query(Kind.WEB, "x")))
    await opened.wait()
    task.cancel()
    await asyncio.wait({task})

    assert task.cancelled()
    assert left.is_set()
    await client.close()
