"""Where an address leads, for rules about hosts."""

import pytest

from agent.approvals.addresses import about, addresses_in, host_and_port, is_pattern
from agent.approvals.patterns import Fit

LEADS = {
    "https://example.com": ("example.com", 443),
    "http://example.com/a?b#c": ("example.com", 80),
    "HTTPS://EXAMPLE.Com./": ("example.com", 443),
    "https://example.com:8443/x": ("example.com", 8443),
    "https://example.com:/x": ("example.com", 443),
    "ws://a_b.example.com": ("a_b.example.com", 80),
    "http://127.0.0.1:8000": ("127.0.0.1", 8000),
    "http://127.0.0.1./": ("127.0.0.1", 80),
    "http://[::1]:8000/": ("[::1]", 8000),
    "http://[0:0:0:0:0:0:0:1]/": ("[::1]", 80),
    "http://[::ffff:127.0.0.1]/": ("127.0.0.1", 80),
    "http://[2001:DB8::A]/": ("[2001:db8::a]", 80),
    "http://good.example#@evil.example/": ("good.example", 80),
    "http://good.example?@evil.example/": ("good.example", 80),
    "http://example.com/a\\b?c\\d": ("example.com", 80),
    "http://xn--bcher-kva.example/": ("xn--bcher-kva.example", 80),
}

ODD = [
    *("http://me@example.com", "http://good.example@evil.example/", "http://a:b@example.com"),
    *(
        "http://good.example\\@evil.example",
        "http:\\\\example.com",
        "http://good.example\\.evil.example",
    ),
    *(
        "http://2130706433/",
        "http://0x7f000001/",
        "http://127.1/",
        "http://0177.0.0.1/",
        "http://0x7f.1",
    ),
    *(
        "http://127.0.0.1.5/",
        "http://127.0.0.01/",
        "http://256.0.0.1/",
        "http://1.2.3/",
        "http://0x/",
    ),
    *(
        "http://[::1%25eth0]/",
        "http://[::1/",
        "http://[x]/",
        "http://[::1]x/",
        "http://[127.0.0.1]/",
    ),
    *(
        "http://b\u00fccher.example",
        "http://ex\u3002ample.com",
        "http://\uff45xample.com",
        "http://a\u00adb.c",
    ),
    *(
        "http://exa%6dple.com/",
        "http://example.com%00.evil.example",
        "http://ex ample.com",
        "http://a\tb.c",
    ),
    *(
        "http://a\nb.c/",
        "http://a\0.c/",
        " http://example.com",
        "http://example.com\r\n",
        "http://a\x7f.c",
    ),
    *(
        "http:///x",
        "http:/example.com",
        "http:example.com",
        "//example.com",
        "example.com",
        "",
        "http://",
    ),
    *(
        "file:///etc/passwd",
        "ftp://example.com",
        "javascript:x",
        "gopher://x:1",
        "http://example.com:0/",
    ),
    *(
        "http://example.com:99999/",
        "http://example.com:x/",
        "http://example.com:-1",
        "http://.example.com",
    ),
    *(
        "http://example.com..",
        "http://-a.example",
        "http://a,b.example",
        "http://a;b.example",
        "http://*.x/",
    ),
]


@pytest.mark.parametrize(("address", "leads"), LEADS.items())
def test_an_address_leads_to_one_host_and_port_however_it_is_spelled(address, leads):
    assert host_and_port(address) == leads


@pytest.mark.parametrize("address", ODD)
def test_what_may_be_read_in_different_ways_is_allowed_by_no_rule_and_may_be_a_denied_one(address):
    assert host_and_port(address) is None
    assert about("*", address) is about("evil.example", address) is Fit.MAYBE


@pytest.mark.parametrize(
    ("pattern", "address", "fit"),
    [
        ("example.com", "https://example.com/x", Fit.SURE),
        ("Example.COM.", "https://example.com/x", Fit.SURE),
        ("example.com", "https://www.example.com/", Fit.NO),
        ("*.example.com", "https://www.example.com/", Fit.SURE),
        ("*.example.com", "https://example.com/", Fit.NO),
        ("*.example.com", "https://www.example.com.evil.example/", Fit.NO),
        ("*.example.com", "https://evil.example/.example.com", Fit.NO),
        ("example.com:443", "https://example.com/", Fit.SURE),
        ("example.com:443", "http://example.com/", Fit.NO),
        ("localhost:*", "http://localhost/", Fit.MAYBE),
        ("[::1]", "http://[::1]:8000/", Fit.SURE),
        ("[::1]:8000", "http://[::1]:8000/", Fit.SURE),
        ("[::1]:80", "http://[::1]:8000/", Fit.NO),
        ("127.0.0.1", "http://[::ffff:7f00:1]/", Fit.SURE),
        ("*", "https://example.com/", Fit.SURE),
    ],
)
def test_a_pattern_is_about_hosts_and_about_a_port_where_it_names_one(pattern, address, fit):
    assert about(pattern, address) is fit


def test_a_pattern_is_a_host_and_nothing_else():
    given = [
        "a.b",
        "*.a.b:80",
        "[::1]:80",
        "A",
        "https://a.b",
        "a.b/x",
        "a b",
        "b\u00fc.de",
        "",
        "a:b",
    ]
    assert [each for each in given if is_pattern(each)] == ["a.b", "*.a.b:80", "[::1]:80", "A"]


def test_all_addresses_of_an_input_are_found():
    given = {
        "url": "http://a",
        "uri": ["http://b", 1, "http://c"],
        "address": None,
        "text": "http://d",
    }
    assert addresses_in(given) == ["http://a", "http://b", "http://c"]
    assert addresses_in({}) == []
