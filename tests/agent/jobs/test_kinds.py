"""Kinds of jobs: declared, known by name, found again by other processes."""

import math
import sys

import pytest

from agent.jobs.errors import JobInputError
from agent.jobs.kinds import JobKind, Kinds, imported, job_kind, kinds_of


@job_kind("count")
def count(job):
    return job.payload


def plain(job):
    return job.payload


renamed = job_kind("renamed")(plain)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": " "}, "a name is not empty"),
        ({"soft_seconds": 0}, "soft_seconds=0 is more than 0 and at most"),
        ({"soft_seconds": 10, "hard_seconds": 5}, "soft_seconds=10 is more than 0 and at most"),
        ({"hard_seconds": math.inf}, "every number of seconds finite"),
        ({"keep_seconds": math.nan}, "every number of seconds finite"),
        ({"attempts": 0}, "attempts is at least 1"),
        ({"backoff": -1}, "at least 0"),
    ],
)
def test_a_kind_that_cannot_be_is_refused(given, said):
    with pytest.raises(JobInputError, match=said):
        job_kind(**{"name": "x", **given})


def test_a_kind_is_found_again_by_its_reference():
    assert imported(count.reference) is count
    assert Kinds([count]).get("count") is count
    with pytest.raises(JobInputError, match="no kind of job 'none'; there are: count"):
        Kinds([count]).get("none")


def test_a_heavy_kind_that_no_other_process_would_find_is_refused():
    @job_kind("inner")
    def inner(job):
        return job.payload

    for each in (inner, renamed):
        with pytest.raises(JobInputError, match="decorate the function with @job_kind at a module"):
            Kinds([each])
    light = job_kind("light", heavy=False)(plain)
    assert [*Kinds([light])] == [light]


def test_two_kinds_of_one_name_are_refused_and_one_twice_is_one():
    other = job_kind("count", heavy=False)(plain)
    assert [*Kinds([count, count])] == [count]
    with pytest.raises(JobInputError, match="two kinds of job have the name 'count'"):
        Kinds([count, other])


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("no_such_module_here:count", "No module named"),
        (f"{__name__}:absent", "no attribute 'absent'"),
        (f"{__name__}:plain", "is no kind of job: decorate it"),
    ],
)
def test_a_reference_that_leads_nowhere_is_told(reference, said):
    with pytest.raises(JobInputError, match=said):
        imported(reference)


def test_a_module_that_fails_to_import_is_told_with_its_error(tmp_path, monkeypatch):
    (tmp_path / "broken_kinds.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(JobInputError, match=r"'broken_kinds' cannot be imported: .*division"):
        kinds_of(["broken_kinds"])
    assert "broken_kinds" not in sys.modules
    assert kinds_of([__name__])[0] is count
    assert isinstance(count, JobKind)
