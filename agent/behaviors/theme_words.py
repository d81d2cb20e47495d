"""Themes without a model: pure, and the same each time.

Themes are words. The word that is in the most answers that have no theme yet is the next theme, and
those answers have it, until there are as many themes as may be, or no word is in two answers any
more: greedy maximum coverage, which covers at least 63 percent of what the best choice of words
would (Nemhauser, Wolsey and Fisher, 1978). Equal words of equal weight go by the alphabet.
"""

import heapq
from collections import defaultdict
from collections.abc import Callable, Sequence
from math import log
from typing import Final

from agent.behaviors.theme import Theme
from agent.behaviors.words import words

CHECK_EACH: Final = 1_000
"""Texts between two looks whether to go on."""


def themes_of_words(
    texts: Sequence[str], weights: Sequence[int], most: int, check: Callable[[], None]
) -> list[Theme]:
    """Find themes.

    Args:
        texts: each of them once.
        weights: how many answers each of them stands for.
        most: how many themes there may be.
        check: called now and then; what it raises ends the search.
    """
    having = _by_word(texts, check)
    uncovered = set(range(len(texts)))
    # What a word still covers only shrinks: only the largest figure has to be worked out again.
    heap = [(-sum(weights[n] for n in members), word) for word, members in having.items()]
    heapq.heapify(heap)
    themes: list[Theme] = []
    while heap and len(themes) < most:
        check()
        old, word = heapq.heappop(heap)
        left = [number for number in having[word] if number in uncovered]
        weight = sum(weights[number] for number in left)
        if weight < -old:
            if weight > 1:
                heapq.heappush(heap, (-weight, word))
        elif weight > 1:
            themes.append(Theme(word, f"Answers that mention: {word}.", left))
            uncovered.difference_update(left)
    return themes


def placed_by_words(
    texts: Sequence[str], left: Sequence[int], themes: Sequence[Theme], check: Callable[[], None]
) -> int:
    """Put texts into the theme with which they share the most words; give how many found one.

    A word counts the more, the fewer themes have it. Words of a theme are those of its name and its
    description.
    """
    having: defaultdict[str, list[int]] = defaultdict(list)
    for place, theme in enumerate(themes):
        for word in words(f"{theme.name} {theme.description}"):
            having[word].append(place)
    placed = 0
    for turn, number in enumerate(left):
        if turn % CHECK_EACH == 0:
            check()
        scores: defaultdict[int, float] = defaultdict(float)
        for word in sorted(words(texts[number])):
            for place in having.get(word, ()):
                scores[place] += log(1 + len(themes) / len(having[word]))
        if scores:
            best = max(scores, key=lambda place: (scores[place], -place))
            themes[best].members.append(number)
            placed += 1
    return placed


def _by_word(texts: Sequence[str], check: Callable[[], None]) -> dict[str, list[int]]:
    """Give the texts that have each word."""
    having: defaultdict[str, list[int]] = defaultdict(list)
    for number, text in enumerate(texts):
        if number % CHECK_EACH == 0:
            check()
        for word in words(text):
            having[word].append(number)
    return having
