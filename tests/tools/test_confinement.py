"""Nothing that a model writes as a path reaches a file outside of the workspace.

Each path of a corpus is given to each tool in both ways down, in a workspace that is full of links
which lead out; afterwards everything outside is as it was, and no result has shown any of it. Then
folders are swapped for such links by another process, as fast as it can, while files are opened and
written. `TOOLLOOP_SWAPS` says how often the latter two do so.
"""

import asyncio
import os
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from scheduler import Resource
from tools import Image, ToolError, openat2
from tools.file_resources import file_resources, workspace_resource
from tools.files import (
    file_delete,
    file_edit,
    file_move,
    file_read,
    file_write,
    make_directory,
)
from tools.workspace import Workspace

from .file_runs import Conversation, everything

CANARY: Final = "canary-7d1f"

SWAPS: Final = int(os.environ.get("TOOLLOOP_SWAPS", "0"))

CORPUS: Final = [
    # up and out
    "../outside/secret.txt",
    "../outside",
    "..",
    "../",
    "../.",
    "../..",
    "../../../../../../../../etc/passwd",
    "./../outside/secret.txt",
    "src/../../outside/secret.txt",
    "src/../src/../../outside/secret.txt",
    "src//..//..//outside//secret.txt",
    "src/./.././../outside/secret.txt",
    "src/deep/../../../outside/secret.txt",
    "nothing/../../outside/secret.txt",
    "src/a.txt/../../../outside/secret.txt",
    "../work/../outside/secret.txt",
    "../work/src/a.txt",
    ".//../outside/secret.txt",
    ".../../../outside/secret.txt",
    "../outside/new.txt",
    "../outside/new/new.txt",
    "../outside/folder",
    "../outside/folder/",
    "../outside/folder/.",
    "../outside/folder/inner.txt",
    "../new.txt",
    "../new/",
    # absolute
    "{out}/secret.txt",
    "{out}",
    "{out}/",
    "{out}/folder",
    "{out}/new.txt",
    "//{out}/secret.txt",
    "///{out}/./secret.txt",
    "/",
    "//",
    "/.",
    "/..",
    "/etc/passwd",
    "/etc/../etc/passwd",
    "{ws}/../outside/secret.txt",
    "{ws}/src/../../outside/secret.txt",
    "{ws}/../outside/new.txt",
    "{ws}/..",
    "{ws}/../",
    "{ws}x/secret.txt",
    "{ws}-other/secret.txt",
    "{ws}../outside/secret.txt",
    "{ws}//../outside/secret.txt",
    "{ws}/./../outside/secret.txt",
    "{ws}/out/secret.txt",
    "/proc/self/root/{out}/secret.txt",
    "/proc/self/cwd",
    "/proc/self/fd/0",
    "/proc/self/environ",
    "/dev/fd/0",
    "/dev/stdin",
    "/dev/null",
    "/dev/zero",
    # links
    "out",
    "out/",
    "out/.",
    "out/secret.txt",
    "out/folder",
    "out/folder/inner.txt",
    "out/new.txt",
    "out/new/new.txt",
    "out/../outside/secret.txt",
    "out/../work/src/a.txt",
    "out/..",
    "out/../new.txt",
    "relative_out/secret.txt",
    "relative_out/new.txt",
    "relative_out/../new.txt",
    "secret_link",
    "secret_link/",
    "secret_link/.",
    "relative_secret",
    "src/secret_link",
    "src/deep/up/outside/secret.txt",
    "src/deep/up/new.txt",
    "chain1",
    "chain1/secret.txt",
    "chain1/folder/inner.txt",
    "chain1/new.txt",
    "inside_then_out/out/secret.txt",
    "inside_then_out/../out/secret.txt",
    "through_root/{out}/secret.txt",
    "through_root/etc/passwd",
    "through_workspace/../outside/secret.txt",
    "dangling",
    "dangling_relative",
    "dangling_folder/new.txt",
    "dangling_folder/new/new.txt",
    "dangling/",
    "loop",
    "loop/secret.txt",
    "around1/secret.txt",
    "proc_root/{out}/secret.txt",
    "proc_cwd",
    "proc_cwd/new.txt",
    "proc_fd/0",
    "proc_fd",
    "stdin",
    "null",
    "zero",
    "pipe",
    "out/pipe",
    "src/../out/secret.txt",
    "src/../secret_link",
    # look-alikes, encodings and things that are no paths
    "\N{TWO DOT LEADER}/outside/secret.txt",
    "\N{ONE DOT LEADER}\N{ONE DOT LEADER}/outside/secret.txt",
    "\N{FULLWIDTH FULL STOP}\N{FULLWIDTH FULL STOP}/outside/secret.txt",
    "..\N{FULLWIDTH SOLIDUS}outside\N{FULLWIDTH SOLIDUS}secret.txt",
    "..\N{FRACTION SLASH}outside\N{FRACTION SLASH}secret.txt",
    "..\N{DIVISION SLASH}outside",
    ".\N{ZERO WIDTH SPACE}./outside/secret.txt",
    "..\N{RIGHT-TO-LEFT OVERRIDE}/outside/secret.txt",
    "OUT/secret.txt",
    "Out/SECRET.TXT",
    "SECRET_LINK",
    "o\N{COMBINING DIAERESIS}ut/secret.txt",
    "\N{LATIN SMALL LETTER O WITH DIAERESIS}ut/secret.txt",
    unicodedata.normalize("NFD", "\N{LATIN SMALL LETTER E WITH ACUTE}out") + "/secret.txt",
    "\N{LATIN SMALL LETTER E WITH ACUTE}out/secret.txt",
    "..\\outside\\secret.txt",
    "src\\..\\..\\outside\\secret.txt",
    "C:\\Windows\\win.ini",
    "\\\\host\\share",
    "%2e%2e/outside/secret.txt",
    "%2e%2e%2foutside%2fsecret.txt",
    "..%2foutside%2fsecret.txt",
    "..%c0%afoutside",
    "file://{out}/secret.txt",
    "file:{out}/secret.txt",
    "file:///etc/passwd",
    "~/secret.txt",
    "~root/.profile",
    "$HOME/secret.txt",
    "${{HOME}}",
    "$(cat {out}/secret.txt)",
    "`cat {out}/secret.txt`",
    "|cat {out}/secret.txt",
    "../outside/*",
    "../outside/secret.tx?",
    "-rf",
    "--",
    "..\n/outside/secret.txt",
    "\n../outside/secret.txt",
    " ../outside/secret.txt",
    "../outside/secret.txt ",
    "\t../outside/secret.txt",
    "../outside/secret.txt\0",
    "../outside/secret.txt\0.png",
    "\0",
    "a\0/../../outside/secret.txt",
    "",
    ".",
    "./",
    "/" * 5000,
    "../" * 1000 + "etc/passwd",
    "src/../" * 500 + "../outside/secret.txt",
    "a/" * 3000,
    "x" * 300,
    "x" * 70_000,
    "src/" + "y" * 300 + "/../../../outside/secret.txt",
    "\ud800/../outside/secret.txt",
    "\udcff",
]


