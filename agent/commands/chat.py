"""`toolloop chat`: a session in the terminal."""

import argparse
import asyncio
import os
import sys
from pathlib import Path

from agent.commands import live
from agent.commands.command import Command


def _arguments(parser: argparse.ArgumentParser) -> None:
    live.arguments(parser)
    parser.add_argument(
        "--resume", action="store_true", help="go on with what a crash or Ctrl-C cut off"
    )


def _run(terms: argparse.Namespace) -> int:
    unconfigured = live.check(terms)
    if unconfigured is not None:
        sys.stderr.write(unconfigured)
        return 2
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        sys.stderr.write("toolloop chat: it needs a terminal; in a pipe use `toolloop run`\n")
        return 2
    return asyncio.run(_chat(terms))


async def _chat(terms: argparse.Namespace) -> int:
    from agent.commands.timeline import last_turn  # noqa: PLC0415  (with the next)
    from agent.errors import AgentError  # noqa: PLC0415  (with the next)
    from agent.terminal.chat import Chat  # noqa: PLC0415  (prompt_toolkit is slow to import)

    try:
        async with live.agent_of(terms) as agent:
            session = await agent.session(terms.session)
            folder = agent.config.data_dir
            history = await asyncio.to_thread(_history, folder)
            chat = Chat(
                session,
                agent.config.workspace,
                history,
                lambda: last_turn(folder, session.id),
            )
            await chat.run(resumes=terms.resume)
    except AgentError as error:
        sys.stderr.write(f"toolloop: {error}\n")
        return 1
    return 0


def _history(folder: Path) -> Path | None:
    """Give the file that keeps what was typed, for its owner's eyes only; None without one."""
    file = folder / "chat_history"
    try:
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError:
        return None
    return file


COMMAND = Command(
    "chat",
    "a session in the terminal",
    "Talk with the model in the terminal: its tools are shown at work, questions are answered in "
    "the line, Ctrl-C interrupts, files and commands are completed.",
    _arguments,
    _run,
)
