"""`browser_navigate`, `browser_tab` and `browser_tabs`, through an agent on a real Chromium."""

import asyncio
import re

import pytest
from playwright.async_api import Error

from tools.browser import navigating

from .conftest import becomes_true
from .hands import page_of
from .pages import HELD, Answer

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_page_is_shown_with_its_address_and_title(hands, module_site):
    url = module_site.show("<title>Shop</title><h1>Shop</h1><button>Buy</button>")
    shown = await hands("navigate", url=url)
    assert shown.splitlines()[0] == f"t1 {url} 'Shop'"
    assert page_of(shown) == (
        '- generic [ref=e1] [active]\n  - heading [ref=e2] "Shop" [level=1]\n'
        '  - button [ref=e3] "Buy"'
    )


@pytest.mark.parametrize(("status", "title"), [(404, "Not here"), (500, "Broken")])
async def test_an_error_of_the_server_is_shown_with_its_status(hands, module_site, status, title):
    url = module_site.show(f"<title>{title}</title><p>{title}</p>", status=status)
    shown = await hands("navigate", url=url)
    assert shown.splitlines()[0] == f"t1 {url} (HTTP {status}) '{title}'"
    assert f'paragraph [ref=e2]: "{title}"' in shown


async def test_a_redirect_is_followed_and_the_last_address_told(hands, module_site):
    shown = await hands("navigate", url=module_site.url("/moved"))
    assert shown.splitlines()[0] == f"t1 {module_site.url('/other')} 'Other'"


@pytest.mark.parametrize(
    ("url", "code", "why"),
    [
        ("http://127.0.0.1:81/", "blocked_by_policy: ", "127.0.0.1:81 is refused"),
        ("http://127.0.0.1:9/", "", "is refused: no browser connects to port 9"),
        ("http://10.0.0.1/", "blocked_by_policy: ", "10.0.0.1"),
        ("http://[::1]:80/", "blocked_by_policy: ", "::1"),
        ("http://169.254.169.254/latest/", "blocked_by_policy: ", "169.254.169.254"),
        ("file:///etc/passwd", "", "has to start with http:// or https://"),
        ("javascript:alert(1)", "", "has to start with http:// or https://"),
        ("data:text/html,x", "", "has to start with http:// or https://"),
        ("chrome://crash", "", "has to start with http:// or https://"),
        ("", "", "has to start with http:// or https://"),
    ],
)
async def test_an_address_that_may_not_be_reached_is_refused(hands, url, code, why):
    refused = await hands.fails("navigate", url=url)
    assert refused.startswith(code)
    assert why in refused


async def test_a_good_address_after_a_refused_one_is_reached(hands, module_site):
    calls = await hands.all(("navigate", {"url": "http://10.0.0.1/"}))
    assert calls[0].status == "failed"
    assert "Other" in await hands("navigate", url=module_site.url("/other"))


async def test_back_forward_and_reload(hands, module_site):
    one, two = (module_site.show(f"<title>{name}</title>") for name in ("One", "Two"))
    await hands("navigate", url=one)
    await hands("navigate", url=two)
    for move, title in (("back", "One"), ("forward", "Two"), ("reload", "Two")):
        assert f"'{title}'" in (await hands("navigate", url=move)).splitlines()[0]


async def test_where_there_is_nothing_to_go_back_to_it_is_told(hands, module_site):
    for move in ("back", "forward"):
        refused = await hands.fails("navigate", url=move)
        assert refused.startswith(f"action_failed: There is no page to go {move} to in t1.")
    await hands("navigate", url=module_site.url("/other"))


async def test_a_dialog_on_load_is_dismissed_and_told(hands, module_site):
    shown = await hands("navigate", url=module_site.url("/alert"))
    assert "t1: alert 'on load \N{SYMBOL FOR ESCAPE}[31m' was dismissed" in shown.splitlines()


async def test_a_page_that_never_ends_loading_is_shown_as_far_as_it_is(
    hands, module_site, monkeypatch
):
    monkeypatch.setattr(navigating, "LOAD_MS", 200)
    url = module_site.show(f"<p>there</p><img src='{HELD}'>")
    shown = await hands("navigate", url=url)
    assert '"there"' in shown
    module_site.release.set()
    module_site.release.clear()


async def test_an_address_that_sends_nothing_is_told_and_the_tab_goes_on(hands, module_site):
    await hands("navigate", url=module_site.url("/other"))
    refused = await hands.fails("navigate", url=module_site.url(HELD), timeout_seconds=0.5)
    assert refused.startswith(
        f"timeout: {module_site.url(HELD)} sent no document within 0.5 s; loading was stopped."
    )
    assert "'Other'" in await hands("read_page")


async def test_a_banner_is_dismissed_and_told(hands, module_site):
    url = module_site.show(
        "<p>text</p><div style='position:fixed;bottom:0' id=b>We use cookies."
        "<button onclick='b.remove()'>Reject all</button></div>"
    )
    shown = await hands("navigate", url=url)
    closed = 'closed: cookie banner "We use cookies. Reject all": clicked "Reject all"'
    assert shown.splitlines()[0] == closed
    assert "button" not in page_of(shown)


