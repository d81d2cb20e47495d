"""Who belongs to a tree, from what is seen of all processes at once."""

import pytest

from tools.process_members import Traits, members_among

STRANGER = Traits(session=1, parent=1, marked=False)


@pytest.mark.parametrize(
    ("traits", "members"),
    [
        ({}, set()),
        ({7: STRANGER, 8: Traits(None)}, set()),
        ({7: Traits(10, 1, False), 8: STRANGER}, {7}),
        ({7: Traits(20, 1, True), 8: STRANGER}, {7}),
        # Below a member, and so on.
        ({7: Traits(10), 8: Traits(20, 7, False), 9: Traits(30, 8, False)}, {7, 8, 9}),
        # In a session that a member made, though nothing else leads there.
        ({7: Traits(20, 1, True), 8: Traits(20, 1, False), 9: Traits(30, 8)}, {7, 8, 9}),
        # A member whose session is not known makes no member of others like it.
        ({7: Traits(None, 1, True), 8: Traits(None, 1, False)}, {7}),
    ],
)
def test_members_lead_to_members(traits: dict[int, Traits], members: set[int]):
    assert members_among(traits, {10}) == members
