"""What a search found, as a model reads it: pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from tools.web.merging import Merged
from tools.web.query import Query
from tools.web.visible import one_line, untrusted

_LONGEST_TITLE: Final = 200
_LONGEST_SNIPPET: Final = 500
_LONGEST_DETAIL: Final = 300
_LONGEST_REASON: Final = 300
_LONGEST_ADDRESS: Final = 2_000
_MOST_DETAILS: Final = 6


def listing(query: Query, results: Sequence[Merged], failures: Mapping[str, str]) -> str:
    """List results with their numbers, and say below who did not answer."""
    shown = results[: query.count]
    failed = [f"Not answered: {each}." for each in reasons(failures)]
    if not shown:
        return "\n".join([f"No {query.kind} results for {query.terms!a}.", *failed])
    entries = "\n".join(_entry(at, each) for at, each in enumerate(shown, 1))
    return "\n".join([untrusted(entries, f"{query.kind} search results"), *failed])


def reasons(failures: Mapping[str, str]) -> list[str]:
    """Give a line for each who did not answer; a provider of anybody's may say anything."""
    said = ((name, one_line(why, _LONGEST_REASON)) for name, why in failures.items())
    return [f"{name}: {why.removesuffix('.')}" for name, why in said]


def _entry(at: int, result: Merged) -> str:
    found = result.found
    lines = [f"{at}. {one_line(found.title, _LONGEST_TITLE)}"]
    lines += [one_line(found.url, _LONGEST_ADDRESS)] if found.url else []
    facts = (one_line(each, _LONGEST_DETAIL) for each in found.details[:_MOST_DETAILS])
    date = one_line(found.date, 40)
    lines += ["; ".join(filter(None, (date, *facts)))]
    lines += [one_line(found.snippet, _LONGEST_SNIPPET)]
    lines += [f"(found by {', '.join(name for name, _ in result.ranks)})"]
    return "\n   ".join(filter(None, lines))
