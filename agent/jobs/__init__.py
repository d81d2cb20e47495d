"""Background jobs: work of minutes that is started, watched, cancelled, and survives its host.

The meaning of a job lives here and in a store, never in the engine that carries it: an engine knows
ids, so that the same rules hold in this process, in processes on this machine and on others.

Read in this order: `job` (what is known of one), `errors`, `transitions` (what may become of it:
pure), `payload` (what may go in and come out), `store` (where it is kept), `context` (what a job
sees of itself), `kinds` (what it does).
"""

from agent.jobs.errors import JobError, JobInputError, JobNotFoundError, JobStoreError
from agent.jobs.job import Job, JobEvent, Reason, State

__all__ = [
    "Job",
    "JobError",
    "JobEvent",
    "JobInputError",
    "JobNotFoundError",
    "JobStoreError",
    "Reason",
    "State",
]
