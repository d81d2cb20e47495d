"""The one property: any parallel run equals the serial one, and nobody waits without need."""

import os

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.scheduler.batches import BATCHES
from tests.scheduler.model import play

CASES = int(os.environ.get("TOOLLOOP_CASES", "1000"))
SETTINGS = settings(
    max_examples=CASES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=set(Phase) - {Phase.explain},
)


pytestmark = pytest.mark.usefixtures("quiet")


@SETTINGS
@given(BATCHES)
def test_sessions_with_worlds_of_their_own_each_end_as_in_their_serial_run(acts):
    play(acts, private=True)


@SETTINGS
@given(BATCHES)
def test_sessions_that_share_a_world_never_overlap_in_a_conflict_and_never_lose_an_order(acts):
    play(acts, private=False)
