"""What of a turn goes on right now: pure state, fed with events."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent.events import (
    ApprovalAsked,
    ApprovalSettled,
    Event,
    ToolCalled,
    ToolFinished,
    ToolProgress,
    ToolStarted,
    TurnFinished,
)
from agent.terminal.lines import call_title, one_line


@dataclass(slots=True)
class Lane:
    """A call that is not answered."""

    title: str
    state: str = "waits"
    since: float | None = None
    """When it started, by the caller's clock."""
    progress: str = ""


class Lanes:
    """The calls that wait, run, or wait for a person, in request order."""

    def __init__(self) -> None:
        self._lanes: dict[str, Lane] = {}

    def __repr__(self) -> str:
        return f"<Lanes {', '.join(self._lanes) or 'none'}>"

    def __len__(self) -> int:
        return len(self._lanes)

    def take(self, event: Event, now: float) -> None:
        """Take an event in."""
        match event:
            case ToolCalled():
                self._lanes[event.id] = Lane(_title(event.name, event.input))
            case ToolStarted():
                self._change(event.id, "runs", now)
            case ToolProgress():
                self._progress(event)
            case ApprovalAsked():
                self._change(event.id, "asks you", None)
            case ApprovalSettled():
                self._change(event.id, "waits", None)
            case ToolFinished():
                self._lanes.pop(event.id, None)
            case TurnFinished():
                self._lanes.clear()

    def _change(self, key: str, state: str, since: float | None) -> None:
        if key in self._lanes:
            self._lanes[key].state = state
            self._lanes[key].since = since

    def _progress(self, event: ToolProgress) -> None:
        if event.id in self._lanes:
            share = "" if event.fraction is None else f"{event.fraction:.0%} "
            self._lanes[event.id].progress = f"{share}{one_line(event.text, 40)}"

    def lines(self, now: float, most: int = 8) -> list[str]:
        """Draw them, a line each; of many, first those that do not wait, and how many more."""
        chosen = sorted(self._lanes, key=lambda key: self._lanes[key].state == "waits")[:most]
        shown = [_line(lane, now) for key, lane in self._lanes.items() if key in chosen]
        more = len(self._lanes) - len(shown)
        return [*shown, f"  ... and {more} more"] if more else shown


def _title(name: str, call_input: Mapping[str, Any]) -> str:
    return call_title(name, call_input, 60)


def _line(lane: Lane, now: float) -> str:
    took = f" {now - lane.since:.1f} s" if lane.since is not None else ""
    return f"  {lane.state}{took}  {lane.title}  {lane.progress}".rstrip()
