"""`toolloop worker`: runs the jobs that hosts queue in Redis."""

import argparse
import asyncio
import logging
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agent.commands.command import Command, data_dir, positive
from agent.commands.telling import shown

if TYPE_CHECKING:
    from agent.jobs.celery_app import CelerySettings

BROKER: Final = "CELERY_BROKER_URL"
BACKEND: Final = "CELERY_RESULT_BACKEND"

NEEDED: Final = ("celery", "redis")

SCHEMES: Final = ("redis://", "rediss://")


class _UnusableError(Exception):
    """The command cannot work as it was called."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--import",
        dest="modules",
        action="append",
        required=True,
        metavar="MODULE",
        help="a module with kinds of jobs (@job_kind); may be given several times",
    )
    parser.add_argument(
        "--concurrency", type=positive, default=2, help="how many jobs run at a time (default 2)"
    )
    parser.add_argument(
        "--broker",
        metavar="URL",
        default=os.environ.get(BROKER),
        help=f"the Redis that carries jobs (default: ${BROKER})",
    )
    parser.add_argument(
        "--backend",
        metavar="URL",
        default=os.environ.get(BACKEND),
        help=f"the Redis that holds them (default: ${BACKEND}, or the broker's)",
    )
    parser.add_argument(
        "--queue",
        metavar="NAME",
        default="toolloop",
        help="of the hosts whose jobs it runs (default toolloop)",
    )
    parser.add_argument(
        "--patience",
        type=positive,
        default=30,
        metavar="SECONDS",
        help="for which jobs that run may go on when it is to end (default 30)",
    )
    data_dir(parser)


def _run(terms: argparse.Namespace) -> int:
    try:
        settings = _settings(terms)
        _check_modules(terms.modules)
    except _UnusableError as error:
        _tell(str(error))
        return 2
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    return asyncio.run(_work(terms, settings))


async def _work(terms: argparse.Namespace, settings: "CelerySettings") -> int:
    # They import an extra.
    from agent.jobs.errors import JobStoreError  # noqa: PLC0415  (see above)
    from agent.jobs.worker import Supervisor, SupervisorTerms  # noqa: PLC0415  (see above)

    supervisor = Supervisor(
        SupervisorTerms(
            settings,
            tuple(terms.modules),
            concurrency=terms.concurrency,
            options=_options(terms),
            patience=terms.patience,
        ),
        _tell,
    )
    try:
        await supervisor.run()
    except JobStoreError as error:
        _tell(f"{error}. Start it, or name another one with --broker, --backend or ${BROKER}.")
        return 1
    return 0


def _settings(terms: argparse.Namespace) -> "CelerySettings":
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise _UnusableError(
            f"not installed: {' and '.join(missing)}. Install the extra: pip install "
            '"toolloop[celery]"'
        )
    if not terms.broker:
        raise _UnusableError(
            f"no Redis is named: give --broker redis://HOST:6379/0, or set {BROKER}"
        )
    backend = terms.backend or terms.broker
    for name, given in (("--broker", terms.broker), ("--backend", backend)):
        if not given.startswith(SCHEMES):
            raise _UnusableError(f"{name}: jobs need a Redis, whose address begins with redis://")
    if not terms.queue.isidentifier():
        raise _UnusableError(f"--queue: letters, digits and _, not {terms.queue!r}")
    from agent.jobs.celery_app import CelerySettings  # noqa: PLC0415  (an extra, there by now)

    return CelerySettings(terms.broker, backend, terms.queue)


def _check_modules(modules: list[str]) -> None:
    from agent.jobs.errors import JobInputError  # noqa: PLC0415  (with the package's rest)
    from agent.jobs.kinds import Kinds, kinds_of  # noqa: PLC0415  (as above)

    # As Python itself has it for a script or -m: what is in this folder can be imported.
    sys.path.insert(0, str(Path.cwd()))
    try:
        for module in modules:
            if not kinds_of([module]):
                raise _UnusableError(
                    f"--import: the module {module!r} has no kind of job: decorate a function of "
                    "its top level with @job_kind"
                )
        Kinds(kinds_of(modules))
    except JobInputError as error:
        raise _UnusableError(f"--import: {error}") from error


def _options(terms: argparse.Namespace) -> dict[str, Any]:
    """Give what agents of jobs are configured with besides what they read of the environment."""
    return {"data_dir": terms.data_dir} if terms.data_dir else {}


def _tell(text: str) -> None:
    sys.stderr.write(f"toolloop worker: {shown(text)}\n")
    sys.stderr.flush()


COMMAND = Command(
    "worker",
    "run the jobs that hosts queue in Redis",
    "Run background jobs that hosts on this machine or others queue in Redis, with the kinds of "
    "jobs of the modules that are named. What an agent of a job needs comes from this environment. "
    "At the first signal it takes no more jobs and lets those that run go on for a while; at the "
    "second it ends at once.",
    _arguments,
    _run,
)
