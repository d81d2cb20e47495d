"""The themes of many batches made into a few, by a model as far as there is one.

The rules that this file keeps:

- themes of one name are one; then the model merges what means the same, a batch of themes at a
  time, until they are in one batch;
- a round that makes no fewer of them is the last; where the model gives no answer, themes stay;
- of more themes than there may be the largest stay, and the answers of the others have none yet.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import BaseModel, Field

from agent.behaviors.batching import Batch, batches
from agent.behaviors.marking import as_data, one_line
from agent.behaviors.parallel import each
from agent.behaviors.structured import Asker
from agent.behaviors.tally import NoAnswerError
from agent.behaviors.theme import Theme, name_key
from agent.behaviors.theme_reading import Description, Name, purpose

BATCH: Final = 120
BATCH_CHARACTERS: Final = 24_000
AT_ONCE: Final = 4


class MergedTheme(BaseModel):
    """One theme."""

    name: Name
    description: Description
    themes: Annotated[
        list[int], Field(description="Numbers of the themes in the data that are part of it.")
    ]


class MergedThemes(BaseModel):
    """The themes that those in the data come down to."""

    themes: Annotated[list[MergedTheme], Field(min_length=1)]


async def merged(
    themes: Sequence[Theme], most: int, instructions: str, asker: Asker, mended: Counter[str]
) -> list[Theme]:
    """Merge themes into so many at most, the largest first.

    Args:
        themes: of all batches.
        most: how many may be left.
        instructions: what the themes are for.
        asker: asks the model.
        mended: counts what was wrong with the model's answers.
    """
    current = united(themes)
    while len(current) > 1:
        round_ = _Round(current, most, instructions, asker, mended)
        made = united(await round_.run())
        is_last = round_.batches == 1 or len(made) >= len(current)
        current = made
        if is_last:
            break
    current.sort(key=lambda theme: (-len(theme.members), name_key(theme.name)))
    mended["themes_left_out"] += max(0, len(current) - most)
    return current[:most]


def united(themes: Sequence[Theme]) -> list[Theme]:
    """Make themes of one name one, in the order in which their names come first."""
    found: dict[str, Theme] = {}
    for theme in themes:
        known = found.setdefault(name_key(theme.name), Theme(theme.name, theme.description, []))
        known.members += theme.members
    return [*found.values()]


class _Round:
    """All themes shown to the model once."""

    def __init__(
        self,
        themes: Sequence[Theme],
        most: int,
        instructions: str,
        asker: Asker,
        mended: Counter[str],
    ) -> None:
        self._themes = themes
        self._most = most
        self._instructions = instructions
        self._asker = asker
        self._mended = mended
        self._made: dict[int, list[Theme]] = {}
        self.batches = 0

    def __repr__(self) -> str:
        return f"<_Round of {len(self._themes)} themes, {self.batches} batches>"

    async def run(self) -> list[Theme]:
        """Give the themes that these are merged into."""
        told = [
            f"{theme.name} ({len(theme.members)} answers): {theme.description}"
            for theme in self._themes
        ]
        cuts = batches(told, most_texts=BATCH, most_characters=BATCH_CHARACTERS)
        await each(cuts, self._ask, most=AT_ONCE)
        return [theme for start in sorted(self._made) for theme in self._made[start]]

    async def _ask(self, batch: Batch) -> None:
        self.batches += 1
        own = [self._themes[number] for number, _ in batch]
        self._made[batch[0][0]] = own
        question = (
            f"Merge the {len(batch)} themes below, which were found in parts of one set of "
            f"answers, into {self._most} themes at most that stay well apart. Each of those below "
            "becomes part of one of yours, by its number.\n\n"
            f"{purpose(self._instructions)}{as_data(text for _, text in batch)}"
        )
        try:
            answer = await self._asker.ask(MergedThemes, question)
        except NoAnswerError:
            return
        self._made[batch[0][0]] = self._put_together(answer, own)

    def _put_together(self, answer: MergedThemes, own: Sequence[Theme]) -> list[Theme]:
        """Merge as the model says, as far as that can be; what it leaves out stays as it is."""
        made: list[Theme] = []
        left = dict(enumerate(own, 1))
        for said in answer.themes:
            parts: list[Theme] = []
            for number in said.themes:
                if number in left:
                    parts.append(left.pop(number))
                else:
                    what = "repeated_themes" if 0 < number <= len(own) else "unknown_themes"
                    self._mended[what] += 1
            name = one_line(said.name)
            if parts and name:
                members = [member for part in parts for member in part.members]
                made.append(Theme(name, one_line(said.description), members))
            else:
                self._mended["empty_themes"] += 1
                left.update((own.index(part) + 1, part) for part in parts)
        self._mended["missing_themes"] += len(left)
        return made + [left[number] for number in sorted(left)]
