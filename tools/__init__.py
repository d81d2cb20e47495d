"""What a model can call, and what such tools are made of.

Imports `scheduler`, never `agent` or `prompts`.

Read in this order: `output` (cut to a limit), `environment` (what a child process gets to know),
`process_start`, `child`, `pipes`, `process_members`, `process_tree`, `program` and `process` (a
program from its start to the end of all that it started), `results` (the dictionary that comes
of it), `paths`; then how a tool is declared: `errors`, `file_resources` and `tool_classes` (what it
touches), `context`, `signature` and `declaration`, `base`; what goes in: `schema`, `input` and
`input_errors` (these import pydantic, and nothing imports them before a schema is asked for); what
comes out: `text`, `content`; `registry`. Then the tools. Files: `openat2`, `workspace_errors`,
`workspace_root`, `workspace_walk`, `workspace` (reached by descriptors), `threads`, `renaming`,
`versions`, `file_version`, `atomic`, `file_text`, `file_matching`, `file_changes`, `file_seen`,
`file_read`, `file_write`, `file_edit`, `file_moves`, `files`. Search: `stoppable`, `paging`,
`glob_regex`, `glob_patterns`, `ignore_rules`, `ignores`, `tree_walk`, `glob_files`,
`grep_pattern`, `grep_blocks`, `grep_lines`, `grep_output`, `grep_files`, `folder_outline`,
`directory_tree`, `find`. The shell: `guard` and `guard_process` (a killed host leaves nothing),
`output_log`, `shell_command`, `background`, `shell_text`, `shell`. `git_safety`, `git`,
`git_tools`; `quality`, `quality_tools`; all together in `workspace_tools`. The network:
`address_errors`, `address_table`, `address_hosts`, `address_parsing`, `address_lookup`,
`addresses` (which addresses may be reached), `checked_http`; the packages `web` and `browser`. The
preview: `preview_queue`, `preview_frame`, `preview_console`, `preview_page`, `preview_service`,
`preview`. What is done elsewhere: `job_tools`, `workflow_tools`.
"""

import importlib
from typing import TYPE_CHECKING, Any

from tools.base import Tool, tool
from tools.content import Image, ToolOutput, to_output
from tools.context import ToolContext
from tools.declaration import Arguments
from tools.environment import child_environment
from tools.errors import DeclarationError, InputError, ToolError
from tools.file_resources import file_resources
from tools.registry import Registry
from tools.tool_classes import CLASSES, ClassMeaning, Effect, Place, ToolClass

if TYPE_CHECKING:
    from tools.git import git_diff_async, git_status_async, run_parallel_git_operations
    from tools.process import run_subprocess_async
    from tools.process_start import StartError
    from tools.program import Completed
    from tools.quality import format_code_async, run_parallel_checks, run_tests_async
    from tools.results import RunResult

__all__ = [
    "CLASSES",
    "Arguments",
    "ClassMeaning",
    "Completed",
    "DeclarationError",
    "Effect",
    "Image",
    "InputError",
    "Place",
    "Registry",
    "RunResult",
    "StartError",
    "Tool",
    "ToolClass",
    "ToolContext",
    "ToolError",
    "ToolOutput",
    "child_environment",
    "file_resources",
    "format_code_async",
    "git_diff_async",
    "git_status_async",
    "run_parallel_checks",
    "run_parallel_git_operations",
    "run_subprocess_async",
    "run_tests_async",
    "to_output",
    "tool",
]

_HOMES = {
    "Completed": "program",
    "RunResult": "results",
    "StartError": "process_start",
    "format_code_async": "quality",
    "git_diff_async": "git",
    "git_status_async": "git",
    "run_parallel_checks": "quality",
    "run_parallel_git_operations": "git",
    "run_subprocess_async": "process",
    "run_tests_async": "quality",
}
"""What runs programs: imported at first use, since psutil and its like cost more than the rest."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tools' has no attribute {name!r}")
    return getattr(importlib.import_module(f"tools.{_HOMES[name]}"), name)
