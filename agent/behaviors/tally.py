"""What became of the questions that a behaviour asked a model."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from agent.errors import AgentError

_LONGEST_ERROR: Final = 300
_MOST_ERRORS: Final = 3


class Why(StrEnum):
    """Why there is no answer."""

    NO_MODEL = "no_model"
    """None is configured."""
    NO_REPLY = "no_reply"
    """No server was reached, or it answered with an error."""
    REFUSED = "refused"
    """The model did not want to."""
    WRONG_FORM = "wrong_form"
    """It answered, but never in the form that was asked for."""
    OUT_OF_TIME = "out_of_time"
    GIVEN_UP = "given_up"
    """It was not asked: too many questions before this one had no answer."""


class NoAnswerError(AgentError):
    """A model gave no answer that can be used."""

    def __init__(self, why: Why, text: str) -> None:
        super().__init__(text)
        self.why = why


@dataclass(slots=True)
class Tally:
    """What became of all questions."""

    asked: int = 0
    answered: int = 0
    failures: Counter[Why] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    """Texts of the first failures, each once."""

    def failed(self, error: NoAnswerError) -> None:
        """Count a failure."""
        self.failures[error.why] += 1
        text = str(error)[:_LONGEST_ERROR]
        if text not in self.errors and len(self.errors) < _MOST_ERRORS:
            self.errors.append(text)

    def told(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {
            "asked": self.asked,
            "answered": self.answered,
            "failures": {why.value: number for why, number in sorted(self.failures.items())},
            "errors": [*self.errors],
        }
