"""Which addresses may be reached, and how they are read."""

import asyncio
import re
import socket
import threading

import pytest

from tools.addresses import (
    SOCKETS,
    AddressPolicy,
    AddressRefusedError,
    Target,
    UnresolvedError,
    checked,
    parse,
    resolve,
)
from tools.errors import ToolError

READ = {
    "http://example.org": Target("http", "example.org", 80),
    "HTTPS://EXAMPLE.org/": Target("https", "example.org", 443),
    "https://example.org:8443/a@b:c?d#e": Target("https", "example.org", 8443),
    "https://example.org:/": Target("https", "example.org", 443),
    "https://example.org.": Target("https", "example.org", 443),
    "http://example.org?a\\b": Target("http", "example.org", 80),
    "http://r3---sn-x.a_b.example/": Target("http", "r3---sn-x.a_b.example", 80),
    "https://bücher.example": Target("https", "xn--bcher-kva.example", 443),
    "https://BÜCHER.example": Target("https", "xn--bcher-kva.example", 443),
    "https://faß.example": Target("https", "xn--fa-hia.example", 443),
    "https://☃.example": Target("https", "xn--n3h.example", 443),
    "http://a。example": Target("http", "a.example", 80),
    "http://1.2.3.4.example": Target("http", "1.2.3.4.example", 80),
    "http://127.0.0.1:8000": Target("http", "127.0.0.1", 8000),
    "http://127.1": Target("http", "127.0.0.1", 80),
    "http://127.0.1": Target("http", "127.0.0.1", 80),
    "http://2130706433": Target("http", "127.0.0.1", 80),
    "http://4294967295": Target("http", "255.255.255.255", 80),
    "http://0x7f.1": Target("http", "127.0.0.1", 80),
    "http://0X7F000001": Target("http", "127.0.0.1", 80),
    "http://0177.0.0.01": Target("http", "127.0.0.1", 80),
    "http://127.0.0.0x": Target("http", "127.0.0.0", 80),
    "http://127.0.0.1.": Target("http", "127.0.0.1", 80),
    "http://\uff11\uff12\uff17.0.0.1": Target("http", "127.0.0.1", 80),
    "http://①②⑦。1": Target("http", "127.0.0.1", 80),
    "http://0": Target("http", "0.0.0.0", 80),
    "http://[::1]:8000": Target("http", "::1", 8000),
    "http://[0:0::0:1]": Target("http", "::1", 80),
    "http://[2001:DB8::1]": Target("http", "2001:db8::1", 80),
}

