"""A real Chromium has no way to the network but the proxy."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio

from tests.tools.browser.sites import Site, served
from tools.addresses import AddressPolicy, resolve
from tools.browser.egress import ARGUMENTS, BYPASS, EgressPort, EgressProxy

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOME = "<!doctype html><title>home</title><h1>home</h1>"

WAYS = {
    "fetch": "fetch(BAD).catch(() => 0)",
    "fetch_without_cors": "fetch(BAD, {mode: 'no-cors'}).catch(() => 0)",
    "post": "fetch(BAD, {mode: 'no-cors', method: 'POST', body: 'x'.repeat(99999)}).catch(() => 0)",
    "xhr": "const x = new XMLHttpRequest(); x.open('GET', BAD); x.send()",
    "redirect": "fetch('/hop', {mode: 'no-cors'}).catch(() => 0)",
    "image": "new Image().src = BAD",
    "redirected_image": "new Image().src = '/hop'",
    "script": "add('script', {src: BAD})",
    "module": "import(BAD).catch(() => 0)",
    "style": "add('link', {rel: 'stylesheet', href: BAD})",
    "style_url": "document.body.style.background = `url(${BAD})`",
    "font": "new FontFace('a', `url(${BAD})`).load().catch(() => 0)",
    "video": "add('video', {src: BAD, preload: 'auto'})",
    "object": "add('object', {data: BAD})",
    "frame": "add('iframe', {src: BAD})",
    "redirected_frame": "add('iframe', {src: '/hop'})",
    "form": "add('iframe', {name: 'f'}); const f = add('form', {action: BAD, method: 'POST', "
    "target: 'f'}); f.submit()",
    "popup": "open(BAD)",
    "location": "location = BAD",
    "refresh": "add('meta', {httpEquiv: 'refresh', content: `0;url=${BAD}`})",
    "download": "add('a', {href: BAD, download: 'x'}).click()",
    "ping": "add('a', {href: '#x', ping: BAD}).click()",
    "beacon": "navigator.sendBeacon(BAD, 'x')",
    "event_source": "new EventSource(BAD)",
    "prefetch": "add('link', {rel: 'prefetch', href: BAD})",
    "web_socket": "new WebSocket(BAD.replace('http', 'ws'))",
    "worker": "window.w = new Worker(script(`fetch('${BAD}').catch(() => 0)`))",
    "worker_import": "window.w = new Worker(script(`importScripts('${BAD}')`))",
    "worker_socket": "const at = BAD.replace('http', 'ws'); "
    "window.w = new Worker(script(`new WebSocket('${at}')`))",
    "shared_worker": "window.w = new SharedWorker(script(`fetch('${BAD}').catch(() => 0)`))",
    "service_worker": "navigator.serviceWorker.register('/service.js')",
}
"""What a page can do to reach BAD."""

TOOLS = """
const add = (name, has) =>
    document.body.appendChild(Object.assign(document.createElement(name), has));
const script = text => URL.createObjectURL(new Blob([text], {type: 'text/javascript'}));
"""

SPELLINGS = (
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f.1",
    "0177.0.0.1",
    "0.0.0.0",
    "127.255.255.254",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "localhost",
    "localhost.",
    "LOCALHOST",
    "a.localhost",
    "①②⑦.⓪.⓪.①",
    "①②⑦。1",
)


class Refusals:
    """What the proxy told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self._changed = asyncio.Event()

    def __call__(self, token: str, target: str, why: str) -> None:
        assert "is refused" in why
        self.told.append((token, target))
        self._changed.set()

    async def of(self, target: str) -> None:
        while target not in [where for _, where in self.told]:
            self._changed.clear()
            await self._changed.wait()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Any]:
    """A browser; where there is none, all of these tests are skipped, which pytest lists."""
    playwright = pytest.importorskip("playwright.async_api", reason="no playwright: install it")
    path = shutil.which("chromium") or shutil.which("google-chrome")
    async with playwright.async_playwright() as driver:
        if path is None and not await asyncio.to_thread(
            os.path.exists, driver.chromium.executable_path
        ):
            pytest.skip("NO CHROMIUM: nothing of the egress proxy is tested against a browser")
        started = await driver.chromium.launch(
            executable_path=path,
            chromium_sandbox=os.geteuid() != 0,
            args=["--disable-gpu", *ARGUMENTS],
        )
        yield started
        await started.close()


