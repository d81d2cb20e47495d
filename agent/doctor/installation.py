"""What has to be installed: Python, packages within their bounds, programs."""

import contextlib
import re
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata

from agent.doctor.finding import Finding, Surroundings, missing, note, ok

DISTRIBUTION = "toolloop"

_REQUIREMENT = re.compile(
    r"(?P<name>[\w.-]+)(\[[^]]*])?\s*\(?(?P<bounds>[^;)]*)\)?\s*(?P<marker>;.*)?"
)
_BOUND = re.compile(r"(>=|<)\s*([\d.]+)")

PROGRAMS = {
    "git": "the git tools and `toolloop checks` run it",
    "bash": "the shell tool runs it; without it, /bin/sh",
}
"""Programs that are used, and for what."""

NEEDED = frozenset({"git"})


def findings(around: Surroundings) -> Iterator[Finding]:
    """Look at what is installed."""
    yield _python()
    yield from _packages()
    yield from (_program(name, around) for name in PROGRAMS)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    wanted = ""
    with contextlib.suppress(metadata.PackageNotFoundError, KeyError):
        wanted = metadata.metadata(DISTRIBUTION)["Requires-Python"] or ""
    if is_within(version, wanted):
        return ok("python", f"{version}, {sys.executable}")
    return missing("python", f"{version}; needed is {wanted}", "Install that, and us again in it.")


# -- packages ----------------------------------------------------------------------------------


def _packages() -> Iterator[Finding]:
    try:
        required = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        text = f"the distribution {DISTRIBUTION!r} is not installed: these are its files only"
        yield note("packages", text, "Install it: python -m pip install toolloop")
        return
    yield from (each for text in required if (each := _package(text)) is not None)


def _package(requirement: str) -> Finding | None:
    """Look at a package; one that is needed in some cases only may be absent."""
    parts = _REQUIREMENT.fullmatch(requirement)
    if parts is None:
        return note("packages", f"the requirement {requirement!r} cannot be read")
    name, bounds = parts["name"], parts["bounds"].strip()
    fix = f"Install it: python -m pip install '{name}{bounds}'"
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return None if parts["marker"] else missing(name, "not installed", fix)
    if is_within(version, bounds):
        return ok(name, version)
    return missing(name, f"{version} is installed; needed is {bounds}", fix)


def is_within(version: str, bounds: str) -> bool:
    """Say whether a version lies within bounds such as `<3,>=2.11`; other kinds are passed over.

    A pre-release counts as its release.
    """
    have = _numbers(version)
    for kind, bound in _BOUND.findall(bounds):
        limit = _numbers(bound)
        if (have < limit) is (kind == ">="):
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    """Give a version's release as numbers, without zeros at its end."""
    release = re.match(r"\d+(\.\d+)*", version)
    numbers = [int(part) for part in release[0].split(".")] if release else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


# -- programs ----------------------------------------------------------------------------------


def _program(name: str, around: Surroundings) -> Finding:
    found = shutil.which(name, path=around.environment.get("PATH", ""))
    if found is not None:
        return ok(name, found)
    text = f"not in PATH: {PROGRAMS[name]}"
    fix = f"Install {name} with the system's package manager."
    return missing(name, text, fix) if name in NEEDED else note(name, text, fix)
