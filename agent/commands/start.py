"""`toolloop start`: the chat where a model is configured; elsewhere what it looks like."""

import argparse
import os
import sys

from agent.commands import chat, live, replay
from agent.commands.command import Command

DEMONSTRATION = "first-look"

NEXT = """
That was a shipped recording on real tools in a folder that is gone again: {missing}.

To talk with a model, in the folder that it shall work in:
  export ANTHROPIC_API_KEY=...                         the Claude API
  export ANTHROPIC_BASE_URL=http://127.0.0.1:11434     or a compatible server
  export ANTHROPIC_MODEL=...                           a model's name
  {program} chat                                       or: {program} run "What is in here?"
More: {program} --help, {program} doctor, {program} replay --list
"""


def _run(terms: argparse.Namespace) -> int:
    missing = live.missing(terms, os.environ)
    if missing is None and sys.stdin.isatty() and sys.stdout.isatty():
        terms.resume = False
        return chat.COMMAND.run(terms)
    parser = argparse.ArgumentParser()
    replay.COMMAND.arguments(parser)
    code = replay.COMMAND.run(parser.parse_args([DEMONSTRATION]))
    why = missing or "this is no terminal to chat in"
    sys.stdout.write(NEXT.format(missing=why, program=sys.argv[0]))
    return code


COMMAND = Command(
    "start",
    "the chat; without a model, a recording that shows what it is like",
    "Start the chat where a model is configured. Elsewhere play a shipped recording on real tools, "
    "and say what to do next.",
    live.arguments,
    _run,
)
