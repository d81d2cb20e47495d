"""`theme_creator`: many free-text answers into themes, and each answer into a theme, or "other".

A model finds the themes of each batch of answers (`theme_reading`), and merges them into a few
(`theme_merging`). Answers that it left out, or of which no model was heard, go to the theme with
which they share words; where it found no themes at all, words are the themes (`theme_words`).
Equal answers are read once.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from agent.behaviors.batching import cut
from agent.behaviors.behavior import Work, behavior
from agent.behaviors.marking import IS_DATA
from agent.behaviors.structured import Asker
from agent.behaviors.theme import Theme, name_key
from agent.behaviors.theme_merging import merged
from agent.behaviors.theme_reading import read_themes
from agent.behaviors.theme_words import placed_by_words, themes_of_words

MOST_ANSWERS: Final = 100_000
MOST_EXAMPLES: Final = 3
LONGEST_EXAMPLE: Final = 200
OTHER: Final = "other"
FITS_NONE: Final = "Answers that fit no theme, or say nothing."
SOFT_SECONDS: Final = 300.0
MODEL_SECONDS: Final = 240.0
"""For which the model is asked; the rest is done without it, before the soft limit."""

ROLE: Final = (
    "You help to find out what many answers are about. You answer each question once, by calling "
    f"the tool `answer`, and say nothing else. {IS_DATA}"
)


class Answer(BaseModel):
    """One answer."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(min_length=1, max_length=200)]
    text: str


class Answers(BaseModel):
    """The input of `theme_creator`."""

    model_config = ConfigDict(extra="forbid")

    answers: Annotated[list[str | Answer], Field(min_length=1, max_length=MOST_ANSWERS)]
    """One that is only a text has its place as its id, counted from 1."""
    most_themes: Annotated[int, Field(ge=1, le=100)] = 12
    instructions: Annotated[str, Field(max_length=10_000)] = ""
    """What the themes are for, in the words of whoever wants them."""

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        ids = Counter(self.ids())
        if len(ids) < len(self.answers):
            twice = [each for each, number in ids.items() if number > 1]
            told = ", ".join(map(repr, twice[:5]))
            raise ValueError(f"answers: {len(twice)} ids are there more than once: {told}")
        return self

    def ids(self) -> list[str]:
        """Give the ids of the answers."""
        return [
            str(place) if isinstance(answer, str) else answer.id
            for place, answer in enumerate(self.answers, 1)
        ]


class _Distinct:
    """The answers that say something, each text once."""

    def __init__(self, answers: list[str | Answer]) -> None:
        places: dict[str, list[int]] = {}
        for place, answer in enumerate(answers):
            text = " ".join((answer if isinstance(answer, str) else answer.text).split())
            if text:
                places.setdefault(text, []).append(place)
        self.texts = [*places]
        self.places = [*places.values()]
        """Where each of them is among all answers."""

    def __repr__(self) -> str:
        return f"<_Distinct {len(self.places)} texts>"

    @property
    def weights(self) -> list[int]:
        """How many answers each of them stands for."""
        return [len(places) for places in self.places]


@behavior("theme_creator", soft_seconds=SOFT_SECONDS)
async def theme_creator(given: Answers, work: Work) -> dict[str, Any]:
    """Find the themes of answers, and put each answer into one."""
    ids = given.ids()
    distinct = _Distinct(given.answers)
    given.answers.clear()
    work.stage("reading answers", 1)
    async with Asker(work, ROLE, seconds=MODEL_SECONDS) as asker:
        read = await read_themes(
            distinct.texts,
            given.instructions,
            asker,
            lambda part: work.stage("reading answers", 2 + 73 * part),
        )
        work.stage("merging themes", 75)
        themes = await merged(
            read.themes, given.most_themes, given.instructions, asker, read.mended
        )
        read.themes.clear()
    work.stage("assigning", 85)
    by_model = bool(themes)
    placed = 0
    if by_model:
        placed = _complete(distinct, themes, work)
    else:
        themes = themes_of_words(distinct.texts, distinct.weights, given.most_themes, work.check)
    examples = {theme.name: _examples(distinct, theme) for theme in themes}
    distinct.texts.clear()
    work.stage("counting", 95)
    groups = _groups(distinct, themes, ids)
    metadata = {
        "answers": len(ids),
        "empty_answers": len(ids) - sum(distinct.weights),
        "distinct_answers": len(distinct.places),
        "themes_by": "model" if by_model else "words",
        "placed_by_words": placed,
        "themes": {
            name: {"answers": len(members), "examples": examples.get(name, [])}
            for name, members in groups.items()
        },
        "mended": {what: number for what, number in sorted(read.mended.items()) if number},
        "model": asker.tally.told(),
    }
    explanations = {theme.name: theme.description or theme.name for theme in themes}
    return {
        "groups": groups,
        "explanations": {name: explanations.get(name, FITS_NONE) for name in groups},
        "metadata": metadata,
    }


def _complete(distinct: _Distinct, themes: list[Theme], work: Work) -> int:
    """Put texts that have no theme into one by their words; give how many found one.

    What the model itself calls "other" stays that, and is no theme.
    """
    had = {member for theme in themes for member in theme.members}
    left = [number for number in range(len(distinct.texts)) if number not in had]
    themes[:] = [theme for theme in themes if name_key(theme.name) != OTHER]
    return placed_by_words(distinct.texts, left, themes, work.check)


def _groups(
    distinct: _Distinct, themes: Sequence[Theme], ids: Sequence[str]
) -> dict[str, list[str]]:
    """Give the ids of each theme's answers, the largest theme first; what is left is in "other"."""
    groups: dict[str, list[str]] = {}
    left = [True] * len(ids)
    for theme in themes:
        places = sorted(place for member in theme.members for place in distinct.places[member])
        groups[theme.name] = [ids[place] for place in places]
        for place in places:
            left[place] = False
    ordered = dict(sorted(groups.items(), key=lambda item: -len(item[1])))
    if any(left):
        ordered[OTHER] = [each for each, is_left in zip(ids, left, strict=True) if is_left]
    return ordered


def _examples(distinct: _Distinct, theme: Theme) -> list[str]:
    """Give the first few texts of a theme."""
    return [
        cut(distinct.texts[each], LONGEST_EXAMPLE) for each in sorted(theme.members)[:MOST_EXAMPLES]
    ]
