"""Background jobs: work of minutes that is started, watched, cancelled, and survives its host.

The meaning of a job lives here and in a store, never in the engine that carries it: an engine knows
ids, so that the same rules hold in this process, in processes on this machine and on others.

Read in this order: `job` (what is known of one), `errors`, `transitions` (what may become of it:
pure), `payload` (what may go in and come out), `store` (where it is kept), `context` (what a job
sees of itself), `kinds` (what it does). How one runs: `workers`, `child_main` and `child_process`
(a process of its own), `attempt_*` and `attempt` (one attempt, limits and reports), `light_run`.
The engines: `engine` (what every one holds), `in_process_queue` and `in_process`; `celery_*` and
`worker` (on other machines). The stores: `codec`, `sqlite_store`, `redis_scripts`,
`redis_connection`, `redis_store`, `watching`. What a host has: `sweeping`, `adopted`, `jobs`,
`lease`, `desk`, `opening`.
"""

from agent.jobs.context import JobCancelledError, JobContext, JobStopError, SoftLimitError
from agent.jobs.errors import JobError, JobInputError, JobNotFoundError, JobStoreError
from agent.jobs.job import Job, JobEvent, Reason, State
from agent.jobs.jobs import Jobs
from agent.jobs.kinds import JobKind, job_kind

__all__ = [
    "Job",
    "JobCancelledError",
    "JobContext",
    "JobError",
    "JobEvent",
    "JobInputError",
    "JobKind",
    "JobNotFoundError",
    "JobStopError",
    "JobStoreError",
    "Jobs",
    "Reason",
    "SoftLimitError",
    "State",
    "job_kind",
]
