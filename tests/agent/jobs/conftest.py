"""The stores that the job tests run on."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from agent.jobs.redis_store import RedisJobStore
from agent.jobs.sqlite_store import SqliteJobStore
from tests.agent.jobs.redis_server import IS_SKIPPED, MISSING, RedisServer
from tests.agent.jobs.store_child import Place


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis that the tests of a module share; whoever kills it starts it again."""
    if IS_SKIPPED:
        pytest.skip(MISSING)
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    asyncio.run(server.start())
    yield server
    asyncio.run(server.stop())


@pytest.fixture(params=["sqlite", "redis"])
def place(request, tmp_path) -> Place:
    """Where the jobs of one test are kept, in each kind of store."""
    if request.param == "sqlite":
        return Place("sqlite", str(tmp_path / "jobs.sqlite"))
    server: RedisServer = request.getfixturevalue("redis_server")
    return Place("redis", server.url, f"{uuid.uuid4().hex}:")


@pytest.fixture
async def store(place: Place) -> AsyncIterator[SqliteJobStore | RedisJobStore]:
    """A store there."""
    opened = place.opened()
    yield opened
    await opened.close()
