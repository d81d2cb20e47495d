"""`preview_html` on a real Chromium: what the file holds, what the window shows, what is told."""

import asyncio
import math
import os
import re
from contextlib import suppress
from dataclasses import replace
from functools import partial

import psutil
import pytest

from agent.claude.loopback import LoopbackModel
from agent.claude.script import Call, Text, reply
from agent.runtime import Agent
from scheduler import certify
from tests.tools.browser.pages import HELD, Site
from tools.addresses import AddressPolicy
from tools.browser.browsing import Browsing
from tools.browser.settings import BrowserSettings, TimeLimits, installed_program
from tools.content import Image
from tools.context import KeepsSessions, ToolContext
from tools.declaration import Arguments
from tools.preview import preview_html
from tools.preview_console import MOST_LINES
from tools.preview_page import PreviewPage
from tools.preview_service import MOST_SHOWN, Previews, window_settings
from tools.tool_classes import Place
from tools.versions import FileVersions
from tools.workspace_errors import PathError

from .test_process_cancellation import Interrupted, interrupt

pytestmark = pytest.mark.skipif(
    installed_program() is None and not os.environ.get("CI"),
    reason="NO CHROMIUM: the preview's window is NOT TESTED",
)

preview_html.definition()  # the schema is made by now, as in a session

LIMITS = TimeLimits(probe=1.0, settle=1.0)
SECONDS = 20

UNWATCHED = (
    "It was loaded in a browser without a window, where nobody sees it; tell the user to open the "
    "file."
)
OVERTAKEN = "It was not shown, or not for long: a later one took its place in the window."

MISSING = "Failed to load resource: the server responded with a status of 404 (Not Found)"

TOP = """() => {
  const frame = document.elementFromPoint(9, 9);
  return frame instanceof HTMLIFrameElement ? frame : null;
}"""
"""What a person sees: the frame that is on top."""


@pytest.fixture
def no_child_is_left():
    """The browser is shared by the tests of this module."""


@pytest.fixture(autouse=True)
def a_slow_machine_has_its_time(monkeypatch):
    for limit in ("preview.WAIT", "preview_page.LOAD", "preview_page.ANSWER"):
        monkeypatch.setattr(f"tools.{limit}_SECONDS", SECONDS)


@pytest.fixture(scope="module")
def site():
    with Site() as served:
        yield served


@pytest.fixture(scope="module")
def browsing(site):
    allowed = AddressPolicy((f"127.0.0.1:{site.server_address[1]}",))
    shared = Browsing(BrowserSettings(limits=LIMITS), allowed)
    yield shared
    asyncio.run(shared.close())


class Window:
    """A session that previews, and what a person sees of it."""

    def __init__(self, browsing, workspace, session="s"):
        self.browsing = browsing
        self.workspace = workspace
        self.session = session
        self.previews = Previews(browsing)
        self.written = {}

    def context(self):
        return ToolContext(
            self.session,
            self.workspace,
            services={Previews: self.previews},
            versions=FileVersions({}, self.written),
        )

    async def output(self, html, path="page.html", **more):
        given = preview_html.parse({"path": path, "html": html, **more})
        return await preview_html.run(given, self.context())

    async def write(self, html, path="page.html", **more):
        """Preview a page; give the result's text, without what the marks around its page say."""
        text = (await self.output(html, path, **more)).text
        return re.sub("(?m)^<(/?page) .*>$", r"<\1>", text)

    @property
    def page(self):
        return self.previews.of(self.session)._page._page

    async def on_owner(self, work):
        """Run something where the browser's objects belong."""
        return await self.browsing.manager._owner.run(work)

    async def seen(self, script="() => document.documentElement.outerHTML"):
        """Ask the page that a person sees."""

        async def look():
            handle = (await self.page.evaluate_handle(TOP)).as_element()
            frame = None if handle is None else await handle.content_frame()
            return None if frame is None else await frame.evaluate(script)

        return await self.on_owner(look)

    async def text(self):
        return await self.seen("() => document.body.innerText.trim()")

    async def becomes(self, script):
        """Wait until a function of the page that a person sees gives something."""

        async def wait():
            await self.page.wait_for_timeout(10)

        while True:
            with suppress(Exception):  # the frame that was asked has made way meanwhile
                if given := await self.seen(script):
                    return given
            await self.on_owner(wait)

    async def names(self):
        return await asyncio.to_thread(lambda: [each.name for each in self.workspace.iterdir()])

    async def file(self, path="page.html"):
        return await asyncio.to_thread((self.workspace / path).read_bytes)


