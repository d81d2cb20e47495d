"""Which providers the environment configures."""

import pytest

from tools.web import SearchSettings, WebClient

from .calling import KEYS


def names(**variables: str) -> list[str]:
    return [each.name for each in SearchSettings.from_environment(variables).providers()]


def refusal(**variables: str) -> str:
    with pytest.raises(ValueError, match=r".") as caught:
        SearchSettings.from_environment(variables)
    return str(caught.value)


def test_without_any_setting_there_is_what_needs_no_key():
    assert names() == ["duckduckgo"]


def test_a_key_adds_its_provider_and_an_empty_one_does_not():
    assert names(TAVILY_API_KEY="k", BRAVE_API_KEY="", SERPER_API_KEY="  ") == [
        "tavily",
        "duckduckgo",
    ]
    assert names(**KEYS) == ["brave", "tavily", "serper", "searxng", "duckduckgo"]


def test_a_list_picks_and_orders():
    assert names(**KEYS, TOOLLOOP_SEARCH=" SearXNG, brave,brave, ") == ["searxng", "brave"]
    assert names(**KEYS, TOOLLOOP_SEARCH="") == names(**KEYS)


def test_none_is_no_search_at_all():
    assert names(**KEYS, TOOLLOOP_SEARCH="none") == []


def test_a_name_that_is_no_provider_is_refused():
    assert refusal(TOOLLOOP_SEARCH="brav") == (
        "TOOLLOOP_SEARCH: 'brav' is no provider; there are brave, tavily, serper, searxng, "
        "duckduckgo, none"
    )


def test_a_name_without_its_key_is_refused():
    assert refusal(TOOLLOOP_SEARCH="brave") == (
        "TOOLLOOP_SEARCH names brave, which needs BRAVE_API_KEY: set it too"
    )


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel", "nul\0"])
def test_a_key_that_no_header_can_hold_is_refused_without_being_shown(key):
    assert refusal(BRAVE_API_KEY=key) == (
        "BRAVE_API_KEY holds spaces or characters that no key or address has"
    )


@pytest.mark.parametrize(
    "address",
    ["localhost:8888", "ftp://a.example", "http://", "http://a:b:c", "http://a.example/?q=1"],
)
def test_what_is_no_address_of_a_searxng_is_refused(address):
    assert refusal(SEARXNG_URL=address) == (
        "SEARXNG_URL is no address; write one such as http://127.0.0.1:8888"
    )


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("http://[::1]:8888/x", "http://[::1]:8888"),
        ("https://s.example", "https://s.example"),
        ("http://user:pass@s.example:80/", "http://s.example:80"),
    ],
)
def test_an_address_is_taken_apart(address, origin):
    settings = SearchSettings.from_environment(
        {"SEARXNG_URL": address, "TOOLLOOP_SEARCH": "searxng"}
    )
    assert [each.origin for each in settings.providers()] == [origin]


def test_two_providers_of_one_name_are_refused():
    twice = (*SearchSettings().providers(), *SearchSettings().providers())

    with pytest.raises(
        ValueError, match="two search providers have one name: duckduckgo, duckduckgo"
    ):
        WebClient(twice)
