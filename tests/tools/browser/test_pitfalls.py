"""What goes wrong with browsers, under the tools: told by a code, and the next call works.

Each session here has a browser of its own, which is killed, frozen or broken.
"""

import asyncio
import os
import signal
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import pytest_asyncio

from tools.addresses import AddressPolicy
from tools.browser.browsing import Browsing
from tools.browser.events import DownloadStarted

from .conftest import QUICK, SECONDS, SETTINGS, becomes_true, running
from .hands import NOT_EXECUTED, Hands, agent_of
from .pages import HELD, Answer

AGAIN = "Its tabs and logins are gone; the next call starts a new browser."


@pytest_asyncio.fixture
async def own(chromium, site, marked, nothing_is_left, tmp_path):
    """Hands on a browser of the test's own."""
    del marked, nothing_is_left  # Looks at the end.
    async with browsing_of(chromium, site) as browsing, agent_of(browsing, tmp_path) as made:
        agent, mouth = made
        session = await agent.session()
        yield Hands(session, mouth), browsing.manager
        await session.close()


@asynccontextmanager
async def browsing_of(chromium, site):
    settings = replace(SETTINGS, executable=chromium, limits=replace(QUICK, download=20))
    browsing = Browsing(settings, AddressPolicy((f"127.0.0.1:{site.server_address[1]}",)))
    try:
        yield browsing
    finally:
        await browsing.close()


def kill(pids):
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("who", ["browsers", "drivers"])
async def test_what_is_killed_in_a_navigation_is_told_and_the_next_call_has_a_new_one(
    own, site, marked, who
):
    hands, manager = own
    await hands("navigate", url=site.url("/other"))
    asked = asyncio.ensure_future(hands.all(("navigate", {"url": site.url(HELD)}), ("tabs", {})))
    assert await asyncio.to_thread(site.arrived.wait, SECONDS)
    kill(await asyncio.to_thread(getattr(marked, who)))
    calls = await asked
    assert [each.status for each in calls] == ["failed", "not_executed"]
    assert calls[0].text.startswith("browser_restarted: ")
    assert AGAIN in calls[0].text
    assert calls[1].text == NOT_EXECUTED
    assert site.requests.count(HELD) == 1
    assert "'Other'" in await hands("navigate", url=site.url("/other"))
    assert manager.generation == 2


async def test_a_browser_killed_under_a_click_is_told_and_the_click_is_not_repeated(
    own, site, marked
):
    hands, manager = own
    site.pages["/clicked"] = Answer("x", is_slow=True)
    await hands("navigate", url=site.show("<button onclick='fetch(`/clicked`)'>B</button>"))
    asked = asyncio.ensure_future(hands.fails("click", ref=hands.ref("button", "B")))
    assert await asyncio.to_thread(site.arrived.wait, SECONDS)
    kill(await asyncio.to_thread(marked.browsers))
    refused = await asked
    assert refused.startswith("browser_restarted: The browser ended meanwhile. Whether the action")
    assert await hands("navigate", url=site.url("/other"))
    assert site.requests.count("/clicked") == 1
    assert manager.generation == 2


async def test_a_browser_killed_under_a_download_leaves_no_part_of_it(own, site, marked, tmp_path):
    hands, manager = own
    said = ("Content-Disposition", "attachment; filename=a.txt")
    site.pages["/a"] = Answer("begins " * 500, kind="x/y", headers=(said,), is_held=True)
    await hands("navigate", url=site.show("<a href=/a>get</a>"))
    link, events = hands.ref("link"), manager.session(hands.session.id).logs.events
    asked = asyncio.ensure_future(hands.fails("click", ref=link, download=True))
    begun = DownloadStarted("t1", site.url("/a"), "a.txt")
    assert await asyncio.to_thread(becomes_true, lambda: begun in events.since(0).entries)
    kill(await asyncio.to_thread(marked.drivers))
    assert (await asked).startswith("browser_restarted: ")
    assert not (tmp_path / "workspace" / "downloads").exists()
    assert "downloads" not in await hands("tabs")


async def test_a_page_that_crashes_is_told_and_its_tab_goes_on(own, site):
    hands, manager = own
    await hands("navigate", url=site.show("<title>Kept</title><p>x</p>"))

    async def crash(_session, tab):
        with pytest.raises(Exception, match="ERR_ABORTED"):
            await tab.page.goto("chrome://crash")
        await tab.crashed.wait()

    await manager.use(hands.session.id, crash, timeout=SECONDS)
    refused = await hands.fails("read_page")
    assert refused.startswith("page_crashed: The page ")
    assert "'Other'" in await hands("navigate", url=site.url("/other"))
    assert manager.generation == 1


