"""What goes wrong, as exceptions that say what was wrong and what to do.

```
AgentError
├── ConfigurationError       what was given cannot work
├── ModelError               no reply could be had
│   ├── ApiError             the server answered with an error
│   ├── ConnectionFailedError  no server was reached
│   ├── StreamBrokenError    a reply began and did not end
│   └── ReplayMismatchError  not the recorded conversation: in `claude.replay`
├── SessionError             a session cannot do what was asked
│   └── SessionNotFoundError
└── JournalError             what should be on disk is not
    ├── SessionBusyError     another process, or this one, writes this session
    └── DamagedJournalError  the file is damaged in its middle
```

What a tool says to the model is `tools.ToolError`; it never ends a turn.
"""


class AgentError(Exception):
    """Anything below."""


class ConfigurationError(AgentError):
    """What was given, or was found in the environment, cannot work."""


class ModelError(AgentError):
    """No reply could be had; a turn ends with it."""


class ApiError(ModelError):
    """The server answered with an error instead of a reply."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        type: str = "",  # noqa: A002  (the API's own word)
        code: str = "",
        retry_after: float | None = None,
        should_retry: bool | None = None,
        request_id: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.type = type
        self.code = code
        self.retry_after = retry_after
        """Seconds that the server asks to wait."""
        self.should_retry = should_retry
        """What the server itself says of a retry, when it says."""
        self.request_id = request_id


class ConnectionFailedError(ModelError):
    """No server was reached, or it hung up before its reply began."""


class StreamBrokenError(ModelError):
    """A reply began and did not end: hung up, silent for too long, or ended by an error event."""

    def __init__(self, message: str, *, type: str = "") -> None:  # noqa: A002  (the API's word)
        super().__init__(message)
        self.type = type
        """The error event's type; empty when the connection itself broke."""


class SessionError(AgentError):
    """A session cannot do what was asked."""


class SessionNotFoundError(SessionError):
    """There is no session of that name."""


class JournalError(AgentError):
    """The disk did not take what had to be written; the file holds whole entries only."""


class SessionBusyError(JournalError):
    """The session's file has a writer already."""


class DamagedJournalError(JournalError):
    """A file is damaged before its end; nothing of it was changed."""

    def __init__(self, message: str, *, file: str, line: int) -> None:
        super().__init__(message)
        self.file = file
        self.line = line
        """Counted from 1."""
