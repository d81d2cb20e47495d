"""What a model can call, and what such tools are made of.

Imports `scheduler`, never `agent` or `prompts`.

Read in this order: `output` (cut to a limit), `environment` (what a child process gets to know),
`process_start`, `child`, `pipes`, `process_members`, `process_tree`, `program` and `process` (a
program from its start to the end of all that it started), `results` (the dictionary that comes
of it), `paths`; then the tools: `git_safety` and `git`, `quality`.
"""

from tools.environment import child_environment
from tools.git import git_diff_async, git_status_async, run_parallel_git_operations
from tools.process import run_subprocess_async
from tools.process_start import StartError
from tools.program import Completed
from tools.quality import format_code_async, run_parallel_checks, run_tests_async
from tools.results import RunResult

__all__ = [
    "Completed",
    "RunResult",
    "StartError",
    "child_environment",
    "format_code_async",
    "git_diff_async",
    "git_status_async",
    "run_parallel_checks",
    "run_parallel_git_operations",
    "run_subprocess_async",
    "run_tests_async",
]
