"""How far a turn may go."""

from dataclasses import dataclass, field

from agent.claude.retry import RetryLimits


@dataclass(frozen=True, slots=True)
class Limits:
    """What one turn may use; it ends, and says so, when it would go beyond."""

    steps: int = 30
    """Requests, those that were repeated after a failure not counted."""
    tokens: int | None = None
    """Sent and received, cached ones included."""
    seconds: float | None = None
    approval_seconds: float | None = 3_600.0
    """For a person to answer whether a call may run; after that it is denied."""
    continuations: int = 10
    """Replies that the server paused or cut at its token limit, and that are gone on with."""
    retry: RetryLimits = field(default_factory=RetryLimits)
