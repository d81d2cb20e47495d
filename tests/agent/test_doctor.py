"""`toolloop doctor` in surroundings that are made for it."""

import json
import os
import socket
import subprocess
import sys
from importlib import metadata
from typing import NamedTuple

import psutil
import pytest

from agent.commands.doctor import COMMAND
from agent.doctor.installation import PROGRAMS, is_within
from agent.doctor.shadowing import PACKAGES, ROOT
from tests.agent.commands_called import called

SECRET = "sk-ant-very-secret-value"


class Mount(NamedTuple):
    """As psutil tells it."""

    mountpoint: str
    fstype: str


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """Make surroundings in which nothing is missing; give their folder."""
    for name in [name for name in os.environ if name.startswith(("ANTHROPIC_", "TOOLLOOP_"))]:
        monkeypatch.delenv(name)
    search = ("BRAVE_API_KEY", "TAVILY_API_KEY", "SERPER_API_KEY", "SEARXNG_URL")
    for name in ("MAX_STEPS", "PYTHONPATH", "PLAYWRIGHT_BROWSERS_PATH", *search):
        monkeypatch.delenv(name, raising=False)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in (*PROGRAMS, "chromium"):
        program(programs, name)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    values = {
        "ANTHROPIC_MODEL": "claude-x",
        "ANTHROPIC_API_KEY": SECRET,
        "HOME": str(tmp_path),
        "XDG_DATA_HOME": str(tmp_path / "share"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "PATH": str(programs),
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return tmp_path


def program(folder, name):
    file = folder / name
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)


@pytest.fixture
def doctor(capsys):
    """Give a function that asks the doctor, and gives its exit code and findings by name."""

    def ask(*arguments):
        code = called(COMMAND, "--json", *arguments)
        out = capsys.readouterr().out
        assert SECRET[7:] not in out
        found = {}
        for each in json.loads(out):
            found.setdefault(each["name"], []).append((each["level"], each["text"], each["fix"]))
        return code, found

    return ask


def only(found, name):
    (finding,) = found[name]
    return finding


def test_where_nothing_is_missing_all_is_told_and_the_code_is_0(place, capsys):
    assert called(COMMAND) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines} == {"ok"}
    told = dict(line.removeprefix("ok       ").split(": ", 1) for line in lines)
    assert told["model"] == "claude-x"
    assert told["server"] == "https://api.anthropic.com (ANTHROPIC_BASE_URL is not set)"
    assert told["key"] == "ANTHROPIC_API_KEY is set"
    assert told["data folder"] == f"{place}/share/toolloop (made at first use)"
    assert told["approvals"] == f"no rules: there is no {place}/config/toolloop/approvals.toml"
    assert told["workspace"] == f"{place}/work"
    assert told["imports"] == f"agent, prompts, scheduler, tools are ours: {ROOT}"
    assert told["git"] == f"{place}/bin/git"
    assert told["anthropic"] == metadata.version("anthropic")
    assert told["python"].startswith("3.")
    assert "connection" not in told
    assert not (place / "share").exists()


def test_what_is_missing_is_told_with_what_to_do_and_the_code_is_1(capsys, monkeypatch):
    monkeypatch.delenv("ANTHROPIC_MODEL")
    assert called(COMMAND) == 1
    assert (
        "MISSING  model: none is named\n         Set ANTHROPIC_MODEL, or give --model or model=.\n"
    ) in capsys.readouterr().out


# -- key and server -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({"ANTHROPIC_API_KEY": SECRET}, ("ok", "ANTHROPIC_API_KEY is set")),
        ({"ANTHROPIC_AUTH_TOKEN": SECRET}, ("ok", "ANTHROPIC_AUTH_TOKEN is set")),
        (
            {"ANTHROPIC_API_KEY": SECRET, "ANTHROPIC_AUTH_TOKEN": SECRET},
            ("ok", "ANTHROPIC_API_KEY and ANTHROPIC_AUTH_TOKEN are set"),
        ),
        (
            {"ANTHROPIC_API_KEY": f"{SECRET}\n"},
            ("MISSING", "ANTHROPIC_API_KEY begins or ends with white space"),
        ),
        (
            {"ANTHROPIC_BASE_URL": "http://127.0.0.1:1"},
            ("ok", "none is set, and this server needs none"),
        ),
        ({}, ("MISSING", "there is none")),
        ({"ANTHROPIC_API_KEY": ""}, ("MISSING", "there is none")),
    ],
)
def test_of_a_key_it_is_told_whether_it_is_there(environment, wanted, doctor, monkeypatch):
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    code, found = doctor()
    level, text, fix = only(found, "key")
    assert (level, text) == wanted
    assert (code, bool(fix)) == ((1, True) if level == "MISSING" else (0, False))


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        (f"http://me:{SECRET}@127.0.0.1:8080/v?key={SECRET}#x", "http://127.0.0.1:8080/v"),
        ("https://[::1]:8443", "https://[::1]:8443"),
    ],
)
def test_a_server_is_told_without_what_may_be_secret_in_its_address(
    url, wanted, doctor, monkeypatch
):
    monkeypatch.setenv("ANTHROPIC_BASE_URL", url)
    assert only(doctor()[1], "server") == ("ok", wanted, "")