@asynccontextmanager
async def page_through(browser: Any, port: EgressPort) -> AsyncIterator[Any]:
    context = await browser.new_context(proxy={"server": port.url, "bypass": BYPASS})
    try:
        yield await context.new_page()
    finally:
        await context.close()


@asynccontextmanager
async def two_sites() -> AsyncIterator[tuple[Site, Site]]:
    async with served(Site(), "127.0.0.1", "::1") as bad, served(Site()) as home:
        at = f"http://127.0.0.1:{bad.port}/bad"
        home.pages["/"] = ("text/html", HOME)
        icon = f"<!doctype html><link rel=icon href={at}>"
        home.pages["/icon"] = ("text/html", icon)
        home.moved["/hop"] = at
        home.pages["/service.js"] = ("text/javascript", f"fetch('{at}').catch(() => 0)")
        yield home, bad


@pytest.mark.parametrize("way", WAYS)
async def test_a_page_cannot_reach_what_is_refused(browser, way):
    refusals = Refusals()
    async with two_sites() as (home, bad):
        policy = AddressPolicy((f"127.0.0.1:{home.port}",))
        async with (
            EgressProxy(policy, refusals) as proxy,
            page_through(browser, await proxy.open("one")) as page,
        ):
            await page.goto(f"http://127.0.0.1:{home.port}/")
            await page.evaluate(program(way, bad))
            await refusals.of(f"127.0.0.1:{bad.port}")
    assert bad.connections == 0
    assert {token for token, _ in refusals.told} == {"one"}


@pytest.mark.parametrize("way", WAYS)
async def test_a_page_does_reach_it_where_the_user_allows_it(browser, way):
    refusals = Refusals()
    reached = asyncio.Event()
    async with two_sites() as (home, bad):
        bad.requests = Noticing(reached)
        policy = AddressPolicy((f"127.0.0.1:{home.port}", f"127.0.0.1:{bad.port}"))
        async with (
            EgressProxy(policy, refusals) as proxy,
            page_through(browser, await proxy.open("one")) as page,
        ):
            await page.goto(f"http://127.0.0.1:{home.port}/")
            await page.evaluate(program(way, bad))
            await reached.wait()
    assert refusals.told == []


def program(way: str, bad: Site) -> str:
    return f"() => {{ const BAD = 'http://127.0.0.1:{bad.port}/bad'; {TOOLS}; {WAYS[way]}; }}"


class Noticing(list[str]):
    """The requests to a site, told of at the first."""

    def __init__(self, event: asyncio.Event) -> None:
        super().__init__()
        self._event = event

    def append(self, path: str) -> None:
        super().append(path)
        self._event.set()


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_no_spelling_of_this_machine_is_let_through(browser, spelling):
    refusals = Refusals()
    async with (
        served(Site(), "127.0.0.1", "::1") as bad,
        EgressProxy(AddressPolicy(), refusals) as proxy,
        page_through(browser, await proxy.open("one")) as page,
    ):
        response = await page.goto(f"http://{spelling}:{bad.port}/")
        title, text = await page.title(), await page.inner_text("p")
    assert (response.status, title) == (403, "Forbidden")
    assert "is refused: it " in text
    assert bad.connections == 0
    assert refusals.told != []


async def test_a_redirected_navigation_is_refused_at_the_hop(browser):
    refusals = Refusals()
    async with two_sites() as (home, bad):
        policy = AddressPolicy((f"127.0.0.1:{home.port}",))
        async with (
            EgressProxy(policy, refusals) as proxy,
            page_through(browser, await proxy.open("one")) as page,
        ):
            response = await page.goto(f"http://127.0.0.1:{home.port}/hop")
    assert (response.status, response.url) == (403, f"http://127.0.0.1:{bad.port}/bad")
    assert bad.connections == 0
    assert ("one", f"127.0.0.1:{bad.port}") in refusals.told


