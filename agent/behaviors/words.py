"""What can be known of texts without a model: the words in them. Pure, and the same each time.

A word is a run of letters, marks and digits, in one form of Unicode and without case, of three
characters at least, and none of those that are in every text. Scripts that are written without
spaces have no such runs: there each two characters that follow one another count as a word.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

SHORTEST: Final = 3
"""Characters."""

LONGEST: Final = 40
"""Characters: what is longer is no word that says anything."""

STOP_WORDS: Final = frozenset(
    "about after again all also always and another any are because been before being both but "  # noqa: SIM905  (a list has a line for each)
    "can cannot could did does doing don done down each even every few for from get give goes "
    "going good got had has have her here him his how into isn its itself just know let like "
    "little lot lots made make makes many may maybe might more most much must need never not "
    "nothing now off often one only other our out over own part people please quite rather "
    "really same say see she should some something sometimes still such sure take than that the "
    "their them then there these they thing things think this those though through too "
    "two under until very want was way well were what when where which while who whole why will "
    "with within without would yes yet you your".split()
)
"""Of English; other languages' are rare enough in a mixed set, or in every text."""

_UNSPACED: Final = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+"
)
"""Thai, Lao, Burmese, Khmer, kana and Chinese characters."""


class _Separators(dict[int, str]):
    """A table for `str.translate` that turns all but letters, marks and digits into blanks."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        is_inside = character.isalnum() or unicodedata.category(character).startswith("M")
        kept = character if is_inside else " "
        self[code] = kept
        return kept


_SEPARATORS: Final = _Separators()


def words(text: str) -> frozenset[str]:
    """Give the words of a text."""
    normal = unicodedata.normalize("NFKC", text).casefold().translate(_SEPARATORS)
    return frozenset(word for run in normal.split() for word in _words(run))


def _words(run: str) -> Iterator[str]:
    for unspaced in _UNSPACED.findall(run):
        yield from (unspaced[at : at + 2] for at in range(max(1, len(unspaced) - 1)))
    for word in _UNSPACED.sub(" ", run).split():
        if SHORTEST <= len(word) <= LONGEST and word not in STOP_WORDS:
            yield word


def common_words(texts: Iterable[frozenset[str]], most: int) -> tuple[str, ...]:
    """Give the words that are in the most texts, at least in two; the most frequent first."""
    counts = Counter(word for each in texts for word in each)
    found = sorted((-count, word) for word, count in counts.items() if count > 1)
    return tuple(word for _, word in found[:most])


def marked_by_words(texts: Sequence[str], most: int) -> list[frozenset[str]]:
    """Give for each text which of their most common words it has.

    A word that is in every text tells none from another, but it tells what they share: it counts.
    """
    found = [words(text) for text in texts]
    common = frozenset(common_words(found, most))
    return [each & common for each in found]
