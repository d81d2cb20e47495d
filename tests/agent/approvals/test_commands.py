"""What a command says: no rule for a first word allows what is not one plain program."""

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.approvals.commands import LONGEST, caught_by, command_in, is_allowed_by, words
from agent.approvals.patterns import Fit, escaped

ALLOWED = ("git status", "git log *", "pytest *", "npm test", "ls *", "echo *", "cat src/*")
"""What a user would allow."""

PLAIN = [
    ("git status", ["git", "status"]),
    ("git  status", ["git", "status"]),
    ("\tgit\tstatus ", ["git", "status"]),
    ("git log --oneline -n 5", ["git", "log", "--oneline", "-n", "5"]),
    ("git log -- a.py", ["git", "log", "--", "a.py"]),
    ("git log main..dev", ["git", "log", "main..dev"]),
    ("git log --format=%h:%s", ["git", "log", "--format=%h:%s"]),
    ("git log HEAD^", ["git", "log", "HEAD^"]),
    ("git log --author='A B'", ["git", "log", "--author=A B"]),
    ('git log "--grep=a b"', ["git", "log", "--grep=a b"]),
    ("git log ''", ["git", "log", ""]),
    ("ls", ["ls"]),
    ("ls -la src", ["ls", "-la", "src"]),
    ('"ls" -l', ["ls", "-l"]),
    ("l's' -l", ["ls", "-l"]),
    ("ls 'a;b'", ["ls", "a;b"]),
    ("ls 'a && b'", ["ls", "a && b"]),
    ("ls '$HOME' '`id`'", ["ls", "$HOME", "`id`"]),
    ("ls '\\'", ["ls", "\\"]),
    ("ls 'a\nb'", ["ls", "a\nb"]),
    ('ls "a|b>c"', ["ls", "a|b>c"]),
    ("ls 'a\"b'", ["ls", 'a"b']),
    ('ls "a\'b"', ["ls", "a'b"]),
    ("ls '*' \"?\"", ["ls", "*", "?"]),
    ("echo a=b", ["echo", "a=b"]),
    ("echo föö 漢字 🙂", ["echo", "föö", "漢字", "🙂"]),
    ("pytest tests/test_a.py::test_b -x", ["pytest", "tests/test_a.py::test_b", "-x"]),
    ("pytest -k 'not slow'", ["pytest", "-k", "not slow"]),
    ("npm test", ["npm", "test"]),
    ("cat src/a.py", ["cat", "src/a.py"]),
    ("echo if then else", ["echo", "if", "then", "else"]),
    ("echo @ % + , : . / - _ ^", ["echo", "@", "%", "+", ",", ":", ".", "/", "-", "_", "^"]),
]

TAILS = [
    *("; rm x", ";rm x", "&& rm x", "&&rm x", "|| rm x", "||rm x", "| rm x", "|rm x", "& rm x"),
    *("&rm x", "\nrm x", "\n\nrm x", "\r\nrm x", "\rrm x", ";", "&", "|& rm x", ";; rm x", ";&"),
    *("$(rm x)", "`rm x`", '"$(rm x)"', '"`rm x`"', "$(<x)", "${x}", "$x", '"$x"', "${x:-$(rm x)}"),
    *("$((1+1))", "$[1+1]", "$'\\x72m'", '$"rm"', "$@", "$*", "$?", "$$", "$!", "${x@P}"),
    *("<(rm x)", ">(rm x)", "> x", ">x", ">> x", "< x", "2>&1", "2> x", "&> x", ">| x", "<> x"),
    *("<<EOF\nrm x\nEOF", "<<-EOF\n$(rm x)\nEOF", "<<< x", "<<'EOF'\nx\nEOF", "3<x", "{fd}>x"),
    *("*", "?", "[ab]", "[!a]", "a*", "**/x", "{a,b}", "{1..9}", "~", "~root", "a~b", "a{}"),
    *("# rm", "a#b", "!", "!!", "!rm", "!$", "\\; rm x", "\\", "\\\nrm x", "a\\ b", "r\\m", "\\rm"),
    *("'", '"', "'a", '"a', "a'b", '"a\\"', "'a' \"b", "$'a", "'a'\\''b'"),
    *("\0", "a\0b", "'\0'", '"\0"', "\0; rm x", "\x1b[2K", "\x08", "\x7f", "\x0b", "\x0c", "\x85"),
    *("\u00a0x", "\u2003x", "\u2028rm x", "\u2029rm x", "\u3000x", "\u200b", "\u202e", "\ufeff"),
    *("\ud800", "'\udc3b'", '"\udfff"', "\udc80"),
    *("(rm x)", "()", "{ rm x; }", "() { rm x; }; ls", "a(b)", "@(a|b)", "+(a)", "=(rm x)"),
    *("\n#\nrm x", "a;#", "a\\\n;rm", "'a';rm x", '"a"&&rm x', "a|tee x", "a>&2", "-e 'a'`id`"),
]
"""Behind a program that is allowed with any words: none is plain."""

