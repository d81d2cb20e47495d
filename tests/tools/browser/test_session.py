"""A session's tabs, and what it is told of what happened in them."""

import asyncio
import threading

import pytest

from tools.browser.downloads import REFUSED
from tools.browser.errors import BrowserCode, BrowserError
from tools.browser.events import (
    ConsoleLine,
    DialogAnswered,
    DialogKind,
    FailedRequest,
    Navigated,
    TabGone,
    TabOpened,
    TabRefused,
)
from tools.browser.session import MOST_TABS

from .conftest import SECONDS, becomes_true
from .test_manager_recovery import fails, going, title


def pressing(role):
    async def press(_session, tab):
        await tab.page.get_by_role(role).click(timeout=5000)

    return press


async def came(log, count):
    """Wait until so many are in a log; give all of them."""
    assert await asyncio.to_thread(becomes_true, lambda: log.since(0).next >= count), log.since(0)
    return log.since(0).entries


async def test_a_tab_knows_its_url_and_the_status_of_its_document(shared, site):
    async def seen(_session, tab):
        return tab.url.removeprefix(site.url("")), tab.status

    told = []
    for path in ("/", "/moved", "/gone", "/gone#part"):
        await shared.use("a", going(site.url(path)), timeout=SECONDS)
        told.append(await shared.use("a", seen, timeout=SECONDS))
    await shared.use("a", going("data:text/html,x"), timeout=SECONDS)
    told.append(await shared.use("a", seen, timeout=SECONDS))
    assert told == [
        ("/", 200),
        ("/other", 200),
        ("/gone", 404),
        ("/gone#part", 404),
        ("data:text/html,x", None),
    ]
    navigated = [
        each for each in shared.session("a").logs.events.news().entries if type(each) is Navigated
    ]
    assert navigated[1] == Navigated("t1", site.url("/other"), 200)
    assert len(navigated) == 5


async def test_tabs_are_opened_switched_and_closed_under_ids_that_never_come_again(shared, site):
    async def act(session, tab):
        second = await session.new_tab()
        third = await session.new_tab()
        await second.page.goto(site.url("/other"))
        session.switch("t1")
        session.switch("t2")
        await session.close_tab("t2")
        return tab.id, second.id, third.id, session.active.id

    assert await shared.use("a", act, timeout=SECONDS) == ("t1", "t2", "t3", "t1")

    async def close_all(session, _tab):
        await session.close_tab("t3")
        await session.close_tab("t1")
        return session.active, list(session.tabs)

    assert await shared.use("a", close_all, timeout=SECONDS) == (None, [])
    assert await shared.use("a", title, timeout=SECONDS) == ("t4", "")
    error = await fails(shared.use("a", title, timeout=SECONDS, tab="t2"))
    assert error.code is BrowserCode.TAB_CLOSED
    assert error.message == "tab='t2' is not open; open are: t4 (about:blank)."
    assert shared.session("a").logs.events.since(0).entries[1:] == ()


async def test_work_goes_to_the_tab_that_is_named(shared, site):
    async def two(session, tab):
        await tab.page.goto(site.url("/other"))
        await session.new_tab()

    await shared.use("a", two, timeout=SECONDS)
    assert await shared.use("a", title, timeout=SECONDS) == ("t2", "")
    assert await shared.use("a", title, timeout=SECONDS, tab="t1") == ("t1", "Other")


async def test_no_more_tabs_are_opened_than_may_be(shared):
    async def many(session, _tab):
        while True:
            await session.new_tab()

    with pytest.raises(BrowserError, match="20 tabs are open, the most that may be: close one"):
        await shared.use("a", many, timeout=60)
    assert len(shared.session("a").tabs) == MOST_TABS


async def test_a_page_that_opens_another_gives_a_tab_that_is_not_the_active_one(shared, site):
    await shared.use("a", going(site.url("/opener")), timeout=SECONDS)
    session = shared.session("a")
    session.logs.events.news()
    await shared.use("a", pressing("button"), timeout=SECONDS)
    opened = await came(session.logs.events, 2)
    assert opened[1] == TabOpened("t2", "t1", site.url("/other"))
    assert session.tabs["t2"].status == 200
    assert session.active.id == "t1"
    await shared.use("a", pressing("link"), timeout=SECONDS)
    by_link = (await came(session.logs.events, 3))[2]
    assert (by_link.tab, by_link.opener) == ("t3", "t1")
    assert await shared.use("a", title, timeout=SECONDS, tab="t2") == ("t2", "Other")


