"""The logs of a session, its downloads' names, and when a browser is idle: without a browser."""

import asyncio

import pytest

from tools.browser.downloads import MOST_NAME, file_name, save_download, take_name
from tools.browser.events import Downloaded, Log, Since, page_text, page_url
from tools.browser.idle import Idle


def test_a_log_tells_what_came_since_it_was_last_asked_and_what_was_lost():
    log = Log(3)
    for entry in "ab":
        log.add(entry)
    assert log.news() == Since(("a", "b"), 2)
    assert log.news() == Since((), 2)
    for entry in "cdefg":
        log.add(entry)
    assert log.news() == Since(("e", "f", "g"), 7, 2)
    assert log.since(6) == Since(("g",), 7)
    assert log.since(-1) == Since(("e", "f", "g"), 7, 4)
    assert log.since(99) == Since((), 7)
    assert repr(log) == "<Log 3 of 7, 7 told>"


def test_a_pages_text_is_cleaned_and_cut_with_a_mark():
    assert page_text("a\x1bb\ud800") == "a\N{SYMBOL FOR ESCAPE}b\ufffd"
    assert page_text("x" * 10, 10) == "x" * 10
    assert page_text("x" * 11, 10) == "x" * 9 + "…"
    assert len(page_url("data:" + "x" * 99_999)) == 2000


@pytest.mark.parametrize(
    ("suggested", "name"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("a\\b:c*?.txt", "a_b_c__.txt"),
        (".bashrc", "bashrc"),
        ("", "download"),
        (" . ", "download"),
        ("a\nb\x7f\u202etxt.exe", "a_b__txt.exe"),
        ("\ud800.txt", "?.txt".replace("?", "_")),
        ("x" * 300 + ".tar", "x" * 96 + ".tar"),
        ("a." + "y" * 300, "a." + "y" * 24),
    ],
)
def test_a_files_name_is_one_visible_component_of_bounded_length(suggested, name):
    assert file_name(suggested) == name
    assert len(file_name(suggested)) <= MOST_NAME


def test_a_name_is_taken_over_neither_a_file_nor_a_link(tmp_path):
    (tmp_path / "a.txt").write_text("mine")
    (tmp_path / "a (2).txt").symlink_to(tmp_path / "elsewhere")
    taken = take_name(tmp_path, "a.txt")
    assert taken == tmp_path / "a (3).txt"
    assert (tmp_path / "a.txt").read_text() == "mine"
    assert not (tmp_path / "elsewhere").exists()
    assert take_name(tmp_path / "new" / "folder", "b") == tmp_path / "new" / "folder" / "b"


class Download:
    """One that the driver tells of; `outcome` is what saving it does."""

    suggested_filename = "a.txt"
    url = "http://127.0.0.1/a"

    def __init__(self, outcome):
        self.outcome = outcome
        self.asked = []

    async def save_as(self, path):
        del path
        await self.outcome()

    async def cancel(self):
        self.asked.append("cancel")

    async def failure(self):
        return "canceled"

    async def delete(self):
        self.asked.append("delete")


async def breaks():
    raise ConnectionError


async def never():
    await asyncio.Event().wait()


@pytest.mark.parametrize("outcome", [breaks, never])
async def test_a_download_that_fails_or_never_ends_leaves_no_file_and_is_told(tmp_path, outcome):
    log, download = Log(9), Download(outcome)
    await save_download(download, "t1", tmp_path, log, 0.05)
    assert log.since(1).entries == (Downloaded("t1", download.url, "a.txt", None, "canceled"),)
    assert await asyncio.to_thread(lambda: list(tmp_path.iterdir())) == []
    assert download.asked == ["cancel", "delete"]


async def test_a_folder_that_cannot_be_written_is_told_with_its_reason(tmp_path):
    log, download = Log(9), Download(never)
    folder = tmp_path / "file"
    await asyncio.to_thread(folder.write_text, "in the way")
    await save_download(download, "t1", folder, log, 5)
    (told,) = log.since(1).entries
    assert (told.path, told.error) == (None, "cannot be written: File exists")


class Timers:
    def __init__(self):
        self.live = []

    def __call__(self, _seconds, callback):
        self.live.append(callback)
        return self

    def cancel(self):
        self.live.clear()


def test_idle_is_told_when_the_last_user_has_gone_and_nobody_comes():
    timers, told = Timers(), []
    idle = Idle(5, lambda: told.append(True), timers)
    idle.enter()
    idle.enter()
    idle.leave()
    assert timers.live == []
    idle.leave()
    assert len(timers.live) == 1
    idle.enter()
    assert timers.live == []
    idle.leave()
    timers.live[0]()
    assert told == [True]
    idle.stop()
    assert repr(idle) == "<Idle 0 users, timer not set>"