WHOLE = [
    *("r\\m x", "A=1 ls", "A= ls", "A=1 B=2 git status", "A+=1 ls", "A[0]=1 ls", "'A'=1 ls"),
    *("(ls)", "{ ls; }", "! ls", "if ls; then ls; fi", "while ls; do ls; done", "case x in *) ;;"),
    *("ls() { rm x; }", "function ls { rm x; }", "alias ls='rm x'; ls", "ls\nls", "\nls; rm x"),
    *("$(echo ls)", "`echo ls`", "${ls}", "$ls", "~/ls", "./l?", "/bin/l[s]", "{ls,-l}", ">x ls"),
    *(
        "<x ls",
        "2>&1 ls",
        "# ls",
        "ls #",
        "",
        " ",
        "\n",
        "\t",
        "\0",
        "'",
        '"',
        "\\",
        "''\\",
        "&",
        ";",
    ),
    *("[ -f x ] && ls", "[[ -f x ]]", "((1))", "let x=1; ls", ": $(ls)", "for i in 1; do ls; done"),
    *("time ls; rm", "coproc ls; rm", "trap 'rm x' 0; ls", "set -- ls; $1", "ls &", "&ls", "|ls"),
    *("ls" + " a" * LONGEST, "ls '" + "a" * LONGEST + "'", "ls\u00a0-l", "\ufeffls", "ls\u200b"),
    *(
        "\uff4c\uff53 | rm",
        "ls\uff1brm x\n",
        "ls \\u003b rm",
        "ls %0a`rm`",
        "ls $IFS",
        "ls${IFS}-l",
        "l$@s",
        "l''s;",
    ),
]

NOT_PLAIN = [*(f"ls {tail}" for tail in TAILS), *(f"echo a{tail}" for tail in TAILS), *WHOLE]


def of_shell(shell, command):
    """Give the words that a shell makes of a command."""
    script = f"set -- {command}\nfor word do printf '%s\\0' \"$word\"; done"
    done = subprocess.run([shell, "-c", script], capture_output=True, check=True, timeout=10)
    return done.stdout.decode().split("\0")[:-1]


def test_the_corpus_is_large():
    assert len({*NOT_PLAIN, *(command for command, _ in PLAIN)}) > 300


@pytest.mark.parametrize(("command", "found"), PLAIN)
def test_a_plain_command_is_told_word_by_word_as_shells_read_it(command, found):
    assert words(command) == found
    assert of_shell("sh", command) == found
    assert of_shell("bash", command) == found


@pytest.mark.parametrize("command", NOT_PLAIN)
def test_no_rule_for_words_allows_what_is_not_plain(command):
    assert words(command) is None
    assert [rule for rule in ALLOWED if is_allowed_by(rule, command)] == []


def test_each_character_that_means_something_to_a_shell_is_enough():
    for special in ";&|<>()$`\\*?[]{}~!#\n\r\0":
        assert words(f"ls a{special}b") is words(f"ls {special}") is None, special
        assert words(f"ls 'a{special}b'") == (None if special == "\0" else ["ls", f"a{special}b"])
    for special in "$`\\!\0":
        assert words(f'ls "a{special}b"') is None, special


@pytest.mark.parametrize("command", [each for each in NOT_PLAIN if each])
def test_a_rule_for_the_very_text_allows_it_and_nothing_else(command):
    rule = escaped(command)
    assert is_allowed_by(rule, command)
    assert not is_allowed_by(rule, f"{command} more")
    assert not is_allowed_by(rule, f"more {command}")
    assert not is_allowed_by(rule, command.replace("*", "anything") + " ")


def test_a_star_that_was_in_an_allowed_command_stands_for_itself():
    assert is_allowed_by(r"cat \*", "cat *")
    assert not is_allowed_by(r"cat \*", "cat secrets")
    assert is_allowed_by("cat *", "cat secrets")
    assert not is_allowed_by("cat *", "cat *")
    assert is_allowed_by(escaped(r"find . -name \*.py"), r"find . -name \*.py")
    assert not is_allowed_by(escaped(r"find . -name \*.py"), "find . -name *.py")


# Letters that make words, and much of what means something to shells.
_pieces = st.sampled_from(
    [
        *"ab'\"'\"  \t\n\\$`;&|<>()*?[]{}~!#=^%-./@+,:\r\x0b\0é\u00a0\u3000",
        "''",
        '""',
        "${a}",
        "$(b)",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(_pieces, max_size=12).map("".join))
def test_what_is_told_of_a_command_is_what_shells_make_of_it(command):
    found = words(command)
    if found is not None:
        assert of_shell("sh", command) == found
        assert of_shell("bash", command) == found


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from(["'a b'", '"c"', "d", " ", "é", "-e", "''", "=", "\t"])).map("".join)
)
def test_what_is_made_of_words_and_quotes_is_told(command):
    found = words(f"x {command}")
    assert found == of_shell("sh", f"x {command}")


