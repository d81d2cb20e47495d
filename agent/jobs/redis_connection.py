"""Commands to Redis, each answered or refused within a set time.

The rules that this file keeps:

- what is asked may be sent more than once: only what may be repeated is given to this;
- a connection that breaks, or is refused, is tried again a few times, then told as an error;
- whoever is cancelled waits until the request has ended: nothing of it happens later, and the
  package sees no cancellation but that of the set time (it waits with `asyncio.wait_for`, which in
  Python 3.11 loses one that comes with the answer);
- what was closed connects no more;
- the password in the address is in no text that leaves this file.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from agent.errors import ConfigurationError
from agent.jobs.errors import JobStoreError
from tools.threads import in_thread, to_its_end

if TYPE_CHECKING:
    from redis.asyncio import Redis

Argument: TypeAlias = str | bytes | int

PAUSES: Final = (0.05, 0.2, 0.5, 1.0)
"""Seconds before each further try."""

CONNECTIONS: Final = 16
"""At most; who needs one more waits."""


class RedisConnection:
    """Some connections to one Redis, made at first use. For one event loop.

    Args:
        url: `redis://[user:password@]host:port/number`, `rediss://` or `unix://`.
        seconds: within which every request is answered, or is an error.
    """

    def __init__(self, url: str, seconds: float) -> None:
        self._url = url
        self._seconds = seconds
        self._client: Redis | None = None
        self._place = "Redis"
        self._opening = asyncio.Lock()
        self._is_closed = False

    def __repr__(self) -> str:
        state = "closed" if self._is_closed else "open" if self._client else "not open"
        return f"<RedisConnection {self._place} {state}>"

    async def ask(self, *command: Argument) -> Any:
        """Send a command; give its answer.

        Raises:
            JobStoreError: there was no answer, or it was an error; it may have been carried out.
            ConfigurationError: the address cannot be, or the package is not there.
        """
        [answer] = await self.ask_all([command])
        return answer

    async def ask_all(
        self, commands: Sequence[Sequence[Argument]], *, at_once: bool = False
    ) -> list[Any]:
        """Send commands together; give their answers, with nothing in between if `at_once`.

        Raises as `ask` does, when any of them is not answered.
        """
        return await to_its_end(self._in_time(commands, at_once=at_once))

    async def close(self) -> None:
        """Let go of the connections; harmless twice."""
        self._is_closed = True
        async with self._opening:
            client, self._client = self._client, None
            if client is not None:
                await to_its_end(client.aclose())

    async def _in_time(self, commands: Sequence[Sequence[Argument]], *, at_once: bool) -> list[Any]:
        client = await self._opened()
        from redis.exceptions import RedisError  # noqa: PLC0415  (an extra; `_opened` imported it)

        try:
            async with asyncio.timeout(self._seconds):
                return await self._tried(client, commands, at_once=at_once)
        except TimeoutError as error:
            raise JobStoreError(
                f"{self._place} did not answer within {self._seconds:g} seconds"
            ) from error
        except (RedisError, OSError) as error:
            raise JobStoreError(f"{self._place} cannot be used: {error}") from error

    async def _opened(self) -> "Redis":
        async with self._opening:
            if self._is_closed:
                raise JobStoreError(f"{self._place}: this store is closed")
            if self._client is None:
                self._client = await in_thread(lambda: _made(self._url, self._seconds))
                self._place = _place_of(self._client)
            return self._client

    async def _tried(
        self, client: "Redis", commands: Sequence[Sequence[Argument]], *, at_once: bool
    ) -> list[Any]:
        from redis import exceptions  # noqa: PLC0415  (an extra)

        for pause in PAUSES:
            try:
                return await _sent(client, commands, at_once=at_once)
            except (exceptions.ConnectionError, exceptions.TimeoutError, OSError) as error:
                if self._is_closed or isinstance(error, exceptions.AuthenticationError):
                    raise
            await asyncio.sleep(pause)
            if self._is_closed:
                raise JobStoreError(f"{self._place}: this store is closed")
        return await _sent(client, commands, at_once=at_once)


async def _sent(
    client: "Redis", commands: Sequence[Sequence[Argument]], *, at_once: bool
) -> list[Any]:
    if len(commands) == 1:
        answer = await client.execute_command(*commands[0])  # type: ignore[no-untyped-call]  # it has no types
        return [answer]
    async with client.pipeline(transaction=at_once) as pipe:
        for command in commands:
            pipe.execute_command(*command)
        answers: list[Any] = await pipe.execute(raise_on_error=False)
    for each in answers:
        if isinstance(each, Exception):
            raise each
    return answers


def _made(url: str, seconds: float) -> "Redis":
    """Import Redis's package, which is slow, and make a client; it connects at its first command.

    Raises:
        ConfigurationError: the package is not there, or the address cannot be.
    """
    try:
        from redis.asyncio import BlockingConnectionPool, Redis  # noqa: PLC0415  (an extra)
        from redis.asyncio.retry import Retry  # noqa: PLC0415  (an extra)
        from redis.backoff import NoBackoff  # noqa: PLC0415  (an extra)
    except ImportError as error:
        raise ConfigurationError(
            "jobs in Redis need the extra 'celery': pip install 'toolloop[celery]'"
        ) from error
    try:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=seconds,
            socket_connect_timeout=seconds,
            socket_timeout=seconds,
            retry=Retry(NoBackoff(), 0),
            driver_info=None,  # or each connection reads the package's files, on the loop
        )
    except (ValueError, TypeError):
        raise ConfigurationError(
            "the address of Redis cannot be read: redis://[user:password@]host:port/number, "
            "rediss://... for TLS, or unix://path; in user and password, what is neither letter "
            "nor digit is written as %XX"
        ) from None
    return Redis.from_pool(pool)


def _place_of(client: "Redis") -> str:
    """Say where a Redis is, and nothing of who may enter."""
    given = client.connection_pool.connection_kwargs
    where = given.get("path") or f"{given.get('host', 'localhost')}:{given.get('port', 6379)}"
    return f"Redis at {where}, database {given.get('db') or 0}"
