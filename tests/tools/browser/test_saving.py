"""What a download is called and where it is put: without a browser."""

import pytest

from tools.browser.download_names import MOST_BYTES, file_name, numbered
from tools.browser.saving import Destination, Saved, save
from tools.errors import ToolError
from tools.stoppable import Stop, StoppedError
from tools.workspace import Workspace


@pytest.mark.parametrize(
    ("suggested", "name"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("/etc/passwd", "_etc_passwd"),
        ("a\\b:c*?.txt", "a_b_c__.txt"),
        (".bashrc", "bashrc"),
        ("", "download"),
        (" . ", "download"),
        ("..", "download"),
        ("a\nb\x7f\u202etxt.exe", "a_b__txt.exe"),
        ("in\u200bvisible\ufeff.txt", "in_visible_.txt"),
        ("\ud800.txt", "_.txt"),
        ("-rf", "_rf"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("console.txt", "console.txt"),
        ("e\u0301.txt", "\u00e9.txt"),
        ("日本語.txt", "日本語.txt"),
        ("x" * 300 + ".tar", "x" * 176 + ".tar"),
        ("\U0001f600" * 300 + ".tar", "\U0001f600" * 44 + ".tar"),
        ("a." + "y" * 300, "a." + "y" * 29),
    ],
)
def test_a_files_name_is_one_visible_component_of_bounded_length(suggested, name):
    assert file_name(suggested) == name
    assert len(numbered(file_name(suggested), 1000).encode()) <= MOST_BYTES + 7 <= 255


@pytest.fixture
def to(tmp_path):
    (tmp_path / "workspace").mkdir()
    return Destination(Workspace(tmp_path / "workspace"), "downloads")


@pytest.fixture
def source(tmp_path):
    (tmp_path / "source").write_text("new")
    return tmp_path / "source"


def folder(to):
    return to.workspace.root / to.folder


def test_a_name_is_taken_over_neither_a_file_nor_a_link_nor_a_folder(to, source, tmp_path):
    folder(to).mkdir()
    (folder(to) / "a.txt").write_text("mine")
    (folder(to) / "a (2).txt").symlink_to(tmp_path / "elsewhere")
    (folder(to) / "a (3).txt").mkdir()
    saved = save(source, "a.txt", to, most=3, stop=Stop())
    assert saved == Saved("downloads/a (4).txt", 3)
    assert (folder(to) / "a.txt").read_text() == "mine"
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_that_is_a_link_inside_the_workspace_is_followed(to, source):
    (to.workspace.root / "real").mkdir()
    folder(to).symlink_to("real")
    assert save(source, "a", to, most=9, stop=Stop()) == Saved("real/a", 3)


def test_what_is_too_large_leaves_nothing(to, source):
    with pytest.raises(ToolError, match="it has 3 bytes or more; at most 2 are saved"):
        save(source, "a", to, most=2, stop=Stop())
    assert not folder(to).exists() or list(folder(to).iterdir()) == []


def test_what_is_stopped_leaves_nothing(to, source):
    stop = Stop()
    stop.set()
    with pytest.raises(StoppedError):
        save(source, "a", to, most=9, stop=stop)
    assert list(folder(to).iterdir()) == []


def test_when_no_name_is_free_it_is_told_and_nothing_is_left(to, source, monkeypatch):
    monkeypatch.setattr("tools.browser.saving.MOST_SAME", 1)
    folder(to).mkdir()
    (folder(to) / "a").write_text("mine")
    with pytest.raises(ToolError, match="something else was put there"):
        save(source, "a", to, most=9, stop=Stop())
    assert [each.name for each in folder(to).iterdir()] == ["a"]