async def test_a_tab_that_closes_itself_is_told_and_the_one_before_is_active(shared, site):
    async def opened(session, tab):
        await tab.page.goto(site.url("/other"))
        async with tab.page.expect_popup() as popup:
            await tab.page.evaluate("() => { window.open('/closing') }")
        page = await popup.value
        await page.wait_for_load_state()
        session.switch("t2")
        async with page.expect_event("close"):
            await page.get_by_role("button").dispatch_event("click")

    work = shared.use("a", opened, timeout=SECONDS)
    await asyncio.gather(work.result(), return_exceptions=True)
    session = shared.session("a")
    assert TabGone("t2", site.url("/closing")) in await came(session.logs.events, 3)
    assert await shared.use("a", title, timeout=SECONDS) == ("t1", "Other")


async def test_pages_that_open_too_many_others_have_them_closed(shared, site):
    async def open_many(_session, tab):
        await tab.page.goto(site.url("/other"))
        await tab.page.evaluate("() => { for (let i = 0; i < 25; i++) open('about:blank#' + i) }")

    await shared.use("a", open_many, timeout=SECONDS)
    session = shared.session("a")
    await came(session.logs.events, 26)
    refused = [each for each in session.logs.events.since(0).entries if type(each) is TabRefused]
    assert len(session.tabs) == MOST_TABS
    assert len(refused) == 6
    context = session.context
    assert await asyncio.to_thread(becomes_true, lambda: len(context.pages) == MOST_TABS)


async def test_an_alert_on_load_holds_up_nothing_and_is_told(shared, site):
    await shared.use("a", going(site.url("/alert")), timeout=SECONDS)
    assert await shared.use("a", title, timeout=SECONDS) == ("t1", "Alert")
    told = DialogAnswered("t1", DialogKind.ALERT, "on load \N{SYMBOL FOR ESCAPE}[31m", False)
    news = shared.session("a").logs.events.news()
    assert told in news.entries
    assert (len(news.entries), news.next, news.lost) == (2, 2, 0)
    assert shared.session("a").logs.events.news().entries == ()


async def test_dialogs_are_dismissed_unless_one_was_armed_which_counts_once(shared, site):
    await shared.use("a", going(site.url("/ask")), timeout=SECONDS)
    tab = shared.session("a").tabs["t1"]
    titles = []
    for arm, role in (
        (lambda: None, "button"),
        (lambda: tab.arm_dialog(accept=True), "button"),
        (lambda: None, "button"),
        (lambda: tab.arm_dialog(accept=True, text="you"), "text"),
        (lambda: tab.arm_dialog(accept=False, text="you"), "text"),
    ):
        arm()

        async def click(_session, tab, role=role):
            found = tab.page.get_by_role("button")
            await (found if role == "button" else tab.page.get_by_text("prompt")).click()

        await shared.use("a", click, timeout=SECONDS)
        titles.append((await shared.use("a", title, timeout=SECONDS))[1])
    assert titles == ["false", "true", "false", "you", "null"]
    dialogs = shared.session("a").logs.events.since(1).entries
    assert [(each.accepted, each.text) for each in dialogs] == [
        (False, None),
        (True, None),
        (False, None),
        (True, "you"),
        (False, None),
    ]
    assert dialogs[3].message == "who?"


async def test_dialogs_of_a_window_that_a_person_watches_are_left_to_the_person(managers, site):
    manager = managers(dialogs="leave", viewport=None)
    asked = []

    async def open_dialog(session, tab):
        session.context.on("dialog", lambda dialog: asked.append(dialog))  # noqa: PLW0108  (Playwright takes no builtin)
        await tab.page.goto(site.url("/other"))
        await tab.page.evaluate("setTimeout(() => { document.title = String(confirm('x')) })")
        return tab.page.viewport_size

    assert await manager.use("a", open_dialog, timeout=SECONDS) is None
    assert await asyncio.to_thread(becomes_true, lambda: asked)

    async def answer(_session, tab):
        await asked[0].accept()
        return await tab.title()

    assert await manager.use("a", answer, timeout=SECONDS) == "true"
    events = manager.session("a").logs.events.since(0).entries
    assert [each for each in events if type(each) is DialogAnswered] == []