async def test_a_page_s_icon_is_refused(browser):
    refusals = Refusals()
    async with two_sites() as (home, bad):
        policy = AddressPolicy((f"127.0.0.1:{home.port}",))
        async with (
            EgressProxy(policy, refusals) as proxy,
            page_through(browser, await proxy.open("one")) as page,
        ):
            await page.goto(f"http://127.0.0.1:{home.port}/icon")
            await refusals.of(f"127.0.0.1:{bad.port}")
    assert bad.connections == 0


async def test_an_allowed_page_works_as_it_does_without_a_proxy(browser):
    refusals = Refusals()
    async with served(Site(pages={"/": ("text/html", HOME), "/a": ("text/plain", "är")})) as home:
        policy = AddressPolicy((f"127.0.0.1:{home.port}",))
        async with (
            EgressProxy(policy, refusals) as proxy,
            page_through(browser, await proxy.open("one")) as page,
        ):
            response = await page.goto(f"http://127.0.0.1:{home.port}/")
            heard = await page.evaluate(
                """() => new Promise(done => {
                    const socket = new WebSocket(`ws://${location.host}/socket`);
                    socket.onmessage = message => done(message.data);
                })"""
            )
            fetched = await page.evaluate("() => fetch('/a').then(each => each.text())")
            title = await page.title()
    assert (response.status, title, fetched, heard) == (200, "home", "är", "hello")
    assert set(home.hosts) == {f"127.0.0.1:{home.port}"}
    assert refusals.told == []


async def test_each_session_is_told_of_its_own_refusals(browser):
    refusals = Refusals()
    async with served(Site()) as bad, EgressProxy(AddressPolicy(), refusals) as proxy:
        ports = [await proxy.open(name) for name in ("one", "two")]
        async with (
            page_through(browser, ports[0]) as first,
            page_through(browser, ports[1]) as second,
        ):
            await first.goto(f"http://127.0.0.1:{bad.port}/")
            told_first = {token for token, _ in refusals.told}
            await second.goto(f"http://127.0.0.1:{bad.port}/")
    assert told_first == {"one"}
    assert {token for token, _ in refusals.told} == {"one", "two"}


async def test_a_name_that_changes_its_address_leads_nowhere_else(browser):
    """The classic: a page's own name leads to this machine by the time it asks again."""
    refusals = Refusals()
    answers = ["127.0.0.1"]

    async def moving(host: str, port: int) -> tuple[str, ...]:
        return (answers[-1],) if host == "moving.test" else await resolve(host, port)

    async with (
        served(Site({"/": ("text/html", HOME)}, headers={"Connection": "close"})) as home,
        EgressProxy(AddressPolicy(("127.0.0.1/32",)), refusals, resolver=moving) as proxy,
        served(Site(), "::1", port=home.port) as bad,
        page_through(browser, await proxy.open("one")) as page,
    ):
        response = await page.goto(f"http://moving.test:{home.port}/")
        answers.append("::1")
        await page.evaluate("() => fetch('/secret').catch(() => 0)")
    assert response.status == 200
    assert bad.connections == 0
    assert ("one", f"moving.test:{home.port}") in refusals.told


PEERS = """async urls => {
    const peer = new RTCPeerConnection({iceServers: [{urls}]});
    const found = [];
    const all = new Promise(done => peer.onicecandidate = each =>
        each.candidate ? found.push(each.candidate.candidate) : done(found));
    peer.createDataChannel('x');
    await peer.setLocalDescription(await peer.createOffer());
    return all;
}"""

TRANSPORT = "url => new WebTransport(url).ready.then(() => ['open'], () => [])"


@pytest.mark.parametrize(("program", "url"), [(PEERS, "stun:{}"), (TRANSPORT, "https://{}/")])
async def test_no_datagram_goes_past_the_proxy(browser, program, url):
    refusals = Refusals()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there:
        there.bind(("127.0.0.1", 0))
        there.setblocking(False)
        async with served(Site({"/": ("text/html", HOME)})) as home:
            policy = AddressPolicy((f"127.0.0.1:{home.port}",))
            async with (
                EgressProxy(policy, refusals) as proxy,
                page_through(browser, await proxy.open("one")) as page,
            ):
                await page.goto(f"http://127.0.0.1:{home.port}/")
                where = f"127.0.0.1:{there.getsockname()[1]}"
                found = await page.evaluate(program, url.format(where))
        with pytest.raises(BlockingIOError):
            there.recv(1)
    assert found == []
