"""Rules in a file that people read and edit."""

import errno
import fcntl
import os
import stat
import subprocess
import sys
import tomllib
from io import FileIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.approvals import Rule, rules_file
from agent.errors import ConfigurationError

ROOT = Path(__file__).parents[3]
RULE = Rule("allow", "shell", command="git log *", workspace="/home/me/project")

WRITTEN = """\
[[rules]]
action = "allow"
tool = "shell"
command = "git log *"
workspace = "/home/me/project"
"""


@pytest.fixture
def file(tmp_path):
    return tmp_path / "toolloop" / "approvals.toml"


def written(file, text):
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_a_file_that_is_not_there_has_no_rules(file):
    assert rules_file.load(file) == []


def test_a_rule_is_written_as_a_person_would(file):
    rules_file.append(file, RULE)
    assert file.read_text() == f"{rules_file.HEAD}\n{WRITTEN}"
    assert rules_file.load(file) == [RULE]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_the_head_of_a_file_is_a_comment_that_names_all_that_a_rule_can_name():
    assert tomllib.loads(rules_file.HEAD) == {}
    assert all(each in rules_file.HEAD for each in ("tool", "path", "command", "address"))


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ('git commit -m "a b"', "command = 'git commit -m \"a b\"'"),
        (r"ls \*", r"command = 'ls \*'"),
        ("it's", 'command = "it\'s"'),
        ("it's \\ \"", 'command = "it\'s \\\\ \\""'),
        ("a\nb\tc", 'command = "a\\nb\\tc"'),
        ("a\x7f\x1b\u202e\u2028", 'command = "a\\U0000007f\\u001b\\U0000202e\\U00002028"'),
        ("föö 漢字", 'command = "föö 漢字"'),
    ],
)
def test_a_text_is_written_as_plainly_as_it_can_be(command, line):
    text = rules_file.as_toml(Rule("allow", command=command))
    assert text == f'[[rules]]\naction = "allow"\n{line}\n'
    assert tomllib.loads(text)["rules"][0]["command"] == command


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)


@given(st.builds(Rule, st.sampled_from(["allow", "ask", "deny"]), texts, texts, texts))
def test_every_text_comes_back_as_it_was(rule):
    assert rules_file.can_hold(rule)
    (found,) = tomllib.loads(rules_file.as_toml(rule))["rules"]
    assert Rule(**found) == rule


def test_half_of_a_surrogate_pair_is_nothing_that_a_file_can_hold():
    assert not rules_file.can_hold(Rule("allow", command="ls \ud800"))


@pytest.mark.parametrize(
    "text",
    [
        "# mine\n\n[[rules]]\naction = 'deny'   # never\ncommand = \"rm *\"\n",
        "[[rules]]\naction = 'deny'\ncommand = 'rm *'",
        "\ufeff[[rules]]\r\naction = 'deny'\r\ncommand = 'rm *'\r\n",
        "[[rules]]\naction = 'deny'\ncommand = 'rm *' # ende",
    ],
)
def test_what_people_wrote_stays_as_they_wrote_it(file, text):
    before = written(file, text).read_bytes()
    file.chmod(0o640)
    rules_file.append(file, RULE)
    assert file.read_bytes().startswith(before)
    assert file.read_bytes().endswith(f"\n\n{WRITTEN}".encode())
    assert rules_file.load(file) == [Rule("deny", command="rm *"), RULE]
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_a_file_of_comments_and_an_empty_one_are_added_to(file):
    written(file, "# only this")
    rules_file.append(file, RULE)
    assert file.read_text() == f"# only this\n\n{WRITTEN}"
    written(file, "\n")
    rules_file.append(file, RULE)
    assert rules_file.load(file) == [RULE]


def test_a_rule_in_a_linked_file_is_added_where_the_link_leads(file, tmp_path):
    real = written(tmp_path / "dot" / "files.toml", WRITTEN)
    file.parent.mkdir()
    file.symlink_to(real)
    rules_file.append(file, RULE)
    assert file.is_symlink()
    assert rules_file.load(real) == [RULE, RULE]


WRONG = {
    "rules": "it holds [[rules]] and nothing else",
    "rules = 1": "it holds [[rules]] and nothing else",
    "rules = {action = 'deny'}": "it holds [[rules]] and nothing else",
    "[[rule]]\naction = 'deny'": "it holds [[rules]] and nothing else",
    "[rules]\naction = 'deny'": "it holds [[rules]] and nothing else",
    "x = 1\n[[rules]]\naction = 'deny'": "it holds [[rules]] and nothing else",
    "rules = [1]": "rule 1 in {file}: its action is one of deny, ask, allow",
    "rules = [[]]": "rule 1 in {file}: its action is one of",
    "[[rules]]": "rule 1 in {file}: its action is one of",
    "[[rules]]\naction = 'alow'": "rule 1 in {file}: its action is one of",
    "[[rules]]\naction = ['deny']": "rule 1 in {file}: its action is one of",
    "[[rules]]\naction = 'deny'\n[[rules]]\naction = 1": "rule 2 in {file}: its action is one of",
    "[[rules]]\naction = 'deny'\ncomand = 'rm *'": "'comand' is unknown; there are action",
    "[[rules]]\naction = 'deny'\ncommand = ['rm']": "command is a text that is not blank, not [",
    "[[rules]]\naction = 'deny'\ncommand = ' '": "command is a text that is not blank, not ' '",
    "[[rules]]\naction = 'deny'\ntool = 1": "tool is a text that is not blank, not 1",
    "[[rules]]\naction = 'deny'\naddress = 'http://x'": "address 'http://x' is no host",
    "[[rules]]\naction = 'deny'\nworkspace = '.'": "workspace '.' is no absolute path",
    "[[rules]]\naction = 'deny'\naction = 'ask'": "cannot be read",
    "[[rules]\n": "cannot be read",
    "[[rules]]\naction = 'deny": "cannot be read",
    "a = " + "[" * 5000: "cannot be read",
}


