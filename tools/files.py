"""The tools for files of the workspace, in the order in which a model is told of them.

What holds for all of them:

- every path is reached by going down from the workspace's own folder (`workspace`), so that none
  leads out of it, whatever is swapped meanwhile;
- a file is replaced as a whole or not at all (`atomic`);
- nobody's changes are lost: a file that the model has seen is written, edited, moved or deleted
  only at a version that it knows (`versions`, `file_version`). A file that it has not seen is never
  overwritten as a whole; an edit of one is exact, and so it may be edited, moved and deleted. What
  is compared are the very bytes that are replaced, and right before the rename once more that
  nobody has written since, by inode, size and times. What somebody writes in the microseconds
  between that look and the rename is lost. A move or a removal has the same moment, of a folder
  with many files a longer one; and a process that has the old file open writes to the old file.
"""

from typing import Any, Final

from tools.base import Tool
from tools.file_edit import file_edit
from tools.file_moves import file_delete, file_move, make_directory
from tools.file_read import file_read
from tools.file_write import file_write

FILE_TOOLS: Final[tuple[Tool[..., Any], ...]] = (
    file_read,
    file_write,
    file_edit,
    file_move,
    file_delete,
    make_directory,
)

__all__ = [
    "FILE_TOOLS",
    "file_delete",
    "file_edit",
    "file_move",
    "file_read",
    "file_write",
    "make_directory",
]
