"""What a shell command says, as far as that can be told without running it: pure.

Only one program with plain words can be told: no operator, no substitution, no pattern, no
assignment before it. Everything else is somebody's program, whatever its first word is: no rule for
a first word allows it, and one that denies looks for whatever may be meant (`mentions`).
"""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final

from agent.approvals import mentions
from agent.approvals.patterns import ANYTHING, Fit, is_like, literal

LONGEST: Final = 4_000
"""Characters of a command that is looked into."""

_SPECIAL: Final = frozenset(";&|<>()$`\\*?[]{}~!#")
"""What means something to a shell outside of quotes, beside what cannot be seen."""

_SPECIAL_IN_QUOTES: Final = frozenset("$`\\!")
"""What means something to it inside double quotes."""


def command_in(call_input: Mapping[str, Any]) -> str | None:
    """Give the command in a call's input; None when there is none."""
    found = call_input.get("command")
    if isinstance(found, list) and all(isinstance(each, str) for each in found):
        return shlex.join(found)
    return found if isinstance(found, str) else None


def words(command: str) -> list[str] | None:
    """Give the words of a command that is one program with plain words; None for any other."""
    if len(command) > LONGEST or not _is_plain(command):
        return None
    found = shlex.split(command)
    is_assignment = bool(found) and "=" in found[0]
    return None if not found or is_assignment else found


def _is_plain(command: str) -> bool:
    quote = ""
    for character in command:
        if character == "\0" or "\ud800" <= character <= "\udfff":
            return False
        if quote:
            if character == quote:
                quote = ""
            elif quote == '"' and character in _SPECIAL_IN_QUOTES:
                return False
        elif character in "'\"":
            quote = character
        elif character in _SPECIAL or not (character.isprintable() or character == "\t"):
            return False
    return not quote


def is_allowed_by(pattern: str, command: str) -> bool:
    """Say whether a rule for commands like this pattern allows this command.

    The very same text always; otherwise one program with plain words, word by word. A `*` stands
    for characters within a word, though it never leads to a folder above; as the last word it
    stands for any further words.
    """
    if pattern == ANYTHING or literal(pattern) == command:
        return True
    wanted, found = _words_of(pattern), words(command)
    if found is None or not wanted:
        return False
    if wanted[-1] == ANYTHING:
        wanted = wanted[:-1]
        found = found[: len(wanted)]
    return len(wanted) == len(found) and all(map(_is_word, wanted, found))


def _words_of(pattern: str) -> list[str]:
    """Give a pattern's words, of which some may be quoted; backslashes stay."""
    lexer = shlex.shlex(pattern, posix=True)
    lexer.whitespace_split, lexer.commenters, lexer.escape = True, "", ""
    try:
        return list(lexer)
    except ValueError:
        return pattern.split()


def _is_word(pattern: str, word: str) -> bool:
    return is_like(pattern, word) and word.count("..") <= pattern.count("..")


def caught_by(pattern: str, command: str) -> Fit:
    """Say whether a rule that denies or asks is about this command.

    It is about further words too. Where programs that run others, or what cannot be told, mention
    all that the pattern names, that counts.
    """
    if pattern == ANYTHING or literal(pattern) == command:
        return Fit.SURE
    wanted, found = _words_of(pattern), words(command)
    if not wanted:
        return Fit.NO
    if found is None:
        return mentions.in_untold(wanted, command)
    return Fit.SURE if _begins(wanted, found) else mentions.in_words(wanted, found, command)


def _begins(wanted: Sequence[str], found: Sequence[str]) -> bool:
    """Say whether a command begins with a pattern's words."""
    program, *rest = wanted
    rest = rest[:-1] if rest[-1:] == [ANYTHING] else rest
    first = found[1 : len(rest) + 1]
    is_same = len(first) == len(rest) and all(map(is_like, rest, first))
    return is_same and _is_program(program.casefold(), found[0].casefold())


def _is_program(pattern: str, program: str) -> bool:
    """Say whether a program is meant, whatever folder it is called by."""
    name = mentions.name(program)
    return any(is_like(pattern, each) for each in (program, name)) or name == mentions.name(pattern)
