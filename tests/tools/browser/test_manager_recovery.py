"""What is told, and what goes on, when browser, driver or page end or hang in the middle."""

import asyncio
import os
import signal
import threading
from dataclasses import replace

import pytest

from tools.browser.errors import BrowserCode, BrowserError
from tools.browser.events import Navigated, TabCrashed, TabReplaced
from tools.browser.settings import Proxy

from .conftest import LIMITS, SECONDS, becomes_true, running

AGAIN = "Its tabs and logins are gone; the next call starts a new browser."


def going(url):
    async def go(_session, tab):
        await tab.page.goto(url)
        return tab.id

    return go


async def title(_session, tab):
    return tab.id, await tab.title()


async def fails(work):
    with pytest.raises(BrowserError) as told:
        await work
    return told.value


async def ended(pids):
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


async def test_a_browser_killed_in_a_navigation_is_told_and_the_next_call_has_a_new_one(
    managers, marked, site
):
    manager = managers()
    await manager.use("a", going(site.url("/other")), timeout=SECONDS)
    work = manager.use("a", going(site.url("/held")), timeout=SECONDS)
    assert await asyncio.to_thread(site.arrived.wait, SECONDS)
    await ended(marked.browsers())
    error = await fails(work)
    assert error.code is BrowserCode.BROWSER_RESTARTED
    assert error.message == (
        "The browser ended meanwhile. Whether the action took effect is not known. "
        f"Tabs that are gone: t1 {site.url('/other')}."
    )
    assert AGAIN in str(error)
    assert site.requests.count("/held") == 1
    assert await manager.use("a", going(site.url("/")), timeout=SECONDS) == "t2"
    assert manager.generation == 2


async def test_a_browser_killed_in_a_click_is_told_and_the_click_is_not_repeated(
    managers, marked, site
):
    manager = managers()
    await manager.use("a", going(site.url("/covered")), timeout=SECONDS)
    began = threading.Event()
    clicks = []

    async def click(_session, tab):
        clicks.append(tab.id)
        asyncio.get_running_loop().call_later(0, began.set)
        await tab.page.get_by_role("button").click()

    work = manager.use("a", click, timeout=SECONDS)
    assert await asyncio.to_thread(began.wait, SECONDS)
    await ended(marked.browsers())
    assert (await fails(work)).code is BrowserCode.BROWSER_RESTARTED
    assert clicks == ["t1"]


@pytest.mark.parametrize("who", ["browsers", "drivers"])
async def test_every_session_is_told_once_before_anything_is_done_that_its_tabs_are_gone(
    managers, marked, site, who
):
    manager = managers()
    for name in ("a", "b"):
        await manager.use(name, going(site.url("/other")), timeout=SECONDS)
    await manager.use("empty", title, timeout=SECONDS)
    killed = running(manager)
    await ended(getattr(marked, who)())
    assert await asyncio.to_thread(becomes_true, lambda: killed.is_lost)
    for name in ("a", "b"):
        error = await fails(manager.use(name, going(site.url("/never")), timeout=SECONDS))
        assert error.message == (
            f"The browser had ended. Nothing was done. Tabs that are gone: t1 {site.url('/other')}."
        )
        assert await manager.use(name, title, timeout=SECONDS) == ("t2", "")
    assert await manager.use("empty", title, timeout=SECONDS) == ("t2", "")
    assert "/never" not in site.requests
    assert manager.generation == 2
    assert len(marked.browsers()) == len(marked.drivers()) == 1


async def test_a_driver_killed_in_a_navigation_is_told_as_a_browser_that_ended(
    managers, marked, site
):
    manager = managers()
    work = manager.use("a", going(site.url("/held")), timeout=SECONDS)
    assert await asyncio.to_thread(site.arrived.wait, SECONDS)
    folder = running(manager)._driver._profile
    assert folder.is_dir()
    await ended(marked.drivers())
    assert (await fails(work)).code is BrowserCode.BROWSER_RESTARTED
    assert await manager.use("a", going(site.url("/")), timeout=SECONDS) == "t2"
    await manager.close()
    assert not folder.exists()


async def test_a_persons_interrupt_is_the_hosts_and_ends_no_browser(managers, marked, site):
    manager = managers()
    await manager.use("a", going(site.url("/other")), timeout=SECONDS)
    for pid in marked.drivers():
        os.kill(pid, signal.SIGINT)
    for _ in range(3):
        assert await manager.use("a", title, timeout=SECONDS) == ("t1", "Other")
    assert manager.generation == 1


