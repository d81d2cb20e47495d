import os
from pathlib import Path
from typing import Any

import pytest

from tools import renaming
from tools.file_edit import file_edit
from tools.file_moves import file_delete, file_move, make_directory
from tools.file_read import file_read
from tools.file_seen import DEEPEST
from tools.file_version import version_at
from tools.file_write import file_write
from tools.versions import ABSENT
from tools.workspace import Entry, scan

from .file_runs import Conversation, everything

CHANGED = (
    "has changed since it was read: read it again, so that nobody's changes are lost. Nothing was "
    "done."
)


@pytest.fixture
def conversation(tmp_path: Path) -> Conversation:
    return Conversation(tmp_path)


@pytest.fixture
def root(conversation: Conversation) -> Path:
    """A folder with a file, a folder, and links."""
    root = conversation.workspace
    (root / "folder" / "inner").mkdir(parents=True)
    (root / "file").write_text("file")
    (root / "folder" / "inner" / "below").write_text("below")
    (root / "link").symlink_to("folder")
    (root / "folder" / "back").symlink_to("../file")
    return root


@pytest.fixture(params=["system", "links"])
def renaming_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the system's renaming that never overwrites, and where there is none."""
    if request.param == "links":
        monkeypatch.setattr(renaming, "_function", lambda: None)


pytestmark = pytest.mark.usefixtures("no_descriptor_is_left", "root")


def names(root: Path) -> list[str]:
    return [*everything(root)]


# -- moving ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("renaming_way")
async def test_a_file_is_moved_and_folders_above_the_target_are_made(conversation, root):
    inode = (root / "file").stat().st_ino

    assert await conversation.call(file_move, source="file", target="x/y/new") == (
        "Moved 'file' to 'x/y/new'."
    )
    assert (root / "x/y/new").stat().st_ino == inode
    assert not (root / "file").exists()


@pytest.mark.usefixtures("renaming_way")
async def test_a_folder_is_moved_with_all_that_is_in_it(conversation, root):
    below = everything(root / "folder")
    await conversation.call(file_move, source="folder/", target="moved")

    assert everything(root / "moved") == below
    assert not (root / "folder").exists()


@pytest.mark.usefixtures("renaming_way")
@pytest.mark.parametrize("source", ["link", "link/"])
async def test_a_link_is_moved_and_not_what_it_leads_to(conversation, root, source):
    assert await conversation.call(file_move, source=source, target="moved") == (
        f"Moved {source!r} to 'moved'. It is a link: if it is relative, it may lead elsewhere from "
        "there."
    )
    assert (root / "moved").readlink() == Path("folder")
    assert (root / "folder" / "inner" / "below").exists()


@pytest.mark.usefixtures("renaming_way")
@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        (
            "file",
            "folder",
            "target: 'folder': a folder is there already: to move into it, name 'folder/file'.",
        ),
        (
            "file",
            "folder/back",
            "target: 'folder/back': something is there already, and is not overwritten.",
        ),
        ("file", "file", "target: 'file': something is there already, and is not overwritten."),
        ("file", "link", "target: 'link': something is there already, and is not overwritten."),
        (
            "folder",
            "folder/inner/new/deep",
            (
                "target: 'folder/inner/new/deep' is inside of what is to be moved: name another "
                "place."
            ),
        ),
        (
            "folder",
            "link/new",
            (
                "target: 'link/new': the system does not take it: a folder cannot go into itself, "
                "and some file systems refuse some names."
            ),
        ),
        (
            "none",
            "new",
            "source: 'none' was not found: there is no 'none' in '.'; list that folder.",
        ),
        (
            "file",
            "file/new",
            "target: 'file/new' is inside of what is to be moved: name another place.",
        ),
        (
            "folder",
            "file/new",
            (
                "target: 'file/new': 'file' is not a folder, so nothing can be below it; for the "
                "file itself leave off what follows its name."
            ),
        ),
        (".", "new", "source: '.' is the workspace itself: name something in it."),
        ("file", ".", "target: '.' is the workspace itself: name something in it."),
        ("file", "", "target: The path is empty: name a file or folder; '.' is the workspace."),
    ],
)
async def test_a_move_that_cannot_be_names_the_field_and_changes_nothing(
    conversation, root, source, target, said
):
    before = everything(root)

    assert await conversation.refusal(file_move, source=source, target=target) == said
    assert everything(root) == before


