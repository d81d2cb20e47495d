"""Parts to one stable string: the same parts give the same bytes, wherever and whenever.

The prompt is pinned to a session when that starts, since newer models bind their thinking to the
exact prefix. So nothing that changes by itself belongs in it: no date, no time, no random id, no
listing of files; those come in messages.
"""

import os
import platform
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

INSTRUCTIONS = ("AGENTS.md", "CLAUDE.md")
"""Files of the workspace in which its people tell agents how they work."""

LIMIT = 60_000
"""Bytes of each such file that are told."""


@dataclass(frozen=True, slots=True)
class SystemPrompt:
    """What the prompt is made of besides the texts of this package."""

    workspace: Path
    role: str | None = None
    """Instead of this package's own text."""
    tool_notes: Sequence[str] = ()
    """What tools want to be known beyond their descriptions, in the order of the tools."""


def build(prompt: SystemPrompt) -> str:
    """Put the parts together; reads files, so it belongs in a thread.

    A file that cannot be read is left out.
    """
    parts = [
        prompt.role if prompt.role is not None else _text("role.md"),
        _environment(prompt.workspace),
        *(_instructions(prompt.workspace, name) for name in INSTRUCTIONS),
        _text("efficiency.md"),
        _notes(prompt.tool_notes),
    ]
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def _text(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _environment(workspace: Path) -> str:
    return f"# Environment\n\n- Workspace: {workspace}\n- Platform: {platform.system()}"


def _instructions(workspace: Path, name: str) -> str:
    text = _read(workspace / name)
    if not text.strip():
        return ""
    return f"# From the workspace's {name}\n\n{text}"


def _read(path: Path) -> str:
    """Read a regular file that is no link: a link could lead anywhere outside the workspace."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return ""
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(LIMIT + 1)
    finally:
        os.close(descriptor)
    text = data[:LIMIT].decode(errors="replace")
    return text if len(data) <= LIMIT else f"{text}\n[... cut at {LIMIT:,} bytes ...]"


def _notes(notes: Sequence[str]) -> str:
    told = [note.strip() for note in notes if note.strip()]
    return "\n\n".join(["# Notes on the tools", *told]) if told else ""
