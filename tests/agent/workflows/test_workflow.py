"""What may become of a workflow: whatever comes in whatever order."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.database import DatabaseError
from agent.workflows import workflow
from agent.workflows.store import WorkflowStore, _row, _workflow
from agent.workflows.workflow import ENDED, Phase, Workflow

STEPS = {
    "proposed": lambda w, now: workflow.proposed(w, "a plan", now),
    "approved": workflow.approved,
    "rejected": lambda w, now: workflow.rejected(w, "no", now),
    "sent_back": lambda w, now: workflow.sent_back(w, "better", now),
    "cycle_began": workflow.cycle_began,
    "cycle_ended": lambda w, now: workflow.cycle_ended(w, "said", "", now),
    "cycle_failed": lambda w, now: workflow.cycle_ended(w, "", "it broke", now),
    "finished": lambda w, now: workflow.finished(w, "done", now, succeeded=True),
    "gave_up": lambda w, now: workflow.finished(w, "cannot", now, succeeded=False),
    "failed": lambda w, now: workflow.failed(w, "for good", now),
}


@given(st.lists(st.sampled_from([*STEPS]), max_size=60), st.integers(1, 4))
def test_whatever_comes_a_workflow_stays_sound(steps, most):
    current = Workflow("w", "goal", 0.0, 0.0, most)
    was_approved = False
    for now, step in enumerate(steps, 1):
        after = STEPS[step](current, float(now))
        if after is None:
            continue
        assert current.phase not in ENDED, "nothing becomes of what has ended"
        was_approved = was_approved or step == "approved"
        assert not after.cycles or was_approved
        assert [cycle.number for cycle in after.cycles] == [*range(1, len(after.cycles) + 1)]
        assert len(after.cycles) <= most
        assert after.began is None or after.phase is Phase.PROCESSING
        assert after.updated == now
        assert (after.phase is Phase.COMPLETED) <= (after.finished is True)
        assert bool(after.error) or after.phase is not Phase.FAILED
        assert _workflow(_row(after)[3]) == after
        current = after


def test_a_decision_counts_once():
    waits = workflow.proposed(Workflow("w", "goal", 0.0, 0.0), "plan", 1.0)
    assert waits is not None
    approved = workflow.approved(waits, 2.0)
    assert approved is not None
    for decide in (workflow.approved, lambda w, now: workflow.rejected(w, "", now)):
        assert decide(approved, 3.0) is None


async def test_one_that_is_stored_and_cannot_be_read_is_an_error_that_says_so(tmp_path):
    store = WorkflowStore(tmp_path / "w.sqlite")
    await store.add(Workflow("w", "goal", 0.0, 0.0))
    await store._database.run(lambda table: table.execute("update workflows set body = '{'"))
    with pytest.raises(DatabaseError, match="a workflow that is stored cannot be read"):
        await store.get("w")
    body = json.dumps({"phase": "dreaming", "cycles": []})
    await store._database.run(lambda table: table.execute("update workflows set body = ?", (body,)))
    with pytest.raises(DatabaseError, match="'dreaming' is not a valid Phase"):
        await store.all()
    await store.close()
    with pytest.raises(DatabaseError, match="is closed"):
        await store.get("w")