MISREAD = {
    "": "start with http:// or https://",
    "example.org": "start with http:// or https://",
    "//example.org": "start with http:// or https://",
    "ftp://example.org": "start with http:// or https://",
    "file:///etc/passwd": "start with http:// or https://",
    "javascript:alert(1)": "start with http:// or https://",
    "data:text/html,x": "start with http:// or https://",
    "ws://example.org": "start with http:// or https://",
    "http:example.org": "the host right behind it",
    "http:/example.org": "the host right behind it",
    "http:///example.org": "the host right behind it",
    "http://": "names no host",
    "http:///": "the host right behind it",
    "http://:80": "names no host",
    "http://?a": "names no host",
    "http://user@example.org": "a user name or a password",
    "http://user:pw@example.org": "a user name or a password",
    "http://@example.org": "a user name or a password",
    "http://evil.example\\@example.org/": "a backslash",
    "http:\\\\example.org": "the host right behind it",
    "http://example.org/a\\b": "a backslash",
    "http://example.org/a b": "a space or a character that cannot be seen",
    " http://example.org": "a space or a character that cannot be seen",
    "http://exa\tmple.org": "a space or a character that cannot be seen",
    "http://example.org/\n": "a space or a character that cannot be seen",
    "http://example.org/\x00": "a space or a character that cannot be seen",
    "http://example.org/\x7f": "a space or a character that cannot be seen",
    "http://example.org/\ud800": "a space or a character that cannot be seen",
    "http://exam\u200bple.org": "a space or a character that cannot be seen",
    "http://example.org:0": "a number from 1 to 65535",
    "http://example.org:65536": "a number from 1 to 65535",
    "http://example.org:-1": "a number from 1 to 65535",
    "http://example.org:\uff18\uff10": "a number from 1 to 65535",
    "http://example.org:1:2": "a number from 1 to 65535",
    "http://example.org:22": "no browser connects to port 22",
    "http://example.org:6667": "no browser connects to port 6667",
    "http://a..b": "'' is no part of a name",
    "http://.example.org": "'' is no part of a name",
    "http://example.org..": "'' is no part of a name",
    "http://%65xample.org": "'%65xample' is no part of a name",
    "http://exa'mple.org": "is no part of a name",
    "http://exa<mple.org": "is no part of a name",
    f"http://{'a' * 64}.org": "is no part of a name",
    f"http://{'a.' * 127}org": "at most 253 characters",
    "http://1.2.3.4.5": "no IPv4 address",
    "http://256.0.0.1": "no IPv4 address",
    "http://1.2.3.256": "no IPv4 address",
    "http://4294967296": "no IPv4 address",
    "http://09.0.0.1": "no IPv4 address",
    "http://1..2": "no IPv4 address",
    "http://example.1": "no IPv4 address",
    "http://0xg.1": "no IPv4 address",
    "http://::1/": "names no host",
    "http://[::1": "a number from 1 to 65535",
    "http://[::1]x": "names no host",
    "http://x[::1]": "names no host",
    "http://[]": "no IPv6 address",
    "http://[1.2.3.4]": "no IPv6 address",
    "http://[::1%lo]": "an address with a zone",
    "http://[fe80::1%25eth0]": "an address with a zone",
}


@pytest.mark.parametrize("url", READ)
def test_an_address_is_read_as_a_browser_reads_it(url):
    assert parse(url) == READ[url]


@pytest.mark.parametrize("url", MISREAD, ids=ascii)
def test_what_programs_read_in_different_ways_is_refused(url):
    with pytest.raises(AddressRefusedError, match=re.escape(MISREAD[url])) as caught:
        parse(url)
    assert str(caught.value).isascii()
    assert isinstance(caught.value, ToolError)


def test_a_long_address_is_cut_in_the_error():
    with pytest.raises(AddressRefusedError) as caught:
        parse("x" * 100_000)
    assert len(str(caught.value)) < 400


def test_sockets_are_read_where_they_are_asked_for():
    assert parse("wss://example.org/x", SOCKETS) == Target("wss", "example.org", 443)
    with pytest.raises(AddressRefusedError, match=re.escape("start with ws:// or wss://")):
        parse("http://example.org", SOCKETS)


REFUSED = {
    "0.0.0.0": "this machine",
    "0.255.255.255": "this machine",
    "127.0.0.1": "this machine",
    "127.255.255.255": "this machine",
    "10.0.0.0": "private",
    "10.255.255.255": "private",
    "172.16.0.0": "private",
    "172.31.255.255": "private",
    "192.168.0.1": "private",
    "100.64.0.1": "CGNAT",
    "100.100.100.200": "CGNAT",
    "100.127.255.255": "CGNAT",
    "169.254.169.254": "credentials",
    "168.63.129.16": "cloud machine's host",
    "192.0.0.192": "credentials",
    "192.0.2.1": "documentation",
    "198.51.100.1": "documentation",
    "203.0.113.1": "documentation",
    "192.88.99.1": "6to4",
    "198.18.0.1": "benchmarks",
    "198.19.255.255": "benchmarks",
    "224.0.0.1": "multicast",
    "239.255.255.255": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "broadcast",
    "::": "this machine",
    "::1": "this machine",
    "::7f00:1": "IPv4-compatible",
    "::808:808": "IPv4-compatible",
    "::ffff:127.0.0.1": "127.0.0.1, this machine",
    "::ffff:10.0.0.1": "10.0.0.1, a private network",
    "::ffff:0:7f00:1": "not handed out",
    "64:ff9b::7f00:1": "127.0.0.1, this machine",
    "64:ff9b::a9fe:a9fe": "169.254.169.254",
    "64:ff9b:1::808:808": "NAT64",
    "2002:7f00:1::": "127.0.0.1, this machine",
    "2002:a00:1::1": "10.0.0.1, a private network",
    "2001:0:1::1": "Teredo",
    "2001:2::1": "protocols",
    "2001:20::1": "protocols",
    "2001:db8::1": "documentation",
    "3fff::1": "documentation",
    "100::1": "discards",
    "fc00::1": "unique local",
    "fd00:ec2::254": "unique local",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local",
    "fec0::1": "site-local",
    "ff02::1": "multicast",
    "5f00::1": "not handed out",
    "4000::1": "not handed out",
}