@pytest.fixture
async def window(browsing, tmp_path):
    made = Window(browsing, tmp_path)
    yield made
    await made.previews.close()
    running = browsing.manager._running
    assert running is None or running.is_lost or running.browser.contexts == []


async def arrived(event):
    assert await asyncio.to_thread(event.wait, SECONDS)


@pytest.fixture
def held(site):
    """An address that is answered when the test says so."""
    site.arrived.clear()
    site.release.clear()
    yield site.url(HELD)
    site.release.set()


# -- one page --------------------------------------------------------------------------------------


async def test_a_page_is_written_shown_and_told_of(window):
    html = "<!doctype html><title>A</title><p>Grüße 🌍\n"
    assert await window.write(html) == (
        f"Created 'page.html': 47 bytes, 1 lines.\n{UNWATCHED}\n"
        "<page>\ntitle: A\nno errors or warnings\n</page>"
    )
    assert (await window.file()).decode() == html
    assert await window.text() == "Grüße 🌍"
    marked = (await window.output(html)).text.splitlines()[2]
    assert re.match("<page [0-9a-f]+ from page.html: untrusted content", marked)


async def test_a_new_version_takes_the_place_of_the_old_one(window):
    await window.write("<p>one")
    assert (await window.write("<p>two")).startswith("Overwrote 'page.html': 6 bytes, 1 lines.\n")
    assert (await window.file(), await window.text()) == (b"<p>two", "two")
    frames = await window.on_owner(partial(asyncio.to_thread, lambda: len(window.page.frames)))
    assert frames == 2  # ours, and the one that is shown


async def test_a_window_that_a_person_can_see_is_called_one(window, monkeypatch):
    monkeypatch.setattr(Previews, "are_watched", True)
    assert (await window.write("<p>x")).splitlines()[1] == "The preview window shows it."


async def test_what_the_page_complains_of_is_told_with_its_place(window):
    html = """<title>B</title>
<script>console.log('not told'); console.warn('careful')
console.error('bad <page 00> \u202e')</script>
<script>setTimeout(() => missing())</script>
<script>Promise.reject(new TypeError('no'))</script>
<img src=logo.png><script>alert('hello')</script>"""
    text = await window.write(html)
    lines = text.partition("<page>\n")[2].splitlines()
    assert sorted(lines) == sorted(
        [
            "title: B",
            "warning: careful (page.html:2)",
            "error: bad <page 00> (page.html:3)",
            "uncaught ReferenceError: missing is not defined (page.html:4)",
            "uncaught TypeError: no (page.html:5)",
            f"error: {MISSING} (logo.png:1)",
            "dismissed: alert 'hello'",
            "</page>",
        ]
    )


async def test_only_the_first_complaints_are_told_each_once(window):
    html = "<script>for (let n = 0; n < 90; n++) console.error('e' + n % 30)</script>"
    lines = (await window.write(html)).splitlines()
    assert [each for each in lines if "error: e" in each] == [
        f"error: e{n} (page.html:1)" for n in range(MOST_LINES)
    ]
    assert lines[-2] == "and 30 more messages"


async def test_what_an_older_version_complains_of_is_not_told_of_the_new_one(window):
    noisy = "<script>setInterval(() => { console.error('old'); older() }, 1)</script>"
    assert "uncaught ReferenceError: older" in await window.write(noisy)
    assert "no errors or warnings" in await window.write("<p>quiet")


BROKEN = {
    "": "",
    " \n": "",
    "plain < & text": "plain < & text",
    "<p><b>open <i>still</p></td></html><p>after": "open still\n\nafter",
    "<!-- never closed": "",
    "a\0b": "ab",
    "text<script>never closed": "text",
}


async def test_empty_and_broken_pages_are_shown_as_browsers_do(window):
    for html, shown in BROKEN.items():
        await window.write("<p>before")
        text = await window.write(html)
        assert UNWATCHED in text, html
        assert ((await window.file()).decode(), await window.text()) == (html, shown)
        assert text.endswith("\nThe html is empty: so is the page.") == (not html.strip())


async def test_a_page_that_is_too_large_is_written_and_not_shown(window):
    await window.write("<p>small")
    html = "<p>" + "x" * MOST_SHOWN
    assert await window.write(html) == (
        "Overwrote 'page.html': 4,000,003 bytes, 1 lines.\nNobody is shown it: it has 4,000,003 "
        "characters, and at most 4,000,000 are shown. The user can open the file in a browser."
    )
    assert (await window.file(), await window.text()) == (html.encode(), "small")


