"""How git is run in a repository that may be hostile: so that it runs nothing of the repository's.

A repository's own configuration can name programs, and git runs them during the most harmless
commands: `core.fsmonitor` and hooks in `git status`, `diff.external`, text conversion and filters
in `git diff`, a transport when an object is missing. All of them are switched off here, by
settings in the environment, which outrank every configuration file. Those in `-c` would as well,
but end a name at its first "=", and the name of a filter may hold one.

Filters, and the hooks that configuration defines (git 2.54), can be switched off by name only, so
their names are listed first. That costs one more git process for each command.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from tools.output import render
from tools.process import run
from tools.program import Completed

LIST_SECONDS: Final = 30.0
_LIST_LIMIT: Final = 1_000_000
"""Bytes of configuration names that are looked through; a repository with more is refused."""

_MOST_SETTINGS: Final = 2_000
"""Settings that are passed on; more would not fit into an environment everywhere."""

_GUARD: Final = "toolloop.guarded"
"""A setting of ours: when the list does not show it, this git ignores settings in variables."""

VARIABLES: Final[Mapping[str, str]] = {
    "GIT_OPTIONAL_LOCKS": "0",  # looking changes nothing, and is in nobody's way
    "GIT_ALLOW_PROTOCOL": "none",  # a missing object is not fetched: transports are programs
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_PAGER": "cat",
    "GIT_LITERAL_PATHSPECS": "1",  # a file may be called ":(top)" or "*"
    "LC_ALL": "C",  # error texts are matched
    "LANGUAGE": "",
}

SETTINGS: Final[Mapping[str, str]] = {
    _GUARD: "true",
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "safe.bareRepository": "explicit",  # a folder of the work tree may look like a repository
    "diff.autoRefreshIndex": "false",
    # What follows runs nothing; it makes the output the same everywhere.
    "core.quotePath": "false",
    "color.ui": "false",
    "color.status": "false",
    "status.relativePaths": "true",
    "diff.orderFile": os.devnull,
}


class UnsafeError(Exception):
    """A repository in which git cannot be run safely; the text says why."""


async def safe_environment(project_dir: Path | str) -> dict[str, str]:
    """Return the variables under which git runs nothing of this repository's own.

    Raises:
        StartError: git or the folder is missing.
        UnsafeError: git is too old, or the repository asks for what cannot be switched off.
    """
    names = await _configured_names(project_dir)
    settings = {**SETTINGS, **switched_off(names)}
    if len(settings) > _MOST_SETTINGS:
        raise UnsafeError("the repository has more filters and hooks than can be switched off")
    environment = _environment(settings)
    if "core.worktree" in names:
        await _check_work_tree(project_dir, environment)
    return environment


def switched_off(names: Iterable[str]) -> dict[str, str]:
    """Return the settings that switch off each filter and each hook among configured names."""
    settings: dict[str, str] = {}
    for name in names:
        section, _, rest = name.partition(".")
        subsection, dot, _ = rest.rpartition(".")
        if dot and section == "filter":
            driver = f"filter.{subsection}"
            settings |= {f"{driver}.{key}": "" for key in ("clean", "smudge", "process")}
            settings[f"{driver}.required"] = "false"
        elif dot and section == "hook":
            settings[f"hook.{subsection}.enabled"] = "false"
    return settings


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    environment = {**VARIABLES, "GIT_CONFIG_COUNT": str(len(settings))}
    for number, (name, value) in enumerate(settings.items()):
        environment[f"GIT_CONFIG_KEY_{number}"] = name
        environment[f"GIT_CONFIG_VALUE_{number}"] = value
    return environment


async def _configured_names(project_dir: Path | str) -> frozenset[str]:
    done = await run(
        ("git", "config", "--list", "--name-only", "-z"),
        cwd=project_dir,
        env=_environment(SETTINGS),
        timeout=LIST_SECONDS,
        output_limit=_LIST_LIMIT,
    )
    _check_done(done, "its configuration could not be read")
    if (listed := done.stdout.whole) is None:
        raise UnsafeError("the repository's configuration is too long to be looked through")
    names = frozenset(os.fsdecode(name) for name in listed.split(b"\0"))
    if _GUARD not in names:
        raise UnsafeError("git is too old to be run safely: install git 2.38 or newer")
    return names


async def _check_work_tree(project_dir: Path | str, environment: Mapping[str, str]) -> None:
    """Refuse a repository whose configuration declares somebody else's files to be its own.

    With `core.worktree` set to `/`, a diff shows any file of the machine. A submodule sets it too,
    to the folder from which git finds that same repository: this is what is asked for here.
    """
    inside, top, git_dir = await _rev_parse(
        project_dir,
        environment,
        "--is-inside-work-tree",
        "--show-toplevel",
        "--absolute-git-dir",
    )
    if inside != "true" or await _rev_parse(top, environment, "--absolute-git-dir") != [git_dir]:
        raise UnsafeError(f"the repository's core.worktree makes {top!r} its work tree: not read")


async def _rev_parse(
    folder: Path | str,
    environment: Mapping[str, str],
    *questions: str,
) -> list[str]:
    done = await run(
        ("git", "rev-parse", *questions),
        cwd=folder,
        env=environment,
        timeout=LIST_SECONDS,
    )
    _check_done(done, "its core.worktree leads nowhere")
    answers = os.fsdecode(done.stdout.whole or b"").splitlines()
    if len(answers) != len(questions):
        raise UnsafeError("the repository's folders have names that cannot be told apart")
    return answers


def _check_done(done: Completed, trouble: str) -> None:
    if done.exit_code != 0 or done.timed_out:
        raise UnsafeError(f"the repository is not read, since {trouble}: {render(done.stderr)}")