@pytest.mark.usefixtures("renaming_way")
@pytest.mark.parametrize("source", ["file", "folder"])
async def test_a_target_that_appears_meanwhile_is_not_overwritten(
    conversation, root, monkeypatch, source
):
    real = renaming.rename_new

    def rename_late(*args: str, **kwargs: int) -> None:
        (root / "new").write_text("own")
        real(*args, **kwargs)

    monkeypatch.setattr("tools.file_moves.rename_new", rename_late)

    assert await conversation.refusal(file_move, source=source, target="new") == (
        "target: 'new': something else was put there meanwhile: look at it first."
    )
    assert (root / "new").read_text() == "own"
    assert (root / source).exists()


async def test_a_file_keeps_its_version_under_its_new_name(conversation, root):
    await conversation.call(file_read, path="file")
    version = conversation.known["file"]
    await conversation.call(file_move, source="file", target="new")

    assert conversation.last.wrote == {"file": ABSENT, "new": version}
    await conversation.call(file_write, path="new", content="more")
    await conversation.call(file_write, path="file", content="another")
    assert ((root / "new").read_text(), (root / "file").read_text()) == ("more", "another")


async def test_the_files_of_a_folder_keep_their_versions_too(conversation):
    await conversation.call(file_read, path="link/inner/below")
    version = conversation.known["folder/inner/below"]
    await conversation.call(file_move, source="folder", target="moved")

    assert conversation.last.wrote == {
        "folder/inner/below": ABSENT,
        "moved/inner/below": version,
    }


async def test_a_file_that_was_never_read_may_be_moved_and_still_is_not_known(conversation):
    await conversation.call(file_move, source="file", target="new")

    assert conversation.last.wrote == {}
    assert "was not read" in await conversation.refusal(file_write, path="new", content="x")


@pytest.mark.parametrize(
    ("seen", "source"),
    [("file", "file"), ("folder/inner/below", "folder"), ("link/inner/below",) * 2],
)
async def test_what_changed_since_it_was_read_is_neither_moved_nor_deleted(
    conversation, root, seen, source
):
    await conversation.call(file_read, path=seen)
    (root / seen).write_text("own")
    before = everything(root)
    key = "folder/inner/below" if seen.startswith("link") else seen

    said = await conversation.refusal(file_move, source=source, target="new")
    assert said == f"source: {key!r} {CHANGED}"
    said = await conversation.refusal(file_delete, path=source, recursive=True)
    assert said == f"{key!r} {CHANGED}"
    assert everything(root) == before


@pytest.mark.parametrize("tool", [file_move, file_delete], ids=lambda tool: tool.name)
async def test_a_file_that_changes_while_it_is_looked_at_stays(
    conversation, root, monkeypatch, tool
):
    await conversation.call(file_read, path="file")

    def look_and_change(*given: Any) -> str:
        version = version_at(*given)
        (root / "file").write_text("own")
        return version

    monkeypatch.setattr("tools.file_seen.version_at", look_and_change)
    paths = {"source": "file", "target": "new"} if tool is file_move else {"path": "file"}

    assert CHANGED in await conversation.refusal(tool, **paths)
    assert (root / "file").read_text() == "own"


# -- deleting --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "said", "left"),
    [
        (
            "file",
            "Deleted the file 'file'.",
            ["folder", "folder/back", "folder/inner", "folder/inner/below", "link"],
        ),
        (
            "link",
            "Deleted the link 'link'.",
            ["file", "folder", "folder/back", "folder/inner", "folder/inner/below"],
        ),
        (
            "link/",
            "Deleted the link 'link/'.",
            ["file", "folder", "folder/back", "folder/inner", "folder/inner/below"],
        ),
        (
            "link/back",
            "Deleted the link 'link/back'.",
            ["file", "folder", "folder/inner", "folder/inner/below", "link"],
        ),
    ],
)
async def test_a_file_or_a_link_is_deleted_and_nothing_else(conversation, root, path, said, left):
    assert await conversation.call(file_delete, path=path, recursive=True) == said
    assert names(root) == left


async def test_a_folder_is_deleted_with_all_in_it_only_if_that_is_said(conversation, root):
    before = everything(root)

    assert await conversation.refusal(file_delete, path="folder") == (
        "'folder' is a folder with 2 entries: nothing was deleted; set recursive to delete it with "
        "all that is in it."
    )
    assert everything(root) == before
    assert await conversation.call(file_delete, path="folder", recursive=True) == (
        "Deleted the folder 'folder' and 3 entries in it."
    )
    assert names(root) == ["file", "link"]
    assert (root / "file").read_text() == "file"


