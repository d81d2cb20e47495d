"""What a rule is about, and which of several decides."""

import os
import unicodedata

import pytest

from agent.approvals import Rule
from agent.approvals.patterns import Fit
from agent.approvals.rules import decide
from agent.errors import ConfigurationError
from tests.agent.approvals.judged import (
    anything,
    deploy,
    download,
    fetch,
    foreign,
    judged,
    move,
    read,
    run_tests,
    shell,
    write,
)


@pytest.fixture
def workspace(tmp_path):
    """Give a folder with a few files, and links in it and out of it."""
    folder = tmp_path / "work"
    for each in ("src/a.py", "secrets/key", ".env", "docs/[a] *.md", "docs/deep/er/b.md"):
        (folder / each).parent.mkdir(parents=True, exist_ok=True)
        (folder / each).touch()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "id").touch()
    (folder / "out").symlink_to(outside)
    (folder / "env").symlink_to(".env")
    (folder / "src/up").symlink_to("..")
    (folder / "safe").mkdir()
    (folder / "hard").hardlink_to(folder / ".env")
    return folder


def fit(action, workspace, path, tool, /, **given):
    return Rule(action, path=path).about(judged(tool, workspace, **given))


# -- paths ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "path", "is_allowed"),
    [
        ("src/a.py", "src/a.py", True),
        ("src/a.py", "./src//a.py", True),
        ("src/a.py", "src/../src/a.py", True),
        ("./src/./a.py", "src/a.py", True),
        ("src/../src/a.py", "src/a.py", True),
        ("src", "src/a.py", True),
        ("src/", "src/a.py", True),
        ("src/*", "src/a.py", True),
        ("src/*.py", "src/a.py", True),
        ("src/*.py", "src/a.txt", False),
        ("src/**", "src/a.py", True),
        ("src/**", "src", True),
        ("src/**", "srcs/a.py", False),
        ("**", "src/a.py", True),
        ("**/a.py", "src/a.py", True),
        ("**/a.py", "a.py", True),
        ("**/**/a.py", "x/y/z/a.py", True),
        ("docs/**/b.md", "docs/deep/er/b.md", True),
        ("docs/*/b.md", "docs/deep/er/b.md", False),
        ("*", "src/a.py", True),
        ("src/*", "src/../.env", False),
        ("src/**", "src/../.env", False),
        ("**", "../outside/id", False),
        ("../outside/*", "../outside/id", True),
        ("**", "/etc/passwd", False),
        ("/**", "/etc/passwd", True),
        ("/etc/**", "/etc/passwd", True),
        ("etc/**", "/etc/passwd", False),
        ("out/**", "out/id", False),
        ("**", "out/id", False),
        ("**", "out", False),
        ("**", "src/up/.env", True),
        ("src/**", "src/up/.env", False),
        ("env", "env", False),
        ("SRC/A.py", "src/a.py", True),
        ("docs/[a] \\*.md", "docs/[a] *.md", True),
        ("docs/[a] \\*.md", "docs/[a] x.md", False),
        ("docs/[a]*", "docs/a", False),
        ("docs/?", "docs/a", False),
        ("~/x", "~/x", False),
        ("src/a.py", "src/a.py\0", False),
        ("src/a.py", "src/a.py/" + "x" * 5000, False),
        ("src/a.py", "src", False),
    ],
)
def test_a_path_is_allowed_where_all_that_is_touched_is_surely_there(
    workspace, pattern, path, is_allowed
):
    wanted = Fit.SURE if is_allowed else Fit.NO
    assert fit("allow", workspace, pattern, read, path=path) is wanted


@pytest.mark.parametrize(
    ("pattern", "path", "wanted"),
    [
        (".env", ".env", Fit.SURE),
        (".env", ".ENV", Fit.SURE),
        (".env", "src/../.env", Fit.SURE),
        (".env", "src/up/.env", Fit.SURE),
        (".env", "env", Fit.SURE),
        (".env", "hard", Fit.SURE),
        (".env", ".env.example", Fit.NO),
        (".env", "src/a.py", Fit.NO),
        (".env", "src", Fit.NO),
        (".env", ".", Fit.MAYBE),
        (".env", "..", Fit.MAYBE),
        (".env", "/", Fit.MAYBE),
        ("env", ".env", Fit.SURE),
        ("out/id", "../outside/id", Fit.SURE),
        ("out/**", "../outside/id", Fit.SURE),
        ("out/*", "out/id", Fit.SURE),
        ("../outside", "out/id", Fit.SURE),
        ("secrets/**", "secrets", Fit.SURE),
        ("secrets/*", "secrets", Fit.MAYBE),
        ("secrets/key", "secrets", Fit.MAYBE),
        ("**/key", "secrets", Fit.MAYBE),
        ("**/key", "src/a.py", Fit.NO),
        ("**/key", "secrets/key", Fit.SURE),
        ("src/**", "secrets", Fit.NO),
        ("/etc/**", "/etc/passwd", Fit.SURE),
        ("/etc/**", "src", Fit.NO),
        ("**", "/etc/passwd", Fit.NO),
    ],
)
def test_a_path_is_denied_by_whichever_name_and_asked_about_inside_of_a_folder(
    workspace, pattern, path, wanted
):
    assert fit("deny", workspace, pattern, read, path=path) is wanted