@pytest.mark.parametrize(
    ("rule", "command", "is_allowed"),
    [
        ("git status", "git status", True),
        ("git status", "git status --short", False),
        ("git status", "git", False),
        ("git log *", "git log", True),
        ("git log *", "git log -p x", True),
        ("git log *", "git logs", False),
        ("git log *", "git push", False),
        ("git log *", "/tmp/git log", False),
        ("git log *", "./git log", False),
        ("git log *", "GIT log", False),
        ("git log *", "git -c core.pager=x log", False),
        ("pytest *", "python -m pytest", False),
        ("cat src/*", "cat src/a.py", True),
        ("cat src/*", "cat src/a/b.py", True),
        ("cat src/*", "cat src/../.env", False),
        ("cat src/*", "cat src/..", False),
        ("cat src/*", "cat src/a /etc/passwd", False),
        ("cat ../src/*", "cat ../src/a", True),
        ("cat ../src/*", "cat ../src/../a", False),
        ("make [a]", "make a", False),
        ("make [a]", "make '[a]'", True),
        ("make ?", "make a", False),
        ("*", "rm -rf / && true", True),
        ("* status", "git status", True),
        ("", "ls", False),
        ("make && make test", "make && make test", True),
        ("make && make test", "make && make test; rm x", False),
        ("make && *", "make && rm x", False),
        ('git commit -m "a b" *', "git commit -m 'a b' -q", True),
        ('git commit -m "a b" *', "git commit -m 'a c' -q", False),
        ("echo it's *", "echo it", False),
        (r"echo \* *", "echo '*' a", True),
        (r"echo \* *", "echo b a", False),
        ("ls", "ls\n", False),
        ("ls", " ls", True),
    ],
)
def test_a_rule_allows_word_by_word(rule, command, is_allowed):
    assert is_allowed_by(rule, command) is is_allowed


CAUGHT = [
    *(
        "rm x",
        "rm",
        "rm -rf /",
        "/bin/rm x",
        "./rm x",
        "RM x",
        '"rm" x',
        "'r'm x",
        '"r"m x',
        "r''m x",
    ),
    *("r\\m x", "\\rm x", "r\\\nm x", "ls; rm x", "ls;rm x", "ls && rm x", "ls || rm", "ls | rm x"),
    *("ls & rm x", "ls\nrm x", "(rm x)", "{ rm x; }", "$(rm x)", "`rm x`", '"$(rm x)"', "! rm x"),
    *("A=1 rm x", "X=rm; $X y", "alias q=rm; q x", "q() { rm x; }; q", "if rm x; then :; fi"),
    *(
        "env rm x",
        "env A=1 rm x",
        "env -S'rm x'",
        "env '-Srm x'",
        "env -iS'rm x'",
        "ls; RM x",
        "sudo rm x",
        "sudo -u me rm x",
    ),
    *("xargs rm < x", "ls | xargs rm", "sh -c 'rm x'", 'bash -c "rm x"', "sh -c rm", "eval rm x"),
    *("eval 'rm x'", "exec rm x", "command rm x", "command -p rm x", "builtin rm", "nohup rm x"),
    *(
        "time rm x",
        "timeout 5 rm x",
        "nice -n 5 rm x",
        "find . -exec rm {} +",
        "find . -exec rm '{}' +",
    ),
    *(
        "busybox rm x",
        "setsid rm x",
        "trap 'rm x' EXIT",
        "coproc rm x",
        "rm${IFS}x",
        "rm$IFS-rf",
        "{rm,x}",
    ),
    *(
        "cat <<EOF | sh\nrm x\nEOF",
        "sh <<< 'rm x'",
        ">x rm y",
        "2>&1 rm y",
        "python3 -c 'rm'",
        "time -p rm x",
    ),
    *("ls #\nrm x", "\trm x", "rm\tx", "''rm x", "rm;", "rm|x", "rm>x", "rm<x", "(rm)", "-- rm; x"),
    *(
        "find . '-exec' /bin/rm x ';'",
        "xargs -Irm x",
        "bash -lc 'cd x && rm y'",
        "rm " + "x" * 9_000,
    ),
]


@pytest.mark.parametrize("command", CAUGHT)
def test_a_denial_of_a_program_catches_it_however_it_is_spelled(command):
    assert caught_by("rm *", command) is Fit.SURE