@pytest.mark.parametrize(
    "url", ["localhost:8080", "ftp://x", "http://", "http://x:port", "http://[::1", SECRET]
)
def test_what_is_no_address_is_told_and_not_shown(url, doctor, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_BASE_URL", url)
    code, found = doctor("--connect")
    assert (code, only(found, "server")[:2]) == (
        1,
        ("MISSING", "ANTHROPIC_BASE_URL is no address of a server"),
    )
    assert "connection" not in found


def test_a_server_is_connected_to_when_that_is_asked_for_only(doctor, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setenv("ANTHROPIC_BASE_URL", address)
        assert "connection" not in doctor()[1]
        with pytest.raises(BlockingIOError):
            server.accept()
        code, found = doctor("--connect")
        assert (code, only(found, "connection")) == (
            0,
            ("ok", f"{address} accepts connections", ""),
        )
        connection, _ = server.accept()
        with connection:
            assert connection.recv(1) == b""  # nothing was sent
    code, found = doctor("--connect")
    level, text, fix = only(found, "connection")
    assert (code, level, text) == (1, "MISSING", f"{address} cannot be reached: Connection refused")
    assert "Start the server" in fix


def test_settings_that_cannot_be_are_told(doctor, monkeypatch):
    monkeypatch.setenv("MAX_STEPS", "many")
    code, found = doctor()
    level, text, _ = only(found, "settings")
    assert (code, level) == (1, "MISSING")
    assert text.startswith("MAX_STEPS: 'many'")


# -- folders ------------------------------------------------------------------------------------


def test_a_data_folder_that_is_there_is_tried_and_left_as_it_was(doctor, place):
    (place / "data").mkdir()
    code, found = doctor("--data-dir", place / "data")
    assert (code, only(found, "data folder")) == (0, ("ok", f"{place}/data", ""))
    assert list((place / "data").iterdir()) == []


def test_a_data_folder_below_a_file_is_told(doctor, place):
    (place / "file").write_text("")
    code, found = doctor("--data-dir", place / "file" / "data")
    level, text, fix = only(found, "data folder")
    assert (code, level, text) == (1, "MISSING", f"{place}/file is not a folder")
    assert "--data-dir" in fix


@pytest.mark.skipif(sys.platform != "linux", reason="needs a folder that not even root writes in")
def test_a_data_folder_that_nobody_may_write_in_is_told(doctor):
    code, found = doctor("--data-dir", "/proc/none")
    level, text, _ = only(found, "data folder")
    assert (code, level) == (1, "MISSING")
    assert text.startswith("/proc/none cannot be written: /proc: ")


def test_a_data_folder_on_a_network_file_system_is_noted(doctor, place, monkeypatch):
    mounts = [Mount("/", "ext4"), Mount(str(place), "nfs4")]
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: mounts)
    code, found = doctor()
    levels = [level for level, _, _ in found["data folder"]]
    assert (code, levels) == (0, ["ok", "note"])
    assert "network file system" in found["data folder"][1][1]


def test_a_workspace_that_is_no_folder_is_told(doctor, place):
    code, found = doctor("--workspace", place / "none")
    level, text, _ = only(found, "workspace")
    assert (code, level, text) == (1, "MISSING", f"{place}/none is not a folder")


def test_rules_are_counted_and_wrong_ones_are_told(doctor, place):
    file = place / "config" / "toolloop" / "approvals.toml"
    file.parent.mkdir(parents=True)
    file.write_text('[[rules]]\naction = "allow"\ntool = "shell"\n')
    assert only(doctor()[1], "approvals") == ("ok", f"1 rules in {file}", "")
    file.write_text("[[rules\n")
    code, found = doctor()
    level, text, fix = only(found, "approvals")
    assert (code, level) == (1, "MISSING")
    assert str(file) in text
    assert fix == f"Correct {file}, or remove it."


# -- what is installed --------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "level", "code"), [("git", "MISSING", 1), ("bash", "note", 0)])
def test_a_program_that_is_not_there_is_told_with_what_it_is_for(name, level, code, doctor, place):
    (place / "bin" / name).unlink()
    found_code, found = doctor()
    found_level, text, fix = only(found, name)
    assert (found_code, found_level) == (code, level)
    assert text == f"not in PATH: {PROGRAMS[name]}"
    assert fix.startswith("Install ")


@pytest.fixture
def distributions(place, monkeypatch):
    """Give a function that installs a distribution of no more than its metadata and files."""
    site = place / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)

    def install(name, version="1.0", requires=(), files=()):
        folder = site / f"{name}-{version}.dist-info"
        folder.mkdir()
        told = "".join(f"Requires-Dist: {each}\n" for each in requires)
        head = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Python: >=3.11\n"
        (folder / "METADATA").write_text(f"{head}{told}")
        for each in files:
            (site / each).parent.mkdir(parents=True, exist_ok=True)
            (site / each).write_text("")
        (folder / "RECORD").write_text("".join(f"{each},,\n" for each in files))
        return site

    return install


