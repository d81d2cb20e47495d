"""Downloads into the workspace and uploads out of it, through an agent on a real Chromium."""

import asyncio
import os

import pytest

from tools.browser.clicking import browser_click
from tools.browser.events import DownloadStarted
from tools.browser.navigating import browser_navigate
from tools.browser.receiving import Receiving
from tools.browser.uploading import browser_upload
from tools.tool_classes import Place

from .conftest import becomes_true
from .pages import HELD, Answer

pytestmark = pytest.mark.asyncio(loop_scope="module")


def attached(text, name="a.txt", **more):
    kind = "application/octet-stream"
    said = f"attachment; filename*=UTF-8''{name}"
    return Answer(text, kind=kind, headers=(("Content-Disposition", said),), **more)


@pytest.fixture
def files(workspace):
    """The folder of downloads, empty."""
    folder = workspace / "downloads"
    yield folder
    if folder.is_symlink():
        folder.unlink()
    elif folder.is_dir():
        for each in folder.iterdir():
            each.unlink()
        folder.rmdir()


def listed(folder):
    return asyncio.to_thread(lambda: {each.name: each.read_text() for each in folder.iterdir()})


async def clicked(hands, site, html, **more):
    """Show a page, click its link, and give what was answered."""
    await hands("navigate", url=site.show(html))
    return await hands("click", ref=hands.ref("link"), **more)


async def test_a_download_is_saved_in_the_workspace_and_told_with_its_size(
    hands, module_site, files
):
    module_site.pages["/a"] = attached("the text")
    told = await clicked(hands, module_site, "<a href=/a>get</a>", download=True)
    assert "\nt1: downloaded downloads/a.txt (8 bytes)\n" in told
    assert await listed(files) == {"a.txt": "the text"}


async def test_a_second_file_of_a_name_gets_a_number_and_a_link_is_not_followed(
    hands, module_site, files, workspace
):
    files.mkdir()
    await asyncio.to_thread((files / "a.txt").write_text, "mine")
    await asyncio.to_thread(os.symlink, workspace / "elsewhere", files / "a (2).txt")
    module_site.pages["/a"] = attached("new")
    told = await clicked(hands, module_site, "<a href=/a>get</a>", download=True)
    assert "downloaded downloads/a (3).txt (3 bytes)" in told
    assert await asyncio.to_thread((files / "a.txt").read_text) == "mine"
    assert not (workspace / "elsewhere").exists()


async def test_a_hostile_name_stays_in_the_folder(hands, module_site, files, workspace):
    before = await asyncio.to_thread(lambda: set(workspace.parent.rglob("*")))
    module_site.pages["/a"] = attached("x", "..%2F..%2Fetc%2Fpasswd%0A%E2%80%AE.txt")
    await clicked(hands, module_site, "<a href=/a>get</a>", download=True)
    (name,) = await listed(files)
    assert not set(name) & set("/\n\u202e")
    after = await asyncio.to_thread(lambda: set(workspace.parent.rglob("*")))
    journals = {each for each in after if "data" in each.parts}
    assert after - before - journals == {files, files / name}


async def test_a_folder_that_leads_out_of_the_workspace_is_refused_and_told(
    hands, module_site, files, tmp_path
):
    await asyncio.to_thread(os.symlink, tmp_path, files)
    module_site.pages["/a"] = attached("x")
    told = await clicked(hands, module_site, "<a href=/a>get</a>", download=True)
    assert "download of 'a.txt' was not saved: 'downloads/a.txt' leads out of the workspace" in told
    assert await asyncio.to_thread(lambda: list(tmp_path.iterdir())) == []


async def test_a_file_where_the_folder_should_be_is_told(hands, module_site, files):
    await asyncio.to_thread(files.write_text, "in the way")
    module_site.pages["/a"] = attached("x")
    told = await clicked(hands, module_site, "<a href=/a>get</a>", download=True)
    assert "was not saved: 'downloads/a.txt': 'downloads' is not a folder" in told
    await asyncio.to_thread(files.unlink)