async def test_a_large_page_is_shown_whole(window):
    html = "<p>row</p>\n" * 50_000 + "<b>end</b>"
    assert UNWATCHED in await window.write(html)
    assert await window.seen("() => document.querySelectorAll('p').length") == 50_000


async def test_a_picture_is_given_where_it_is_asked_for(window):
    output = await window.output("<body style='background:#f00'>", screenshot=True)
    picture = output.content[1]
    assert isinstance(picture, Image)
    assert picture.data.startswith(b"\xff\xd8\xff")
    assert len((await window.output("<p>x")).content) == 1


# -- the file --------------------------------------------------------------------------------------


async def test_a_file_that_was_not_read_is_neither_written_over_nor_is_the_window(window):
    await window.write("<p>mine")
    theirs = window.workspace / "index.html"
    await asyncio.to_thread(theirs.write_text, "theirs")
    with pytest.raises(PathError, match="was not read in this conversation"):
        await window.write("<p>new", "index.html")
    assert (await window.file("index.html"), await window.text()) == (b"theirs", "mine")


async def test_a_file_that_a_person_has_changed_meanwhile_stays_as_it_is(window):
    await window.write("<p>mine")
    await asyncio.to_thread((window.workspace / "page.html").write_text, "edited")
    with pytest.raises(PathError, match="changed"):
        await window.write("<p>new")
    assert (await window.file(), await window.text()) == (b"edited", "mine")


@pytest.mark.parametrize("path", ["../out.html", "/etc/x.html", "folder", ""])
async def test_a_path_that_is_no_file_of_the_workspace_is_refused(window, path):
    await asyncio.to_thread((window.workspace / "folder").mkdir)
    with pytest.raises(PathError):
        await window.write("<p>x", path)
    assert window.page is None


async def test_without_a_browser_the_page_is_written_and_the_result_says_so(tmp_path):
    settings = BrowserSettings(executable=tmp_path / "no" / "chromium")
    browsing = Browsing(settings)
    window = Window(browsing, tmp_path)
    text = await window.write("<p>x", "a/b.html")
    await window.previews.close()
    await browsing.close()
    assert text.startswith(
        "Created 'a/b.html': 4 bytes, 1 lines.\nNobody is shown it: There is no Chromium at "
    )
    assert text.endswith(" The user can open the file in a browser.")
    assert await window.file("a/b.html") == b"<p>x"


async def test_a_program_without_previews_still_writes_the_page(tmp_path):
    given = preview_html.parse({"path": "a.html", "html": "<p>x"})
    output = await preview_html.run(given, ToolContext("s", tmp_path))
    assert output.text == (
        "Created 'a.html': 4 bytes, 1 lines.\nNobody is shown it: this program has no preview "
        "window. The user can open the file in a browser."
    )


@pytest.mark.parametrize(
    ("platform", "variables", "has_window"),
    [
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("linux", {"DISPLAY": ""}, False),
        ("linux", {}, False),
        ("darwin", {}, True),
    ],
)
async def test_a_window_needs_a_display_and_stays_open(
    platform, variables, has_window, monkeypatch
):
    monkeypatch.setattr("sys.platform", platform)
    given = BrowserSettings(limits=LIMITS)
    watched = replace(given, headless=False, viewport=None, dialogs="leave", idle_seconds=math.inf)
    expected = watched if has_window else None
    assert window_settings(variables, given) == expected
    browsing = Browsing(expected)
    assert Previews(browsing).are_watched is has_window
    await browsing.close()


def test_a_call_writes_its_file_and_its_sessions_window(tmp_path):
    def access(path, session):
        given: Arguments = {"path": path, "html": "", "screenshot": False}
        return preview_html.access(given, Place(session, tmp_path)).writes

    assert ("preview", "s") in access("a.html", "s")
    assert access("a.html", "s") & access("a.html", "t")
    assert access("a.html", "s") & access("b.html", "s")
    assert not access("a.html", "s") & access("b.html", "t")


