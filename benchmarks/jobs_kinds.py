"""What the jobs of the benchmark do."""

import json
import os
import subprocess
import time

from agent.jobs.context import JobContext
from agent.jobs.kinds import job_kind


@job_kind("tree")
def tree(job: JobContext):
    """Start two children, one of them in a session of its own; wait."""
    children = [
        subprocess.Popen(["sleep", "600"], start_new_session=escapes) for escapes in (False, True)
    ]
    job.progress(1, json.dumps([os.getpid(), *(each.pid for each in children)]))
    time.sleep(600)


@job_kind("first word")
def first_word(job: JobContext):
    """Say when it got to say something."""
    job.progress(1, "here")
    return time.time()


@job_kind("compute")
def compute(job: JobContext):
    """Compute, and report all the time."""
    until = time.monotonic() + job.payload
    while (left := until - time.monotonic()) > 0:
        job.progress(100 * (1 - left / job.payload))


@job_kind("soft", soft_seconds=0.5, hard_seconds=10)
def soft(job: JobContext):
    """Give up at the soft limit."""
    job.progress(1, f"{time.time()}")
    time.sleep(600)


@job_kind("hard", soft_seconds=0.3, hard_seconds=0.5)
def hard(job: JobContext):
    """Ignore the soft limit."""
    job.progress(1, f"{time.time()}")
    while True:
        try:
            time.sleep(600)
        except BaseException:  # noqa: BLE001  (that is what it is for)
            continue