async def test_without_a_word_a_download_is_refused_and_it_is_told_how_to_allow_it(
    hands, module_site, files
):
    module_site.pages["/a"] = attached("x")
    told = await clicked(hands, module_site, "<a href=/a>get</a>")
    assert (
        "t1: download of 'a.txt' was not saved: downloads are refused, unless browser_click or "
        "browser_navigate says download=true"
    ) in told
    assert not files.exists()


async def test_an_address_that_is_a_file_is_downloaded_by_going_there(hands, module_site, files):
    module_site.pages["/a"] = attached("x" * 9)
    await hands("navigate", url=module_site.url("/other"))
    refused = await hands.fails("navigate", url=module_site.url("/a"))
    assert refused.startswith(
        "action_failed: The address is a file to be downloaded, and was not saved: say "
        "download=true for it. The tab shows what it did before."
    )
    told = await hands("navigate", url=module_site.url("/a"), download=True)
    assert "downloaded downloads/a.txt (9 bytes)" in told
    assert told.splitlines()[0] == f"t1 {module_site.url('/other')} 'Other'"
    assert await listed(files) == {"a.txt": "x" * 9}


async def test_a_download_in_a_tab_of_its_own_and_one_out_of_a_script_are_saved(
    hands, module_site, files
):
    module_site.pages["/a"] = attached("one")
    await clicked(hands, module_site, "<a href=/a target=_blank>get</a>", download=True)
    script = """<a href=# onclick="
      const link = document.createElement('a');
      link.href = window.URL.createObjectURL(new Blob(['made here'])); link.download = 'b.txt';
      fetch('/other').then(() => link.click())">make</a>"""
    await clicked(hands, module_site, script, download=True)
    assert await listed(files) == {"a.txt": "one", "b.txt": "made here"}


async def test_what_is_too_large_is_cancelled_and_nothing_is_left(hands, module_site, files):
    module_site.pages["/a"] = attached("x" * 100_001)
    told = await clicked(hands, module_site, "<a href=/a>get</a>", download=True)
    assert "was not saved: it has 100,001 bytes or more; at most 100,000 are saved" in told
    told = await clicked(hands, module_site, "<a href=/a target=_blank>get</a>", download=True)
    assert "was not saved: it has 100,001 bytes or more; at most 100,000 are saved" in told
    assert not files.exists() or await listed(files) == {}


async def test_one_that_grows_for_ever_is_cancelled_when_it_is_too_large(hands, module_site, files):
    endless = "".join(["x" * 999 + "\n"] * 1000)
    module_site.pages["/a"] = attached(endless, is_held=True)
    told = await clicked(hands, module_site, "<a href=/a>get</a>", download=True)
    assert "bytes or more; at most 100,000 are saved" in told
    assert not files.exists()


async def test_one_that_never_ends_is_cancelled_when_its_time_is_over(hands, module_site, files):
    module_site.pages["/a"] = attached("begins " * 500, is_held=True)
    module_site.left.clear()
    told = await clicked(hands, module_site, "<a href=/a>get</a>", download=True)
    assert "download of 'a.txt' was not saved: it was not done within 2 s" in told
    assert await asyncio.to_thread(becomes_true, lambda: module_site.left == [b""])
    assert not files.exists()


async def test_one_that_breaks_off_is_told(hands, module_site, files):
    module_site.pages["/a"] = attached("begins", is_cut=True)
    told = await clicked(hands, module_site, "<a href=/a>get</a>", download=True)
    assert "download of 'a.txt' was not saved: canceled" in told
    assert not files.exists()


async def test_a_click_that_downloads_nothing_says_so(hands, module_site, files):
    told = await clicked(hands, module_site, "<a href=#>nothing</a>", download=True)
    assert told.splitlines()[0] == "no download began within 0.5 s"
    assert not files.exists()


