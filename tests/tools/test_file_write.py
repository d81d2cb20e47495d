import asyncio
import errno
import os
import stat
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tools import atomic, renaming
from tools.file_read import file_read
from tools.file_write import file_write
from tools.workspace import Workspace

from .file_runs import Conversation, everything


@pytest.fixture
def conversation(tmp_path: Path) -> Conversation:
    return Conversation(tmp_path)


pytestmark = pytest.mark.usefixtures("no_descriptor_is_left")


async def test_a_new_file_is_created_with_the_folders_above_it(conversation):
    assert await conversation.call(file_write, path="x/y/new.txt", content="ä\nb\n") == (
        "Created 'x/y/new.txt': 5 bytes, 2 lines."
    )
    assert everything(conversation.workspace).keys() == {"x", "x/y", "x/y/new.txt"}
    assert (conversation.workspace / "x/y/new.txt").read_bytes() == "ä\nb\n".encode()


async def test_the_mode_of_a_new_file_is_that_of_any_new_file(conversation):
    (conversation.workspace / "usual").touch()
    await conversation.call(file_write, path="new", content="")

    assert (conversation.workspace / "new").stat().st_mode == (
        (conversation.workspace / "usual").stat().st_mode
    )


@pytest.mark.parametrize(
    ("content", "size"),
    [
        ("", "0 bytes, 0 lines"),
        ("\n", "1 bytes, 1 lines"),
        ("a\r\nb", "4 bytes, 2 lines"),
        ("x" * 3_000_000, "3,000,000 bytes, 1 lines"),
    ],
)
async def test_the_content_is_written_as_it_is(conversation, content, size):
    assert await conversation.call(file_write, path="a", content=content) == f"Created 'a': {size}."
    assert (conversation.workspace / "a").read_bytes() == content.encode()


async def test_an_existing_file_is_overwritten_after_it_was_read(conversation):
    file = conversation.workspace / "a"
    file.write_text("old\n")
    file.chmod(0o751)
    await conversation.call(file_read, path="a")

    assert await conversation.call(file_write, path="a", content="new") == (
        "Overwrote 'a': 3 bytes, 1 lines."
    )
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("new", 0o751)


async def test_a_file_that_was_written_may_be_written_again(conversation):
    await conversation.call(file_write, path="a", content="one")
    await conversation.call(file_write, path="a", content="two")

    assert (conversation.workspace / "a").read_text() == "two"


async def test_a_link_stays_and_its_target_is_written(conversation):
    (conversation.workspace / "folder").mkdir()
    (conversation.workspace / "link").symlink_to("folder/new")
    await conversation.call(file_write, path="link", content="new")

    assert (conversation.workspace / "link").is_symlink()
    assert (conversation.workspace / "folder" / "new").read_text() == "new"
    assert conversation.written.keys() == {"folder/new"}


async def test_other_names_of_the_file_keep_the_old_content_and_that_is_said(conversation):
    (conversation.workspace / "a").write_text("old")
    os.link(conversation.workspace / "a", conversation.workspace / "b")
    await conversation.call(file_read, path="a")

    assert await conversation.call(file_write, path="a", content="new") == (
        "Overwrote 'a': 3 bytes, 1 lines. It had 1 other name(s) (hard links), which keep the old "
        "content."
    )
    assert (conversation.workspace / "b").read_text() == "old"


