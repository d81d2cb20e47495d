"""Real turns over a real tree, beside the same calls one by one.

The tree is this interpreter's installed packages, without what is compiled, under git. One turn
searches, reads, edits, tests and asks git; its replies stream as a model's would. It is played by
an agent with its own tools, and once more by hand: each reply to its end, then its calls one after
the other. Results and the final tree have to be equal.
"""

import asyncio
import hashlib
import re
import shutil
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.claude.loopback import LoopbackModel
from agent.claude.script import Call, Pause, Text, reply
from agent.runtime import Agent
from agent.session.entries import Calls, from_json
from benchmarks.measure import table
from scheduler import certify
from scheduler.record_json import from_json as record_of
from scheduler.timeline import draw
from tools import Registry, ToolContext, ToolError, to_output
from tools.background import Background
from tools.versions import FileVersions
from tools.workspace_tools import workspace_tools

GAP = 0.08
"""Seconds for which each call of a reply streams."""

EDITED = ("pluggy/_hooks.py", "pluggy/__init__.py", "iniconfig/__init__.py")

NOTE = "# a note for whoever comes next\n"

TEST = """\
import pathlib

def test_the_notes_are_there():
    noted = [each for each in pathlib.Path("pytest").glob("*.py") if "a note" in each.read_text()]
    assert noted == []

def test_the_report_is_there():
    assert pathlib.Path("docs/report.txt").read_text().startswith("report")
"""

Json = dict[str, Any]


def look() -> list[tuple[str, Json]]:
    """Give the calls of the first reply: nothing but looking, all independent."""
    return [
        ("grep", {"pattern": r"def __aenter__\(", "glob": "**/*.py", "output": "files"}),
        ("grep", {"pattern": "class .*Protocol", "path": "httpx2"}),
        ("grep", {"pattern": "TODO", "literal": True, "output": "count"}),
        ("glob", {"pattern": "**/test_*.py"}),
        ("glob", {"pattern": "anthropic/types/*.py"}),
        ("directory_tree", {"depth": 2}),
        *(("file_read", {"path": f"pluggy/{name}.py"}) for name in ("__init__", "_hooks")),
        ("file_read", {"path": "iniconfig/__init__.py"}),
        ("git_status", {}),
        ("git_log", {"count": 3}),
    ]


def change() -> list[tuple[str, Json]]:
    """Give the calls of the second reply: edits that conflict with nothing, and what follows."""
    return [
        *(("file_edit", {"path": path, "edits": [_noted(path)]}) for path in EDITED),
        ("file_write", {"path": "docs/report.txt", "content": "report\n" + "line\n" * 500}),
        ("file_write", {"path": "test_notes.py", "content": TEST}),
        ("file_read", {"path": "pluggy/_hooks.py", "lines": 5}),
        ("grep", {"pattern": "a note for whoever", "literal": True, "output": "files"}),
        ("run_tests", {"path": "test_notes.py", "arguments": ["-q", "-p", "no:cacheprovider"]}),
        ("file_move", {"source": "docs/report.txt", "target": "docs/final.txt"}),
        ("file_read", {"path": "docs/final.txt", "lines": 2}),
        ("shell", {"command": "wc -l docs/*.txt test_notes.py"}),
        ("git_diff", {}),
        ("git_status", {}),
    ]


def _noted(path: str) -> Json:
    """Give an edit at a place that is there once."""
    return {"old_text": FIRST_LINES[path], "new_text": f"{NOTE}{FIRST_LINES[path]}"}


FIRST_LINES: dict[str, str] = {}


def make_tree(folder: Path, chosen: Sequence[str] = ()) -> int:
    """Copy the installed packages, or some, and commit them; give how many files there are."""
    packages = Path(sysconfig.get_paths()["purelib"])
    left_out = shutil.ignore_patterns("*.so", "*.pyc", "__pycache__", "__editable__*", "*.pth")
    for name in chosen or ("",):
        shutil.copytree(packages / name, folder / name, symlinks=True, ignore=left_out)
    for path in EDITED:
        lines = (folder / path).read_text().splitlines(keepends=True)
        FIRST_LINES[path] = next(each for each in lines if lines.count(each) == 1 and each.strip())
    (folder / ".gitignore").write_text("__pycache__/\n")
    when = {"GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z"}
    who = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.invalid"]
    for command in (["init", "--quiet"], ["add", "--all"], [*who, "commit", "--quiet", "-m", "it"]):
        subprocess.run(
            ["git", *command], cwd=folder, check=True, env={"PATH": "/usr/bin:/bin", **when}
        )
    return sum(each.is_file() for each in folder.rglob("*") if ".git" not in each.parts)


def digest(folder: Path) -> str:
    """Give one text for all names and bytes of a tree."""
    found = hashlib.blake2b()
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and not {".git", "__pycache__"} & {*inside.parts}:
            found.update(f"{inside}\0".encode() + hashlib.blake2b(path.read_bytes()).digest())
    return found.hexdigest()