async def test_the_calls_of_a_reply_are_shown_in_its_order(window):
    def call(number, html):
        return Call(f"toolu_{number}", "preview_html", {"path": "page.html", "html": html})

    replies = [reply(*[call(n, f"<p>{n}") for n in range(4)]), reply(Text("Done."))]
    async with (
        LoopbackModel(replies) as server,
        Agent(
            model="claude-loopback",
            base_url=server.url,
            api_key="x",
            workspace=window.workspace,
            data_dir=window.workspace / "data",
            builtin_tools=False,
            tools=[preview_html],
            approvals="allow",
            tells_date=False,
            services={Previews: window.previews},
        ) as agent,
    ):
        session = await agent.session("s")
        result = await session.ask("Show it.")
        (window.session,) = window.previews._previews
        assert [call.status for call in result.calls] == ["finished"] * 4
        assert [call.text.splitlines()[1] for call in result.calls] == [UNWATCHED] * 4
        assert await window.text() == "3"
        assert certify(agent._scheduler.records).is_serial


# -- many writes -----------------------------------------------------------------------------------


async def test_of_a_burst_the_last_is_shown_and_in_the_file(window, site, held, monkeypatch):
    monkeypatch.setattr("tools.preview_service.PATIENCE", 2 * SECONDS)
    slow = asyncio.create_task(window.write(f"<p>slow<script src='{held}'></script>"))
    await arrived(site.arrived)
    burst = [asyncio.create_task(window.write(f"<p>version {n}")) for n in range(40)]
    *overtaken, _ = burst
    await asyncio.gather(*overtaken)
    assert not burst[-1].done()
    site.release.set()
    texts = await asyncio.gather(slow, *burst)
    told = [text.splitlines()[1] for text in texts]
    assert told == [UNWATCHED, *[OVERTAKEN] * 39, UNWATCHED]
    assert (await window.file(), await window.text()) == (b"<p>version 39", "version 39")
    assert await window.names() == ["page.html"]


async def test_a_page_that_does_not_come_makes_way_for_a_later_one(window, site, held, monkeypatch):
    show, steps = PreviewPage.show, []

    async def slow_to_stop(self, draft, session, tab):
        steps.append(f"begin {draft.html[:7]}")
        try:
            return await show(self, draft, session, tab)
        finally:
            await asyncio.sleep(0.3)
            steps.append(f"end {draft.html[:7]}")

    monkeypatch.setattr(PreviewPage, "show", slow_to_stop)
    slow = asyncio.create_task(window.write(f"<p>slow<script src='{held}'></script>"))
    await arrived(site.arrived)
    assert UNWATCHED in await window.write("<p>later")
    assert (await slow).splitlines()[1] == OVERTAKEN
    assert steps == ["begin <p>slow", "end <p>slow", "begin <p>late", "end <p>late"]
    assert (await window.file(), await window.text()) == (b"<p>later", "later")


async def test_nobody_ever_sees_a_part_of_a_page_or_of_the_file(window):
    def whole(n):
        return f"<p id=begin>{n}</p>" + f"<i>{n}</i> " * 3_000 + f"<p id=end>{n}</p>"

    script = """() => [document.querySelector('#begin')?.textContent,
        document.querySelectorAll('i').length, document.querySelector('#end')?.textContent]"""
    pages, files, over = set(), set(), asyncio.Event()

    async def watch_page():
        while not over.is_set():
            with suppress(Exception):  # the frame that was asked has made way meanwhile
                pages.add(tuple(await window.seen(script)))

    async def watch_file():
        while not over.is_set():
            files.add(await window.file())

    await window.write(whole(0))
    async with asyncio.TaskGroup() as observers:
        observers.create_task(watch_page())
        observers.create_task(watch_file())
        for n in range(1, 6):
            await window.write(whole(n))
        over.set()
    assert len(pages) > 1
    assert pages <= {(str(n), 3_000, str(n)) for n in range(6)}
    assert files <= {whole(n).encode() for n in range(6)}


async def test_until_a_slow_page_is_whole_the_old_one_stays_and_then_it_is_shown(
    window, site, held, monkeypatch
):
    await window.write("<p>old")
    monkeypatch.setattr("tools.preview.WAIT_SECONDS", 0.01)
    text = await window.write(f"<p>first<script src='{held}'></script><p>last")
    assert "\nIt is not shown yet, after " in text
    await arrived(site.arrived)
    assert await window.text() == "old"
    site.release.set()
    text = "() => document.body.innerText.includes('last') && document.body.innerText"
    assert await window.becomes(text) == "first\n\nlast"


