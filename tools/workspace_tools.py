"""The tools that an agent has of its own: files, search, shell, git, tests."""

from typing import Any

from tools.base import Tool
from tools.files import FILE_TOOLS
from tools.find import FIND_TOOLS
from tools.git_tools import GIT_TOOLS
from tools.quality_tools import QUALITY_TOOLS
from tools.shell import SHELL_TOOLS


def workspace_tools() -> tuple[Tool[..., Any], ...]:
    """Give them in the order in which a model is told of them."""
    return (*FILE_TOOLS, *FIND_TOOLS, *SHELL_TOOLS, *GIT_TOOLS, *QUALITY_TOOLS)
