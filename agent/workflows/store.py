"""Where workflows are kept: a table of the host's database, each change durable at once."""

import json
import sqlite3
from collections.abc import Callable, Collection
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, TypeAlias

from agent.database import Database, DatabaseError
from agent.workflows.workflow import Cycle, CycleOutcome, Phase, Workflow

TABLES: Final = (
    """create table if not exists workflows (
        id text primary key, phase text not null, created real not null, body text not null
    )""",
    "create index if not exists workflows_by_phase on workflows (phase, created)",
)

Decision: TypeAlias = Callable[[Workflow], Workflow | None]


class WorkflowStore:
    """Workflows by id."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, TABLES)

    def __repr__(self) -> str:
        return f"<WorkflowStore {self._database!r}>"

    async def add(self, workflow: Workflow) -> None:
        """Keep a new workflow.

        Raises:
            DatabaseError: it cannot be written.
        """
        row = _row(workflow)
        await self._database.run(
            lambda table: table.execute("insert into workflows values (?, ?, ?, ?)", row)
        )

    async def get(self, workflow: str) -> Workflow | None:
        """Give a workflow; None when there is none of that id."""
        return await self._database.run(lambda table: _read(table, workflow))

    async def all(self, phases: Collection[Phase] = tuple(Phase)) -> list[Workflow]:
        """List the workflows in these phases, the oldest first."""

        def read(table: sqlite3.Connection) -> list[Workflow]:
            marks = ", ".join("?" * len(phases))
            chosen = f"phase in ({marks}) order by created, id"
            query = f"select body from workflows where {chosen}"  # noqa: S608  (marks only)
            rows = table.execute(query, tuple(phases))
            return [_workflow(body) for (body,) in rows]

        return await self._database.run(read)

    async def change(self, workflow: str, decide: Decision) -> tuple[Workflow | None, bool]:
        """Have something become of a workflow, atomically.

        Returns:
            The workflow as it is then, None when there is none; and whether it was changed.

        Raises:
            DatabaseError: it cannot be read or written; nothing was changed.
        """

        def work(table: sqlite3.Connection) -> tuple[Workflow | None, bool]:
            found = _read(table, workflow)
            changed = decide(found) if found is not None else None
            if changed is None:
                return found, False
            key, phase, _, body = _row(changed)
            table.execute(
                "update workflows set phase = ?, body = ? where id = ?", (phase, body, key)
            )
            return changed, True

        return await self._database.run(work)

    async def close(self) -> None:
        """Close the file; harmless twice."""
        await self._database.close()


def _read(table: sqlite3.Connection, workflow: str) -> Workflow | None:
    row = table.execute("select body from workflows where id = ?", (workflow,)).fetchone()
    return None if row is None else _workflow(row[0])


def _row(workflow: Workflow) -> tuple[str, str, float, str]:
    return workflow.id, workflow.phase.value, workflow.created, json.dumps(asdict(workflow))


def _workflow(body: str) -> Workflow:
    try:
        given: dict[str, Any] = json.loads(body)
        cycles = [{**each, "outcome": CycleOutcome(each["outcome"])} for each in given["cycles"]]
        return Workflow(
            **{
                **given,
                "phase": Phase(given["phase"]),
                "cycles": tuple(Cycle(**each) for each in cycles),
            }
        )
    except (ValueError, TypeError, KeyError) as error:
        raise DatabaseError(f"a workflow that is stored cannot be read: {error}") from error
