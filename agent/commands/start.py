"""`toolloop start`: the chat where a model is configured; elsewhere what it looks like."""

import argparse
import os
import sys

from agent.commands import chat, live
from agent.commands.command import Command

FILES = "first-look"
BROWSER = "small-shop"
"""The recordings that are played, one after the other."""

FILES_SPEED = 2.0
"""So that both are over in about ten seconds."""

NO_BROWSER = "Another recording, with a real browser at work, cannot be played here. {why}\n"

NEXT = """
Those were shipped recordings on real tools in folders that are gone again: {missing}.

To talk with a model, in the folder that it shall work in:
  export ANTHROPIC_API_KEY=...                         the Claude API
  export ANTHROPIC_BASE_URL=http://127.0.0.1:11434     or a compatible server
  export ANTHROPIC_MODEL=...                           a model's name
  {program} chat                                       or: {program} run "What is in here?"
More: {program} --help, {program} doctor, {program} replay --list
"""


INTERRUPTED = 130


def _run(terms: argparse.Namespace) -> int:
    missing = live.missing(terms, os.environ)
    if missing is None and sys.stdin.isatty() and sys.stdout.isatty():
        terms.resume = False
        return chat.COMMAND.run(terms)
    code = _demonstration()
    if code != INTERRUPTED:
        why = missing or "this is no terminal to chat in"
        sys.stdout.write(NEXT.format(missing=why, program=sys.argv[0]))
    return code


def _demonstration() -> int:
    """Play the recordings; give the exit code."""
    # It imports the rest of the package.
    from agent.commands.playing import perform  # noqa: PLC0415  (see above)
    from agent.recordings import shipped  # noqa: PLC0415  (see above)

    code = perform(shipped(FILES), sys.stdout, speed=FILES_SPEED)
    return code if code == INTERRUPTED else _in_a_browser() or code


def _in_a_browser() -> int:
    """Play the one that needs a browser; where there is none, say what to do, and no more."""
    # They import the rest of the package.
    from agent.claude.recording import RecordingError  # noqa: PLC0415  (see above)
    from agent.commands.playing import perform  # noqa: PLC0415  (see above)
    from agent.recordings import shipped  # noqa: PLC0415  (see above)
    from tools.browser.errors import BrowserError  # noqa: PLC0415  (see above)

    sys.stdout.write("\n")
    sys.stdout.flush()
    try:
        return perform(shipped(BROWSER), sys.stdout, timeline=True)
    except BrowserError as error:
        why = error.message
    except RecordingError as error:
        why = str(error)
    sys.stdout.write(NO_BROWSER.format(why=why))
    return 0


COMMAND = Command(
    "start",
    "the chat; without a model, recordings that show what it is like",
    "Start the chat where a model is configured. Elsewhere play shipped recordings on real tools, "
    "in a real browser too, and say what to do next.",
    live.arguments,
    _run,
)