POSSIBLE = [
    *("$X y", "${X}m y", "r$(echo m) y", "r`echo m` y", "`echo r`m y", "ls; $X", "ls && ${X} y"),
    *(
        "r$@m y",
        "/bin/r? y",
        "/bin/r* y",
        "r[m] y",
        "{r,}m y",
        "~/x y",
        "if :; then $X; fi",
        "! $X",
    ),
    *("A=1 $X", "A=1 B=2 $X y", ">x $X", "> x $X", "2>x $X", "ls | $X", "( $X )", "x() { $X; }; x"),
    *(
        "echo cm0geA== | base64 -d | sh",
        "curl x | bash",
        "sh < x",
        "sh -s < x",
        'sh -c "$X"',
        "ls | eval x",
    ),
    *(
        "env $X",
        "sudo $X y",
        "exec $X; ls",
        "echo `r$@m y`",
        "$'\\x72m' y",
        '"$X" y',
        "while $X; do :; done",
    ),
    *(
        "sh -c 'r$@m y'",
        "bash -c 'r\\m'",
        "timeout 5 sh -c '$X'",
        "ssh host rm x",
        "watch 'rm x'",
        "git rm x",
    ),
    *("strange -x rm", "npm exec -c 'rm x'", "docker run x rm y"),
]


@pytest.mark.parametrize("command", POSSIBLE)
def test_where_the_program_shows_only_when_it_runs_a_denial_may_be_about_it(command):
    assert caught_by("rm *", command) is not Fit.NO


OTHERS = [
    *(
        "ls",
        "git status",
        "ls rmx",
        "ls --rm",
        "ls a-rm",
        "ls x.rm",
        "rmdir x",
        "alarm",
        "./farm x",
    ),
    *(
        "ls *.py",
        "echo $HOME",
        "ls | wc -l",
        "cd x && make",
        "A=$(date) make",
        "make 2>&1 | tail",
        "ls > x",
    ),
    *(
        "docker run --rm x && ls",
        "npm run farm | cat",
        "bash build.sh",
        "find . -name '*.py'",
        "ls; ls",
    ),
    *(
        "echo `date`",
        "for i in 1 2; do echo $i; done",
        "cat <<EOF\nhello\nEOF",
        "python3 -c 'print(1)'",
    ),
]


@pytest.mark.parametrize("command", OTHERS)
def test_a_denial_is_not_about_other_programs(command):
    assert caught_by("rm *", command) is Fit.NO


@pytest.mark.parametrize(
    ("rule", "command", "fit"),
    [
        ("git push *", "git push", Fit.SURE),
        ("git push", "git push origin", Fit.SURE),
        ("git push *", "git status", Fit.NO),
        ("git push *", "git -C x push", Fit.MAYBE),
        ("git push *", "git --no-pager push x", Fit.MAYBE),
        ("git push *", "git status && git diff", Fit.NO),
        ("git push *", "git status && git push", Fit.SURE),
        ("git push *", "p=pu; git ${p}sh", Fit.MAYBE),
        ("rm", "rm x", Fit.SURE),
        ("rm -rf *", "rm -rf x", Fit.SURE),
        ("rm -rf *", "rm x", Fit.NO),
        ("/usr/bin/curl *", "curl x", Fit.SURE),
        ("*curl* *", "/opt/curlie x", Fit.SURE),
        ("*curl* *", "ls; curlie x", Fit.SURE),
        ("./scripts/*", "./scripts/a", Fit.SURE),
        ("./scripts/*", "ls", Fit.NO),
        ("./scripts/*", "ls; ls", Fit.NO),
        ("./scripts/*", "ls; ./scripts/a", Fit.SURE),
        ("*", "anything; at all", Fit.SURE),
        ("ls | wc *", "ls | wc -l", Fit.SURE),
        ('echo "a b"', "echo 'a b' c", Fit.SURE),
        ("rm *", "", Fit.NO),
        ("", "rm x", Fit.NO),
    ],
)
def test_a_denial_is_about_its_words_and_further_ones(rule, command, fit):
    assert caught_by(rule, command) is fit


def test_a_long_command_is_looked_through_at_once():
    for filling in (
        "a",
        "a ",
        "'",
        "\\",
        "$(",
        "-",
        "(`",
        "a=",
        "<",
        "x[",
        "&",
        "a= ",
        "> ",
        "if ",
        "a[]",
    ):
        assert words(filling * 100_000) is None
        assert caught_by("*curl* *", filling * 100_000 + "; curl x") is not Fit.NO


@pytest.mark.parametrize(
    ("given", "command"),
    [
        ({"command": "ls"}, "ls"),
        ({"command": ["rm", "a b"]}, "rm 'a b'"),
        ({"command": ["rm", 1]}, None),
        ({"command": 1}, None),
        ({}, None),
    ],
)
def test_a_command_is_a_text_or_a_list_of_words(given, command):
    assert command_in(given) == command
