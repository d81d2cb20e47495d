"""The connection to a server of the Messages API, through the SDK's transport.

One client serves all who ask on the same event loop with the same settings (`shared`), however
many sessions and agents that are. The rules that this file keeps:

- `anthropic` is imported in a thread and on first use only: it takes most of a second;
- retries are the caller's: the SDK's own are off, and its errors become ours (`agent.errors`);
- events are read raw: pings are seen, and no delta is parsed twice;
- one watchdog for a reply's first byte, one for silence after it.
"""

import asyncio
import logging
import weakref
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agent.claude import sdk
from agent.claude.model import Incoming
from agent.claude.profile import API, Profile, profile_of
from agent.claude.reading import EventReader
from agent.errors import ConfigurationError

if TYPE_CHECKING:
    import httpx2

log = logging.getLogger(__name__)

NO_KEY = (
    "There is no API key. Set ANTHROPIC_API_KEY, or give api_key=; or point ANTHROPIC_BASE_URL "
    "(base_url=) to a compatible server, such as http://127.0.0.1:11434 for Ollama."
)


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """Where the server is, and how long anything may take, in seconds."""

    base_url: str | None = None
    """None: as the environment says, or the Claude API."""
    api_key: str | None = None
    """None: as the environment or the SDK's own configuration says."""
    profile: Profile | None = None
    """What the server understands; told by its host when not given."""
    connect: float = 10.0
    first_byte: float = 180.0
    """From the request to the first byte of its reply."""
    silence: float = 90.0
    """Between two pieces of a reply; a ping counts as one."""
    keep_alive: float = 300.0
    """How long an idle connection stays open, so that a slow tool does not cost a new one."""
    drain: float = 0.5
    """For the rest of a reply that has ended, so that its connection can serve the next."""

    @property
    def server(self) -> Profile:
        """What the server understands."""
        return self.profile or profile_of(self.base_url)


class ClaudeClient:
    """A client for one event loop; made at once, built at first use."""

    def __init__(self, settings: ClientSettings) -> None:
        self.settings = settings
        self._built: asyncio.Future[sdk.Sender] | None = None
        self.users = 0

    def __repr__(self) -> str:
        state = "built" if self._built is not None and self._built.done() else "not built"
        return f"<ClaudeClient {self.settings.base_url or API} {state}, {self.users} users>"

    async def warm_up(self) -> None:
        """Import, build, and open a connection; needs no key, and fails silently."""
        try:
            sender = await self._sender()
            await sender.transport.head(sender.client.base_url, timeout=self.settings.connect)
        except Exception as error:  # noqa: BLE001  (whoever needs it will meet the reason)
            log.info("warming up the connection failed: %s", error)

    @asynccontextmanager
    async def stream(self, body: bytes, betas: Sequence[str] = ()) -> AsyncIterator[Incoming]:
        """Send a request; see `Model.stream`."""
        response = await self._send(await self._sender(), body, betas)
        reader = EventReader(response, self.settings.first_byte, self.settings.silence)
        try:
            yield Incoming(reader, response.headers.get("request-id", ""))
            await self._drain(reader)
        finally:
            reader.stop()
            await asyncio.shield(response.aclose())

    async def limits(self, model: str) -> dict[str, Any]:
        """Give what the server tells of a model's limits and capabilities; empty when it does not.

        Raises:
            AgentError: as for a request.
        """
        sender = await self._sender()
        if not sender.has_key:
            raise ConfigurationError(NO_KEY)
        with sdk.translated(self.settings.connect):
            info = await sender.client.models.retrieve(model, timeout=self.settings.connect)
        return info.to_dict()

    async def close(self) -> None:
        """Close the connections."""
        built, self._built = self._built, None
        if built is not None:
            await (await built).client.close()

    # -- the SDK -------------------------------------------------------------------------------

    async def _sender(self) -> "sdk.Sender":
        if self._built is None:
            given = self.settings
            self._built = asyncio.get_running_loop().run_in_executor(
                None,
                sdk.build,
                given.base_url,
                given.api_key,
                given.server,
                given.connect,
                given.keep_alive,
            )
            self._built.add_done_callback(self._forget_failure)
        return await asyncio.shield(self._built)

    def _forget_failure(self, built: "asyncio.Future[Any]") -> None:
        if built.cancelled() or built.exception() is not None:
            self._built = None

    async def _send(
        self, sender: "sdk.Sender", body: bytes, betas: Sequence[str]
    ) -> "httpx2.Response":
        if not sender.has_key:
            raise ConfigurationError(NO_KEY)
        with sdk.translated(self.settings.first_byte):
            async with asyncio.timeout(self.settings.first_byte):
                return await sender.post(body, tuple(betas))

    async def _drain(self, reader: EventReader) -> None:
        try:
            await reader.drain(self.settings.drain)
        except Exception as error:  # noqa: BLE001  (the reply is complete; only its connection is lost)
            log.debug("a connection could not be kept: %s", error)


_clients: weakref.WeakKeyDictionary[
    asyncio.AbstractEventLoop, dict[ClientSettings, ClaudeClient]
] = weakref.WeakKeyDictionary()


@asynccontextmanager
async def shared(settings: ClientSettings) -> AsyncIterator[ClaudeClient]:
    """Lend the client of this event loop and these settings; the last to leave closes it."""
    clients = _clients.setdefault(asyncio.get_running_loop(), {})
    client = clients.setdefault(settings, ClaudeClient(settings))
    client.users += 1
    try:
        yield client
    finally:
        client.users -= 1
        if not client.users:
            del clients[settings]
            await client.close()
