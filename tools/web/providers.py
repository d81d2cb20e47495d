"""What a provider of search results is, and the form that most have: one request, one answer.

One's own is a class with the four members of `SearchProvider`:

    class Wiki:
        name, origin, kinds = "wiki", "https://wiki.example.org", frozenset({Kind.WEB})

        async def search(self, query: Query, http: Http) -> Sequence[Found]:
            body = await http.send(Request(f"{self.origin}/find", params={"q": query.terms}))
            return [Found(each["title"], each["url"]) for each in json.loads(body)]

    WebClient([*settings.providers(), Wiki()])

Whatever it raises is its own failure and spoils no other's answer; a `ProviderError` says why.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tools.web.errors import UnreadableError
from tools.web.query import Found, Kind, Query


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent to a provider."""

    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """A key among them: never shown."""
    json: Mapping[str, Any] | None = None
    """What is posted; None for a GET."""
    refusals: Mapping[int, str] = field(default_factory=dict)
    """What a status means with this provider, where that helps whoever configures it."""


class Http(Protocol):
    """Sends requests over the connections that all providers share."""

    async def send(self, request: Request) -> bytes:
        """Give the body of a good answer.

        Raises:
            ProviderError: there is none.
        """
        ...


class SearchProvider(Protocol):
    """Answers searches of some kinds."""

    @property
    def name(self) -> str:
        """As it is configured and shown."""

    @property
    def origin(self) -> str:
        """Scheme, host and port, where a connection is opened at start.

        It may lead to this machine or its network: the user has configured it.
        """

    @property
    def kinds(self) -> frozenset[Kind]:
        """What it can search."""

    async def search(self, query: Query, http: Http) -> Sequence[Found]:
        """Give what it finds, the best first; nothing, when there is nothing.

        Raises:
            ProviderError: it gives no answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class OneRequest:
    """A provider that answers to one request; what it asks and how it is read are pure."""

    name: str
    origin: str
    kinds: frozenset[Kind]
    request: Callable[[Query], Request] = field(repr=False)
    found: Callable[[Query, bytes], Sequence[Found]] = field(repr=False)

    async def search(self, query: Query, http: Http) -> Sequence[Found]:
        """Ask, and read the answer.

        Raises:
            ProviderError: it gives no answer.
        """
        body = await http.send(self.request(query))
        try:
            return self.found(query, body)
        except RecursionError:
            raise UnreadableError("its answer is nested too deeply") from None
