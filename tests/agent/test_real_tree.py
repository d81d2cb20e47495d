"""A turn over real files: what came of it side by side is what comes of it one by one."""

import pytest

from benchmarks import tree

PACKAGES = ("httpx2", "iniconfig", "pluggy", "pytest", "anyio", "h11")


@pytest.fixture
def places(tmp_path):
    """Make the same tree twice: some packages under git."""
    both = tmp_path / "parallel", tmp_path / "serial"
    for each in both:
        tree.make_tree(each, PACKAGES)
    return both


async def test_results_and_tree_are_those_of_the_serial_run_and_the_certificate_says_so(places):
    ours = await tree.in_parallel(places[0])
    serial = await tree.one_by_one(places[1])
    assert tree.difference(ours, serial) == []
    assert ours.certificate == "serial-equivalent in request order"
    assert not [text for text in ours.texts if text.startswith("failed")]
