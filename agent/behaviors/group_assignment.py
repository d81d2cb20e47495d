"""`group_assignment`: participants and what they answered, into balanced groups.

Who belongs to which group is worked out (`balancing`), of traits that a model reads
(`group_traits`) or that are had without one; so everybody is in exactly one group, whatever a model
says.
"""

from collections import Counter
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from agent.behaviors.balancing import Strategy, assigned, shared_pairs
from agent.behaviors.behavior import Work, behavior
from agent.behaviors.group_explaining import explained
from agent.behaviors.group_traits import Found, read_traits
from agent.behaviors.marking import IS_DATA
from agent.behaviors.structured import Asker

MOST_PARTICIPANTS: Final = 50_000
SOFT_SECONDS: Final = 300.0
MODEL_SECONDS: Final = 240.0
"""For which the model is asked; the rest is done without it, before the soft limit."""

ROLE: Final = (
    "You help to put participants into groups. You answer each question once, by calling the tool "
    f"`answer`, and say nothing else. {IS_DATA}"
)


class Participant(BaseModel):
    """Somebody who is to be in a group."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(min_length=1, max_length=200)]
    name: str = ""
    answers: list[str] | dict[str, str] = Field(default_factory=list)
    """Texts, or texts by question."""

    def text(self) -> str:
        """Give the answers in one."""
        if isinstance(self.answers, list):
            return "\n".join(filter(str.strip, self.answers))
        return "\n".join(f"{asked}: {said}" for asked, said in self.answers.items() if said.strip())


class Grouping(BaseModel):
    """The input of `group_assignment`."""

    model_config = ConfigDict(extra="forbid")

    participants: Annotated[list[Participant], Field(min_length=1, max_length=MOST_PARTICIPANTS)]
    group_count: Annotated[int, Field(ge=1)] | None = None
    group_size: Annotated[int, Field(ge=1)] | None = None
    """That no group exceeds."""
    strategy: Strategy = "diverse"
    instructions: Annotated[str, Field(max_length=10_000)] = ""
    """What the groups are for, in the words of whoever has them made."""
    seed: int = 0

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        if (self.group_count is None) == (self.group_size is None):
            raise ValueError("give either group_count or group_size")
        ids = Counter(each.id for each in self.participants)
        twice = [each for each, number in ids.items() if number > 1]
        if twice:
            told = ", ".join(map(repr, twice[:5]))
            raise ValueError(f"participants: {len(twice)} ids are there more than once: {told}")
        return self

    def groups(self) -> int:
        """Say how many groups are asked for."""
        if self.group_count is not None:
            return self.group_count
        return -(-len(self.participants) // (self.group_size or 1))


@behavior("group_assignment", soft_seconds=SOFT_SECONDS)
async def group_assignment(given: Grouping, work: Work) -> dict[str, Any]:
    """Put participants into balanced groups, and explain them."""
    wanted = given.groups()
    ids = [each.id for each in given.participants]
    texts = [each.text() for each in given.participants]
    given.participants.clear()
    without_answers = sum(not text.strip() for text in texts)
    work.stage("reading answers", 1)
    async with Asker(work, ROLE, seconds=MODEL_SECONDS) as asker:
        found = await read_traits(
            texts,
            given.instructions,
            asker,
            lambda part: work.stage("reading answers", 5 + 65 * part),
        )
        texts.clear()
        work.stage("assigning", 70)
        groups = assigned(found.traits, wanted, given.strategy, given.seed, work.check)
        work.stage("explaining", 75)
        told, by_model = await explained(
            groups,
            found.traits,
            given.strategy,
            asker,
            lambda part: work.stage("explaining", 75 + 24 * part),
        )
    names = [f"Group {number}" for number in range(1, len(groups) + 1)]
    return {
        "groups": {
            name: [ids[member] for member in group]
            for name, group in zip(names, groups, strict=True)
        },
        "explanations": dict(zip(names, told, strict=True)),
        "metadata": {
            "participants": len(ids),
            "participants_without_answers": without_answers,
            "groups_asked_for": wanted,
            "groups": len(groups),
            "smallest_group": min(map(len, groups)),
            "largest_group": max(map(len, groups)),
            "strategy": given.strategy,
            "seed": given.seed,
            "shared_pairs": shared_pairs(found.traits, groups),
            "explained_by_model": by_model,
            **_about(found),
            "model": asker.tally.told(),
        },
    }


def _about(found: Found) -> dict[str, Any]:
    """Say how the traits were found."""
    return {
        "traits": found.names,
        "read_by_model": found.read,
        "read_by_words": found.by_words,
        "mended": {what: number for what, number in sorted(found.mended.items()) if number},
    }