def test_a_path_from_the_home_folder_is_meant_so(workspace, monkeypatch):
    monkeypatch.setenv("HOME", str(workspace.parent / "outside"))
    assert fit("deny", workspace, "~/id", read, path="../outside/id") is Fit.SURE
    assert fit("deny", workspace, "~", read, path="out/id") is Fit.SURE
    assert fit("allow", workspace, "~/**", read, path="../outside/id") is Fit.SURE
    assert fit("deny", workspace, "~me/id", read, path="../outside/id") is Fit.NO


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_path_is_the_same_in_all_forms_of_unicode(workspace, form):
    name = unicodedata.normalize(form, "Ärger-Straße")
    for pattern in ("ärger-strasse", "ÄRGER*", "**/ärger*e"):
        assert fit("deny", workspace, pattern, read, path=name) is Fit.SURE
        assert fit("allow", workspace, unicodedata.normalize("NFD", pattern), read, path=name)


def test_a_link_that_comes_later_makes_an_allowed_path_another(workspace):
    call = judged(write, workspace, path="safe/a")
    assert Rule("allow", path="safe/**").about(call) is Fit.SURE
    (workspace / "safe").rmdir()
    (workspace / "safe").symlink_to(workspace.parent / "outside")
    call = judged(write, workspace, path="safe/a")
    assert Rule("allow", path="safe/**").about(call) is Fit.NO
    assert Rule("allow", path="safe/a").about(call) is Fit.NO


def test_a_workspace_that_is_a_link_is_where_it_leads(workspace):
    link = workspace.parent / "link"
    link.symlink_to(workspace)
    for path in ("src/a.py", str(link / "src/a.py")):
        assert fit("allow", link, "src/*", read, path=path) is Fit.SURE
        assert fit("allow", link, str(link / "src/a.py"), read, path=path) is Fit.SURE
        assert fit("deny", link, str(workspace / "src/*"), read, path=path) is Fit.SURE


def test_both_ends_of_a_move_have_to_be_allowed_and_one_is_denied(workspace):
    def about(action, pattern):
        return fit(action, workspace, pattern, move, source="src/a.py", target="docs/a.py")

    assert [about("allow", each) for each in ("src/**", "docs/**", "**")] == [
        Fit.NO,
        Fit.NO,
        Fit.SURE,
    ]
    assert [about("deny", each) for each in ("src/**", "docs/**")] == [Fit.SURE, Fit.SURE]


def test_a_path_of_many_parts_is_compared_in_no_time(workspace):
    path = "/".join("a" * 2000)
    assert fit("allow", workspace, "**/a/**/a/**/a/**/b", read, path=path) is Fit.NO
    assert fit("allow", workspace, "**/a/**/a/**/a/**/a", read, path=path) is Fit.SURE


def test_no_rule_for_paths_allows_what_does_not_say_what_it_touches(workspace):
    for call in (
        judged(shell, workspace, command="cat src/a.py"),
        judged(run_tests, workspace, path="src/a.py"),
        judged(foreign, workspace, path="src/a.py"),
        judged(anything, workspace, path="src/a.py"),
        judged(deploy, workspace, name="src/a.py"),
        judged(fetch, workspace, url="src/a.py"),
    ):
        assert Rule("allow", path="/**").about(call) is Fit.NO
        assert Rule("allow", path="**").about(call) is Fit.NO


