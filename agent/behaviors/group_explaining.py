"""Why a group is as it is, in a sentence: by a model, or without one."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Annotated, Final

from pydantic import BaseModel, Field

from agent.behaviors.balancing import Strategy, Traits
from agent.behaviors.batching import Batch, batches
from agent.behaviors.marking import as_data, one_line
from agent.behaviors.parallel import each
from agent.behaviors.structured import Asker
from agent.behaviors.tally import NoAnswerError

MOST_TOLD: Final = 8
"""Traits of a group that are told."""

BATCH: Final = 20
BATCH_CHARACTERS: Final = 16_000
AT_ONCE: Final = 6


class Explanation(BaseModel):
    """One group."""

    number: int
    text: Annotated[str, Field(min_length=1, max_length=600)]


class Explanations(BaseModel):
    """All groups of the data, each explained in one or two sentences."""

    groups: list[Explanation]


async def explained(
    groups: Sequence[Sequence[int]],
    traits: Traits,
    strategy: Strategy,
    asker: Asker,
    report: Callable[[float], None],
) -> tuple[list[str], int]:
    """Explain groups; give the texts, and how many of them are the model's."""
    made = [described(group, traits) for group in groups]
    is_models = [False] * len(groups)

    async def ask(batch: Batch) -> None:
        try:
            answer = await asker.ask(Explanations, _question(batch, strategy))
        except NoAnswerError:
            return
        for said in answer.groups:
            place = said.number - 1
            if not (0 <= place < len(batch) and said.text.strip()):
                continue
            number = batch[place][0]
            if not is_models[number]:
                made[number] = one_line(said.text)
                is_models[number] = True

    cuts = batches([*made], most_texts=BATCH, most_characters=BATCH_CHARACTERS)
    await each(cuts, ask, most=AT_ONCE, report=lambda done: report(done / len(groups)))
    return made, sum(is_models)


def described(group: Sequence[int], traits: Traits) -> str:
    """Say what is known of a group: how many it has, and their most frequent traits."""
    counts = Counter(trait for each in group for trait in traits[each])
    frequent = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_TOLD]
    people = "1 participant" if len(group) == 1 else f"{len(group)} participants"
    if not frequent:
        return f"{people}, of whom no traits are known."
    told = ", ".join(f"{trait} ({number})" for trait, number in frequent)
    return f"{people}. Most frequent: {told}."


def _question(batch: Batch, strategy: Strategy) -> str:
    aim = "share as much as possible" if strategy == "similar" else "complement one another"
    return (
        f"Participants were put into groups whose members {aim}. Explain each of the {len(batch)} "
        "groups below to its members, in one or two sentences, by their traits; how many have a "
        f"trait stands behind it.\n\n{as_data(text for _, text in batch)}"
    )
