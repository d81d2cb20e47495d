"""Texts put together into batches that a model can read at once: pure.

The rules that this file keeps:

- every text is in exactly one batch, and they stay in their order;
- no batch has more texts or characters than it may; a text that is too long for one alone is cut,
  and ends with a mark;
- batches are made one by one, as they are asked for.
"""

from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

MARK: Final = " [... cut]"

Batch: TypeAlias = list[tuple[int, str]]
"""Texts, each with its number among all of them, counted from 0."""


def batches(texts: Iterable[str], *, most_texts: int, most_characters: int) -> Iterator[Batch]:
    """Put texts together, as many in a batch as it may have.

    Raises:
        ValueError: a batch could not hold even the mark of a text that was cut.
    """
    if most_texts < 1 or most_characters <= len(MARK):
        raise ValueError(f"a batch holds at least one text, and {len(MARK) + 1} characters")
    batch: Batch = []
    characters = 0
    for number, text in enumerate(texts):
        fitting = cut(text, most_characters)
        if batch and (len(batch) == most_texts or characters + len(fitting) > most_characters):
            yield batch
            batch, characters = [], 0
        batch.append((number, fitting))
        characters += len(fitting)
    if batch:
        yield batch


def cut(text: str, most: int) -> str:
    """Give a text of at most so many characters; a longer one loses its end, and says so."""
    return text if len(text) <= most else text[: most - len(MARK)] + MARK