@dataclass(frozen=True)
class Scene:
    """A workspace full of links out of it, and what they lead to."""

    base: Path

    @property
    def workspace(self) -> Path:
        return self.base / "work"

    @property
    def outside(self) -> Path:
        return self.base / "outside"

    def path(self, pattern: str) -> str:
        return pattern.format(out=self.outside, ws=self.workspace) if "{" in pattern else pattern

    def build(self) -> None:
        """Make all of the workspace anew; what is outside stays."""
        work = self.workspace
        shutil.rmtree(work, ignore_errors=True)
        (work / "src" / "deep").mkdir(parents=True)
        (work / "src" / "a.txt").write_text("inside")
        os.mkfifo(work / "pipe")
        for name, target in self._links():
            (work / name).symlink_to(target)

    def build_outside(self) -> None:
        for folder in (self.outside, Path(f"{self.workspace}-other"), Path(f"{self.workspace}x")):
            (folder / "folder").mkdir(parents=True)
            (folder / "secret.txt").write_text(CANARY)
            (folder / "folder" / "inner.txt").write_text(CANARY)
        os.mkfifo(self.outside / "pipe")

    def _links(self) -> Iterator[tuple[str, str]]:
        yield from {
            "out": f"{self.outside}",
            "relative_out": "../outside",
            "secret_link": f"{self.outside}/secret.txt",
            "relative_secret": "../outside/secret.txt",
            "src/secret_link": "../../outside/secret.txt",
            "src/deep/up": "../../..",
            "chain1": "chain2",
            "chain2": "src/chain3",
            "src/chain3": "../relative_out",
            "inside_then_out": "src/..",
            "through_root": "/",
            "through_workspace": f"{self.workspace}",
            "dangling": f"{self.outside}/new.txt",
            "dangling_relative": "../outside/new.txt",
            "dangling_folder": "../outside/new",
            "loop": "loop",
            "around1": "around2",
            "around2": "src/../around1",
            "proc_root": "/proc/self/root",
            "proc_cwd": "/proc/self/cwd",
            "proc_fd": "/proc/self/fd",
            "stdin": "/dev/stdin",
            "null": "/dev/null",
            "zero": "/dev/zero",
            "\N{LATIN SMALL LETTER E WITH ACUTE}out": "../outside",
        }.items()

    def all_outside(self) -> dict[str, Any]:
        """Everything but the workspace itself."""
        beside = {each.name: each for each in self.base.iterdir() if each != self.workspace}
        return {name: everything(each) for name, each in beside.items()}


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    made = Scene(tmp_path)
    made.build_outside()
    made.build()
    return made


