"""Checking a request as the real API does, so that a test fails where a user would see a 400. Pure.

The rules that these files keep:

- a problem is the text of one error, in the API's words where they are known; what only we ask for
  (`strict_order`, `strict_roles`, `strict_blocks`) says so in its own words;
- the first problem counts: shapes first (`checking_shape`), then what the messages say together
  (`checking_pairs`), then what the server remembers (`checking_memory`);
- messages of one role in a row are merged before they are looked at together, so an index in such
  an error counts the merged messages;
- where the API's behaviour is not known, a request is accepted.

Not known here: prices, limits and features of single models (beyond prefilling, sampling and bound
thinking), whether a signature is genuine, what is inside images and documents, and which beta
allows which field.
"""

from collections.abc import Iterator
from itertools import chain

from agent.claude.checking_body import parsed
from agent.claude.checking_memory import CacheUse, Memory
from agent.claude.checking_pairs import pair_problems
from agent.claude.checking_rules import MAX_BYTES, VERSION, Json, Rules
from agent.claude.checking_shape import shape_problems
from agent.claude.reply import Reply

__all__ = ["MAX_BYTES", "VERSION", "CacheUse", "Checker", "Rules", "parsed", "problem"]

DEFAULT = Rules()


def problem(request: object, rules: Rules = DEFAULT) -> str | None:
    """Give the first thing for which the API would refuse this request, or None."""
    if not isinstance(request, dict):
        return "Input should be a valid dictionary"
    return next(_problems(request, rules), None)


def _problems(request: Json, rules: Rules) -> Iterator[str]:
    return chain(shape_problems(request, rules), pair_problems(request, rules))


class Checker:
    """Checks the requests of any number of conversations, and remembers what answered them."""

    def __init__(self) -> None:
        self._memory = Memory()

    def __repr__(self) -> str:
        return f"<Checker {self._memory!r}>"

    def problem(self, request: object, rules: Rules = DEFAULT) -> str | None:
        """Give the first thing for which the API would refuse this request, or None."""
        found = problem(request, rules)
        if found is None and isinstance(request, dict):
            found = next(self._memory.problems(request, rules), None)
        return found

    def answer(self, request: Json) -> Reply:
        """Remember that this request is being answered.

        Whoever sends the answer feeds its events to what this gives; a client may come back with
        the beginning of an answer that was cut off.
        """
        return self._memory.answer(request)

    def cache(self, request: Json) -> CacheUse:
        """Count what the prompt cache gives to this request, and write what it is asked to."""
        return self._memory.cache(request)
