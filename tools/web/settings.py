"""Which providers of search results are asked, as the environment says.

| variable           | what it does                                                               |
|--------------------|----------------------------------------------------------------------------|
| `BRAVE_API_KEY`    | asks Brave Search: web, news, images                                       |
| `TAVILY_API_KEY`   | asks Tavily: web, news, images                                             |
| `SERPER_API_KEY`   | asks Serper: web, news, shopping, places, images                           |
| `SEARXNG_URL`      | asks the SearXNG there: all kinds, as far as it has engines for them       |
| `TOOLLOOP_SEARCH`  | only these, and in this order: `brave,tavily`; `none` for no search at all |

DuckDuckGo needs no key and is asked for web pages unless `TOOLLOOP_SEARCH` leaves it out. The order
decides between results of the same rank only; all are asked at the same time.

The rule that this file keeps: a key is in no error and no representation.
"""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

from tools.web.brave import KEY as BRAVE_KEY
from tools.web.brave import brave
from tools.web.duckduckgo import DuckDuckGo
from tools.web.providers import SearchProvider
from tools.web.searxng import ADDRESS as SEARXNG_ADDRESS
from tools.web.searxng import searxng
from tools.web.serper import KEY as SERPER_KEY
from tools.web.serper import serper
from tools.web.tavily import KEY as TAVILY_KEY
from tools.web.tavily import tavily

ORDER: Final = "TOOLLOOP_SEARCH"

VARIABLES: Final[Mapping[str, str]] = {
    "brave": BRAVE_KEY,
    "tavily": TAVILY_KEY,
    "serper": SERPER_KEY,
    "searxng": SEARXNG_ADDRESS,
    "duckduckgo": "",
}
"""The providers that there are, with the variable that each needs."""

_KEY: Final = re.compile("[!-~]+")


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """The providers that are asked, in order, with what each needs.

    Raises:
        ValueError: a name, a key or an address cannot be; the text names its variable.
    """

    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    """By variable, as the environment has them."""
    order: tuple[str, ...] = ("duckduckgo",)

    def __post_init__(self) -> None:
        for name in self.order:
            if name not in VARIABLES:
                raise ValueError(
                    f"{ORDER}: {name!r} is no provider; there are {', '.join(VARIABLES)}, none"
                )
            variable = VARIABLES[name]
            if variable and variable not in self.keys:
                raise ValueError(f"{ORDER} names {name}, which needs {variable}: set it too")
        for variable, value in self.keys.items():
            _check(variable, value)

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> "SearchSettings":
        """Read what is set.

        Raises:
            ValueError: a variable holds what cannot be.
        """
        given = {each: variables.get(each, "").strip() for each in VARIABLES.values() if each}
        keys = {variable: value for variable, value in given.items() if value}
        listed = variables.get(ORDER, "").strip().lower()
        if listed == "none":
            return cls(keys, ())
        if listed:
            names = (name.strip() for name in listed.split(","))
            return cls(keys, tuple(dict.fromkeys(name for name in names if name)))
        usable = (name for name, needs in VARIABLES.items() if not needs or needs in keys)
        return cls(keys, tuple(usable))

    def providers(self) -> tuple[SearchProvider, ...]:
        """Give the providers, ready to be asked."""
        return tuple(_MAKERS[name](self.keys.get(VARIABLES[name], "")) for name in self.order)


def _check(variable: str, value: str) -> None:
    if not _KEY.fullmatch(value):
        raise ValueError(f"{variable} holds spaces or characters that no key or address has")
    if variable == SEARXNG_ADDRESS:
        _searxng(value)


def _searxng(address: str) -> SearchProvider:
    """Take an address apart; a user and a password go into a header, so that no text has them."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if parts.scheme not in {"http", "https"} or not host or parts.query or parts.fragment:
        raise ValueError(
            f"{SEARXNG_ADDRESS} is no address; write one such as http://127.0.0.1:8888"
        )
    bare = f"[{host}]" if ":" in host else host
    origin = f"{parts.scheme}://{bare}" + (f":{port}" if port else "")
    who = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    basic = f"Basic {base64.b64encode(who.encode()).decode()}" if who != ":" else ""
    return searxng(origin, parts.path, basic)


_MAKERS: Final[Mapping[str, Callable[[str], SearchProvider]]] = {
    "brave": brave,
    "tavily": tavily,
    "serper": serper,
    "searxng": _searxng,
    "duckduckgo": lambda _: DuckDuckGo(),
}
