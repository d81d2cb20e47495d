"""Paths in rules, and whether a call touches them.

The rules that this file keeps:

- a rule that allows is about a call when all files that the call touches surely are at its path or
  below it: links on the way do not count as that path, and neither does what a shell command says;
- one that denies or asks is about a call when any of them is, by whichever name;
- what a call names is looked at where what it touches is only a guess: words of a plain command,
  and other texts of its input.

Case and Unicode's forms are folded, as in resources. This runs on the event loop: a few lstat
calls for each path.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from agent.approvals.patterns import Fit, escaped, is_like, literal
from agent.approvals.verdicts import Judged
from scheduler import WORLD, Resource
from tools.file_resources import ALIASES, file_resources, workspace_resource
from tools.tool_classes import ToolClass

_DEPTH: Final = "**"


def expanded(path: str) -> str:
    """Put the home folder in place of `~`."""
    return f"{Path.home()}{path[1:]}" if path == "~" or path.startswith("~/") else path


def is_guess(call: Judged) -> bool:
    """Say whether nobody knows which files a call touches."""
    return call.tool.tool_class is ToolClass.SHELL or WORLD in _touched(call)


def touches_files(call: Judged) -> bool:
    """Say whether any of the resources that a call touches is a file."""
    return any(_files(_touched(call)))


def allowed(call: Judged, path: str) -> Fit:
    """Say whether all that a call touches is surely at a path or below it."""
    pattern = _as_written(call.workspace, path)
    files = [*_files(_touched(call))]
    is_sure = bool(files) and not is_guess(call)
    return Fit.SURE if is_sure and all(_is_within(each, pattern) for each in files) else Fit.NO


def caught(call: Judged, path: str) -> Fit:
    """Say whether anything that a call touches is at a path or below it, or may be."""
    meant = _meant(call.workspace, path)
    touched = _touched(call)
    if not is_guess(call):
        return _caught(touched, meant, call)
    if call.named is None:
        return Fit.MAYBE
    found = (_caught(each, meant, call) for each in call.named)
    return max(found, default=Fit.GUESS) or Fit.GUESS


def _touched(call: Judged) -> frozenset[Resource]:
    return call.access.reads | call.access.writes


def _files(resources: Iterable[Resource]) -> Iterator[Resource]:
    return (each for each in resources if each[:1] == ("file",) and ALIASES not in each)


def _caught(touched: frozenset[Resource], meant: set[Resource], call: Judged) -> Fit:
    if any(_is_within(each, pattern) for each in _files(touched) for pattern in meant):
        return Fit.SURE
    if any(ALIASES in each[:-1] and each in meant for each in touched):
        return Fit.SURE
    whole = workspace_resource(call.workspace)
    is_tree = any(each[-1:] == (ALIASES,) for each in touched)
    wide = [each for each in _files(touched) if is_tree or each == whole[: len(each)]]
    return Fit.MAYBE if any(_may_meet(each, one) for each in wide for one in meant) else Fit.NO


# -- patterns --------------------------------------------------------------------------------------


def _as_written(workspace: Path, path: str) -> Resource:
    """Give a pattern's parts without following any link below the workspace."""
    path = expanded(path).removeprefix(f"{workspace}/")
    parts = list(("file", "/") if path.startswith("/") else workspace_resource(workspace))
    for part in _folded(path).split("/"):
        if part == "..":
            del parts[max(2, len(parts) - 1) :]
        elif part not in {"", "."}:
            parts.append(part)
    return tuple(parts)


def _meant(workspace: Path, path: str) -> set[Resource]:
    """Give a pattern's parts as they are written and where links lead; of a file, other names."""
    written, only = _as_written(workspace, path), literal(expanded(path))
    if only is None:
        return {written, workspace_resource(workspace / expanded(path))}
    others = {each for each in file_resources(workspace, only) if ALIASES in each[:-1]}
    resolved = tuple(escaped(part) for part in workspace_resource(workspace / only))
    return {written, resolved, *others}


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def _is_within(resource: Resource, pattern: Resource) -> bool:
    """Say whether a resource is what a pattern names, or below it."""
    return len(pattern) in _reached(resource, pattern)


def _may_meet(resource: Resource, pattern: Resource) -> bool:
    """Say whether a resource, or anything below it, may be what a pattern names."""
    return bool(_reached(resource, pattern))


def _reached(resource: Resource, pattern: Resource) -> set[int]:
    """Give how many of a pattern's parts a resource may have behind it; all, when it is below."""
    reached = _skipping({0}, pattern)
    for part in resource:
        if len(pattern) in reached:
            break
        stays = {place for place in reached if pattern[place] == _DEPTH}
        goes = {place + 1 for place in reached - stays if is_like(pattern[place], part)}
        reached = _skipping(stays | goes, pattern)
    return reached


def _skipping(places: set[int], pattern: Resource) -> set[int]:
    """Add the places behind any folders, which may be none."""
    for place in [*places]:
        end = place
        while end < len(pattern) and pattern[end] == _DEPTH:
            end += 1
            places.add(end)
    return places