async def test_a_page_that_never_yields_is_told_and_its_tab_goes_on(own, site):
    hands, manager = own
    page = "<button onclick='setTimeout(() => { while (true); })'>Hang</button>"
    await hands("navigate", url=site.show(page))
    refused = await hands.fails("click", ref=hands.ref("button", "Hang"))
    assert refused.startswith("page_hung: The page ")
    assert "'Other'" in await hands("navigate", url=site.url("/other"))
    assert manager.generation == 1


async def test_twenty_first_calls_of_twenty_sessions_start_one_browser(
    chromium, site, marked, nothing_is_left, tmp_path
):
    del nothing_is_left
    async with browsing_of(chromium, site) as browsing, agent_of(browsing, tmp_path) as made:
        agent, mouth = made
        sessions = [await agent.session() for _ in range(20)]
        shown = await asyncio.gather(
            *(Hands(each, mouth)("navigate", url=site.url("/other")) for each in sessions)
        )
        assert [each.splitlines()[0] for each in shown] == [f"t1 {site.url('/other')} 'Other'"] * 20
        assert len(await asyncio.to_thread(marked.browsers)) == 1
        assert browsing.manager.generation == 1
        await asyncio.gather(*(each.close() for each in sessions))
        assert running(browsing.manager).browser.contexts == []


async def test_an_interrupted_navigation_settles_before_the_next_call_and_leaves_one_context(
    own, site
):
    hands, manager = own
    await hands("navigate", url=site.url("/other"))
    asked = asyncio.ensure_future(hands.all(("navigate", {"url": site.url(HELD)})))
    assert await asyncio.to_thread(site.arrived.wait, SECONDS)
    hands.session.interrupt()
    (call,) = await asked
    assert call.status == "interrupted"
    assert (await hands("read_page")).splitlines()[0] == f"t1 {site.url('/other')} 'Other'"
    site.release.set()
    assert (await hands("read_page")).splitlines()[0] == f"t1 {site.url('/other')} 'Other'"
    assert len(running(manager).browser.contexts) == 1


async def test_two_navigations_of_one_reply_both_arrive(own, site):
    hands, _ = own
    calls = await hands.all(
        ("navigate", {"url": site.url("/")}), ("navigate", {"url": site.url("/other")})
    )
    assert [each.text.splitlines()[0] for each in calls] == [
        f"t1 {site.url('/')} 'Home'",
        f"t1 {site.url('/other')} 'Other'",
    ]


async def test_texts_typed_key_by_key_in_one_reply_do_not_mix(own, site):
    hands, _ = own
    await hands("navigate", url=site.show("<input aria-label=A><input aria-label=B>"))
    a, b = hands.ref("textbox", "A"), hands.ref("textbox", "B")
    typed = [("type", {"ref": ref, "text": text, "mode": "keys"}) for ref, text in
             ((a, "aaaa"), (b, "bbbb"))]  # fmt: skip
    calls = await hands.all(*typed, ("read_page", {"mode": "full"}))
    assert '"A": "aaaa"' in calls[2].text
    assert '"B" [active]: "bbbb"' in calls[2].text


async def test_eight_reads_of_one_reply_show_the_same(own, site):
    hands, _ = own
    await hands("navigate", url=site.url("/"))
    calls = await hands.all(*[("read_page", {"mode": "full"})] * 8)
    assert len({each.text.split("\n", 2)[2].rpartition("\n")[0] for each in calls}) == 1


async def test_a_page_that_polls_is_not_waited_for_beyond_the_action(own, site):
    hands, _ = own
    poll = "<p>polls</p><script>setInterval(() => fetch('/poll'), 50)</script>"
    assert '"polls"' in await hands("navigate", url=site.show(poll))
    assert '"polls"' in await hands("read_page")


async def test_a_page_of_2000_rows_stays_within_its_characters(own, site):
    hands, _ = own
    rows = "".join(f"<tr><td>{at}<td>Person {at}<td><button>Do {at}</button>" for at in range(2000))
    shown = await hands("navigate", url=site.show(f"<h1>Rows</h1><table>{rows}</table>"))
    assert len(shown) < 13_000
    assert '"Rows"' in shown
    assert "more: row" in shown
