"""The judges that an agent can have."""

from pathlib import Path

import pytest

from agent.approvals import AllowAll, Ask, ByTool, Denied, Rule, RuleBook, default_file
from agent.approvals.policies import chosen
from agent.errors import ConfigurationError
from tests.agent.approvals.judged import (
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
from tools import ToolClass, tool


@pytest.fixture
def workspace(tmp_path):
    folder = tmp_path / "work"
    (folder / "src").mkdir(parents=True)
    (folder / "src/a.py").touch()
    (folder / "link").symlink_to("src")
    (folder / "out").symlink_to(tmp_path)
    return folder


def saying(approval):
    @tool(ToolClass.NETWORK, approval=approval)
    async def say() -> str:
        """Say something."""
        return ""

    return say


REFUSED = Denied("the tool say is not allowed in this session")
ASKED = Ask("the tool itself asks for it")


@pytest.mark.parametrize(
    ("approval", "verdict"), [(None, None), ("allow", None), ("ask", ASKED), ("deny", REFUSED)]
)
def test_what_a_tool_says_itself_holds_where_nobody_says_otherwise(approval, verdict, workspace):
    call = judged(saying(approval), workspace)
    for judge in (AllowAll(), ByTool({}), ByTool({"other": "deny"}), RuleBook()):
        assert judge.judge(call) == verdict
    assert ByTool({"say": "deny"}).judge(call) == REFUSED
    assert ByTool({"say": "allow"}).judge(call) is None
    assert RuleBook([Rule("allow", "say")]).judge(call) is None


def test_without_a_rule_a_tool_with_an_effect_is_asked_about_unless_it_is_trusted(workspace):
    book = RuleBook(trusted=["write"])
    assert book.judge(judged(read, workspace)) is None
    assert book.judge(judged(write, workspace, path="a")) is None
    verdict = book.judge(judged(shell, workspace, command="ls"))
    assert verdict == Ask("shell changes something, and no rule allows it")


@pytest.mark.parametrize(
    ("rule", "verdict"),
    [
        (
            Rule("deny", command="rm *"),
            Denied("a rule of the user says: deny any tool with command 'rm *'"),
        ),
        (Rule("ask", "shell"), Ask("a rule says: ask shell")),
        (
            Rule("deny", path=".env"),
            Ask("it may be what a rule is about: deny any tool with path '.env'"),
        ),
        (Rule("allow", command="rm *"), None),
    ],
)
def test_a_rule_that_decides_is_named(rule, verdict, workspace):
    assert RuleBook([rule]).judge(judged(shell, workspace, command="rm x")) == verdict


# -- what is remembered --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("used", "given", "members"),
    [
        (shell, {"command": "git status"}, {"command": "git status"}),
        (shell, {"command": "rm *; ls"}, {"command": r"rm \*; ls"}),
        (shell, {"command": " ls\n"}, {"command": " ls\n"}),
        (shell, {"command": "ls", "folder": "src"}, {"command": "ls"}),
        (run_tests, {"path": "src"}, {}),
        (foreign, {"path": "src/a.py"}, {}),
        (deploy, {"name": "x"}, {}),
        (write, {"path": "src/a.py"}, {"path": "src/a.py"}),
        (write, {"path": "/etc/x"}, {"path": "/etc/x"}),
        (write, {"path": "a*[b]?"}, {"path": r"a\*[b]?"}),
        (write, {"path": "link/a.py"}, {"path": "**"}),
        (move, {"source": "src/a.py", "target": "b"}, {"path": "**"}),
        (fetch, {"url": "https://x.example/a"}, {"address": "x.example:443"}),
        (fetch, {"url": "http://[::1]:80/"}, {"address": "[::1]:80"}),
        (download, {"url": "http://x/", "path": "a"}, {"address": "x:80", "path": "a"}),
    ],
)
async def test_the_narrowest_rule_is_remembered_that_allows_such_a_call(
    used, given, members, workspace
):
    book = RuleBook([Rule("ask", "*")])
    call = judged(used, workspace, **given)
    rule = Rule("allow", used.name, **members, workspace=str(workspace))
    told = book.proposal(call)
    assert isinstance(book.judge(call), Ask)
    if rule.is_special:
        assert told == str(rule)
        await book.remember(call)
        assert book.rules[1:] == [rule]
        assert book.judge(call) is None
        assert isinstance(book.judge(judged(used, workspace.parent, **given)), Ask)
    else:
        assert told == ""  # asking about all tools holds against a rule for one
        assert RuleBook().proposal(call) == str(rule)