PUBLIC = (
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2606:4700::1111",
    "2001:4860:4860::8888",
    "2a00:1450::1",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::1",
)


@pytest.mark.parametrize("ip", REFUSED)
def test_an_address_that_is_not_public_is_refused(ip):
    why = AddressPolicy().refusal("name.example", ip, 80)
    assert why is not None
    assert why.startswith(f"name.example:80 is refused: it leads to {ip}, ")
    assert REFUSED[ip] in why


@pytest.mark.parametrize("ip", PUBLIC)
def test_a_public_address_may_be_reached(ip):
    assert AddressPolicy().refusal("name.example", ip, 80) is None


def test_a_refusal_says_what_why_and_how_it_can_be_allowed():
    assert AddressPolicy().refusal("::1", "::1", 8000) == (
        "[::1]:8000 is refused: it is this machine (loopback). Only public addresses can be "
        'reached. If it is meant to be, the user has to add "[::1]:8000" to the allowed addresses; '
        "do not try another spelling of it."
    )


@pytest.mark.parametrize(
    ("allowed", "host", "ip", "port", "is_allowed"),
    [
        ("localhost", "localhost", "127.0.0.1", 1234, True),
        ("LOCALHOST.:8000", "localhost", "127.0.0.1", 8000, True),
        ("localhost:8000", "localhost", "::1", 8000, True),
        ("localhost:8000", "localhost", "127.0.0.1", 8001, False),
        ("localhost:8000", "evil.example", "127.0.0.1", 8000, False),
        ("127.0.0.1:8000", "127.0.0.1", "127.0.0.1", 8000, True),
        ("127.1:8000", "127.0.0.1", "127.0.0.1", 8000, True),
        ("127.0.0.1:8000", "127.0.0.1", "127.0.0.1", 8001, False),
        ("127.0.0.1:8000", "evil.example", "127.0.0.1", 8000, False),
        ("127.0.0.1:8000", "::ffff:7f00:1", "::ffff:7f00:1", 8000, False),
        ("::1", "::1", "::1", 8000, True),
        ("[::1]", "::1", "::1", 8000, True),
        ("[::1]:8000", "::1", "::1", 8000, True),
        ("[::1]:8000", "::1", "::1", 8001, False),
        ("10.0.0.0/8", "intranet", "10.1.2.3", 80, True),
        ("10.0.0.0/8", "10.1.2.3", "10.1.2.3", 80, True),
        ("10.0.0.0/8", "intranet", "::ffff:10.1.2.3", 80, True),
        ("10.0.0.0/8", "intranet", "11.1.2.3", 80, True),
        ("10.0.0.0/8", "intranet", "192.168.1.1", 80, False),
        ("fd00::/8", "intranet", "fd00::1", 80, True),
        ("127.0.0.1:6000", "127.0.0.1", "127.0.0.1", 6000, None),
    ],
)
def test_what_the_user_allows_may_be_reached_and_nothing_beside_it(
    allowed, host, ip, port, is_allowed
):
    if is_allowed is None:
        with pytest.raises(ValueError, match="no browser connects to port"):
            AddressPolicy((allowed,))
        return
    assert (AddressPolicy((allowed,)).refusal(host, ip, port) is None) is is_allowed


def test_another_protocol_s_port_is_refused_even_at_a_public_address():
    why = AddressPolicy(("example.org",)).refusal("example.org", "93.184.215.14", 25)
    assert why == "example.org:25 is refused: no browser connects to port 25."


