"""The results of several providers as one list: pure.

Two results are one when their addresses are, apart from what does not change the page: scheme,
`www.`, usual ports, a last slash, a fragment, tracking parameters and the order of the others. The
list is ranked by reciprocal rank fusion (Cormack, Clarke and Buettcher, 2009), which needs no
scores that could be compared: each provider adds 1 / (60 + rank). Ties go to the best single rank,
then to the provider that is named first; so the same answers give the same list, in whatever order
they arrived.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from tools.web.query import Found

_K: Final = 60

_PORTS: Final = {"http": 80, "https": 443}

_TRACKING: Final = re.compile(
    "utm_.*|_hs.*|mc_[ce]id|mkt_tok|[dgy]clid|gclsrc|gbraid|wbraid|fbclid|msclkid|igshid|twclid"
    "|ttclid|li_fat_id|srsltid|_g[al]|ref_src|vero_id|oly_(anon|enc)_id",
    re.IGNORECASE,
)

_LONGEST_ADDRESS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Merged:
    """One result, with who found it: the name of each provider and its rank there, from 1."""

    found: Found
    ranks: tuple[tuple[str, int], ...]

    @property
    def score(self) -> Fraction:
        """What the list is ranked by."""
        # Exact, so that the order of the sum makes no difference.
        return sum((Fraction(1, _K + rank) for _, rank in self.ranks), Fraction())

    @property
    def best(self) -> int:
        """Its best rank."""
        return min(rank for _, rank in self.ranks)


def merge(answers: Mapping[str, Sequence[Found]]) -> list[Merged]:
    """Merge what providers found; they come in the order in which they are named."""
    merged: dict[str, Merged] = {}
    for name, answer in answers.items():
        for rank, (key, found) in enumerate(_own(answer).items(), 1):
            before = merged.get(key, Merged(found, ()))
            merged[key] = Merged(_completed(before.found, found), (*before.ranks, (name, rank)))
    return sorted(merged.values(), key=lambda each: (-each.score, each.best))


def _own(answer: Sequence[Found]) -> dict[str, Found]:
    """Give the usable results of one provider by their keys, each once."""
    first: dict[str, Found] = {}
    for each in answer:
        found = _usable(each)
        if found is not None:
            first.setdefault(key_of(found), found)
    return first


def _usable(found: Found) -> Found | None:
    """Give a result with an address for the web or none; None when nobody could use it."""
    title = found.title.strip()
    if not found.url:
        return replace(found, title=title) if title else None
    url = without_tracking(found.url.strip())
    return replace(found, title=title or url, url=url) if url else None


def _completed(first: Found, other: Found) -> Found:
    """Give the first result, with what it lacks of the other."""
    return replace(
        first,
        snippet=first.snippet or other.snippet,
        date=first.date or other.date,
        details=first.details or other.details,
    )


def key_of(found: Found) -> str:
    """Give what two results have in common when they are one."""
    if not found.url:
        where = found.details[0] if found.details else ""
        return " ".join(f"{found.title} {where}".casefold().split())
    parts = urlsplit(found.url)
    host = (parts.hostname or "").removeprefix("www.").removesuffix(".")
    port = "" if parts.port in {None, *_PORTS.values()} else f":{parts.port}"
    query = urlencode(sorted(parse_qsl(parts.query, keep_blank_values=True)))
    # A fragment that begins so is a page of its own, where scripts draw the pages.
    fragment = f"#{parts.fragment}" if parts.fragment[:1] in {"!", "/"} else ""
    return f"{host}{port}{parts.path.rstrip('/')}?{query}{fragment}"


def without_tracking(url: str) -> str:
    """Give an address without tracking parameters; empty when it is none of the web."""
    url = f"https:{url}" if url.startswith("//") else url
    try:
        parts = urlsplit(url)
        is_web = parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return ""
    if not is_web or len(url) > _LONGEST_ADDRESS or any(ord(each) <= ord(" ") for each in url):
        return ""
    kept = [each for each in parts.query.split("&") if not _TRACKING.fullmatch(each.split("=")[0])]
    return urlunsplit(parts._replace(query="&".join(kept)))