@dataclass(frozen=True, slots=True)
class Played:
    """A turn that was played."""

    seconds: float
    texts: list[str]
    tree: str
    certificate: str = ""
    drawn: str = ""


async def in_parallel(folder: Path) -> Played:
    """Play the turn with an agent."""
    replies = [
        reply(Text("Hello.")),
        _script(0, look()),
        _script(1, change()),
        reply(Text("Done.")),
    ]
    with tempfile.TemporaryDirectory() as data:
        async with (
            LoopbackModel(replies) as server,
            Agent(
                model="claude-loopback",
                base_url=server.url,
                api_key="x",
                workspace=folder,
                data_dir=data,
                approvals="allow",
            ) as agent,
        ):
            session = await agent.session("tree")
            await session.ask("Hello")  # the other has no client that would have to be made
            began = time.perf_counter()
            result = await session.ask("Look, change, test.")
            seconds = time.perf_counter() - began
            assert server.refused == [], server.refused
            await session.flush()
            entries = agent.sessions._files.entries(session.id)  # noqa: SLF001  (its own journal)
        ran = [entry for each in entries if isinstance(entry := from_json(each), Calls)]
        records = [record_of(each) for entry in ran for each in entry.records]
    texts = [f"{call.status} {plain(call.text, folder)}" for call in result.calls]
    return Played(seconds, texts, digest(folder), str(certify(records)), draw(records))


def _script(number: int, calls: list[tuple[str, Json]]) -> list[Any]:
    parts = [
        Call(f"toolu_{number}_{place}", name, given, between=Pause(GAP))
        for place, (name, given) in enumerate(calls)
    ]
    return reply(Text("Let me see."), *parts)


async def one_by_one(folder: Path) -> Played:
    """Play the same calls by hand, each after the end of its reply and of the one before."""
    registry = Registry(workspace_tools())
    background = Background()
    known: dict[str, str] = {}
    texts: list[str] = []
    began = time.perf_counter()
    for calls in (look(), change()):
        await asyncio.sleep(GAP * len(calls))
        written: dict[str, str] = {}
        shown: dict[str, str] = {}
        for name, given in calls:
            versions = FileVersions(known, written)
            services: dict[type, object] = {Background: background}
            context = ToolContext("tree", folder, services=services, versions=versions)
            texts.append(plain(await _answer(registry, name, given, context), folder))
            shown |= {**versions.shown, **versions.wrote}
        known = {**known, **shown}
    seconds = time.perf_counter() - began
    await background.close()
    return Played(seconds, texts, digest(folder))


async def _answer(
    registry: Registry, name: str, given: Mapping[str, Any], context: ToolContext
) -> str:
    tool = registry.get(name)
    assert tool is not None
    try:
        output = to_output(await tool.run(tool.parse(given), context), tool.output_limit)
    except ToolError as error:
        return f"failed {error}"
    return f"{'failed' if output.is_error else 'finished'} {output.text}"


def plain(text: str, folder: Path) -> str:
    """Leave out what differs from run to run: where the tree is, and seconds."""
    return re.sub(r"\b\d+\.\d+ ?s\b", "? s", text.replace(str(folder), "TREE"))


def difference(one: Played, other: Played) -> list[str]:
    """Say in what two plays differ; nothing when they are equal."""
    found = [] if one.tree == other.tree else ["the final trees differ"]
    pairs = zip(one.texts, other.texts, strict=True)
    return found + [f"call {n}:\n{a}\n---\n{b}" for n, (a, b) in enumerate(pairs) if a != b]


def main() -> None:
    """Print the table."""
    rows, files, certificate, drawn = [], 0, "", ""
    for turn in range(3):
        with tempfile.TemporaryDirectory() as folder:
            places = [Path(folder, name) for name in ("parallel", "serial")]
            files = make_tree(places[0])
            make_tree(places[1])
            ours = asyncio.run(in_parallel(places[0]))
            serial = asyncio.run(one_by_one(places[1]))
        different = difference(ours, serial)
        certificate, drawn = ours.certificate, ours.drawn
        rows.append(
            [
                str(turn + 1),
                f"{ours.seconds:.2f}",
                f"{serial.seconds:.2f}",
                f"{serial.seconds / ours.seconds:.2f}",
                "yes" if not different else "NO",
            ]
        )
        for each in different:
            print(each)
    streamed = GAP * (len(look()) + len(change()))
    head = ["round", "ours, s", "one by one, s", "times faster", "equal results and tree"]
    count = len(look()) + len(change())
    title = f"A turn of {count} calls over {files:,} files, {streamed:.1f} s of it streamed"
    table(title, head, rows)
    print(certificate, drawn, sep="\n")
