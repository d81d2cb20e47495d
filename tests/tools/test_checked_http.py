"""httpx connects where a policy allows, and nowhere else."""

import asyncio
import ssl

import httpx
import pytest

from tests.tools.browser.sites import Site, served
from tools.addresses import AddressPolicy, AddressRefusedError, Resolver, UnresolvedError, resolve
from tools.checked_http import CheckedTransport


def client(*allowed: str, resolver: Resolver = resolve) -> httpx.AsyncClient:
    transport = CheckedTransport(AddressPolicy(allowed), resolver)
    return httpx.AsyncClient(transport=transport, follow_redirects=True)


async def test_an_allowed_host_is_reached_and_its_name_stays():
    async with served(Site({"/": ("text/plain", "hello")})) as site, client("localhost") as http:
        response = await http.get(f"http://localhost:{site.port}/")
    assert (response.status_code, response.text) == (200, "hello")
    assert site.hosts == [f"localhost:{site.port}"]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "0x7f.1", "2130706433", "localhost", "[::ffff:127.0.0.1]"]
)
async def test_this_machine_is_refused_in_every_spelling(host):
    async with served(Site()) as site, client() as http:
        with pytest.raises(AddressRefusedError, match="this machine"):
            await http.get(f"http://{host}:{site.port}/")
    assert site.connections == 0


async def test_a_redirect_is_checked_as_the_first_request_is():
    async with served(Site()) as bad, served(Site()) as home:
        home.moved["/"] = f"http://127.0.0.1:{bad.port}/secret"
        async with client(f"127.0.0.1:{home.port}") as http:
            with pytest.raises(AddressRefusedError, match=f"127.0.0.1:{bad.port} is refused"):
                await http.get(f"http://127.0.0.1:{home.port}/")
    assert (home.connections, bad.connections) == (1, 0)


async def test_a_name_is_looked_up_once_a_connection_and_connected_to_as_it_was_checked():
    looked_up: list[str] = []

    async def moving(host: str, port: int) -> tuple[str, ...]:
        del port
        looked_up.append(host)
        return ("127.0.0.1",) if len(looked_up) == 1 else ("::1",)

    site = Site({"/": ("text/plain", "hello")}, headers={"Connection": "close"})
    async with (
        served(site) as home,
        served(Site(), "::1", port=home.port) as bad,
        client("127.0.0.1/32", resolver=moving) as http,
    ):
        first = await http.get(f"http://moving.test:{home.port}/")
        with pytest.raises(AddressRefusedError, match="leads to ::1"):
            await http.get(f"http://moving.test:{home.port}/")
    assert (first.text, looked_up) == ("hello", ["moving.test", "moving.test"])
    assert (home.connections, bad.connections) == (1, 0)


async def test_the_next_address_is_tried_when_one_does_not_answer():
    async def two(host: str, port: int) -> tuple[str, ...]:
        del host, port
        return ("::1", "127.0.0.1")

    async with (
        served(Site({"/": ("text/plain", "hello")})) as site,
        client("two.test", resolver=two) as http,
    ):
        response = await http.get(f"http://two.test:{site.port}/")
    assert response.text == "hello"


async def test_a_name_without_an_address_is_told():
    async def none(host: str, port: int) -> tuple[str, ...]:
        del host, port
        return ()

    async with client(resolver=none) as http:
        with pytest.raises(UnresolvedError, match="There is no host"):
            await http.get("http://nothing.test/")


async def test_errors_of_the_connection_are_httpx_s_own():
    async with served(Site()) as site:
        port = site.port
    async with client("localhost") as http:
        with pytest.raises(httpx.ConnectError):
            await http.get(f"http://localhost:{port}/")


async def test_a_response_that_breaks_off_is_httpx_s_own_error():
    def short(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del reader
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
        writer.close()

    server = await asyncio.start_server(short, "127.0.0.1", 0)
    async with server, client("127.0.0.1") as http:
        with pytest.raises(httpx.RemoteProtocolError):
            await http.get(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")


async def test_proxies_of_the_environment_are_not_asked(monkeypatch):
    async with served(Site({"/": ("text/plain", "hello")})) as site, served(Site()) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        async with client("127.0.0.1") as http:
            response = await http.get(f"http://127.0.0.1:{site.port}/")
    assert (response.text, proxy.connections) == ("hello", 0)


async def test_tls_asks_for_the_name_and_verifies_it():
    asked: list[str | None] = []

    def name(_: ssl.SSLObject, server_name: str | None, __: ssl.SSLContext) -> int:
        asked.append(server_name)
        return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = name

    async def here(host: str, port: int) -> tuple[str, ...]:
        del host, port
        return ("127.0.0.1",)

    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=context)
    async with server, client("secure.test", resolver=here) as http:
        with pytest.raises(httpx.ConnectError):
            await http.get(f"https://secure.test:{server.sockets[0].getsockname()[1]}/")
    assert asked == ["secure.test"]
