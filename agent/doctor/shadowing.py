"""Whether it is really our packages that are imported: their names are common ones.

Three things can take their place: another distribution that installs packages of the same names, a
folder of PYTHONPATH, which comes before what is installed, and, where Python is started by
`python -m` or with a script, the folder that it is started in or that the script lies in.
"""

import importlib.util
import os
from collections.abc import Iterator
from importlib import metadata
from importlib.machinery import PathFinder
from pathlib import Path

from agent.doctor.finding import Finding, Surroundings, missing, note, ok
from agent.doctor.installation import DISTRIBUTION

PACKAGES = ("agent", "prompts", "scheduler", "tools")
ROOT = Path(__file__).parents[2]
"""The folder that our packages lie in."""

START = (
    "Start by the console script `toolloop`, which does not look there, or by `python -P -m ...` "
    "(PYTHONSAFEPATH=1); or rename what lies there."
)


def findings(around: Surroundings) -> Iterator[Finding]:
    """Look at who is imported by our names, and who could be."""
    others = [*_imported(), *_by_python_path(around), *_by_folder(around), *_by_distribution()]
    yield from others
    if not others:
        yield ok("imports", f"{', '.join(PACKAGES)} are ours: {ROOT}")


def _imported() -> Iterator[Finding]:
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None or not _is_ours(name, spec.origin):
            found = "nothing" if spec is None else spec.origin or "a folder without __init__.py"
            yield missing(
                "imports",
                f"`import {name}` gives {found}, not {_own(name)}",
                "Take it out of PYTHONPATH, uninstall it, or give us a virtual environment.",
            )


def _by_python_path(around: Surroundings) -> Iterator[Finding]:
    entries = around.environment.get("PYTHONPATH", "").split(os.pathsep)
    for entry in (entry for entry in entries if entry):
        for name, origin in _found_in(Path(entry)):
            yield missing(
                "imports",
                f"PYTHONPATH holds {entry}, so `import {name}` gives {origin}, not {_own(name)}",
                f"Take {entry} out of PYTHONPATH when you start us.",
            )


def _by_folder(around: Surroundings) -> Iterator[Finding]:
    for name, origin in _found_in(around.folder):
        yield note(
            "imports",
            f"started by `python -m` here, `import {name}` would give {origin}, not {_own(name)}",
            START,
        )


def _by_distribution() -> Iterator[Finding]:
    installed = metadata.packages_distributions()
    for name in PACKAGES:
        for other in sorted(set(installed.get(name, ())) - {DISTRIBUTION}):
            yield _other_distribution(name, other)


def _other_distribution(name: str, other: str) -> Finding:
    files = metadata.files(other) or []
    roots = {str(file.locate()) for file in files if file.parts[:1] == (name,)}
    fix = f"Uninstall {other!r}, or give us a virtual environment of our own."
    if any(_is_ours(name, file) for file in roots):
        text = f"the distribution {other!r} has written its {name}/ over ours: {_own(name)}"
        return missing("imports", text, f"{fix} Then install us again.")
    text = f"the distribution {other!r} has a package {name!r} too; {_own(name)} wins here"
    return note("imports", text, fix)


def _found_in(folder: Path) -> Iterator[tuple[str, str]]:
    """Give the packages of our names, not ours, that a folder of `sys.path` holds.

    One without `__init__.py` does not count: it comes after every other.
    """
    for name in PACKAGES:
        spec = PathFinder.find_spec(name, [str(folder)])
        if spec is not None and spec.origin is not None and not _is_ours(name, spec.origin):
            yield name, spec.origin


def _own(name: str) -> Path:
    return ROOT / name / "__init__.py"


def _is_ours(name: str, file: str | None) -> bool:
    return file is not None and os.path.realpath(file) == os.path.realpath(_own(name))
