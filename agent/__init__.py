"""The loop and what embeds it: the one package that imports `scheduler`, `tools` and `prompts`.

Start with `Agent` (`runtime`). A message's way: `session.session` → `loop` → `exchange` →
`dispatch` → `answering`; what comes and goes over the wire is in `claude`, what is kept in
`session`. `events`, `errors` and `config` are what all of them speak of.

Names are imported at first use, so that `import agent` costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent.claude.model import Incoming as Incoming
    from agent.claude.model import Model as Model
    from agent.claude.prices import Price as Price
    from agent.claude.prices import Usage as Usage
    from agent.claude.recorder import RecordingModel as RecordingModel
    from agent.claude.replay import ReplayMismatchError as ReplayMismatchError
    from agent.claude.replay import ReplayModel as ReplayModel
    from agent.claude.retry import RetryLimits as RetryLimits
    from agent.errors import AgentError as AgentError
    from agent.limits import Limits as Limits
    from agent.runtime import Agent as Agent
    from agent.session.session import Session as Session
    from agent.sessions import Sessions as Sessions
    from agent.turn import CallOutcome as CallOutcome
    from agent.turn import Turn as Turn
    from agent.turn import TurnResult as TurnResult

_HOMES = {
    "Agent": "agent.runtime",
    "AgentError": "agent.errors",
    "CallOutcome": "agent.turn",
    "Incoming": "agent.claude.model",
    "Limits": "agent.limits",
    "Model": "agent.claude.model",
    "Price": "agent.claude.prices",
    "RecordingModel": "agent.claude.recorder",
    "ReplayMismatchError": "agent.claude.replay",
    "ReplayModel": "agent.claude.replay",
    "RetryLimits": "agent.claude.retry",
    "Session": "agent.session.session",
    "Sessions": "agent.sessions",
    "Turn": "agent.turn",
    "TurnResult": "agent.turn",
    "Usage": "agent.claude.prices",
}

__all__ = [*_HOMES]  # noqa: PLE0604  (names, all strings)


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'agent' has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
