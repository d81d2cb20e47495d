"""Themes of answers, found by a model batch by batch, each with its answers.

The rules that this file keeps: an answer has one theme, the first that the model puts it into;
numbers that there are not are left out; a theme without an answer is none. What is left out is
counted, and answers of which the model says nothing have no theme yet.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final, TypeAlias

from pydantic import BaseModel, Field

from agent.behaviors.batching import Batch, batches
from agent.behaviors.marking import as_data, one_line
from agent.behaviors.parallel import each
from agent.behaviors.structured import Asker
from agent.behaviors.tally import NoAnswerError
from agent.behaviors.theme import Theme

MOST_FOUND: Final = 20
"""Themes of a batch."""

BATCH: Final = 300
BATCH_CHARACTERS: Final = 24_000
AT_ONCE: Final = 6

Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=80)]
Description: TypeAlias = Annotated[str, Field(max_length=500)]


class FoundTheme(BaseModel):
    """One theme."""

    name: Name
    description: Description
    answers: Annotated[list[int], Field(description="Numbers of the answers that have it.")]


class FoundThemes(BaseModel):
    """The themes of the answers in the data."""

    themes: Annotated[list[FoundTheme], Field(max_length=MOST_FOUND)]


@dataclass(slots=True)
class Read:
    """The themes of all batches."""

    themes: list[Theme] = field(default_factory=list)
    mended: Counter[str] = field(default_factory=Counter)
    """What was wrong with the model's answers."""


async def read_themes(
    texts: Sequence[str], instructions: str, asker: Asker, report: Callable[[float], None]
) -> Read:
    """Find the themes of each batch of texts, in the order of the batches."""
    found: dict[int, list[Theme]] = {}
    read = Read()

    async def ask(batch: Batch) -> None:
        try:
            answer = await asker.ask(FoundThemes, _question(batch, instructions))
        except NoAnswerError:
            return
        found[batch[0][0]] = _mended(answer, batch, read.mended)

    cuts = batches(texts, most_texts=BATCH, most_characters=BATCH_CHARACTERS)
    await each(cuts, ask, most=AT_ONCE, report=lambda done: report(done / len(texts)))
    read.themes = [theme for start in sorted(found) for theme in found[start]]
    return read


def purpose(instructions: str) -> str:
    """Say what themes are looked for, as whoever asks for them says it."""
    return f"What they are for: {instructions.strip()}\n\n" if instructions.strip() else ""


def _question(batch: Batch, instructions: str) -> str:
    return (
        f"Find the themes of the {len(batch)} answers below, {MOST_FOUND} at most: what several of "
        "them are about. Put each answer into the one theme that fits it best, by its number; "
        f"leave out those that fit none.\n\n{purpose(instructions)}"
        f"{as_data(text for _, text in batch)}"
    )


def _mended(answer: FoundThemes, batch: Batch, mended: Counter[str]) -> list[Theme]:
    themes: list[Theme] = []
    seen: set[int] = set()
    for found in answer.themes:
        members: list[int] = []
        for number in found.answers:
            if not 0 < number <= len(batch):
                mended["unknown_answers"] += 1
            elif number in seen:
                mended["repeated_answers"] += 1
            else:
                seen.add(number)
                members.append(batch[number - 1][0])
        name = one_line(found.name)
        if members and name:
            themes.append(Theme(name, one_line(found.description), members))
        else:
            mended["empty_themes"] += 1
    mended["missing_answers"] += len(batch) - len(seen)
    return themes
