"""What goes wrong with jobs as a whole; what goes wrong within one is in the job."""

from agent.errors import AgentError


class JobError(AgentError):
    """Anything below."""


class JobInputError(JobError):
    """A job cannot be made of this: no such kind, no JSON, or too much of it."""


class JobNotFoundError(JobError):
    """There is no job of that id; its time to be remembered may be over."""


class JobStoreError(JobError):
    """The store cannot be read or written; what was asked may not have happened."""