async def test_a_browser_that_is_frozen_is_given_up_and_ended(managers, marked, site):
    manager = managers()
    await manager.use("a", going(site.url("/")), timeout=SECONDS)
    for pid in marked.browsers():
        os.kill(pid, signal.SIGSTOP)
    error = await fails(manager.use("a", title, timeout=0.1))
    assert error.code is BrowserCode.BROWSER_RESTARTED
    assert await manager.use("a", title, timeout=SECONDS) == ("t2", "")


async def test_a_page_that_crashed_under_work_is_told_at_once_and_replaced(shared, site):
    await shared.use("a", going(site.url("/other")), timeout=SECONDS)

    async def crash(_session, tab):
        cdp = await tab.page.context.new_cdp_session(tab.page)
        await cdp.send("Page.crash")

    error = await fails(shared.use("a", crash, timeout=600))
    assert error.code is BrowserCode.PAGE_CRASHED
    assert error.message == (
        f"The page {site.url('/other')} of tab t1 crashed. "
        "Whether the action took effect is not known."
    )
    events = shared.session("a").logs.events.news().entries
    assert events[-2:] == (
        TabCrashed("t1", site.url("/other")),
        TabReplaced("t1", site.url("/other")),
    )
    assert await shared.use("a", title, timeout=SECONDS) == ("t1", "")
    assert len(running(shared).browser.contexts) == 1


async def test_a_page_that_crashed_under_two_calls_is_told_to_both_and_replaced_once(shared, site):
    await shared.use("a", going(site.url("/other")), timeout=SECONDS)

    async def waits(_session, tab):
        await tab.page.wait_for_function("false", timeout=0)

    async def crash(_session, tab):
        cdp = await tab.page.context.new_cdp_session(tab.page)
        await cdp.send("Page.crash")

    works = [shared.use("a", work, timeout=600) for work in (waits, crash)]
    assert [(await fails(work)).code for work in works] == [BrowserCode.PAGE_CRASHED] * 2
    events = shared.session("a").logs.events.news().entries
    assert [type(each) for each in events] == [Navigated, TabCrashed, TabReplaced]


async def test_a_page_that_crashed_between_two_calls_is_told_before_anything_is_done(shared, site):
    await shared.use("a", going(site.url("/other")), timeout=SECONDS)

    async def crash(_session, tab):
        with pytest.raises(Exception, match="ERR_ABORTED"):
            await tab.page.goto("chrome://crash")
        await tab.crashed.wait()

    await shared.use("a", crash, timeout=SECONDS)
    error = await fails(shared.use("a", going(site.url("/never")), timeout=SECONDS))
    assert (
        error.message == f"The page {site.url('/other')} of tab t1 had crashed. Nothing was done."
    )
    assert await shared.use("a", going(site.url("/")), timeout=SECONDS) == "t1"
    assert "/never" not in site.requests


async def hang(_session, tab):
    await tab.page.evaluate("setTimeout(() => { while (true); })")
    await tab.page.evaluate("1")


async def test_a_page_that_never_yields_is_closed_and_replaced_in_its_context(shared, site):
    await shared.use("a", going(site.url("/other")), timeout=SECONDS)
    await shared.use("a", _remember, timeout=SECONDS)
    error = await fails(shared.use("a", hang, timeout=0.2))
    assert error.code is BrowserCode.PAGE_HUNG
    assert "does not answer any more" in error.message
    await shared.use("a", going(site.url("/")), timeout=SECONDS)
    assert await shared.use("a", _cookies, timeout=SECONDS) == "kept=yes"


async def test_a_page_that_hangs_holds_up_no_other_session(shared, site):
    hung = shared.use("a", hang, timeout=SECONDS)
    await shared.use("b", going(site.url("/other")), timeout=SECONDS)
    assert await shared.use("b", title, timeout=SECONDS) == ("t1", "Other")
    assert not hung.is_settled
    hung.cancel()
    await hung.settled()


async def test_playwrights_own_time_limit_on_a_page_that_hangs_is_told_as_one_that_hangs(shared):
    async def click(_session, tab):
        await tab.page.evaluate("setTimeout(() => { while (true); })")
        await tab.page.get_by_role("button").click(timeout=200)

    assert (await fails(shared.use("a", click, timeout=SECONDS))).code is BrowserCode.PAGE_HUNG