async def test_a_download_that_the_server_is_slow_to_begin_is_waited_for(
    hands, module_site, files, monkeypatch
):
    quiet = Receiving._has_begun

    async def has_begun(receiving, activity):
        module_site.release.set()
        return await quiet(receiving, activity)

    monkeypatch.setattr(Receiving, "_has_begun", has_begun)
    module_site.pages[HELD] = attached("late")
    await clicked(hands, module_site, f"<a href={HELD}>get</a>", download=True)
    assert await listed(files) == {"a.txt": "late"}


async def test_a_call_that_is_interrupted_leaves_no_download(
    hands, module_site, files, module_browsing
):
    module_site.pages["/a"] = attached("begins " * 500, is_held=True)
    await hands("navigate", url=module_site.show("<a href=/a>get</a>"))
    events = module_browsing.manager.session(hands.session.id).logs.events
    click = {"ref": hands.ref("link"), "download": True}
    asked = asyncio.ensure_future(hands.all(("click", click)))
    begun = DownloadStarted("t1", module_site.url("/a"), "a.txt")
    assert await asyncio.to_thread(becomes_true, lambda: begun in events.since(0).entries)
    hands.session.interrupt()
    (call,) = await asked
    assert call.status == "interrupted"
    assert "the call ended before it was done" in await hands("read_page")
    assert not files.exists()


def place(workspace, session="s"):
    return Place(session, workspace)


def file(workspace, *parts):
    return ("file", "/", *[each.lower() for each in workspace.parts[1:]], *parts)


@pytest.mark.parametrize(
    ("tool", "given"), [(browser_click, {"ref": "e1"}), (browser_navigate, {"url": "back"})]
)
async def test_a_download_says_that_it_writes_the_folder_and_other_calls_do_not(
    tool, given, tmp_path
):
    touched = tool.access(tool.parse({**given, "download": True}), place(tmp_path))
    assert touched.writes == {("browser", "s"), file(tmp_path, "downloads")}
    assert tool.access(tool.parse(given), place(tmp_path)).writes == {("browser", "s")}


async def test_an_upload_says_that_it_reads_its_files(tmp_path):
    arguments = browser_upload.parse({"ref": "e1", "paths": ["a.txt", "b/c.txt"]})
    touched = browser_upload.access(arguments, place(tmp_path))
    assert touched.reads == {file(tmp_path, "a.txt"), file(tmp_path, "b", "c.txt")}
    assert touched.writes == {("browser", "s")}


async def test_an_upload_waits_for_the_write_before_it_and_a_read_for_the_download(
    hands, module_site, files
):
    module_site.pages["/a"] = attached("from the net")
    page = "<a href=/a>get</a><input type=file aria-label=F onchange='show(this)'><p></p>" + SHOW
    await hands("navigate", url=module_site.show(page))
    calls = await hands.all(
        ("file_write", {"path": "up.txt", "content": "written just now"}),
        ("upload", {"ref": hands.ref("button", "F"), "paths": ["up.txt"]}),
        ("click", {"ref": hands.ref("link"), "download": True}),
        ("file_read", {"path": "downloads/a.txt"}),
    )
    assert [each.status for each in calls] == ["finished"] * 4, calls
    assert "up.txt text/plain: written just now" in calls[1].text
    assert "from the net" in calls[3].text
    del files


SHOW = """<script>
async function show(input) {
  const all = [...input.files].map(async f => `${f.name} ${f.type}: ${await f.text()}`);
  document.querySelector('p').textContent = (await Promise.all(all)).join('; ') || 'none';
}
</script>"""

INPUT = f"<input type=file multiple aria-label=F onchange='show(this)'><p></p>{SHOW}"


