"""`toolloop start` and the recording with a browser, called as the command line calls them."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import urllib.request
from dataclasses import replace
from pathlib import Path

import anthropic
import psutil
import pytest

from agent.claude.recording_pages import PLACEHOLDER
from agent.claude.recording_writing import whole
from agent.claude.script import Call, Text
from agent.cli import main
from agent.recordings.serving import PageServer
from tests.agent import shipped_recordings
from tests.agent.shipped_recordings import Script
from tests.server_thread import ServerThread
from tools.browser.settings import installed_program

SCRIPTED = "The replies are scripted, not a model's; what the tools do is real."
SECONDS = 30

needs_chromium = pytest.mark.skipif(
    installed_program() is None and not os.environ.get("CI"),
    reason="NO CHROMIUM: the recording with a browser is NOT TESTED",
)


@pytest.fixture(autouse=True)
def made(monkeypatch, tmp_path):
    """Give the folder in which all is made meanwhile, with a home and a model of nobody's."""
    # A short path: a browser has a socket in it.
    with tempfile.TemporaryDirectory(prefix="toolloop-", ignore_cleanup_errors=True) as folder:
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr("tempfile.tempdir", None)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setattr("sys.argv", ["toolloop"])
        yield Path(folder)


@pytest.fixture
def no_chromium(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", "/nowhere")


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr("agent.commands.start.FILES_SPEED", None)


def left_in(folder):
    return sorted(each.name for each in folder.iterdir())


def marked(out):
    """Give the lines of calls, with the marks of how they ended and without their times."""
    found = [line for line in out.splitlines() if re.match("  [^ ] ", line)]
    return [re.sub(r"  [0-9.]+ s$", "", line) for line in found]


# -- with a browser ----------------------------------------------------------------------------

CLICKS = ["e18", "e18", "e28", "e33", "e45", "f1e19", "f2e35, download=true"]


def bars(out):
    """Give what is drawn: each call with the columns in which it ran, by its reply."""
    drawing = out.partition("\nWhat ran together")[2]
    replies = re.split(r"^reply \d+: .*$", drawing, flags=re.MULTILINE)[1:]
    rows = [re.findall(r"^  (\S.*?) +\|(.*)\|", reply, flags=re.MULTILINE) for reply in replies]
    return [
        [(name, {at for at, mark in enumerate(bar) if mark == "="}) for name, bar in reply]
        for reply in rows
    ]


def run_together(reply, one, other):
    """Say whether two calls of a reply, told by how they begin, ran in the same moment."""
    columns = [[ran for name, ran in reply if name.startswith(each)] for each in (one, other)]
    return any(first & second for first in columns[0] for second in columns[1])


@needs_chromium
@pytest.mark.usefixtures("at_once")
@pytest.mark.timeout(120)
def test_without_a_model_files_and_then_a_browser_are_shown(made, capsys):
    assert main(["start"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.count(SCRIPTED) == 2
    assert out.index("A failing test is found") < out.index("A small shop in a real browser")
    assert [line for line in marked(out) if not line.startswith("  + ")] == []
    clicks = [line.removeprefix("  + browser_click ") for line in marked(out) if "_click" in line]
    assert clicks == CLICKS
    assert out.count("3 kinds for 15.80: as the list asks") == 2
    assert 'status [ref=f1e17]: "To pay: 14.22, 1.58 of it off"' in out
    assert '    status [ref=e4]: "Basket: 4 things, 15.80"\n' in out
    assert "    t1: downloaded downloads/receipt.csv (161 bytes)\n" in out
    first, second, *others = bars(out)
    assert [len(each) for each in (first, second, *others)] == [4, 7, 3, 5]
    assert run_together(first, "browser_navigate", "file_read")
    assert run_together(second, "shell", "browser_click")
    assert "serial-equivalent in request order" in out
    assert "To talk with a model" in out
    assert left_in(made) == []


@needs_chromium
def test_the_shop_is_replayed_by_its_name(made, capsys):
    assert main(["replay", "small-shop", "--speed", "0"]) == 0
    out = capsys.readouterr().out
    assert PLACEHOLDER not in out
    assert re.search(r"\+ browser_navigate http://127\.0\.0\.1:\d+/ ", out)
    assert "What ran together" not in out
    assert left_in(made) == []


def played(tmp_path, capsys, recording):
    """Play a recording from a file; give the exit code, and what was told."""
    file = tmp_path / "own.jsonl"
    file.write_bytes(whole(replace(recording, name=str(file))))
    code = main(["replay", str(file), "--speed", "0", "--allow"])
    return code, capsys.readouterr().out


@needs_chromium
def test_a_ref_that_the_page_has_not_ends_the_play_and_is_told(made, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(shipped_recordings, "FORM", {"f1e99": "Robin Vale"})
    code, out = played(tmp_path, capsys, shipped_recordings.small_shop())
    assert code == 1
    assert "  x browser_fill_form fields=[1]" in marked(out)
    assert "! Request 4 is not the one that" in out
    assert "the result of toolu_form is an error \"stale_ref: ref 'f1e99'" in out
    assert "is ordered for" not in out
    assert left_in(made) == []


@needs_chromium
def test_the_browser_reaches_the_pages_and_nothing_else_of_this_machine(tmp_path, capsys):
    with ServerThread() as other:
        port = other.port
        script = Script()
        script.says("Go.")
        script.answers(
            Call("toolu_1", "browser_navigate", {"url": f"{PLACEHOLDER}/"}),
            Call("toolu_2", "browser_navigate", {"url": f"http://127.0.0.1:{port}/"}),
            failing=["toolu_2"],
        )
        script.answers(Text("Done."))
        recording = script.recording("own", "Out of bounds", {}, pages="small-shop")
        code, out = played(tmp_path, capsys, recording)
    assert code == 0
    assert [line[:20] for line in marked(out)] == ["  + browser_navigate", "  x browser_navigate"]
    assert f"blocked_by_policy: 127.0.0.1:{port} is refused" in out
    assert other.connections == 0


PROGRAM = "import sys; from agent.cli import main; sys.exit(main(sys.argv[1:]))"


def started(*arguments):
    """Start the command as a shell does: in a process group that Ctrl-C reaches as a whole."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        start_new_session=True,
    )


@needs_chromium
@pytest.mark.parametrize("mark", ["  + file_read", "  + browser_fill_form"])
def test_ctrl_c_in_the_middle_leaves_no_process_and_no_folder(made, mark):
    process = started("replay", "small-shop")
    try:
        assert any(line.startswith(mark) for line in process.stdout)
        below = psutil.Process(process.pid).children(recursive=True)
        assert any("--remote-debugging-pipe" in each.cmdline() for each in below)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(SECONDS) == 130
        assert process.stderr.read() == ""
        assert psutil.wait_procs(below, SECONDS)[1] == []
        assert left_in(made) == []
    finally:
        process.kill()
        process.communicate()


def test_ctrl_c_in_the_first_recording_does_not_go_on_with_the_second(made):
    process = started("start")
    try:
        assert any(line.startswith("  + ") for line in process.stdout)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=SECONDS)
        assert (process.returncode, err) == (130, "")
        assert "A small shop" not in out
        assert "To talk with a model" not in out
        assert left_in(made) == []
    finally:
        process.kill()
        process.communicate()


def test_served_to_a_client_it_names_the_address_at_which_its_pages_are():
    process = started("replay", "small-shop", "--serve", "--speed", "0")
    try:
        url = process.stdout.readline().strip().removeprefix("ANTHROPIC_BASE_URL=")
        with anthropic.Anthropic(base_url=url, api_key="x", max_retries=0) as lent:
            answer = lent.messages.create(
                model="claude-sonnet-5-5",
                max_tokens=99,
                messages=[{"role": "user", "content": "Order it."}],
            )
        navigate = answer.content[1]
        assert navigate.name == "browser_navigate"
        with urllib.request.urlopen(navigate.input["url"], timeout=SECONDS) as page:
            assert b"<title>Mill Lane Pantry</title>" in page.read()
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(SECONDS) == 0
        assert process.stderr.read() == ""
    finally:
        process.kill()
        process.communicate()


# -- without one -------------------------------------------------------------------------------

NOTHING = "There is no Chromium. Install one: `apt-get install chromium`, or "


@pytest.mark.usefixtures("no_chromium", "at_once")
def test_without_a_browser_the_files_are_shown_and_what_to_install_is_told(made, capsys):
    assert main(["start"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    told = [line for line in out.splitlines() if line.startswith("Another recording")]
    assert len(told) == 1
    assert NOTHING in told[0]
    assert out.count(SCRIPTED) == 1
    assert [line for line in marked(out) if not line.startswith("  + ")] == []
    assert "Ran 3 tests" in out
    assert "To talk with a model" in out
    assert left_in(made) == []


@pytest.mark.usefixtures("no_chromium")
def test_without_a_browser_the_recording_that_needs_it_is_not_played(made, capsys):
    assert main(["replay", "small-shop"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"toolloop replay: small-shop needs a browser. {NOTHING}")
    assert len(err.splitlines()) == 1
    assert left_in(made) == []


@pytest.fixture
def no_port(monkeypatch):
    async def taken(*_):
        raise OSError(98, "Address already in use")

    monkeypatch.setattr(PageServer, "__aenter__", taken)


UNSERVED = "the pages of the recording small-shop cannot be served: Address already in use"


@pytest.mark.usefixtures("no_port", "at_once")
def test_without_a_port_the_files_are_shown_and_why_not_the_rest(capsys):
    assert main(["start"]) == 0
    assert f"cannot be played here. {UNSERVED}\n" in capsys.readouterr().out


@pytest.mark.usefixtures("no_port")
def test_without_a_port_the_recording_that_needs_it_is_not_played(capsys):
    assert main(["replay", "small-shop"]) == 2
    assert capsys.readouterr() == ("", f"toolloop replay: {UNSERVED}\n")


# -- where a model is configured ---------------------------------------------------------------


def test_a_model_without_a_terminal_is_told_so(monkeypatch, capsys):
    monkeypatch.setattr("agent.commands.start._demonstration", lambda: 0)
    monkeypatch.setenv("ANTHROPIC_MODEL", "m")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    assert main(["start"]) == 0
    assert "this is no terminal to chat in" in capsys.readouterr().out
