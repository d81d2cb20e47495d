import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tools import ToolError, openat2
from tools.workspace import Entry, Workspace, enter, scan
from tools.workspace_errors import NotFoundError, PathError, told_of


@pytest.fixture(params=["openat2", "walk"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways down give the same answers."""
    if request.param == "walk":
        monkeypatch.setattr(openat2, "available", lambda: False)
    elif not openat2.available():
        pytest.skip("this kernel has no openat2")


@pytest.fixture
def all_is_closed() -> Iterator[None]:
    """Fail a test after which a descriptor is open that was not before."""
    before = psutil.Process().num_fds()
    yield
    assert psutil.Process().num_fds() == before


pytestmark = pytest.mark.usefixtures("way", "all_is_closed")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    (folder / "src" / "deep" / "er").mkdir(parents=True)
    (folder / "src" / "a.py").write_text("a")
    (folder / "src" / "deep" / "er" / "b.py").write_text("b")
    return folder


@pytest.fixture
def workspace(root: Path) -> Workspace:
    return Workspace(root)


def read(workspace: Workspace, path: str) -> tuple[str, str]:
    with workspace.open_file(path) as file:
        return file.key, os.read(file.fd, 100).decode()


def refusal(workspace: Workspace, path: str) -> str:
    with pytest.raises(PathError) as caught:
        read(workspace, path)
    return str(caught.value)


@pytest.mark.parametrize(
    "path",
    [
        "src/deep/er/b.py",
        "./src//deep/./er/b.py",
        "src/deep/../deep/er/b.py",
        "src/deep/er/../../../src/deep/er/b.py",
        "{root}/src/deep/er/b.py",
        "//{root}/./src/deep/er/b.py",
        "relative/er/b.py",
        "absolute/er/b.py",
        "through/two/er/b.py",
        "src/deep/er/link.py",
        "src/deep/er/absolute.py",
    ],
)
def test_a_file_has_one_key_by_whatever_way_it_is_reached(root, workspace, path):
    (root / "relative").symlink_to("src/../src/deep")
    (root / "absolute").symlink_to(root / "src" / "deep")
    (root / "through").mkdir()
    (root / "through" / "two").symlink_to("../relative")
    (root / "src" / "deep" / "er" / "link.py").symlink_to("../../deep/er/b.py")
    (root / "src" / "deep" / "er" / "absolute.py").symlink_to(root / "relative" / "er" / "b.py")

    assert read(workspace, path.format(root=root)) == ("src/deep/er/b.py", "b")
    assert workspace.key(path.format(root=root)) == "src/deep/er/b.py"


@pytest.mark.parametrize("path", ["{link}/src/a.py", "{real}/src/a.py", "src/a.py", "to_link"])
def test_a_workspace_that_is_given_through_a_link_takes_both_spellings(root, tmp_path, path):
    link = tmp_path / "link"
    link.symlink_to(root)
    (root / "to_link").symlink_to(link / "src" / "a.py")

    assert read(Workspace(link), path.format(link=link, real=root)) == ("src/a.py", "a")


def test_tilde_backslash_and_percent_are_ordinary_characters(root, workspace):
    for name in ("~", "a\\b", "%2e%2e", "-", " ", "..."):
        (root / name).write_text(name)

        assert read(workspace, name) == (name, name)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("", "The path is empty: name a file or folder; '.' is the workspace."),
        (
            "a\0b",
            "'a\\x00b' holds a NUL or half a character, which no path can: leave it out.",
        ),
        (
            "a\ud800",
            "'a\\ud800' holds a NUL or half a character, which no path can: leave it out.",
        ),
        ("src", "'src' is a folder: name a file in it."),
        (".", "'.' is a folder: name a file in it."),
        (
            "src/a.py/",
            (
                "'src/a.py/': 'a.py' is not a folder, so nothing can be below it; for the file "
                "itself leave off what follows its name."
            ),
        ),
        (
            "src/b.py",
            "'src/b.py' was not found: there is no 'b.py' in 'src'; near names there: 'a.py'.",
        ),
        (
            "SRC/a.py",
            "'SRC/a.py' was not found: there is no 'SRC' in '.'; near names there: 'src'.",
        ),
        (
            "src/nothing/at/all",
            "'src/nothing/at/all' was not found: there is no 'nothing' in 'src'; list that folder.",
        ),
    ],
)
def test_a_path_that_cannot_be_read_is_refused_with_what_to_do(workspace, path, said):
    assert refusal(workspace, path) == said


@pytest.mark.parametrize("path", ["x" * 4096, "é" * 2048, "a/" * 2048, "x/" * 3000])
def test_a_path_that_no_system_takes_is_refused_and_cut_in_the_text(workspace, path):
    said = refusal(workspace, path)

    assert "a path has fewer than 4,096" in said
    assert len(said) < 500


def test_a_name_that_is_too_long_is_refused(workspace):
    assert "use at most 255 bytes for each name" in refusal(workspace, "x" * 256)
    assert "use at most 255 bytes for each name" in refusal(workspace, f"src/{'x' * 256}/y")


@pytest.mark.parametrize(
    "path",
    ["../work/src/a.py", "src/../../work/src/a.py", "/etc/passwd", "{root}x/a", "{root}/../work"],
)
def test_a_path_that_leaves_the_workspace_is_refused_though_it_may_come_back(root, workspace, path):
    assert "leads out of the workspace" in refusal(workspace, path.format(root=root))


def test_up_to_forty_links_are_followed(root, workspace):
    (root / "link0").symlink_to("src/a.py")
    for number in range(1, 41):
        (root / f"link{number}").symlink_to(f"link{number - 1}")

    assert read(workspace, "link39") == ("src/a.py", "a")
    assert "more than 40 links" in refusal(workspace, "link40")


def test_a_link_to_itself_ends(root, workspace):
    (root / "loop").symlink_to("loop")
    (root / "src" / "around").symlink_to("../src/around/x")

    assert "more than 40 links" in refusal(workspace, "loop")
    assert "more than 40 links" in refusal(workspace, "src/around/x")


def test_what_is_no_regular_file_is_named_and_never_opened(root, workspace):
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.open(root, os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{here}/socket")
        os.close(here)

        assert refusal(workspace, "pipe") == (
            "'pipe' is not a regular file but a named pipe, which is never opened."
        )
        assert "but a socket, which is never opened" in refusal(workspace, "socket")


def test_a_pipe_does_not_notice_that_somebody_wanted_to_read_it(root, workspace):
    os.mkfifo(root / "pipe")
    refusal(workspace, "pipe")

    with pytest.raises(OSError, match="No such device or address"):  # nobody has it open
        os.open(root / "pipe", os.O_WRONLY | os.O_NONBLOCK)


@pytest.mark.parametrize("swapped", ["link", "pipe"])
def test_a_file_that_is_swapped_between_the_look_and_the_opening_is_refused(
    root, workspace, monkeypatch, swapped
):
    (root.parent / "secret").write_text("s")
    (root / "link").symlink_to("../secret")
    os.mkfifo(root / "pipe")
    real: Any = os.stat

    def look(path: str, **given: Any) -> os.stat_result:
        info: os.stat_result = real(path, **given)
        if path == "a.py":
            (root / swapped).rename(root / "src" / "a.py")
        return info

    monkeypatch.setattr(os, "stat", look)

    said = {"link": "it turned into a link while it was opened", "pipe": "but a named pipe"}
    assert said[swapped] in refusal(workspace, "src/a.py")


def test_devices_are_never_opened():
    assert "but a device, which is never opened" in refusal(Workspace(Path("/dev")), "null")


@pytest.mark.parametrize("link", ["self/root", "self/cwd", "self/exe", "self/fd/0"])
def test_magic_links_have_no_power(link):
    said = refusal(Workspace(Path("/proc")), link)

    assert "leads out of the workspace" in said or "was not found" in said


def test_the_file_system_itself_can_be_a_workspace(root):
    key = str((root / "src" / "a.py").relative_to("/"))

    assert read(Workspace(Path("/")), f"{root}/src/a.py") == (key, "a")


def test_a_workspace_that_is_gone_says_so(tmp_path):
    assert refusal(Workspace(tmp_path / "none"), "a") == (
        f"The workspace '{tmp_path}/none' cannot be opened: No such file or directory."
    )


def test_an_opener_reads_and_does_not_write(root, workspace):
    with open("src/a.py", opener=workspace.opener) as file:
        assert file.read() == "a"
    for mode in ("w", "a", "x", "r+"):
        with pytest.raises(ValueError, match="is for reading"):
            open("src/a.py", mode, opener=workspace.opener)  # noqa: SIM115  (it fails)
    assert (root / "src" / "a.py").read_text() == "a"


def test_a_descriptor_that_was_taken_is_not_closed(workspace):
    with workspace.open_file("src/a.py") as file:
        descriptor = file.take()

    assert os.read(descriptor, 10) == b"a"
    os.close(descriptor)
    assert repr(file) == "<Opened 'src/a.py' closed>"


def test_a_folder_is_listed_by_its_descriptor(root, workspace):
    (root / "src" / "link").symlink_to("/nowhere")
    os.mkfifo(root / "src" / "pipe")

    with workspace.open_folder("src/deep/..") as folder:
        assert folder.key == "src"
        assert scan(folder.fd) == [
            Entry("a.py", "file"),
            Entry("deep", "folder"),
            Entry("link", "link"),
            Entry("pipe", "other"),
        ]
        inner = enter(folder.fd, "deep")
        assert scan(inner) == [Entry("er", "folder")]
        os.close(inner)
        with pytest.raises(OSError, match="link"):
            enter(folder.fd, "link")
    with workspace.open_folder(".") as folder:
        assert (folder.key, scan(folder.fd)) == (".", [Entry("src", "folder")])


def test_only_a_folder_is_opened_as_one(workspace):
    with pytest.raises(PathError, match=r"'src/a\.py' is not a folder"):
        workspace.open_folder("src/a.py")
    with pytest.raises(NotFoundError, match="there is no 'none' in 'src'"):
        workspace.open_folder("src/none")


def test_the_place_of_a_new_file_is_in_its_folder(root, workspace):
    with workspace.parent("src/deep/new.py") as spot:
        assert (spot.name, spot.key, spot.look()) == ("new.py", "src/deep/new.py", None)
        assert os.path.samestat(os.fstat(spot.folder), (root / "src" / "deep").stat())


def test_the_place_of_a_link_is_its_own_or_that_of_its_target(root, workspace):
    (root / "link").symlink_to("src/new.py")

    with workspace.parent("link") as spot:
        assert spot.key == "src/new.py"
    for spelled in ("link", "link/", "link/."):
        with workspace.parent(spelled, follow=False) as spot:
            assert spot.key == "link"


def test_folders_are_made_on_the_way_only_if_that_is_wanted(root, workspace):
    with pytest.raises(NotFoundError), workspace.parent("x/y/z.py"):
        pass
    assert not (root / "x").exists()
    with workspace.parent("x/y/z.py", make=True) as spot:
        assert spot.key == "x/y/z.py"
    assert [*(root / "x").rglob("*")] == [root / "x" / "y"]


@pytest.mark.parametrize("path", ["new/", "new/.", "new//"])
def test_a_new_file_is_not_named_like_a_folder(root, workspace, path):
    with (
        pytest.raises(PathError, match="ends like a folder's name"),
        workspace.parent(path, make=True),
    ):
        pass
    assert not (root / "new").exists()


@pytest.mark.parametrize("path", [".", "./", "src/..", "{root}"])
def test_the_workspace_itself_has_no_place(root, workspace, path):
    with (
        pytest.raises(PathError, match="is the workspace itself"),
        workspace.parent(path.format(root=root)),
    ):
        pass


def test_something_can_be_asked_to_be_there(workspace):
    with pytest.raises(NotFoundError), workspace.parent("src/none", there=True):
        pass


def test_a_link_is_read(root, workspace):
    (root / "link").symlink_to("/some/where")

    assert workspace.read_link("link") == "/some/where"
    with pytest.raises(PathError, match="is not a link"):
        workspace.read_link("src/a.py")
    with pytest.raises(NotFoundError):
        workspace.read_link("none")


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EACCES, "permission denied"),
        (errno.EROFS, "the file system is read-only"),
        (errno.ENOSPC, "the disk is full: nothing was changed"),
        (errno.EXDEV, "source and target are on different file systems"),
        (errno.EIO, "the system says: Input/output error"),
    ],
)
def test_what_the_system_refuses_is_said_in_words(number, said):
    with pytest.raises(PathError, match=f"^'src/a': {said}"), told_of("src/a"):
        raise OSError(number, os.strerror(number), "/a/path/that/is/not/shown")


def test_a_folder_that_is_moved_while_it_is_held_stays_the_same_folder(root, workspace):
    with workspace.parent("src/deep/new.py") as spot:
        (root / "src" / "deep").rename(root / "moved")
        (root / "src" / "deep").symlink_to("/")
        (root / "moved" / "new.py").write_text("n")
        assert spot.look() is not None


def test_errors_are_for_the_model_to_read():
    assert issubclass(PathError, ToolError)
    assert issubclass(NotFoundError, PathError)


def test_a_workspace_says_which_it_is(root, workspace):
    assert repr(workspace) == f"<Workspace '{root}'>"
    with workspace.open_folder("src") as folder:
        assert repr(folder) == "<Opened 'src'>"
