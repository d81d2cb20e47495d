"""After an action a page is waited for as long as it does something, and no longer."""

import asyncio

import pytest

from tools.browser.settling import Settled, settled, watched

from .fixture_pages import opened_page, started_browser  # noqa: F401  (fixtures)

pytestmark = pytest.mark.asyncio(loop_scope="module")

ADDRESS = "http://page.invalid/"


@pytest.fixture
async def gates():
    """Answers that wait until a test lets them go, by path."""
    return {}


async def answering(page, gates, body):
    """Serve a page at ADDRESS whose requests wait at their gate."""

    async def answer(route):
        path = route.request.url.removeprefix(ADDRESS)
        if path:
            await gates.setdefault(path, asyncio.Event()).wait()
        await route.fulfill(body=body if not path else "later", content_type="text/html")

    await page.route(f"{ADDRESS}**", answer)
    await page.goto(ADDRESS)


async def test_what_an_action_does_at_once_is_there(page):
    await page.set_content(
        "<button onclick='requestAnimationFrame(() => { document.title = 1 })'>Go</button>"
    )
    async with watched(page) as activity:
        await page.click("button")
        assert await settled(page, activity) == Settled(True, False, 0)
    assert await page.title() == "1"


async def test_a_request_that_an_action_started_is_waited_for(page, gates):
    await answering(
        page,
        gates,
        "<button onclick=\"fetch('data').then(r => r.text()).then(t => { document.title = t })\">",
    )
    gates["data"] = asyncio.Event()
    async with watched(page) as activity:
        await page.click("button")
        waiting = asyncio.ensure_future(settled(page, activity, seconds=20))
        await page.evaluate("() => new Promise(requestAnimationFrame)")
        assert not waiting.done()
        assert activity.pending == 1
        gates["data"].set()
        assert await waiting == Settled(True, False, 0)
    assert await page.title() == "later"


async def test_a_request_that_never_ends_is_not_waited_for_beyond_the_limit(page, gates):
    await answering(page, gates, "<button onclick=\"fetch('data')\">Go</button>")
    async with watched(page) as activity:
        await page.click("button")
        assert await settled(page, activity, seconds=0.2) == Settled(False, False, 1)
        gates["data"].set()


async def test_what_was_under_way_before_is_not_waited_for(page, gates):
    async with page.expect_request(f"{ADDRESS}data"):
        await answering(page, gates, "<button>Go</button><script>fetch('data')</script>")
    async with watched(page) as activity:
        await page.click("button")
        assert await settled(page, activity, seconds=20) == Settled(True, False, 0)
    gates["data"].set()


async def test_a_navigation_is_waited_for(page, gates):
    await answering(page, gates, "<a href=next>Go</a>")
    gates["next"] = asyncio.Event()
    gates["next"].set()
    async with watched(page) as activity:
        await page.click("a")
        assert await settled(page, activity, seconds=20) == Settled(True, True, 0)
    assert await page.inner_text("body") == "later"


async def test_a_navigation_that_fails_is_over(page):
    await page.route("**/*", lambda route: route.abort())
    await page.set_content("<a href='http://page.invalid/'>Go</a>")
    async with watched(page) as activity:
        await page.click("a")
        rest = await settled(page, activity, seconds=20)
    assert (rest.is_quiet, rest.pending) == (True, 0)


async def test_a_stream_that_never_ends_is_not_waited_for(page, gates):
    await answering(page, gates, "<button onclick=\"new EventSource('data')\">Go</button>")
    async with watched(page) as activity:
        await page.click("button")
        assert await settled(page, activity, seconds=20) == Settled(True, False, 0)
    gates.setdefault("data", asyncio.Event()).set()


async def test_nothing_is_noted_after_the_end(page):
    await page.set_content("<p>x")
    async with watched(page) as activity:
        pass
    await page.route("**/*", lambda route: route.fulfill(body="x"))
    await page.goto(ADDRESS)
    assert repr(activity) == "<Activity 0 requests pending, loaded>"
    assert not activity.navigated


MOVING = """<button onclick='move()'>Go</button><p id=p style='width:10px'>x</p><script>
const move = () => { let left = 8; const step = () => { p.style.width = `${10 * left}px`;
  if (--left) requestAnimationFrame(step); else document.title = 'rests'; };
  requestAnimationFrame(step); };</script>"""


async def test_what_moves_for_a_moment_is_waited_for(page):
    await page.set_content(MOVING)
    async with watched(page) as activity:
        await page.evaluate("move()")
        await settled(page, activity)
        assert await page.title() == "rests"


async def test_what_moves_for_ever_is_not_waited_for_beyond_a_moment(page):
    await page.set_content(
        "<style>@keyframes k { to { opacity: 0 } } i { animation: k 1s infinite }</style><i>x</i>"
        "<p id=p>y</p><script>setInterval(() => { p.style.width = `${Math.random()}px` }, 5)"
        "</script>"
    )
    async with watched(page) as activity:
        assert (await settled(page, activity, seconds=20)).is_quiet
