"""What went wrong instead of a reply, as a recording holds it.

Only what an error says is kept, never a request's headers. An error that is none of ours comes back
as a `ModelError` that names what it was.
"""

from dataclasses import dataclass
from typing import Any, Final, Self, TypeAlias

from agent.errors import (
    AgentError,
    ApiError,
    ConfigurationError,
    ConnectionFailedError,
    ModelError,
    StreamBrokenError,
)

Json: TypeAlias = dict[str, Any]

KINDS: Final[dict[str, type[AgentError]]] = {
    "api": ApiError,
    "connection": ConnectionFailedError,
    "stream": StreamBrokenError,
    "configuration": ConfigurationError,
    "model": ModelError,
}
"""What an error is called in a file; a subclass goes by the first class here that it is of."""

MEMBERS: Final[dict[str, tuple[type, ...]]] = {
    "kind": (str,),
    "message": (str,),
    "status": (int,),
    "error_type": (str,),
    "code": (str,),
    "retry_after": (int, float),
    "should_retry": (bool,),
}
"""Of an error in a file, with their types."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An error that ended a reply, or came instead of one."""

    kind: str
    """One of `KINDS`."""
    message: str
    status: int = 0
    """HTTP's, of an `api` error."""
    type: str = ""
    """The API's word, where it gave one."""
    code: str = ""
    retry_after: float | None = None
    should_retry: bool | None = None

    def error(self) -> AgentError:
        """Make the exception that it was."""
        if self.kind == "api":
            return ApiError(
                self.message,
                status=self.status,
                type=self.type,
                code=self.code,
                retry_after=self.retry_after,
                should_retry=self.should_retry,
            )
        if self.kind == "stream":
            return StreamBrokenError(self.message, type=self.type)
        return KINDS[self.kind](self.message)

    def members(self) -> Json:
        """Give what stands in the file, without what says nothing."""
        every = {
            "kind": self.kind,
            "message": self.message,
            "status": self.status or None,
            "error_type": self.type or None,
            "code": self.code or None,
            "retry_after": self.retry_after,
            "should_retry": self.should_retry,
        }
        return {name: value for name, value in every.items() if value is not None}

    @classmethod
    def from_members(cls, given: Json) -> Self:
        """Read what stands in the file.

        Raises:
            ValueError: it is not what `members` gives; the text says what is wrong.
        """
        members = {name: value for name, value in given.items() if name not in {"type", "at"}}
        for name, value in members.items():
            kinds = MEMBERS.get(name)
            if kinds is None:
                raise ValueError(f"an error has no {name!r}; it has {', '.join(MEMBERS)}")
            if not isinstance(value, kinds) or isinstance(value, bool) is not (bool in kinds):
                raise ValueError(f"{name!r} of an error cannot be {value!r}")
        if members.get("kind") not in KINDS:
            told = f"an error's 'kind' is {members.get('kind')!r}; it is one of {', '.join(KINDS)}"
            raise ValueError(told)
        return cls(
            members["kind"],
            members.get("message", ""),
            members.get("status", 0),
            members.get("error_type", ""),
            members.get("code", ""),
            members.get("retry_after"),
            members.get("should_retry"),
        )


def failure_of(error: Exception) -> Failure:
    """Give what of an exception is recorded."""
    kind = next((name for name, known in KINDS.items() if isinstance(error, known)), "")
    if not kind:
        return Failure("model", f"an error of the program: {type(error).__name__}: {error}")
    if isinstance(error, ApiError):
        return Failure(
            kind,
            str(error),
            error.status,
            error.type,
            error.code,
            error.retry_after,
            error.should_retry,
        )
    return Failure(kind, str(error), type=getattr(error, "type", ""))