async def test_an_empty_folder_is_deleted(conversation, root):
    (root / "empty").mkdir()

    assert await conversation.call(file_delete, path="empty") == "Deleted the empty folder 'empty'."
    assert not (root / "empty").exists()


async def test_links_in_a_folder_that_is_deleted_are_not_followed(conversation, root):
    (root / "folder" / "up").symlink_to("..")
    (root / "folder" / "out").symlink_to("/etc")
    os.mkfifo(root / "folder" / "pipe")
    await conversation.call(file_delete, path="folder", recursive=True)

    assert names(root) == ["file", "link"]


async def test_a_folder_that_becomes_a_link_while_it_is_deleted_is_not_followed(
    conversation, root, monkeypatch
):
    (root / "elsewhere").mkdir()
    (root / "elsewhere" / "below").write_text("own")

    def scan_and_swap(folder: int) -> list[Entry]:
        found = scan(folder)
        if any(entry.name == "inner" for entry in found):
            (root / "folder" / "inner").rename(root / "was inner")
            (root / "folder" / "inner").symlink_to(root / "elsewhere")
        return found

    monkeypatch.setattr("tools.file_moves.scan", scan_and_swap)
    said = await conversation.refusal(file_delete, path="folder", recursive=True)

    assert said.endswith("A part of it may be gone: list it.")
    assert (root / "elsewhere" / "below").read_text() == "own"
    assert (root / "was inner" / "below").read_text() == "below"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("none", "'none' was not found: there is no 'none' in '.'; list that folder."),
        (".", "'.' is the workspace itself: name something in it."),
        ("folder/..", "'folder/..' is the workspace itself: name something in it."),
    ],
)
async def test_what_cannot_be_deleted_is_refused(conversation, root, path, said):
    before = everything(root)

    assert await conversation.refusal(file_delete, path=path, recursive=True) == said
    assert everything(root) == before


async def test_folders_that_are_nested_too_deeply_are_left_alone(conversation, root):
    (root / "deep" / "/".join("d" * DEEPEST)).mkdir(parents=True)

    said = await conversation.refusal(file_delete, path="deep", recursive=True)

    assert said == ("'deep' has folders more than 200 levels deep: name one further down first.")
    assert (root / "deep" / "/".join("d" * DEEPEST)).exists()
    await conversation.call(file_delete, path="deep/d", recursive=True)
    assert [*(root / "deep").iterdir()] == []


async def test_a_deleted_file_that_was_read_is_noted_as_absent(conversation):
    await conversation.call(file_read, path="file")
    await conversation.call(file_read, path="folder/inner/below")
    await conversation.call(file_delete, path="file")
    assert conversation.last.wrote == {"file": ABSENT}
    await conversation.call(file_delete, path="folder", recursive=True)
    assert conversation.last.wrote == {"folder/inner/below": ABSENT}


async def test_a_deleted_file_may_be_written_anew_but_not_over_what_somebody_else_put_there(
    conversation, root
):
    await conversation.call(file_read, path="file")
    await conversation.call(file_delete, path="file")
    conversation.known.clear()
    (root / "file").write_text("own")
    edit = [{"old_text": "own", "new_text": "new"}]

    assert CHANGED in await conversation.refusal(file_write, path="file", content="new")
    assert CHANGED in await conversation.refusal(file_edit, path="file", edits=edit)
    assert CHANGED in await conversation.refusal(file_delete, path="file")
    (root / "file").unlink()
    assert await conversation.call(file_write, path="file", content="new") == (
        "Created 'file': 3 bytes, 1 lines."
    )


# -- making folders --------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["new", "new/", "x/y/z", "x/y/z//", "link/new", "folder/inner"])
async def test_a_folder_is_there_afterwards_however_often_it_is_asked_for(conversation, root, path):
    await conversation.call(make_directory, path=path)
    before = everything(root)

    assert (root / path).is_dir()
    assert await conversation.call(make_directory, path=path) == (
        f"The folder {path!r} is there already."
    )
    assert everything(root) == before


async def test_a_new_folder_is_told(conversation):
    assert await conversation.call(make_directory, path="x/y") == "Made the folder 'x/y'."


@pytest.mark.parametrize("path", [".", "./", "link"])
async def test_folders_that_are_there_are_fine(conversation, path):
    assert "is there already" in await conversation.call(make_directory, path=path)


async def test_a_file_is_not_made_a_folder(conversation, root):
    assert await conversation.refusal(make_directory, path="file") == (
        "'file': something is there already that is no folder: use another name."
    )
    assert "'file' is not a folder" in await conversation.refusal(make_directory, path="file/x")
    assert (root / "file").read_text() == "file"