@pytest.fixture(params=["openat2", "walk"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "walk":
        monkeypatch.setattr(openat2, "available", lambda: False)
    elif not openat2.available():
        pytest.skip("this kernel has no openat2")


EDIT: Final = [{"old_text": CANARY, "new_text": "edited"}]

USES: Final = {
    "read": (file_read, {"path": "{}"}),
    "write": (file_write, {"path": "{}", "content": "written"}),
    "edit": (file_edit, {"path": "{}", "edits": EDIT}),
    "move from": (file_move, {"source": "{}", "target": "moved"}),
    "move to": (file_move, {"source": "src/a.txt", "target": "{}"}),
    "delete": (file_delete, {"path": "{}"}),
    "delete all": (file_delete, {"path": "{}", "recursive": True}),
    "make": (make_directory, {"path": "{}"}),
}


@pytest.mark.usefixtures("way", "no_descriptor_is_left")
@pytest.mark.parametrize("use", USES)
async def test_no_path_of_the_corpus_reaches_outside(scene, use):
    tool, pattern = USES[use]
    before = await asyncio.to_thread(scene.all_outside)
    for path in map(scene.path, CORPUS):
        given = {name: path if value == "{}" else value for name, value in pattern.items()}
        try:
            result = await Conversation(scene.workspace).call(tool, **given)
        except ToolError as refusal:
            result = refusal
        else:
            await asyncio.to_thread(scene.build)

        assert not isinstance(result, Image)
        assert CANARY not in str(result), path
        assert await asyncio.to_thread(scene.all_outside) == before, path


def test_the_corpus_is_large_and_reaches_outside_where_nothing_confines_it(scene):
    assert len(set(CORPUS)) == len(CORPUS) >= 150

    leaks = [path for path in map(scene.path, CORPUS) if CANARY in naive_read(scene, path)]
    lands = [path for path in map(scene.path, CORPUS) if naive_write_lands(scene, path)]

    assert len(leaks) >= 40
    assert len(lands) >= 15


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("follow", [True, False])
def test_what_a_path_reaches_is_what_its_call_was_said_to_touch(scene, follow):
    """Two ways to follow a path, the scheduler's and this one, mean the same file."""
    workspace = Workspace(scene.workspace)
    reached = 0
    for path in [*map(scene.path, CORPUS), *INSIDE]:
        with suppress(ToolError), workspace.parent(path, follow=follow, make=True) as spot:
            reached += 1
            parts = unicodedata.normalize("NFC", spot.key.casefold()).split("/")
            touched = (*workspace_resource(scene.workspace), *parts)
            assert covers(file_resources(scene.workspace, path), touched), path

    assert reached >= len(INSIDE)


INSIDE: Final = [
    "src/a.txt",
    "src/deep",
    "src/deep/../a.txt",
    "src/./new",
    "src//deep/new/../../b.txt",
    "inside_then_out/src/a.txt",
    "through_workspace/src/new/a.txt",
    "SRC/Straße/\N{LATIN SMALL LETTER E WITH ACUTE}",
]


def covers(resources: frozenset[Resource], resource: Resource) -> bool:
    return any(resource[: len(each)] == each for each in resources)


def naive_read(scene: Scene, path: str) -> str:
    """Read what a path names, with no look at where that is."""
    with suppress(OSError, ValueError):
        descriptor = os.open(scene.workspace / path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file, suppress(OSError):
            return file.read(1000).decode(errors="replace")
    return ""


def naive_write_lands(scene: Scene, path: str) -> bool:
    """Say whether a new file of this path would be one outside."""
    try:
        real = os.path.realpath(scene.workspace / path)
        return (
            real.startswith(f"{scene.base}/")
            and not os.path.lexists(real)
            and (not real.startswith(f"{scene.workspace}/"))
        )
    except ValueError:
        return False


async def test_a_hard_link_to_a_file_outside_cannot_be_told_and_its_target_stays(scene):
    """Whoever makes one can read the file: a write replaces the name and leaves the other alone."""
    os.link(scene.outside / "secret.txt", scene.workspace / "hard")
    conversation = Conversation(scene.workspace)

    assert CANARY in await conversation.call(file_read, path="hard")
    await conversation.call(file_edit, path="hard", edits=EDIT)

    assert (scene.outside / "secret.txt").read_text() == CANARY
    assert (scene.workspace / "hard").read_text() == "edited"


# -- while somebody swaps --------------------------------------------------------------------------

SWAPPER: Final = """
import ctypes, os, select, sys
library = ctypes.CDLL(None, use_errno=True)
swap, here = (library.renameatx_np, -2) if sys.platform == "darwin" else (library.renameat2, -100)
one, other = map(os.fsencode, sys.argv[1:])
print("ready", flush=True)
swaps = 0
while swaps % 128 or not select.select([sys.stdin], [], [], 0)[0]:
    if swap(here, one, here, other, 2):
        raise OSError(ctypes.get_errno(), "no swap")
    swaps += 1
print(swaps, flush=True)
"""
"""Swaps two names, each time in one step."""


@contextmanager
def swapping(inside: Path, link: Path, counts: list[int]) -> Iterator[None]:
    """Let another process put a link in the place of something, and take it away again."""
    with subprocess.Popen(
        [sys.executable, "-c", SWAPPER, inside, link],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield
        finally:
            process.stdin.write("stop\n")
            process.stdin.flush()
            counts.append(int(process.stdout.readline()))


@pytest.fixture
def doors(scene: Scene) -> Scene:
    """A folder and a file, and links out that may take their places."""
    door = scene.workspace / "door"
    door.mkdir()
    (door / "secret.txt").write_text("inside")
    (scene.workspace / "door_out").symlink_to(scene.outside)
    (scene.workspace / "leaf").write_text("inside")
    (scene.workspace / "leaf_out").symlink_to(scene.outside / "secret.txt")
    return scene


@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(("swapped", "path"), [("door", "door/secret.txt"), ("leaf", "leaf")])
def test_no_file_outside_is_opened_while_a_link_is_swapped_in(doors, swapped, path, capsys):
    workspace = Workspace(doors.workspace)
    found: dict[str, int] = {"inside": 0, CANARY: 0, "refused": 0}
    swaps: list[int] = []
    place = doors.workspace / swapped
    with swapping(place, place.with_name(f"{swapped}_out"), swaps):
        for _ in range(SWAPS or 3_000):
            found[content(workspace, path)] += 1

    tell(capsys, f"open {path}", swaps[0], found)
    assert found[CANARY] == 0
    assert found["inside"] > 0
    assert swaps[0] > 0


def content(workspace: Workspace, path: str) -> str:
    try:
        with workspace.open_file(path) as file:
            return os.read(file.fd, 100).decode()
    except ToolError:
        return "refused"


@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("way")
def test_no_file_outside_is_written_while_a_link_is_swapped_in(doors, capsys):
    before = doors.all_outside()
    swaps: list[int] = []
    with swapping(doors.workspace / "door", doors.workspace / "door_out", swaps):
        found = asyncio.run(writes(Conversation(doors.workspace), SWAPS or 200))

    tell(capsys, "write", swaps[0], found)
    assert doors.all_outside() == before
    assert found["inside"] > 0
    assert swaps[0] > 0


async def writes(conversation: Conversation, count: int) -> dict[str, int]:
    """Write fifty files in turn, again and again."""
    found = {"inside": 0, "refused": 0}
    for number in range(count):
        try:
            await conversation.call(
                file_write, path=f"door/new{number % 50}.txt", content=f"{number}"
            )
            found["inside"] += 1
        except ToolError:
            found["refused"] += 1
    return found


def tell(capsys: pytest.CaptureFixture[str], what: str, swaps: int, found: dict[str, int]) -> None:
    if SWAPS:
        with capsys.disabled():
            sys.stdout.write(f"\n{what}: {swaps:,} swaps, {found}\n")
