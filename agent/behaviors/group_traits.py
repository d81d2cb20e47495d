"""The traits of participants, read by a model out of their answers, batch by batch.

The rules that this file keeps:

- the model first names the traits by which the participants differ, of a few of them spread over
  all, and then says for each participant which of these fit: so a trait means the same in all
  batches;
- it speaks of numbers within a batch only. Numbers that there are not are left out, of several
  lines for one participant the first counts, and all of that is counted;
- a participant of whom it says nothing has the traits that can be had without it: which of the
  most common words of all answers theirs have.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final, TypeAlias

from pydantic import BaseModel, Field

from agent.behaviors.batching import Batch, batches, cut
from agent.behaviors.marking import as_data, one_line
from agent.behaviors.parallel import each
from agent.behaviors.structured import Asker
from agent.behaviors.tally import NoAnswerError
from agent.behaviors.words import marked_by_words

MOST_TRAITS: Final = 16
MOST_WORDS: Final = 64
"""That count as traits where no model does."""

SAMPLE: Final = 40
SAMPLE_CHARACTERS: Final = 16_000
BATCH: Final = 50
BATCH_CHARACTERS: Final = 24_000
AT_ONCE: Final = 6

Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=60)]


class Trait(BaseModel):
    """Something that some participants have and others do not."""

    name: Name
    description: Annotated[str, Field(max_length=300)] = ""


class TraitList(BaseModel):
    """The traits by which participants are told apart."""

    traits: Annotated[list[Trait], Field(min_length=1, max_length=MOST_TRAITS)]


class Reading(BaseModel):
    """One participant."""

    number: int
    traits: Annotated[list[int], Field(description="Numbers of the traits that fit.")]


class Readings(BaseModel):
    """All participants of the data."""

    participants: list[Reading]


@dataclass(slots=True)
class Found:
    """The traits of all participants, and how they were found."""

    traits: list[frozenset[str]]
    names: list[str] = field(default_factory=list)
    """Those that the model named."""
    read: int = 0
    """Participants whose traits the model read."""
    by_words: int = 0
    """Those whose traits are words."""
    mended: Counter[str] = field(default_factory=Counter)
    """What was wrong with the model's answers."""


async def read_traits(
    texts: Sequence[str], instructions: str, asker: Asker, report: Callable[[float], None]
) -> Found:
    """Find the traits of participants.

    Args:
        texts: what each of them answered; blank for nothing.
        instructions: what the groups are for.
        asker: asks the model.
        report: told of the part that is done.
    """
    found = Found([frozenset()] * len(texts))
    there = [number for number, text in enumerate(texts) if text.strip()]
    is_read = [False] * len(texts)
    try:
        named = await _named([texts[number] for number in there], instructions, asker)
    except NoAnswerError:
        named = []
    found.names = [trait.name for trait in named]

    async def read(batch: Batch) -> None:
        question = _question(batch, named, instructions)
        try:
            readings = await asker.ask(Readings, question)
        except NoAnswerError:
            return
        for place, traits in _mended(readings, len(batch), found).items():
            number = there[batch[place][0]]
            found.traits[number] = traits
            is_read[number] = True

    if named:
        all_texts = (texts[number] for number in there)
        cuts = batches(all_texts, most_texts=BATCH, most_characters=BATCH_CHARACTERS)
        await each(cuts, read, most=AT_ONCE, report=lambda done: report(done / len(there)))
    _fill_in(texts, [number for number in there if not is_read[number]], found)
    found.read = sum(is_read)
    return found


async def _named(texts: Sequence[str], instructions: str, asker: Asker) -> list[Trait]:
    """Have the model name traits, of a few participants spread over all."""
    if not texts:
        return []
    step = max(1, len(texts) // SAMPLE)
    longest = SAMPLE_CHARACTERS // SAMPLE
    sample = [cut(text, longest) for text in texts[::step][:SAMPLE]]
    question = (
        f"Below is what {len(sample)} of {len(texts)} participants answered. Name up to "
        f"{MOST_TRAITS} traits by which such participants can be told apart for the purpose, each "
        f"of which fits some of them and not all.\n\n{_purpose(instructions)}{as_data(sample)}"
    )
    named = [
        Trait(name=name, description=one_line(trait.description))
        for trait in (await asker.ask(TraitList, question)).traits
        if (name := one_line(trait.name))
    ]
    return [*{trait.name: trait for trait in named}.values()]


def _question(batch: Batch, named: Sequence[Trait], instructions: str) -> str:
    traits = "\n".join(
        f"{number}. {trait.name}: {trait.description}"
        if trait.description
        else f"{number}. {trait.name}"
        for number, trait in enumerate(named, 1)
    )
    return (
        f"Say for each of the {len(batch)} participants below which of these traits fit, by "
        f"number:\n\n{traits}\n\n{_purpose(instructions)}{as_data(text for _, text in batch)}"
    )


def _purpose(instructions: str) -> str:
    return f"The purpose: {instructions.strip()}\n\n" if instructions.strip() else ""


def _mended(readings: Readings, size: int, found: Found) -> dict[int, frozenset[str]]:
    """Give what the model said of each place in a batch, as far as it can be."""
    said: dict[int, frozenset[str]] = {}
    for reading in readings.participants:
        place = reading.number - 1
        if not 0 <= place < size:
            found.mended["unknown_participants"] += 1
        elif place in said:
            found.mended["repeated_participants"] += 1
        else:
            known = [number for number in reading.traits if 0 < number <= len(found.names)]
            found.mended["unknown_traits"] += len(reading.traits) - len(known)
            said[place] = frozenset(found.names[number - 1] for number in known)
    found.mended["missing_participants"] += size - len(said)
    return said


def _fill_in(texts: Sequence[str], left: Sequence[int], found: Found) -> None:
    """Give those whom the model did not read the words that they use as traits."""
    if not left:
        return
    marked = marked_by_words(texts, MOST_WORDS)
    for number in left:
        found.traits[number] = marked[number]
    found.by_words = len(left)
