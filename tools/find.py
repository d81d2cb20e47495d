"""The tools that look for files and text in the workspace, in the order of their definitions.

What holds for all of them: they go down from the workspace's own folder by descriptors, never
through a link (`tree_walk`); they leave out what ignore files say (`ignores`); the same tree gives
the same result, in the same order; patterns take linear time, whoever wrote them; and the result is
a page, with a notice of how to see the next one.
"""

from typing import Any, Final

from tools.base import Tool
from tools.directory_tree import directory_tree
from tools.glob_files import glob
from tools.grep_files import grep

FIND_TOOLS: Final[tuple[Tool[..., Any], ...]] = (glob, grep, directory_tree)

__all__ = ["FIND_TOOLS", "directory_tree", "glob", "grep"]
