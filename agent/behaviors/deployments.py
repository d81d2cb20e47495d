"""Deployments: stored documents of numbered behaviours with their inputs."""

import asyncio
import json
import logging
import re
import sqlite3
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.behaviors.behavior import BehaviorError, Behaviors, faults
from agent.database import Database, DatabaseError
from agent.errors import AgentError
from agent.jobs.payload import MOST_PAYLOAD, encoded

log = logging.getLogger(__name__)

TABLES: Final = (
    """create table if not exists deployments (
        id text primary key, updated real not null, body text not null
    )""",
)

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


class DeploymentNotFoundError(AgentError):
    """There is no deployment of that id, or no behaviour of that number in it."""


class Step(BaseModel):
    """One behaviour of a deployment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    behavior: str
    """Its name."""
    input: dict[str, Any] = Field(default_factory=dict)


class Deployment(BaseModel):
    """A document of behaviours."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    title: str = ""
    behaviors: dict[str, Step]
    """By number, such as "1"."""
    updated: float = 0.0
    """Seconds since 1970."""

    def step(self, number: str) -> Step:
        """Give the behaviour of a number.

        Raises:
            DeploymentNotFoundError: there is none; the text says which there are.
        """
        if number not in self.behaviors:
            there = ", ".join(self.behaviors) or "none"
            raise DeploymentNotFoundError(
                f"deployment {self.id!r} has no behaviour {number!r}; there are: {there}"
            )
        return self.behaviors[number]


class Deployments:
    """Deployments by id."""

    def __init__(
        self, file: Path, behaviors: Behaviors, *, now: Callable[[], float] = time.time
    ) -> None:
        self.behaviors = behaviors
        self._database = Database(file, TABLES)
        self._now = now

    def __repr__(self) -> str:
        return f"<Deployments {self._database!r}, {self.behaviors!r}>"

    async def put(self, deployment_id: str, given: Mapping[str, Any]) -> Deployment:
        """Store a deployment, in place of the one of that id.

        Args:
            deployment_id: letters, digits, `.`, `_` and `-`, 100 at most.
            given: `title`, and `behaviors` by number, each with `behavior` and `input`.

        Raises:
            BehaviorError: it cannot be one; the text names what is wrong.
            DatabaseError: it cannot be kept.
        """
        made = await asyncio.to_thread(self._checked, deployment_id, given)  # it may be large
        row = (made.id, made.updated, await asyncio.to_thread(made.model_dump_json))
        await self._database.run(
            lambda table: table.execute("insert or replace into deployments values (?, ?, ?)", row)
        )
        return made

    async def get(self, deployment_id: str) -> Deployment:
        """Give a deployment.

        Raises:
            DeploymentNotFoundError: there is none of that id.
            DatabaseError: it cannot be read.
        """

        def read(table: sqlite3.Connection) -> Any:
            query = "select body from deployments where id = ?"
            return table.execute(query, (deployment_id,)).fetchone()

        row = await self._database.run(read)
        if row is None:
            raise DeploymentNotFoundError(f"there is no deployment {deployment_id!r}")
        return await asyncio.to_thread(_read, deployment_id, row[0])

    async def all(self) -> list[Deployment]:
        """List the deployments by id; one that cannot be read is left out, and logged.

        Raises:
            DatabaseError: the file cannot be read.
        """

        def read(table: sqlite3.Connection) -> list[Any]:
            return table.execute("select id, body from deployments order by id").fetchall()

        return await asyncio.to_thread(_readable, await self._database.run(read))

    async def delete(self, deployment_id: str) -> None:
        """Remove a deployment.

        Raises:
            DeploymentNotFoundError: there is none of that id.
        """

        def remove(table: sqlite3.Connection) -> int:
            query = "delete from deployments where id = ?"
            return table.execute(query, (deployment_id,)).rowcount

        if not await self._database.run(remove):
            raise DeploymentNotFoundError(f"there is no deployment {deployment_id!r}")

    async def close(self) -> None:
        """Close the file; harmless twice."""
        await self._database.close()

    def _checked(self, deployment_id: str, given: Mapping[str, Any]) -> Deployment:
        if not _ID.fullmatch(deployment_id):
            raise BehaviorError(
                f"deployment id {json.dumps(deployment_id)}: letters, digits, '.', '_' and '-', "
                "the first a letter or digit, 100 at most"
            )
        try:
            made = Deployment.model_validate({**given, "id": deployment_id, "updated": self._now()})
        except ValidationError as error:
            raise BehaviorError(
                f"deployment {deployment_id!r} is wrong: {faults(error)}"
            ) from error
        for number, step in made.behaviors.items():
            if not (number.isascii() and number.isdecimal()):
                raise BehaviorError(f"behaviors.{number}: a behaviour's number is one, such as '1'")
            self.behaviors.get(step.behavior).checked(step.input)
            try:
                encoded(step.input, MOST_PAYLOAD, "its input")
            except ValueError as error:
                raise BehaviorError(f"behaviors.{number}: {error}") from error
        return made


def _read(deployment_id: str, body: str) -> Deployment:
    try:
        return Deployment.model_validate_json(body)
    except ValidationError as error:
        raise DatabaseError(
            f"deployment {deployment_id!r} is damaged: store it again, or delete it"
        ) from error


def _readable(rows: list[tuple[str, str]]) -> list[Deployment]:
    found: list[Deployment] = []
    for deployment_id, body in rows:
        try:
            found.append(_read(deployment_id, body))
        except DatabaseError as error:
            log.warning("left out of the list: %s", error)
    return found