@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        ("cat .env", Fit.SURE),
        ("cat ./.ENV", Fit.SURE),
        ("cat src/../.env", Fit.SURE),
        ("cat env", Fit.SURE),
        ("cat hard", Fit.SURE),
        ("cat '.env'", Fit.SURE),
        ("cat '.e'\"nv\"", Fit.SURE),
        ("git show HEAD:.env", Fit.SURE),
        ("grep -f.env x", Fit.SURE),
        ("grep --file=.env x", Fit.SURE),
        ("./.env", Fit.SURE),
        ("grep -r x .", Fit.MAYBE),
        ("ls ..", Fit.MAYBE),
        ("tar cf x /", Fit.MAYBE),
        ("ls " + " ".join(map(str, range(400))), Fit.MAYBE),
        ("git status", Fit.GUESS),
        ("ls src", Fit.GUESS),
        ("cat .e*", Fit.GUESS),
        ("ls; cat .env", Fit.GUESS),
    ],
)
def test_what_a_command_names_is_denied_and_else_it_may_touch_anything(workspace, command, wanted):
    assert fit("deny", workspace, ".env", shell, command=command) is wanted


def test_the_folder_that_a_command_runs_in_is_part_of_what_it_names(workspace):
    given = {"command": "cat key", "folder": "secrets"}
    for pattern in ("secrets/key", "secrets/**", "**/key"):
        assert fit("deny", workspace, pattern, shell, **given) is Fit.SURE
    given = {"command": "ls", "folder": "secrets"}
    assert fit("deny", workspace, "secrets/**", shell, **given) is Fit.SURE
    assert fit("deny", workspace, "secrets/key", shell, **given) is Fit.MAYBE


def test_what_the_input_of_a_foreign_tool_names_is_denied(workspace):
    for given in ({"path": ".env"}, {"paths": ["a", ".env"]}, {"text": "env"}):
        assert fit("deny", workspace, ".env", foreign, **given) is Fit.SURE
    assert fit("deny", workspace, ".env", foreign, text="see .env") is Fit.GUESS
    assert fit("deny", workspace, ".env", foreign) is Fit.GUESS
    assert fit("deny", workspace, ".env", anything, path=".env") is Fit.SURE
    many = [f"{number}/" + "a/" * 2000 for number in range(10)]
    assert fit("deny", workspace, ".env", foreign, paths=many) is Fit.MAYBE
    assert fit("deny", workspace, ".env", deploy, name=".env") is Fit.NO


# -- what else a rule names ----------------------------------------------------------------------


def test_a_rule_is_about_calls_that_fit_all_that_it_names(workspace):
    rule = Rule("allow", "down*", path="docs/*", address="a.example", workspace=str(workspace))
    good = {"url": "https://a.example/x", "path": "docs/x"}
    assert rule.about(judged(download, workspace, **good)) is Fit.SURE
    for change in ({"url": "https://b.example/x"}, {"path": "src/x"}, {"url": "https://a\\b"}):
        assert rule.about(judged(download, workspace, **{**good, **change})) is Fit.NO
    assert rule.about(judged(download, workspace.parent, **good)) is Fit.NO
    assert rule.about(judged(fetch, workspace, url=good["url"])) is Fit.NO
    assert Rule("allow", "DOWNLOAD").about(judged(download, workspace, **good)) is Fit.NO


def test_a_rule_for_commands_is_not_about_calls_without_one(workspace):
    for action in ("allow", "deny"):
        assert Rule(action, command="*").about(judged(read, workspace)) is Fit.NO
        assert Rule(action, address="*").about(judged(read, workspace)) is Fit.NO


def test_what_is_denied_in_a_workspace_is_denied_by_its_other_names(workspace):
    link = workspace.parent / "link"
    link.symlink_to(workspace)
    for named in (f"{workspace}/", f"{link}", f"{link}/../work"):
        assert Rule("deny", workspace=named).about(judged(read, workspace)) is Fit.SURE
    assert Rule("allow", workspace=f"{workspace}/").about(judged(read, workspace)) is Fit.SURE
    assert Rule("allow", workspace=str(link)).about(judged(read, workspace)) is Fit.NO


def test_what_a_call_touches_is_worked_out_only_where_a_rule_asks_for_it(workspace):
    call = judged(read, workspace, path="a")
    decide([Rule("deny", "write", path="a"), Rule("deny", command="x"), Rule("ask")], call)
    assert not call.was_looked_into
    decide([Rule("deny", path="b")], call)
    assert call.was_looked_into


# -- several -------------------------------------------------------------------------------------

DENY, ASK, ALLOW = Rule("deny"), Rule("ask"), Rule("allow")
DENY_SRC, ASK_SRC, ALLOW_SRC = (Rule(each, path="src/**") for each in ("deny", "ask", "allow"))


