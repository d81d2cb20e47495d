"""What is done in each task: a generator that gives a reply's calls and goes on with their results.

Each file has a family of tasks and ends with a table of them. Left out
are tasks that have to be seen as a picture (shapes, colours, positions on a canvas), are a matter
of reaction time, or have instructions that are wrong or ask for a guess.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from benchmarks.miniwob.calls import Policy
from benchmarks.miniwob.policies import choosing, clicking, dragging, opening, posting, writing

FAMILIES: Final = (clicking, writing, choosing, opening, posting, dragging)

POLICIES: Final[Mapping[str, Policy]] = MappingProxyType(
    {task: policy for family in FAMILIES for task, policy in family.POLICIES.items()}
)
"""By the name of the task's page."""