async def test_several_files_a_link_and_none(hands, module_site, workspace):
    folder = workspace / "ups"
    await asyncio.to_thread(folder.mkdir)
    await asyncio.to_thread((folder / "a.txt").write_text, "A")
    await asyncio.to_thread((folder / "b.png").write_text, "B")
    await asyncio.to_thread(os.symlink, "a.txt", folder / "link")
    await hands("navigate", url=module_site.show(INPUT))
    field = hands.ref("button", "F")
    paths = ["ups/a.txt", "ups/./b.png", "ups/link"]
    told = await hands("upload", ref=field, paths=paths)
    assert told.startswith(
        "given: ups/a.txt (1 bytes), ups/./b.png (1 bytes), ups/link (1 bytes)\n"
    )
    assert "a.txt text/plain: A; b.png image/png: B; link application/octet-stream: A" in told
    told = await hands("upload", ref=field, paths=[])
    assert told.startswith("given: no file\n")
    assert '"none"' in told


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("../outside.txt", "'../outside.txt' leads out of the workspace"),
        ("/etc/passwd", "'/etc/passwd' leads out of the workspace"),
        ("escape", "'escape' leads out of the workspace"),
        (".", "'.' is a folder: name a file in it."),
        ("missing.txt", "'missing.txt' was not found"),
        ("", "The path is empty"),
        ("pipe", "'pipe' is not a regular file but a named pipe"),
        ("nul\0", "'nul\\x00'"),
    ],
)
async def test_what_cannot_be_uploaded_is_refused_with_its_reason(
    hands, module_site, workspace, path, why
):
    def lay_out():
        for name, make in {
            "escape": lambda at: at.symlink_to("/etc/passwd"),
            "pipe": os.mkfifo,
        }.items():
            if not os.path.lexists(workspace / name):
                make(workspace / name)

    await asyncio.to_thread(lay_out)
    await hands("navigate", url=module_site.show(INPUT))
    refused = await hands.fails("upload", ref=hands.ref("button", "F"), paths=[path])
    assert refused.startswith("paths: ")
    assert why in refused


async def test_too_much_is_refused(hands, module_site, workspace, monkeypatch):
    monkeypatch.setattr("tools.browser.uploading.MOST_BYTES", 10)
    for name in ("six.txt", "five.txt"):
        await asyncio.to_thread((workspace / name).write_text, "x" * (6 if name[0] == "s" else 5))
    await hands("navigate", url=module_site.show(INPUT))
    refused = await hands.fails(
        "upload", ref=hands.ref("button", "F"), paths=["six.txt", "five.txt"]
    )
    assert refused == (
        "paths: the files up to 'five.txt' have more than 10 bytes together, the most that can be "
        "uploaded; nothing was done."
    )


async def test_an_upload_goes_through_a_button_that_opens_the_choice(hands, module_site, workspace):
    await asyncio.to_thread((workspace / "via.txt").write_text, "V")
    page = "<button onclick='this.nextSibling.click()'>Choose</button>" + INPUT.replace(
        "multiple", "hidden"
    )
    await hands("navigate", url=module_site.show(page))
    told = await hands("upload", ref=hands.ref("button", "Choose"), paths=["via.txt"])
    assert "via.txt text/plain: V" in told


async def test_what_opens_no_choice_and_what_takes_one_file_are_told(hands, module_site, workspace):
    for name in ("1.txt", "2.txt"):
        await asyncio.to_thread((workspace / name).write_text, name)
    page = "<button>Nothing</button>" + INPUT.replace("multiple", "")
    await hands("navigate", url=module_site.show(page))
    button, field = hands.ref("button", "Nothing"), hands.ref("button", "F")
    refused = await hands.fails("upload", ref=field, paths=["1.txt", "2.txt"])
    assert refused.startswith("action_failed: ")
    assert "can only accept single file" in refused
    refused = await hands.fails("upload", ref=button, paths=["1.txt"])
    assert refused.startswith(
        f"action_failed: {button} was clicked, and no choice of files opened: give the ref of the "
        "file input"
    )
