"""Random batches for the property tests."""

from hypothesis import strategies as st

from tests.scheduler.model import Act

RESOURCES = st.sampled_from(
    [
        ("file", "one", "a"),
        ("file", "one", "a"),
        ("file", "one", "b"),
        ("file", "two", "a"),
        ("file", "one"),
        ("file",),
        ("browser", "0"),
        ("browser", "0"),
        ("browser", "1"),
        (),
    ]
)
SOME = st.frozensets(RESOURCES, max_size=2)
APPROVALS = st.none() | st.tuples(
    st.sampled_from(["allow", "allow", "deny", "raise", "cancel", "never"]), st.integers(0, 8)
)

NESTED = st.builds(
    Act,
    reads=SOME,
    writes=st.frozensets(RESOURCES, max_size=1),
    lasts=st.integers(0, 3),
    fails=st.booleans(),
    cancel_after=st.none() | st.integers(0, 4),
    approval=APPROVALS,
    lingers=st.just(0) | st.integers(0, 6),
    lane=st.sampled_from(["free", "narrow", "wide"]),
    link=st.sampled_from(["", "", "", "move", "through"]),
    priority=st.integers(0, 2),
)

PLAIN = st.builds(
    Act,
    session=st.integers(0, 2),
    reads=SOME,
    writes=st.just(frozenset()) | SOME,
    at=st.just(0) | st.integers(0, 3),
    lasts=st.integers(0, 4),
    fails=st.booleans(),
    cancel_after=st.none() | st.integers(0, 6),
    approval=st.none() | APPROVALS,
    lingers=st.just(0) | st.integers(0, 8),
    lane=st.sampled_from(["free", "free", "narrow", "wide"]),
    priority=st.integers(0, 2),
    waits_for_last=st.booleans(),
)

LINKED = st.builds(
    Act,
    session=st.integers(0, 2),
    at=st.just(0) | st.integers(0, 3),
    lasts=st.integers(0, 4),
    cancel_after=st.none() | st.integers(0, 6),
    approval=st.none() | APPROVALS,
    lane=st.sampled_from(["free", "narrow"]),
    link=st.sampled_from(["move", "through", "through"]),
)

PARENTS = st.builds(
    Act,
    session=st.integers(0, 2),
    writes=st.sampled_from([frozenset({()}), frozenset({("file",)})]),
    at=st.just(0) | st.integers(0, 3),
    lasts=st.integers(0, 2),
    cancel_after=st.none() | st.integers(0, 8),
    approval=st.none() | APPROVALS,
    lane=st.sampled_from(["free", "narrow"]),
    nested=st.lists(NESTED, min_size=1, max_size=4).map(tuple),
    is_outlived=st.booleans(),
)

BATCHES = st.lists(PLAIN | PLAIN | PLAIN | LINKED | PARENTS, min_size=1, max_size=10).map(tuple)