def test_packages_are_held_against_the_bounds_that_we_declare(doctor, distributions):
    distributions(
        "toolloop",
        requires=[
            "absent-package>=2",
            "psutil<2,>=1.5",
            "h11>=0.1",
            "absent-extra>=1; extra == 'more'",
            "h11<0.1; extra == 'more'",
            "? ? ?",
        ],
    )
    code, found = doctor()
    assert code == 1
    assert only(found, "absent-package") == (
        "MISSING",
        "not installed",
        "Install it: python -m pip install 'absent-package>=2'",
    )
    have = metadata.version("psutil")
    assert only(found, "psutil")[:2] == (
        "MISSING",
        f"{have} is installed; needed is <2,>=1.5",
    )
    assert [level for level, _, _ in found["h11"]] == ["ok", "MISSING"]
    assert "absent-extra" not in found
    assert only(found, "packages")[:2] == ("note", "the requirement '? ? ?' cannot be read")


@pytest.mark.parametrize(
    ("version", "bounds", "wanted"),
    [
        ("2.11.0", "<3,>=2.11", True),
        ("2.9", "<3,>=2.11", False),
        ("3.0", "<3,>=2.11", False),
        ("3", "<3", False),
        ("3.0.1", ">=3", True),
        ("3", ">=3.0", True),
        ("10", ">=9", True),
        ("4.16.0rc1", ">=4.16", True),
        ("1", "", True),
        ("1", "!=1", True),
    ],
)
def test_versions_are_compared_as_numbers(version, bounds, wanted):
    assert is_within(version, bounds) is wanted


def test_playwright_without_a_browser_is_told_and_with_one_is_fine(doctor, distributions, place):
    distributions("playwright", "1.65.0")
    (place / "bin" / "chromium").unlink()
    code, found = doctor()
    level, text, fix = only(found, "browser")
    assert (code, level) == (1, "MISSING")
    assert text == "playwright 1.65.0 is installed, and no browser for it"
    assert fix == "Install one: python -m playwright install chromium"
    program(place / "bin", "chromium")
    assert only(doctor()[1], "browser")[0] == "ok"
    (place / "bin" / "chromium").unlink()
    caches = "Library/Caches" if sys.platform == "darwin" else ".cache"
    (place / caches / "ms-playwright" / "chromium-1200").mkdir(parents=True)
    code, found = doctor()
    assert code == 0
    assert only(found, "browser")[1].endswith("ms-playwright/chromium-1200")


def test_the_browsers_folder_that_is_named_is_looked_into(
    doctor, distributions, place, monkeypatch
):
    distributions("playwright", "1.65.0")
    (place / "bin" / "chromium").unlink()
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(place / "browsers"))
    assert only(doctor()[1], "browser")[0] == "MISSING"
    (place / "browsers" / "chromium_headless_shell-1200").mkdir(parents=True)
    assert only(doctor()[1], "browser")[0] == "ok"


# -- the web -------------------------------------------------------------------------------------


def test_the_search_providers_that_are_asked_are_named_without_their_keys(doctor, monkeypatch):
    assert only(doctor()[1], "web search") == ("ok", "asks duckduckgo", "")
    monkeypatch.setenv("TAVILY_API_KEY", SECRET)
    assert only(doctor()[1], "web search")[1] == "asks tavily, duckduckgo"
    monkeypatch.setenv("TOOLLOOP_SEARCH", "none")
    assert only(doctor()[1], "web search")[0] == "note"


