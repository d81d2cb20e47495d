"""What a job does: a function with a name that any process can find it by.

```python
@job_kind("count", heavy=True, soft_seconds=60)
async def count(job: JobContext) -> dict[str, int]:
    for n in range(job.payload["to"]):
        job.progress(100 * n / job.payload["to"], "counting")
    return {"counted": job.payload["to"]}
```
"""

import importlib
import math
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from agent.jobs.context import JobContext
from agent.jobs.errors import JobInputError
from agent.jobs.job import Terms
from scheduler.work import describe


@dataclass(frozen=True, slots=True)
class JobKind:
    """A kind of job; made by `job_kind`."""

    name: str
    function: Callable[[JobContext], Any]
    """A coroutine function, or a plain one."""
    is_heavy: bool = True
    """Runs in a process of its own, so that it can be killed; else on the loop of the host, or in a
    thread of it."""
    uses_workspace: bool = False
    """Holds back what conflicts in the workspace, in the host that queued it, while it runs."""
    terms: Terms = field(default_factory=Terms)

    @property
    def reference(self) -> str:
        """`module:name`, by which another process imports it."""
        return f"{self.function.__module__}:{self.function.__qualname__}"


def job_kind(
    name: str,
    *,
    heavy: bool = True,
    uses_workspace: bool = False,
    soft_seconds: float = 300.0,
    hard_seconds: float = 600.0,
    attempts: int = 1,
    backoff: float = 1.0,
    keep_seconds: float = 300.0,
) -> Callable[[Callable[[JobContext], Any]], JobKind]:
    """Make a kind of job out of a function of the module's top level.

    Args:
        name: what it is submitted by.
        heavy: whether it gets a process of its own.
        uses_workspace: whether it touches the workspace.
        soft_seconds: after which it is told to give up.
        hard_seconds: after which it is killed, with everything that it started.
        attempts: how often it may fail by an error of its own; 1 for no retry.
        backoff: seconds before the second attempt, doubled for each later one.
        keep_seconds: for which a job is remembered after its end.

    Raises:
        JobInputError: a name or a number cannot be.
    """
    terms = Terms(soft_seconds, hard_seconds, attempts, backoff, keep_seconds)
    if not name or name != name.strip():
        raise JobInputError(f"kind {name!r}: a name is not empty, without blanks around it")
    if not 0 < soft_seconds <= hard_seconds:
        raise JobInputError(
            f"kind {name!r}: soft_seconds={soft_seconds:g} is more than 0 and at most "
            f"hard_seconds={hard_seconds:g}"
        )
    given = (soft_seconds, hard_seconds, backoff, keep_seconds)
    if attempts < 1 or min(given) < 0 or not all(math.isfinite(each) for each in given):
        raise JobInputError(
            f"kind {name!r}: attempts is at least 1, every number of seconds finite and at least 0"
        )

    def decorate(function: Callable[[JobContext], Any]) -> JobKind:
        return JobKind(name, function, heavy, uses_workspace, terms)

    return decorate


class Kinds:
    """The kinds that a host or a worker knows, by name."""

    def __init__(self, kinds: Iterable[JobKind] = ()) -> None:
        self._kinds: dict[str, JobKind] = {}
        for each in kinds:
            self.add(each)

    def __repr__(self) -> str:
        return f"<Kinds {', '.join(self._kinds) or 'none'}>"

    def __iter__(self) -> Iterator[JobKind]:
        return iter(self._kinds.values())

    def add(self, kind: JobKind) -> None:
        """Take a kind in.

        Raises:
            JobInputError: another one has its name, or another process could not import it.
        """
        if kind.is_heavy and _at(sys.modules.get(kind.function.__module__), kind) != kind:
            raise JobInputError(
                f"the kind of job {kind.name!r} cannot be found by another process as "
                f"{kind.reference}: decorate the function with @job_kind at a module's top level"
            )
        known = self._kinds.setdefault(kind.name, kind)
        if known != kind:
            raise JobInputError(
                f"two kinds of job have the name {kind.name!r}: {known.reference} and "
                f"{kind.reference}"
            )

    def get(self, name: str) -> JobKind:
        """Give the kind of a name.

        Raises:
            JobInputError: there is none; the text says which there are.
        """
        if name not in self._kinds:
            there = ", ".join(sorted(self._kinds)) or "none"
            raise JobInputError(f"there is no kind of job {name!r}; there are: {there}")
        return self._kinds[name]


def _at(module: object, kind: JobKind) -> object:
    """Give what a module has where a kind should be."""
    found: object = module
    for name in kind.function.__qualname__.split("."):
        found = getattr(found, name, None)
    return found


def imported(reference: str) -> JobKind:
    """Import a kind by its reference, in another process.

    Raises:
        JobInputError: there is none.
    """
    module, _, path = reference.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for name in path.split("."):
            found = getattr(found, name)
    except Exception as error:
        raise JobInputError(
            f"the kind of job {reference!r} cannot be imported: {describe(error)}"
        ) from error
    if not isinstance(found, JobKind):
        raise JobInputError(f"{reference!r} is no kind of job: decorate it with @job_kind")
    return found


def kinds_of(modules: Iterable[str]) -> list[JobKind]:
    """Import modules, and give the kinds of job at their top level.

    Raises:
        JobInputError: one cannot be imported.
    """
    found: list[JobKind] = []
    for name in modules:
        try:
            module = importlib.import_module(name)
        except Exception as error:
            raise JobInputError(
                f"the module {name!r} cannot be imported: {describe(error)}"
            ) from error
        found += [each for each in vars(module).values() if isinstance(each, JobKind)]
    return found