async def test_a_whole_page_is_shown_before_its_pictures_are_there(window, held, monkeypatch):
    monkeypatch.setattr("tools.preview_page.LOAD_SECONDS", 0.01)
    text = await window.write(f"<p>text<img src='{held}'>")
    assert "\nSomething that it loads has not come yet.\n" in text
    assert await window.text() == "text"


async def test_a_page_that_never_gets_whole_is_given_up_and_the_old_one_stays(window, monkeypatch):
    monkeypatch.setattr("tools.preview_page.WHOLE_SECONDS", 2)
    await window.write("<p>old")
    text = await window.write("<p>new<script>while (true);</script>")
    assert "\nNobody is shown it: the document was not whole after 2 s: does a script" in text
    assert "while" in (await window.file()).decode()
    assert await window.text() == "old"
    assert UNWATCHED in await window.write("<p>next")
    assert await window.text() == "next"


async def test_a_call_that_is_cancelled_anywhere_leaves_file_and_window_agreeing(window):
    """At each suspension: before its file is written, nothing happens; after it, all does."""
    await window.write("<p>0")
    outcomes = set()
    for number in range(1, 200):
        html = f"<p>{number}"
        before = await window.file()
        driver = await interrupt(window.output(html), number.__eq__)
        after = await window.file()
        assert after in {before, html.encode()}
        assert await window.names() == ["page.html"]
        outcomes.add(after == before)
        preview = window.previews.of("s")
        assert not preview.turn.locked()
        if (runs := preview._queue._runs) is not None:
            await asyncio.wait((runs,))
        assert f"<p>{await window.text()}".encode() == after, number
        if not driver.interrupted:
            break
    assert not driver.interrupted
    assert outcomes == {True, False}
    assert isinstance(driver, Interrupted)


# -- a browser that fails --------------------------------------------------------------------------


async def close_page(window):
    await window.on_owner(window.page.close)


async def crash_page(window):
    async def crash():
        with suppress(Exception):
            await window.page.goto("chrome://crash")

    await window.on_owner(crash)


async def lead_away(window):
    await window.on_owner(partial(window.page.goto, "data:text/html,elsewhere"))


async def end_context(window):
    await window.on_owner(window.page.context.close)


async def hang_page(window):
    text = await window.write("<p>hangs<script>setTimeout(() => { while (true); }, 20)</script>")
    assert "\nIt does not answer any more: does a script of it not end?\n" in text


@pytest.mark.parametrize("harm", [close_page, crash_page, lead_away, end_context, hang_page])
async def test_whatever_became_of_the_window_the_next_page_is_shown(window, harm, monkeypatch):
    if harm is hang_page:
        monkeypatch.setattr("tools.preview_page.ANSWER_SECONDS", 1)
    await window.write("<p>one")
    await harm(window)
    assert UNWATCHED in await window.write("<p>two")
    assert await window.text() == "two"


@pytest.mark.parametrize("when", ["before it is written", "while it loads"])
async def test_a_page_is_shown_though_the_browser_is_killed(when, site, held, tmp_path):
    allowed = AddressPolicy((f"127.0.0.1:{site.server_address[1]}",))
    browsing = Browsing(BrowserSettings(limits=LIMITS), allowed)
    window = Window(browsing, tmp_path)

    def kill():
        driver = psutil.Process(browsing.manager._running._driver.pid)
        for child in driver.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                child.kill()

    await window.write("<p>one")
    if when == "before it is written":
        await asyncio.to_thread(kill)
        site.release.set()
        text = await window.write(f"<p>two<script src='{held}'></script>")
    else:
        meanwhile = asyncio.create_task(window.write(f"<p>two<script src='{held}'></script>"))
        await arrived(site.arrived)
        await asyncio.to_thread(kill)
        site.release.set()
        text = await meanwhile
    assert UNWATCHED in text
    assert (await window.text(), browsing.manager.generation) == ("two", 2)
    await window.previews.close()
    await browsing.close()


async def test_a_window_is_closed_with_its_session_and_opened_again(window):
    assert isinstance(window.previews, KeepsSessions)
    await window.write("<p>one")
    page = window.page
    await window.previews.end_session("s")
    assert page.is_closed()
    await window.previews.end_session("s")
    await window.previews.end_session("unknown")
    await window.write("<p>two")
    assert await window.text() == "two"


async def test_a_call_whose_session_is_closed_meanwhile_ends_and_its_file_stays(window, site, held):
    html = f"<script src='{held}'></script>"
    call = asyncio.create_task(window.write(html))
    await arrived(site.arrived)
    await window.previews.close()
    assert (await call).splitlines()[1:] == [OVERTAKEN]
    assert await window.file() == html.encode()


