"""Participants into balanced groups by their traits: pure, and the same each time for a seed.

The rules that this file keeps: everybody is in exactly one group; sizes differ by one at most; no
group is empty.

How alike the members of the groups are is counted as pairs of members of one group that share a
trait, over all traits. Similar groups have as many of these pairs as can be found, diverse ones as
few: that is the maximally diverse grouping problem, with the distance of two members being the
number of traits that they do not share. It is NP-hard, so a good answer is looked for in two steps:

- those with the same traits are put beside one another, the most frequent traits first; for
  similar groups that row is cut into pieces, for diverse ones dealt out like cards;
- two members of different groups change places whenever that is better (the pairwise interchange
  of Lotfi and Cerveny, 1991, as Weitz and Lakshminarayanan, 1998, compare it with others), with
  partners drawn at random, until a round finds nothing better or the tries are used up.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Final, Literal, TypeAlias

Strategy: TypeAlias = Literal["diverse", "similar"]

Traits: TypeAlias = Sequence[frozenset[str]]
"""Those of each participant."""

MOST_TRIES: Final = 400_000
"""Pairs that are looked at; a second or two."""

PARTNERS: Final = 8
"""That are tried for each participant in a round."""

CHECK_EACH: Final = 1_000
"""Participants between two looks whether to go on."""


def sizes(participants: int, groups: int) -> list[int]:
    """Give the sizes of groups that differ by one at most, the larger ones first.

    There are no more groups than participants.
    """
    groups = max(1, min(groups, participants))
    size, rest = divmod(participants, groups)
    return [size + (number < rest) for number in range(groups)]


def assigned(
    traits: Traits,
    groups: int,
    strategy: Strategy,
    seed: int,
    check: Callable[[], None] = lambda: None,
) -> list[list[int]]:
    """Give the members of each group, as numbers of participants, in their order.

    Args:
        traits: of each participant.
        groups: how many there are to be; fewer when there are fewer participants.
        strategy: whether members of a group are to share much or little.
        seed: of what is drawn at random.
        check: called now and then; what it raises ends the search.
    """
    if not traits:
        return []
    random = Random(seed)  # noqa: S311  (nothing here is secret)
    wanted = sizes(len(traits), groups)
    row = _row(traits, random)
    dealt = _cut(row, wanted) if strategy == "similar" else _dealt(row, len(wanted))
    search = _Search(traits, dealt, -1 if strategy == "similar" else 1)
    search.improve(random, check)
    return search.members()


def shared_pairs(traits: Traits, groups: Sequence[Sequence[int]]) -> int:
    """Count the pairs of members of one group that share a trait, over all traits."""
    counts = [Counter(trait for each in group for trait in traits[each]) for group in groups]
    return sum(number * (number - 1) // 2 for count in counts for number in count.values())


def _row(traits: Traits, random: Random) -> list[int]:
    """Put those with the same traits beside one another, in an order that favours nobody."""
    frequent = Counter(trait for each in traits for trait in each)
    rank = {
        trait: place
        for place, trait in enumerate(sorted(frequent, key=lambda each: (-frequent[each], each)))
    }
    row = [*range(len(traits))]
    random.shuffle(row)
    row.sort(key=lambda each: sorted(rank[trait] for trait in traits[each]))
    return row


def _cut(row: Sequence[int], wanted: Sequence[int]) -> list[list[int]]:
    found: list[list[int]] = []
    start = 0
    for size in wanted:
        found.append([*row[start : start + size]])
        start += size
    return found


def _dealt(row: Sequence[int], groups: int) -> list[list[int]]:
    return [[*row[number::groups]] for number in range(groups)]


class _Search:
    """Groups, and how often each trait is in each of them."""

    def __init__(self, traits: Traits, groups: Sequence[Sequence[int]], sign: int) -> None:
        self._traits = traits
        self._sign = sign
        """1 when fewer shared pairs are better, -1 when more are."""
        self._group_of = [0] * len(traits)
        for number, group in enumerate(groups):
            for each in group:
                self._group_of[each] = number
        self._counts = [
            Counter(trait for each in group for trait in traits[each]) for group in groups
        ]

    def members(self) -> list[list[int]]:
        """Give the members of each group."""
        found: list[list[int]] = [[] for _ in self._counts]
        for each, group in enumerate(self._group_of):
            found[group].append(each)
        return found

    def improve(self, random: Random, check: Callable[[], None]) -> None:
        """Have pairs change places for as long as that helps."""
        if len(self._counts) < 2:  # noqa: PLR2004  (there is nobody to change places with)
            return
        row = [*range(len(self._traits))]
        for _ in range(max(1, MOST_TRIES // (PARTNERS * len(row)))):
            random.shuffle(row)
            if not self._round(row, random, check):
                return

    def _round(self, row: Sequence[int], random: Random, check: Callable[[], None]) -> bool:
        """Try some partners for everybody; tell whether anybody changed places."""
        has_changed = False
        for place, one in enumerate(row):
            if place % CHECK_EACH == 0:
                check()
            for _ in range(PARTNERS):
                other = row[int(random.random() * len(row))]
                if self._is_better(one, other):
                    self._exchange(one, other)
                    has_changed = True
                    break
        return has_changed

    def _is_better(self, one: int, other: int) -> bool:
        """Say whether it is better that two change places.

        A trait that leaves a group with n of it takes n-1 pairs along, and makes m where it comes
        to a group with m.
        """
        here, there = self._group_of[one], self._group_of[other]
        if here == there:
            return False
        ours, theirs = self._counts[here], self._counts[there]
        goes = self._traits[one] - self._traits[other]
        comes = self._traits[other] - self._traits[one]
        more = sum(theirs[trait] - ours[trait] + 1 for trait in goes)
        more += sum(ours[trait] - theirs[trait] + 1 for trait in comes)
        return more * self._sign < 0

    def _exchange(self, one: int, other: int) -> None:
        here, there = self._group_of[one], self._group_of[other]
        self._counts[here].subtract(self._traits[one])
        self._counts[there].subtract(self._traits[other])
        self._counts[here].update(self._traits[other])
        self._counts[there].update(self._traits[one])
        self._group_of[one], self._group_of[other] = there, here
