"""Whether a call may run: judged when it is dispatched."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

from agent.errors import ConfigurationError
from tools.base import Tool

Judgement: TypeAlias = Literal["allow", "deny"]


@dataclass(frozen=True, slots=True)
class Denied:
    """A call may not run."""

    reason: str


class Approvals(Protocol):
    """Judges calls."""

    def judge(self, tool: Tool[..., Any], call_input: Mapping[str, Any]) -> Denied | None:
        """Give why a call may not run, or None when it may."""
        ...


class ByTool:
    """Allows or denies by the tool's name; what is not named is as the tool says, or allowed."""

    def __init__(self, judgements: Mapping[str, Judgement] | None = None) -> None:
        self._judgements = dict(judgements or {})
        for name, judgement in self._judgements.items():
            if judgement not in {"allow", "deny"}:
                raise ConfigurationError(
                    f"approvals: {name!r} is {judgement!r}; a tool is 'allow' or 'deny'"
                )

    def __repr__(self) -> str:
        return f"<ByTool {self._judgements}>"

    def judge(self, tool: Tool[..., Any], call_input: Mapping[str, Any]) -> Denied | None:  # noqa: ARG002  (other judges look at the input)
        """See `Approvals.judge`."""
        if self._judgements.get(tool.name, tool.approval) == "deny":
            return Denied(f"Not executed: the tool {tool.name} is not allowed in this session.")
        return None