WAYS_OUT = ["allowed opaque", "file failed", "inside opaque", "metadata opaque", "own basic"]
"""What a page learns: the proxy's refusal is an answer without a text, as any server's is."""

# -- what a page and a person can do ---------------------------------------------------------------


async def test_its_context_is_its_own_and_lasts_from_version_to_version(window, browsing):
    keep = "<script>document.cookie = 'a=1'; localStorage.x = '1'</script>"
    state = "() => document.cookie + localStorage.x"
    await window.write(keep)
    await window.write("<p>next")
    assert await window.seen(state) == "a=11"
    other = Window(browsing, window.workspace, "other")
    await other.write("<p>x", "other.html")
    assert await other.seen(state) == "undefined"
    await other.previews.close()

    async def cookies(session, _tab):
        return await session.context.cookies(), list(session.tabs), session.context

    seen, tabs, context = await browsing.manager.use("s", cookies, timeout=SECONDS)
    assert (seen, tabs) == ([], ["t1"])
    assert context is not window.page.context
    await browsing.end_session("s")


async def test_a_page_reaches_no_private_address_and_no_file(window, tmp_path, site):
    await asyncio.to_thread((tmp_path / "secret.txt").write_text, "secret")
    port = site.server_address[1]
    with Site() as private:
        private_port = private.server_address[1]
        html = f"""<script>
        const tries = {{own: 'secret.txt', file: 'file://{tmp_path}/secret.txt',
            inside: 'http://127.0.0.1:{private_port}/', metadata: 'http://169.254.169.254/',
            allowed: 'http://127.0.0.1:{port}/'}};
        const told = [];
        for (const [name, url] of Object.entries(tries)) fetch(url, {{mode: 'no-cors'}}).then(
            async r => told.push(name + ' ' + r.type + (await r.text())),
            () => told.push(name + ' failed'));
        new Image().src = 'http://127.0.0.1:{private_port}/image';
        new WebSocket('ws://127.0.0.1:{private_port}/socket');
        </script>"""
        del site.requests[:]
        text = await window.write(html)
        all_told = await window.becomes("() => told.length === 5 && told.sort()")
        assert (all_told, site.requests, private.requests) == (WAYS_OUT, ["/"], [])
    assert f"refused by the policy: 127.0.0.1:{private_port}: " in text


async def test_a_page_cannot_leave_its_frame(window):
    script = """<p>here<script>
    try { top.location = 'data:text/html,away' } catch (error) { document.title = error.name }
    try { parent.document.body.remove() } catch (error) { document.title += error.name }
    window.parent.postMessage('x', '*')
    </script>"""
    text = await window.write(script)
    assert "title: SecurityErrorSecurityError" in text
    assert (await window.text(), window.page.url) == ("here", "https://preview.invalid/")


async def test_the_scroll_position_stays_for_the_same_file_only(window):
    tall = "<body style='height:9000px;width:9000px'>"
    place = "() => [scrollX, scrollY]"
    await window.write(f"{tall}one")
    await window.seen("() => scrollTo(120, 3456)")
    await window.write(f"{tall}two")
    assert (await window.text(), await window.seen(place)) == ("two", [120, 3456])
    await window.write(f"{tall}three", "other.html")
    assert await window.seen(place) == [0, 0]


async def test_a_person_who_reloads_the_window_sees_the_same_page(window):
    await window.write("<p>one")
    await window.on_owner(window.page.reload)
    assert await window.text() == "one"
    await window.write("<p>two")
    assert await window.text() == "two"


async def test_a_page_that_opens_others_still_makes_way_for_the_next(window):
    await window.write("<p>one<a href='about:blank' target=_blank>more</a>")

    async def click():
        await window.page.frames[1].get_by_text("more").click()

    await window.on_owner(click)
    assert UNWATCHED in await window.write("<p>two")
    assert await window.text() == "two"


async def test_a_page_that_goes_elsewhere_while_it_loads_is_no_error(window, site):
    url = site.url("/other")
    assert UNWATCHED in await window.write(f"<script>location = '{url}'</script>")
    assert UNWATCHED in await window.write("<script>history.replaceState(0, 0, '/x#y')</script>a")
    assert UNWATCHED in await window.write("<script>location.hash = 'part'</script>b")
    assert await window.text() == "b"