@pytest.mark.parametrize(
    ("used", "given"),
    [
        (shell, {"command": ""}),
        (shell, {"command": " \n"}),
        (fetch, {"url": "http://good.example\\@evil.example"}),
        (fetch, {"url": "x"}),
        (write, {"path": "out/x"}),
        (move, {"source": "a", "target": "/etc/x"}),
    ],
)
async def test_what_no_narrow_rule_can_say_cannot_be_allowed_for_good(used, given, workspace):
    book = RuleBook([Rule("ask", "*")])
    call = judged(used, workspace, **given)
    assert book.proposal(call) == RuleBook().proposal(call) == ""
    with pytest.raises(ConfigurationError, match=f"no rule can allow calls of {used.name} like"):
        await book.remember(call)
    assert book.rules == [Rule("ask", "*")]


def test_what_a_rule_of_the_user_asks_about_cannot_be_allowed_for_good(workspace):
    call = judged(shell, workspace, command="git push origin")
    assert RuleBook([Rule("ask", command="git push *")]).proposal(call) == ""
    assert RuleBook([Rule("deny", path="src/a.py")]).proposal(judged(read, workspace)) == ""


async def test_a_command_that_may_touch_what_is_denied_can_be_allowed_for_good(workspace):
    book = RuleBook([Rule("deny", path=".env"), Rule("deny", command="rm *")])
    for command in ("git status", "grep -r x .", "ls | wc", "git commit -m 'no rm'", "$X y"):
        call = judged(shell, workspace, command=command)
        assert isinstance(book.judge(call), Ask)
        await book.remember(call)
        assert book.judge(call) is None
    assert isinstance(book.judge(judged(shell, workspace, command="git status -s")), Ask)


def test_a_folder_whose_name_is_no_text_has_no_rules_of_its_own():
    call = judged(shell, Path("/w\udc80"), command="ls")
    assert isinstance(RuleBook().judge(call), Ask)
    assert RuleBook().proposal(call) == ""


async def test_what_is_remembered_is_kept_in_the_file_once_and_told_to_those_who_watch(
    workspace, tmp_path
):
    file = tmp_path / "config" / "approvals.toml"
    book, told = RuleBook(file=file), []
    end = book.watch(lambda: told.append(len(book.rules)))
    call = judged(shell, workspace, command="git status")
    await book.remember(call)
    await book.remember(call)
    assert told == [1]
    rule = Rule("allow", "shell", command="git status", workspace=str(workspace))
    assert repr(book) == f"<RuleBook 1 rules, {file}>"
    assert RuleBook([Rule("deny", "x")], file=file).rules == [Rule("deny", "x"), rule]
    end()
    await book.remember(judged(shell, workspace, command="git log"))
    assert told == [1]


async def test_what_cannot_be_kept_holds_until_the_program_ends(workspace, tmp_path):
    file = tmp_path / "approvals.toml"
    book = RuleBook(file=file)
    file.mkdir()
    call = judged(shell, workspace, command="git status")
    with pytest.raises(ConfigurationError, match="could not be kept"):
        await book.remember(call)
    assert book.judge(call) is None


# -- what an agent is given ----------------------------------------------------------------------


def test_an_agent_is_given_a_judge_by_a_word_or_a_mapping(tmp_path, workspace):
    file = tmp_path / "approvals.toml"
    own = judged(shell, workspace, command="ls")
    book = RuleBook()
    assert chosen("allow", file, []).judge(own) is None
    assert chosen(None, file, ["shell"]).judge(own) is None
    assert isinstance(chosen(None, file, []).judge(own), Ask)
    assert isinstance(chosen("ask", file, ["shell"]).judge(own), Ask)
    assert isinstance(chosen({"shell": "deny"}, file, []).judge(own), Denied)
    assert chosen(book, file, []) is book
    with pytest.raises(ConfigurationError, match="approvals: 'never'; it is 'allow', 'ask', a map"):
        chosen("never", file, [])


def test_rules_stand_where_the_desktop_says_or_in_the_home_folder(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert default_file({"XDG_CONFIG_HOME": "/c"}) == Path("/c/toolloop/approvals.toml")
    assert default_file({}) == Path("/home/me/.config/toolloop/approvals.toml")
    assert default_file({"XDG_CONFIG_HOME": ""}) == default_file({})
