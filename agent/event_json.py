"""Events as JSON, for whoever reads them from a pipe or over the wire."""

import dataclasses
import re
from typing import Any, get_args

from agent.events import Event


def type_name(kind: type) -> str:
    """Give an event's type as it stands in JSON: `tool_started` of `ToolStarted`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


TYPES = {type_name(kind): kind for kind in get_args(Event)}
"""Every event by its name."""


def to_json(event: Event) -> dict[str, Any]:
    """Give an event as an object whose `type` says what it is."""
    return {"type": type_name(type(event)), **dataclasses.asdict(event)}