async def test_a_page_that_would_rather_be_stayed_on_is_left(shared, site):
    await shared.use("a", going(site.url("/stay")), timeout=SECONDS)
    await shared.use("a", pressing("button"), timeout=SECONDS)
    shared.session("a").tabs["t1"].arm_dialog(accept=False)
    await shared.use("a", going(site.url("/other")), timeout=SECONDS)
    assert await shared.use("a", title, timeout=SECONDS) == ("t1", "Other")
    (told,) = [
        each
        for each in shared.session("a").logs.events.since(0).entries
        if type(each) is DialogAnswered
    ]
    assert (told.kind, told.accepted) == (DialogKind.BEFOREUNLOAD, True)


async def test_what_no_call_has_asked_for_is_not_downloaded_and_it_is_told(managers, site):
    manager = managers()

    async def download(_session, tab):
        with pytest.raises(Exception, match=r"Download is starting|ERR_ABORTED"):
            await tab.page.goto(site.url("/file"))

    await manager.use("a", download, timeout=SECONDS)
    (told,) = await came(manager.session("a").logs.events, 1)
    assert (told.path, told.error) == (None, REFUSED)


async def test_console_and_failed_requests_are_remembered_cleaned(shared, site):
    await shared.use("a", going(site.url("/noisy")), timeout=SECONDS)
    logs = shared.session("a").logs
    console = await came(logs.console, 3)
    page = site.url("/noisy")
    assert ConsoleLine("t1", "warning", "a warning \N{SYMBOL FOR ESCAPE}", f"{page}:1") in console
    assert [each.text for each in console if each.level == "pageerror"] == ["Error: thrown"]
    network = await came(logs.network, 2)
    assert FailedRequest("t1", "GET", site.url("/gone"), 404) in network
    unreachable = FailedRequest(
        "t1", "GET", "http://127.0.0.1:9/unreachable", None, "net::ERR_UNSAFE_PORT"
    )
    assert unreachable in network


async def test_sessions_share_neither_cookies_nor_storage(shared, site):
    async def write(_session, tab):
        await tab.page.goto(site.url("/"))
        await tab.page.evaluate("document.cookie = 'a=1'; localStorage.a = 1")

    async def read(_session, tab):
        await tab.page.goto(site.url("/"))
        return await tab.page.evaluate("[document.cookie, localStorage.length]")

    await shared.use("a", write, timeout=SECONDS)
    assert await shared.use("a", read, timeout=SECONDS) == ["a=1", 1]
    assert await shared.use("b", read, timeout=SECONDS) == ["", 0]
    await shared.end_session("a")
    assert await shared.use("a", read, timeout=SECONDS) == ["", 0]


async def test_a_session_goes_on_while_another_waits(shared, site):
    held = shared.use("a", going(site.url("/held")), timeout=SECONDS)
    assert await asyncio.to_thread(site.arrived.wait, SECONDS)
    await shared.use("b", going(site.url("/other")), timeout=SECONDS)
    assert not held.is_settled
    site.release.set()
    await held


async def test_three_hosts_with_loops_of_their_own_use_one_browser(shared, site):
    def host(name):
        return asyncio.run(shared.use(name, going(site.url("/")), timeout=SECONDS).result())

    names = ("a", "b", "c")
    opened = await asyncio.gather(*(asyncio.to_thread(host, name) for name in names))
    assert opened == ["t1"] * 3


async def test_the_proxy_hook_is_asked_for_each_session(managers, site):
    from tools.browser.settings import Proxy  # noqa: PLC0415  (beside what it is for)

    asked = []

    async def proxy(name):
        asked.append((name, threading.current_thread().name))
        return Proxy(site.url("")) if name == "guarded" else None

    manager = managers(proxy=proxy)
    await manager.use("guarded", going("http://nowhere.invalid/other"), timeout=SECONDS)
    await manager.use("guarded", title, timeout=SECONDS)
    await manager.use("free", title, timeout=SECONDS)
    assert asked == [("guarded", "toolloop-browser"), ("free", "toolloop-browser")]
    assert site.requests[0] == "http://nowhere.invalid/other"