@pytest.mark.parametrize(("text", "told"), list(WRONG.items())[1:])
def test_what_is_wrong_in_a_file_is_told_and_no_rule_is_lost(file, text, told):
    before = written(file, text).read_bytes()
    with pytest.raises(ConfigurationError) as caught:
        rules_file.load(file)
    assert told.format(file=file) in str(caught.value)
    assert str(file) in str(caught.value)
    with pytest.raises(ConfigurationError, match=r"the rule is not kept, since .* add it by hand"):
        rules_file.append(file, RULE)
    assert file.read_bytes() == before


@pytest.mark.parametrize("data", [b"\xff\xfe[\0", b"[[rules]]\naction = '\x80'", b"\0"])
def test_a_file_that_is_no_text_is_told(file, data):
    written(file, data)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        rules_file.load(file)


def test_a_file_is_not_added_to_where_that_would_break_it(file):
    before = written(file, "rules = [{action = 'deny', tool = 'x'}]\n").read_bytes()
    assert rules_file.load(file) == [Rule("deny", "x")]
    with pytest.raises(ConfigurationError, match=r"add it by hand:\n\[\[rules\]\]\naction"):
        rules_file.append(file, RULE)
    assert file.read_bytes() == before


def test_a_file_that_is_far_too_large_is_told(file):
    written(file, "")
    os.truncate(file, rules_file.MOST_BYTES + 1)
    for work in (lambda: rules_file.load(file), lambda: rules_file.append(file, RULE)):
        with pytest.raises(ConfigurationError, match="1000001 bytes are too many"):
            work()


def test_what_is_no_file_is_told(file):
    file.mkdir(parents=True)
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        rules_file.load(file)
    with pytest.raises(ConfigurationError, match=r"could not be kept in .*: Is a directory"):
        rules_file.append(file, RULE)
    file.rmdir()
    os.mkfifo(file)
    with pytest.raises(ConfigurationError, match="cannot be read: it is not a file"):
        rules_file.load(file)


def test_a_file_that_cannot_be_made_is_told(file):
    file.parent.touch()
    with pytest.raises(ConfigurationError, match="could not be kept in"):
        rules_file.append(file, RULE)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        rules_file.load(file)


def test_a_folder_that_cannot_be_written_is_told(file, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ConfigurationError, match=r"could not be kept in .*Permission denied"):
        rules_file.append(file, RULE)


@pytest.mark.parametrize("failing", ["half", "refused", "not synced"])
def test_a_full_disk_leaves_the_file_as_it_was(file, failing, monkeypatch):
    rules_file.append(file, RULE)
    before = file.read_bytes()

    class Disk(FileIO):
        def write(self, data):
            if failing == "refused":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(data[: len(data) // 2] if failing == "half" else data)

    def sync(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fdopen", lambda number, mode, **_: Disk(number, mode))
    if failing == "not synced":
        monkeypatch.setattr(os, "fsync", sync)
    with pytest.raises(ConfigurationError, match="No space left"):
        rules_file.append(file, RULE)
    assert file.read_bytes() == before


def test_what_another_process_adds_meanwhile_is_seen(file, monkeypatch):
    other = Rule("deny", "x")

    def flock(opened, _):
        with file.open("a") as before:
            before.write(rules_file.as_toml(other).rstrip())
        assert opened.tell() == 0

    monkeypatch.setattr(fcntl, "flock", flock)
    rules_file.append(file, RULE)
    assert rules_file.load(file) == [other, RULE]


ADDING = """
import sys
from pathlib import Path
from agent.approvals import Rule, rules_file
for number in range(20):
    rules_file.append(Path(sys.argv[1]), Rule("allow", command=f"{sys.argv[2]} {number}"))
"""


def test_several_processes_can_add_at_a_time(file):
    names = ["one", "two", "three"]
    started = [
        subprocess.Popen([sys.executable, "-c", ADDING, str(file), name], cwd=ROOT)
        for name in names
    ]
    assert [each.wait(60) for each in started] == [0, 0, 0]
    found = [rule.command for rule in rules_file.load(file)]
    assert sorted(found) == sorted(f"{name} {number}" for name in names for number in range(20))
    assert file.read_text().count(rules_file.HEAD) == 1