@pytest.mark.parametrize(
    "entry", ["", "a b", "http://a", "10.0.0.1/8", "a:b", "a:0", "a@b", "*.a", "1.2.3.4.5", "[::1"]
)
def test_an_entry_that_allows_nothing_is_an_error_that_says_what_may_be_written(entry):
    with pytest.raises(ValueError, match=re.escape(f"allowed address {entry!r}")) as caught:
        AddressPolicy((entry,))
    assert "host:port (127.0.0.1:8000)" in str(caught.value)


def test_a_policy_is_a_value():
    assert AddressPolicy(("a", "b:8000")) == AddressPolicy(("a", "b:8000"))
    assert repr(AddressPolicy(("a",))) == "AddressPolicy(allowed=('a',))"


async def names(host: str, port: int) -> tuple[str, ...]:
    del port
    return {
        "public.example": ("93.184.215.14", "2606:4700::1111"),
        "mixed.example": ("93.184.215.14", "127.0.0.1"),
        "private.example": ("10.0.0.1",),
        "nothing.example": (),
    }[host]


async def test_all_addresses_of_a_public_host_are_given():
    found = await checked("PUBLIC.example.", 443, AddressPolicy(), names)
    assert found == ("93.184.215.14", "2606:4700::1111")


@pytest.mark.parametrize(
    ("host", "leads"), [("mixed.example", "127.0.0.1"), ("private.example", "10.0.0.1")]
)
async def test_a_host_is_refused_when_any_of_its_addresses_is(host, leads):
    with pytest.raises(AddressRefusedError, match=f"{host}:80 is refused: it leads to {leads}"):
        await checked(host, 80, AddressPolicy(), names)


async def test_a_host_without_an_address_is_no_host():
    with pytest.raises(UnresolvedError, match=r"There is no host 'nothing\.example'"):
        await checked("nothing.example", 80, AddressPolicy(), names)


@pytest.mark.parametrize("spelling", ["127.1", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]"])
async def test_another_spelling_is_checked_as_what_it_means(spelling):
    with pytest.raises(AddressRefusedError, match="this machine"):
        await checked(spelling, 80, AddressPolicy())


@pytest.mark.parametrize("host", ["localhost", "app.localhost"])
async def test_localhost_is_this_machine_whatever_a_name_server_says(host, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", pytest.fail)
    assert await resolve(host, 80) == ("127.0.0.1", "::1")


async def test_a_name_is_looked_up_with_the_system_and_each_address_given_once(monkeypatch):
    def found(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        assert (host, port) == ("a.example", 443)
        return [(0, 0, 0, "", (ip, 443)) for ip in ("1.1.1.1", "2.2.2.2", "1.1.1.1")]

    monkeypatch.setattr(socket, "getaddrinfo", found)
    assert await resolve("a.example", 443) == ("1.1.1.1", "2.2.2.2")


@pytest.mark.parametrize("error", [socket.gaierror(-2, "x"), UnicodeError("label too long")])
async def test_a_name_that_the_system_does_not_know_is_said_to_be_none(error, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(UnresolvedError, match=r"There is no host 'a\.example'"):
        await resolve("a.example", 443)


async def test_a_look_up_that_hangs_holds_up_nobody(monkeypatch):
    go_on, looking = threading.Event(), threading.Event()

    def hang(*_: object, **__: object) -> list[object]:
        looking.set()
        go_on.wait()
        return []

    broken: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, found: broken.append(found))
    monkeypatch.setattr(socket, "getaddrinfo", hang)
    with pytest.raises(UnresolvedError, match=r"not found within 0\.01 seconds"):
        await resolve("slow.example", 80, limit=0.01)
    waiting = asyncio.create_task(resolve("slow.example", 80))
    await asyncio.to_thread(looking.wait)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    stuck = [each for each in threading.enumerate() if each.name == "lookup of slow.example"]
    assert len(stuck) == 2
    assert all(each.daemon for each in stuck)
    go_on.set()
    await asyncio.to_thread(lambda: [each.join() for each in stuck])
    await asyncio.sleep(0)  # both tell a lookup that is over
    assert broken == []
