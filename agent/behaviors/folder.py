"""A folder for what a behaviour keeps while it runs: its sessions, with what people answered.

It is removed when the behaviour ends. One that was killed leaves its folder behind, and the next
that begins removes it: a folder is named after the process that it belongs to.
"""

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from agent.config import default_data_dir
from agent.jobs.workers import is_gone, worker_name

FOLDER: Final = "behaviors"
"""In the data folder."""

_SEPARATOR: Final = " "


def made(options: Mapping[str, Any]) -> Path:
    """Make a folder, and remove those of processes that are gone; belongs in a thread.

    Args:
        options: the arguments of the host's `Agent`.

    Raises:
        OSError: it cannot be made.
    """
    data_dir = Path(options.get("data_dir") or default_data_dir(os.environ)).expanduser()
    parent = data_dir / FOLDER
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in parent.iterdir():
        if is_gone(left.name.rpartition(_SEPARATOR)[0]):
            remove(left)
    return Path(tempfile.mkdtemp(prefix=f"{worker_name()}{_SEPARATOR}", dir=parent)).absolute()


def remove(folder: Path) -> None:
    """Remove a folder with all in it, as far as that can be done; belongs in a thread."""
    shutil.rmtree(folder, ignore_errors=True)