async def test_work_that_takes_too_long_on_a_page_that_answers_is_out_of_time(shared, site):
    async def waits(_session, tab):
        await tab.page.goto(site.url("/other"))
        await tab.page.wait_for_function("false", timeout=0)

    error = await fails(shared.use("a", waits, timeout=0.5))
    assert error.message == "It was not done within 0.5 s in tab t1."
    assert error.code is BrowserCode.TIMEOUT
    assert (await shared.use("a", title, timeout=SECONDS))[1] == "Other"


async def test_a_navigation_that_was_cancelled_does_not_happen_afterwards(shared, site):
    await shared.use("a", going(site.url("/other")), timeout=SECONDS)
    work = shared.use("a", going(site.url("/held")), timeout=SECONDS)
    assert await asyncio.to_thread(site.arrived.wait, SECONDS)
    work.cancel()
    await work.settled()
    site.release.set()
    assert await shared.use("a", title, timeout=SECONDS) == ("t1", "Other")
    events = shared.session("a").logs.events.news().entries
    assert events == (Navigated("t1", site.url("/other"), 200),)


async def test_cancelled_calls_leave_one_context_and_after_the_session_none(shared, site):
    works = [shared.use("a", going(site.url("/held")), timeout=SECONDS) for _ in range(3)]
    assert await asyncio.to_thread(site.arrived.wait, SECONDS)
    for work in works:
        work.cancel()
    for work in works:
        await work.settled()
    assert len(running(shared).browser.contexts) == 1
    await shared.end_session("a")
    assert running(shared).browser.contexts == []


async def test_a_session_that_cannot_be_opened_disturbs_no_other(managers, site):
    async def proxy(name):
        return Proxy("no address") if name == "a" else None

    manager = managers(proxy=proxy)
    await manager.use("b", going(site.url("/other")), timeout=SECONDS)
    error = await fails(manager.use("a", title, timeout=SECONDS))
    assert error.code is BrowserCode.BROWSER_UNAVAILABLE
    assert error.message.startswith("No page could be opened: ")
    assert error.message.endswith(". Nothing was done.")
    assert await manager.use("b", title, timeout=SECONDS) == ("t1", "Other")
    assert manager.generation == 1


async def test_a_session_that_takes_too_long_to_open_is_told_so_and_may_open_later(managers):
    gate = asyncio.Event()

    async def proxy(_name):
        await gate.wait()

    manager = managers(proxy=proxy, limits=replace(LIMITS, open=0.5))
    error = await fails(manager.use("a", title, timeout=SECONDS))
    assert error.message == ("No page could be opened: it took over 0.5 s. Nothing was done.")
    manager._owner._loop.call_soon_threadsafe(gate.set)
    assert (await manager.use("a", title, timeout=SECONDS))[1] == ""
    assert len(running(manager).browser.contexts) == 1


async def test_what_work_says_itself_comes_out_as_it_is(shared):
    async def says(_session, _tab):
        raise BrowserError(BrowserCode.STALE_REF, "e5 is gone.")

    async def is_wrong(_session, _tab):
        raise KeyError("a bug")

    assert (await fails(shared.use("a", says, timeout=SECONDS))).message == "e5 is gone."
    with pytest.raises(KeyError, match="a bug"):
        await shared.use("a", is_wrong, timeout=SECONDS)


@pytest.mark.parametrize(
    ("action", "code", "said"),
    [
        (lambda p: p.goto("http://127.0.0.1:9/"), "nav_failed", "net::ERR_UNSAFE_PORT at"),
        (lambda p: p.goto("no such"), "nav_failed", "Cannot navigate to invalid URL"),
        (lambda p: p.get_by_role("link").click(timeout=200), "timeout", "Timeout 200ms exceeded."),
        (lambda p: p.get_by_role("button").fill("x"), "action_failed", "Element is not an <input>"),
        (
            lambda p: p.get_by_role("button").click(timeout=500),
            "covered_by",
            '<div id="cover"',
        ),
    ],
)
async def test_what_a_page_refuses_is_told_in_a_sentence(shared, site, action, code, said):
    async def act(_session, tab):
        await tab.page.goto(site.url("/covered"))
        await action(tab.page)

    error = await fails(shared.use("a", act, timeout=SECONDS))
    assert error.code == code
    assert said in error.message
    assert "Call log" not in str(error)


async def _remember(_session, tab):
    await tab.page.evaluate("document.cookie = 'kept=yes'")


async def _cookies(_session, tab):
    return await tab.page.evaluate("document.cookie")