async def test_an_encoding_that_is_lost_is_told(conversation):
    (conversation.workspace / "a").write_bytes("\ufeffold".encode("utf-16-le"))
    await conversation.call(file_read, path="a")

    assert await conversation.call(file_write, path="a", content="ä") == (
        "Overwrote 'a': 2 bytes, 1 lines. It was UTF-16 LE with BOM before, and is UTF-8 now."
    )
    assert (conversation.workspace / "a").read_bytes() == "ä".encode()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (".", "'.' is the workspace itself: name something in it."),
        ("folder", "'folder' is a folder: name a file in it."),
        ("folder/", "'folder/' is a folder: name a file in it."),
        ("new/", "'new/' ends like a folder's name: leave off what follows 'new'."),
        ("pipe", "'pipe' is not a regular file but a named pipe, which is never opened."),
        ("file/below", "'file/below': 'file' is not a folder, so nothing can be below it; "),
        ("protected", "'protected' is write-protected (mode 0444): nothing was changed; "),
    ],
)
async def test_what_cannot_be_a_written_file_is_refused_and_nothing_changes(
    conversation, path, said
):
    (conversation.workspace / "folder").mkdir()
    (conversation.workspace / "file").write_text("f")
    (conversation.workspace / "protected").write_text("p")
    (conversation.workspace / "protected").chmod(0o444)
    os.mkfifo(conversation.workspace / "pipe")
    before = everything(conversation.workspace)

    assert (await conversation.refusal(file_write, path=path, content="new")).startswith(said)
    assert everything(conversation.workspace) == before


# -- the guard for a person's changes --------------------------------------------------------------


async def test_a_file_that_was_not_read_is_not_overwritten(conversation):
    (conversation.workspace / "a").write_text("old")

    assert await conversation.refusal(file_write, path="a", content="new") == (
        "'a' exists and was not read in this conversation: read it first (file_read), or change a "
        "part of it (file_edit). Nothing was done."
    )
    assert (conversation.workspace / "a").read_text() == "old"


async def test_a_file_that_changed_since_it_was_read_is_not_overwritten(conversation):
    (conversation.workspace / "a").write_text("old")
    await conversation.call(file_read, path="a")
    (conversation.workspace / "a").write_text("own")

    assert await conversation.refusal(file_write, path="a", content="new") == (
        "'a' has changed since it was read: read it again, so that nobody's changes are lost. "
        "Nothing was done."
    )
    assert (conversation.workspace / "a").read_text() == "own"
    await conversation.call(file_read, path="a")
    await conversation.call(file_write, path="a", content="new")
    assert (conversation.workspace / "a").read_text() == "new"


async def test_a_file_that_was_only_touched_has_not_changed(conversation):
    (conversation.workspace / "a").write_text("old")
    await conversation.call(file_read, path="a")
    os.utime(conversation.workspace / "a", (1, 1))

    await conversation.call(file_write, path="a", content="new")


async def test_a_file_that_is_seen_by_another_path_is_the_same_file(conversation):
    (conversation.workspace / "a").write_text("old")
    (conversation.workspace / "link").symlink_to(conversation.workspace / "a")
    await conversation.call(file_read, path="link")

    await conversation.call(file_write, path=f"{conversation.workspace}/./a", content="new")


async def test_a_file_that_somebody_deleted_is_made_again_and_that_is_said(conversation):
    (conversation.workspace / "a").write_text("old")
    await conversation.call(file_read, path="a")
    (conversation.workspace / "a").unlink()

    assert await conversation.call(file_write, path="a", content="new") == (
        "Created 'a': 3 bytes, 1 lines. The file that was read there had been deleted meanwhile."
    )


async def test_a_change_while_it_is_being_written_is_noticed(conversation, monkeypatch):
    (conversation.workspace / "a").write_text("old")
    await conversation.call(file_read, path="a")
    just_before(monkeypatch, "fsync", lambda: (conversation.workspace / "a").write_text("own"))

    assert "has changed since it was read" in await conversation.refusal(
        file_write, path="a", content="new"
    )
    assert names_and_text(conversation) == {"a": "own"}


async def test_a_file_that_is_removed_while_it_is_being_written_is_not_made_again(
    conversation, monkeypatch
):
    (conversation.workspace / "a").write_text("old")
    await conversation.call(file_read, path="a")
    just_before(monkeypatch, "fsync", (conversation.workspace / "a").unlink)

    assert "has changed since it was read" in await conversation.refusal(
        file_write, path="a", content="new"
    )
    assert names_and_text(conversation) == {}


