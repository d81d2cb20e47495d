"""When a call may run: knows neither Claude nor any tool, and imports nothing else of ours.

Read in this order: `access` (what conflicts), `trie`, `index` and `ordering` (who waits for whom),
`lanes` (how many at a time), `call`, `admission` (all of that together, still pure), `scheduler`
(the asynchronous shell), `records` and `certificate` (what happened, and was it serial-equivalent),
`work` and `process_pool` (time limits, threads, processes), `plan`, `batch` and
`parallel_executor` (named tasks).
"""

from scheduler.access import EVERYTHING, WORLD, Access, Resource
from scheduler.call import Call, Keys
from scheduler.certificate import Certificate, Violation, certify
from scheduler.parallel_executor import ParallelExecutor
from scheduler.plan import CycleError, DuplicateNameError, PlanError, UnknownDependencyError
from scheduler.progress import Progress, Statistics, TaskStatistics
from scheduler.questions import Approval
from scheduler.records import CallRecord, LaneStats, NotRun, Outcome, Wait, WaitKind
from scheduler.scheduler import Scheduler
from scheduler.tasks import TaskResult, TaskStatus, ToolTask

__all__ = [
    "EVERYTHING",
    "WORLD",
    "Access",
    "Approval",
    "Call",
    "CallRecord",
    "Certificate",
    "CycleError",
    "DuplicateNameError",
    "Keys",
    "LaneStats",
    "NotRun",
    "Outcome",
    "ParallelExecutor",
    "PlanError",
    "Progress",
    "Resource",
    "Scheduler",
    "Statistics",
    "TaskResult",
    "TaskStatistics",
    "TaskStatus",
    "ToolTask",
    "UnknownDependencyError",
    "Violation",
    "Wait",
    "WaitKind",
    "certify",
]
