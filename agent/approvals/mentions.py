"""What a command may do that cannot be told word by word, for rules that deny: pure.

There is no end to the ways in which a program can be hidden, and no promise that all are found.
What is found: names as words, with quotes and backslashes in them, behind programs that run others
and inside of any script; and where the name of a program is only made when the command runs, that
it may be any.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from agent.approvals.patterns import Fit, has_wildcard

_SHELLS: Final = frozenset(("sh", "bash", "dash", "zsh", "ksh", "fish", "eval"))
"""Programs that read commands from their words or their input."""

_PREFIXES: Final = frozenset(
    (
        *("exec", "command", "builtin", "coproc", "env", "sudo", "doas", "nice", "nohup", "time"),
        *("timeout", "xargs", "setsid", "stdbuf", "ionice", "chroot", "busybox"),
    )
)
"""Programs that run the one that follows, behind their options."""

_RUNNERS: Final = frozenset(
    (
        *_SHELLS,
        *_PREFIXES,
        *("su", "find", "watch", "script", "flock", "parallel", "strace", "trap", "source", "."),
        *("python", "python3", "perl", "ruby", "node", "awk"),
    )
)
"""Programs that run what their words say."""

_RESERVED: Final = frozenset(("if", "then", "elif", "else", "while", "until", "do", "!", "{"))

_MADE: Final = frozenset("$`*?[{~")
"""What a word has in it that is made when the command runs."""

_PARTS: Final = re.compile(r"[;&|()\n]")
_ASSIGNMENT: Final = re.compile(r"\w+(\[.*\])?\+?=.*")
_REDIRECTION: Final = re.compile(r"[0-9]*[<>]+(.*)")


def name(program: str) -> str:
    """Give a program's name without its folder."""
    return program.rpartition("/")[2]


def in_words(wanted: Sequence[str], found: Sequence[str], command: str) -> Fit:
    """Look for what a pattern names among the words of another program."""
    runs_others = name(found[0]) in _RUNNERS
    if _has_all(wanted, command):
        return Fit.SURE if runs_others else Fit.MAYBE
    has_shell = any(name(word) in _SHELLS for word in found)
    is_made = any(_MADE & set(word) or "\\" in word for word in found)
    return Fit.MAYBE if has_shell and is_made else Fit.NO


def in_untold(wanted: Sequence[str], command: str) -> Fit:
    """Look for what a pattern names in a script of any kind."""
    if _has_all(wanted, command):
        return Fit.SURE
    is_made = _has(wanted[0], command) and bool(_MADE & set(command))
    return Fit.MAYBE if is_made or any(map(_may_be_any, _programs(command))) else Fit.NO


# -- names -----------------------------------------------------------------------------------------


def _has_all(wanted: Sequence[str], command: str) -> bool:
    """Say whether a text mentions each word of a pattern that is one word only."""
    program, *rest = wanted
    return all(_has(word, command) for word in (program, *rest) if word is program or _is_one(word))


def _is_one(word: str) -> bool:
    return not has_wildcard(word)


def _has(word: str, command: str) -> bool:
    """Say whether a word stands in a text; quotes and backslashes may be inside or around it."""
    last = name(word)
    pattern = re.escape(last if last.strip("*") else word).replace(r"\*", r"[\w.-]*")
    as_word = re.compile(rf"(?<![\w.-])(-\w)?{pattern}(?![\w-])", re.IGNORECASE)
    return any(as_word.search(text) for text in (_joined(command), _quotes_apart(command)))


def _joined(command: str) -> str:
    return re.sub(r"""\\\n|['"\\]""", "", command)


def _quotes_apart(command: str) -> str:
    return re.sub(r"""['"]""", " ", command)


# -- programs --------------------------------------------------------------------------------------


def _programs(command: str) -> Iterator[list[str]]:
    """Give each word that may name a program, with the words behind it."""
    ticked = _joined(command).split("`")
    text = "".join(f"$({part})" if place % 2 else part for place, part in enumerate(ticked))
    for part in _PARTS.split(text):
        found, at = part.split(), 0
        while at < len(found) and (skipped := _skipped(found[at])):
            at += skipped
        if at < len(found):
            yield found[at:]


def _skipped(word: str) -> int:
    """Count the words that name no program, if this is one; a redirection may have its own."""
    if word in _RESERVED or _ASSIGNMENT.fullmatch(word):
        return 1
    redirection = _REDIRECTION.fullmatch(word)
    if redirection is None:
        return 0
    return 1 if redirection[1] else 2


def _may_be_any(found: Sequence[str]) -> bool:
    """Say whether it shows only when a command runs which program that will be."""
    program, rest = found[0], found[1:]
    if _MADE & set(program):
        return True
    if name(program) in _SHELLS:
        return not rest or rest[0][0] in "-<$" or program == "eval"
    return name(program) in _PREFIXES and any({"$", "`"} & set(word) for word in rest)