@pytest.mark.parametrize("system_helps", [True, False])
async def test_a_name_that_is_taken_while_a_new_file_is_being_written_stays(
    conversation, monkeypatch, system_helps
):
    if not system_helps:
        monkeypatch.setattr(renaming, "_function", lambda: None)
    just_before(monkeypatch, "fsync", lambda: (conversation.workspace / "a").write_text("own"))

    assert await conversation.refusal(file_write, path="a", content="new") == (
        "'a': something else was put there meanwhile: look at it first."
    )
    assert names_and_text(conversation) == {"a": "own"}
    assert conversation.written == {}


async def test_without_the_systems_help_a_new_file_is_created_too(conversation, monkeypatch):
    monkeypatch.setattr(renaming, "_function", lambda: None)
    await conversation.call(file_write, path="a", content="new")

    assert names_and_text(conversation) == {"a": "new"}


def just_before(
    monkeypatch: pytest.MonkeyPatch, name: str, happening: Callable[[], object]
) -> None:
    """Let something happen before the system is next asked for something."""
    real = getattr(os, name)

    def asked(*args: Any, **kwargs: Any) -> Any:
        monkeypatch.setattr(os, name, real)
        happening()
        return real(*args, **kwargs)

    monkeypatch.setattr(os, name, asked)


def names_and_text(conversation: Conversation) -> dict[str, str]:
    return {path.name: path.read_text() for path in conversation.workspace.iterdir()}


# -- failures and cancellation ---------------------------------------------------------------------


@pytest.mark.parametrize("step", ["open", "fsync", "replace"])
async def test_a_failure_at_any_step_leaves_the_old_file_and_no_other(
    conversation, monkeypatch, step
):
    (conversation.workspace / "a").write_text("old")
    await conversation.call(file_read, path="a")
    real = getattr(os, step)

    def fail(*args: Any, **kwargs: Any) -> Any:
        if step == "open" and not args[1] & os.O_CREAT:
            return real(*args, **kwargs)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as broken:
        broken.setattr(os, step, fail)
        said = await conversation.refusal(file_write, path="a", content="new")

    assert said == "'a': the disk is full: nothing was changed; make room first."
    assert names_and_text(conversation) == {"a": "old"}
    assert conversation.written == {}


class Interrupted(ThreadPoolExecutor):
    """Cancels a task while its n-th piece of work is in a thread."""

    def __init__(self, number: int) -> None:
        super().__init__(1)
        self.left = number
        self.task: asyncio.Task[Any] | None = None

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.left -= 1
        if self.left or self.task is None:
            return super().submit(work, *args, **kwargs)
        is_cancelled = threading.Event()
        loop = self.task.get_loop()
        loop.call_soon(self.task.cancel)
        loop.call_soon(self.task.cancel)
        loop.call_soon(is_cancelled.set)

        def later() -> Any:
            is_cancelled.wait()
            return work(*args, **kwargs)

        return super().submit(later)


WORK = 7
"""Pieces of work of one write: look, make, write, close, put in place, say, let go."""


@pytest.mark.parametrize("number", range(1, WORK + 2))
@pytest.mark.parametrize("is_new", [True, False])
async def test_a_cancellation_at_any_moment_leaves_the_old_file_or_the_new_one(
    conversation, number, is_new
):
    if not is_new:
        (conversation.workspace / "a").write_text("old")
        await conversation.call(file_read, path="a")
    old = names_and_text(conversation)
    executor = Interrupted(number)
    asyncio.get_running_loop().set_default_executor(executor)
    write = conversation.call(file_write, path="a", content="new")
    executor.task = asyncio.ensure_future(write)

    await asyncio.wait([executor.task])

    assert executor.task.cancelled() == (number <= WORK)
    is_written = number >= 5
    assert names_and_text(conversation) == ({"a": "new"} if is_written else old)
    assert conversation.written.keys() == ({"a"} if is_written else set())


async def test_a_place_says_which_it_is(conversation):
    async with atomic.held(Workspace(conversation.workspace), "new", make=True) as target:
        assert repr(target) == "<Target 'new' new>"