def test_a_search_setting_that_cannot_be_is_missing(doctor, monkeypatch):
    monkeypatch.setenv("TOOLLOOP_SEARCH", "serper")
    code, found = doctor()
    level, text, fix = only(found, "web search")
    assert (code, level) == (1, "MISSING")
    assert "serper, which needs SERPER_API_KEY" in text
    assert fix == "Correct it, or unset it."


def test_the_addresses_that_may_be_reached_are_told(doctor, monkeypatch):
    assert "addresses" not in doctor()[1]
    monkeypatch.setenv("TOOLLOOP_ALLOWED_ADDRESSES", "127.0.0.1:8000")
    text = "besides public ones, 127.0.0.1:8000 may be reached"
    assert only(doctor()[1], "addresses")[:2] == ("ok", text)


# -- what shadows us ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_of_the_current_folder_is_noted_with_who_would_win(name, doctor, place):
    package = place / "work" / name
    package.mkdir()
    (package / "__init__.py").write_text("")
    code, found = doctor()
    level, text, fix = only(found, "imports")
    assert (code, level) == (0, "note")
    assert text == (
        f"started by `python -m` here, `import {name}` would give {package}/__init__.py, "
        f"not {ROOT}/{name}/__init__.py"
    )
    assert fix.startswith("Start by the console script `toolloop`")


def test_a_module_shadows_too_and_a_folder_without_init_does_not(doctor, place):
    (place / "work" / "tools.py").write_text("")
    (place / "work" / "agent").mkdir()
    (place / "work" / "prompts").mkdir()
    (place / "work" / "prompts" / "builder.py").write_text("")
    level, text, _ = only(doctor()[1], "imports")
    assert level == "note"
    assert f"would give {place}/work/tools.py" in text


def test_our_own_folder_shadows_nothing(doctor, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert only(doctor()[1], "imports")[0] == "ok"


def test_a_package_of_python_path_wins_over_us_and_nothing_more_is_looked_at(place):
    package = place / "taken" / "tools"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    code = (
        "import sys, argparse; sys.path.append(sys.argv.pop()); "
        "from agent.commands.doctor import COMMAND; parser = argparse.ArgumentParser(); "
        "COMMAND.arguments(parser); sys.exit(COMMAND.run(parser.parse_args([])))"
    )
    ran = subprocess.run(
        [sys.executable, "-P", "-c", code, str(ROOT)],
        env={**os.environ, "PYTHONPATH": str(place / "taken")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (1, "")
    own = f"{ROOT}/tools/__init__.py"
    assert f"MISSING  imports: `import tools` gives {package}/__init__.py, not {own}" in ran.stdout
    assert f"MISSING  imports: PYTHONPATH holds {place}/taken, so `import tools`" in ran.stdout
    assert f"Take {place}/taken out of PYTHONPATH" in ran.stdout
    assert ran.stdout.endswith(
        "note     configuration: not looked at, since what would look is not imported\n"
    )


def test_another_distribution_with_a_package_of_our_name_is_noted(doctor, distributions):
    distributions("toolbelt", files=["tools/__init__.py", "belt/__init__.py"])
    code, found = doctor()
    assert (code, only(found, "imports")) == (
        0,
        (
            "note",
            (
                f"the distribution 'toolbelt' has a package 'tools' too; "
                f"{ROOT}/tools/__init__.py wins here"
            ),
            "Uninstall 'toolbelt', or give us a virtual environment of our own.",
        ),
    )


def test_our_own_distribution_is_no_other(doctor, distributions):
    distributions("toolloop", files=["tools/__init__.py"])
    assert only(doctor()[1], "imports")[0] == "ok"


def test_another_distribution_that_has_written_over_our_files_is_told(doctor, distributions):
    site = distributions("toolbelt", files=["tools/__init__.py"])
    (site / "tools" / "__init__.py").unlink()
    (site / "tools").rmdir()
    (site / "tools").symlink_to(ROOT / "tools")
    code, found = doctor()
    level, text, fix = only(found, "imports")
    assert (code, level) == (1, "MISSING")
    assert text.startswith("the distribution 'toolbelt' has written its tools/ over ours")
    assert fix.endswith("Then install us again.")


def test_a_name_that_would_act_on_a_terminal_is_shown_harmlessly(capsys, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_MODEL", "\x1b[2Jmodel")
    called(COMMAND)
    assert "ok       model: ?[2Jmodel\n" in capsys.readouterr().out


def test_the_doctor_is_started_without_what_is_slow_to_import():
    code = (
        "import sys; from agent.commands import doctor, sessions, timeline, verify; "
        "print(*{'anthropic', 'pydantic', 'psutil', 'sqlite3', 'asyncio'} & set(sys.modules))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "\n"