@pytest.mark.parametrize(
    ("rules", "decides"),
    [
        ([], None),
        ([ALLOW, ASK, DENY], DENY),
        ([ALLOW_SRC, DENY], DENY),
        ([ALLOW, DENY_SRC], DENY_SRC),
        ([ALLOW, ASK], ASK),
        ([ALLOW_SRC, ASK], ALLOW_SRC),
        ([ALLOW, ASK_SRC], ASK_SRC),
        ([ALLOW_SRC, ASK_SRC], ASK_SRC),
        ([ALLOW_SRC, ALLOW], ALLOW_SRC),
    ],
)
def test_a_denial_wins_then_what_is_special_then_asking(workspace, rules, decides):
    call = judged(write, workspace, path="src/a.py")
    for each in (rules, rules[::-1]):
        assert decide(each, call) == (decides and (decides.action, decides))


DENY_ENV = Rule("deny", path=".env")


@pytest.mark.parametrize(
    ("rule", "command", "action"),
    [
        (Rule("allow", "shell"), "git status", "ask"),
        (Rule("allow", "shell", command="*"), "git status", "ask"),
        (Rule("allow", command="git status"), "git status", "allow"),
        (Rule("allow", command="git *"), "git status", "allow"),
        (Rule("allow", command="cat *"), "cat .env", "deny"),
        (Rule("allow", command="cat .env"), "cat .env", "deny"),
        (Rule("allow", command="cat *"), "cat .e*", "ask"),
        (Rule("allow", command="grep *"), "grep -r x .", "ask"),
        (Rule("allow", command="grep -r x ."), "grep -r x .", "allow"),
        (Rule("allow", command="grep x . | wc"), "grep x . | wc", "allow"),
        (Rule("ask", command="git *"), "git status", "ask"),
    ],
)
def test_a_denied_path_makes_a_question_of_commands_that_are_not_allowed_themselves(
    workspace, rule, command, action
):
    found = decide([DENY_ENV, rule], judged(shell, workspace, command=command))
    assert found is not None
    assert found[0] == action


def test_a_denied_path_makes_a_question_of_tools_that_may_touch_it(workspace):
    call = judged(foreign, workspace, path="a")
    assert decide([DENY_ENV, ALLOW, Rule("allow", "for*")], call) == ("ask", DENY_ENV)
    assert decide([DENY_ENV, Rule("allow", "foreign")], call) == ("allow", Rule("allow", "foreign"))
    search = judged(read, workspace, path=".")
    for rule in (Rule("allow", "read"), Rule("allow", "read", path="**"), Rule("allow", path=".")):
        assert decide([DENY_ENV, rule], search) == ("ask", DENY_ENV)
    other = judged(read, workspace, path="src")
    assert decide([DENY_ENV, Rule("allow", "read")], other) == ("allow", Rule("allow", "read"))


def test_a_denied_program_is_asked_about_where_it_may_be_meant(workspace):
    rules = [Rule("deny", command="rm *"), Rule("allow", "shell"), Rule("allow", command="git *")]

    def action(command):
        found = decide(rules, judged(shell, workspace, command=command))
        return found and found[0]

    told = {
        each: action(each) for each in ("ls", "rm x", "ls; rm x", "$X y", "git rm x", "git log")
    }
    assert told == {
        "ls": "allow",
        "rm x": "deny",
        "ls; rm x": "deny",
        "$X y": "ask",
        "git rm x": "ask",
        "git log": "allow",
    }


# -- what a rule cannot be -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"action": "alow"}, "its action is one of deny, ask, allow"),
        ({"action": None}, "its action is one of"),
        ({"action": ["deny"]}, "its action is one of"),
        ({"tool": ""}, "tool is a text that is not blank, not ''"),
        ({"path": 1}, "path is a text that is not blank, not 1"),
        ({"command": " \n"}, "command is a text that is not blank"),
        ({"address": "https://a.example/"}, "'https://a.example/' is no host: write it without"),
        ({"workspace": "work"}, "workspace 'work' is no absolute path"),
    ],
)
def test_a_rule_that_could_be_about_nothing_is_refused(members, told):
    with pytest.raises(ConfigurationError, match=told):
        Rule(**{"action": "deny", **members})


def test_a_rule_is_told_as_a_person_says_it():
    whole = Rule("allow", "shell", "a", "git log *", "x.example", "/w")
    told = "allow shell with command 'git log *', path 'a', address 'x.example' in /w"
    assert str(whole) == told
    assert [str(each) for each in (DENY, Rule("ask", "*"), Rule("allow", "read"))] == [
        "deny any tool",
        "ask any tool",
        "allow read",
    ]


def test_a_folder_below_a_file_that_is_denied_is_denied(workspace):
    assert fit("deny", workspace, "secrets", read, path="secrets/key") is Fit.SURE
    os.mkfifo(workspace / "pipe")
    assert fit("deny", workspace, "pipe", read, path="pipe") is Fit.SURE