async def test_a_document_that_an_action_asked_for_is_waited_for_however_long_it_takes(
    hands, module_site
):
    """A page answers nothing while it waits for another document: it must not count as hung."""
    module_site.pages["/slow"] = Answer("<title>Slow</title>", is_slow=True)
    await hands("navigate", url=module_site.show("<title>Here</title><a href=/slow>go</a>"))
    module_site.arrived.clear()
    asked = asyncio.ensure_future(hands("click", ref=hands.ref("link")))
    assert await asyncio.to_thread(module_site.arrived.wait, 20)
    loop = asyncio.get_running_loop()
    loop.call_later(3, module_site.release.set)  # longer than what settles by itself
    assert "'Slow'" in await asked
    module_site.release.clear()


async def test_a_document_that_does_not_come_is_told_and_the_tab_can_go_elsewhere(
    hands, module_site, monkeypatch
):
    monkeypatch.setattr("tools.browser.acting.LOAD_SECONDS", 0.2)
    await hands("navigate", url=module_site.show(f"<title>Here</title><a href={HELD}>go</a>"))
    told = await hands("click", ref=hands.ref("link"))
    waits = f"t1 waits for {module_site.url(HELD)}, and shows nothing meanwhile: wait, or"
    assert told.splitlines()[-1] == f"{waits} go elsewhere"
    refused = await hands.fails("read_page")
    assert refused.startswith(f"timeout: t1 still waits for {module_site.url(HELD)}")
    assert "'Other'" in await hands("navigate", url=module_site.url("/other"))


async def test_the_error_page_of_the_navigation_before_does_not_spoil_the_next(
    hands, module_site, monkeypatch
):
    go, tried = navigating._go, []

    async def interrupted(hand, url, milliseconds):
        tried.append(url)
        if len(tried) == 1:
            target = 'interrupted by another navigation to "chrome-error://chromewebdata/"'
            raise Error(f'Page.goto: Navigation to "{url}" is {target}')
        return await go(hand, url, milliseconds)

    monkeypatch.setattr(navigating, "_go", interrupted)
    assert "'Other'" in await hands("navigate", url=module_site.url("/other"))
    assert tried == [module_site.url("/other")] * 2


async def test_what_is_nested_deep_can_be_clicked(hands, module_site):
    page = f"{'<ul><li>' * 40}<button onclick='document.title = `deep`'>Bottom</button>"
    await hands("navigate", url=module_site.show(page))
    clickable = re.search(r"- (?:button|clickable) \[ref=(\w+)\] \"Bottom\"", hands.shown)
    assert "'deep'" in await hands("click", ref=clickable[1])


async def test_tabs_are_opened_switched_listed_and_closed(hands, module_site):
    url = module_site.show("<title>One</title>")
    await hands("navigate", url=url)
    told = await hands("tab", action="new")
    assert told.splitlines()[:2] == ["opened t2", "t2 about:blank ''; other tabs: t1"]
    assert page_of(await hands("tabs")) == f"  t1 {url}\n* t2 about:blank"
    assert "switched to t1\nt1 " in await hands("tab", action="switch", tab="t1")
    told = await hands("tab", action="close")
    assert told.splitlines()[:2] == ["closed t1", "t2 about:blank ''"]
    told = await hands("tab", action="close")
    assert told.splitlines()[:2] == ["closed t2", "t3 about:blank ''"]
    assert page_of(await hands("tabs")) == "* t3 about:blank"


async def test_a_tab_that_is_not_open_is_told_with_those_that_are(hands, module_site):
    await hands("navigate", url=module_site.url("/other"))
    for name, given in (
        ("tab", {"action": "switch", "tab": "t9"}),
        ("tab", {"action": "close", "tab": "t9"}),
        ("navigate", {"url": module_site.url("/"), "tab": "t9"}),
        ("read_page", {"tab": "t9"}),
    ):
        refused = await hands.fails(name, **given)
        open_ones = f"t1 ({module_site.url('/other')})"
        assert refused.startswith(f"tab_closed: tab='t9' is not open; open are: {open_ones}.")


async def test_work_goes_on_in_a_tab_that_is_named(hands, module_site):
    await hands("navigate", url=module_site.url("/other"))
    await hands("tab", action="new")
    shown = await hands("navigate", url=module_site.url("/"), tab="t1")
    assert shown.splitlines()[0] == f"t1 {module_site.url('/')} 'Home'; other tabs: t2"


async def test_a_page_that_opens_another_is_told_and_stays_the_active_one(
    hands, module_site, module_browsing
):
    await hands("navigate", url=module_site.url("/opener"))
    told = await hands("click", ref=hands.ref("button", "open"))
    session = module_browsing.manager.session(hands.session.id)
    assert await asyncio.to_thread(becomes_true, lambda: "t2" in session.tabs)
    told += await hands("tabs")
    assert f"t2 was opened by t1: {module_site.url('/other')}" in told.splitlines()
    assert f"* t1 {module_site.url('/opener')}" in told
