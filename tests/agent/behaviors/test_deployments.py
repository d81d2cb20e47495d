"""Deployments are checked when they are stored, and are as they were stored after that."""

import asyncio
import math
import sqlite3

import pytest
from pydantic import BaseModel

from agent.behaviors import (
    Behavior,
    BehaviorError,
    Behaviors,
    DeploymentNotFoundError,
    Deployments,
    Work,
    behavior,
)
from agent.behaviors.behavior import imported
from agent.database import DatabaseError
from tests.agent.behaviors import behaviors_for_tests
from tests.agent.behaviors.behaviors_for_tests import ALL, Given, light, plain

ONE = {"title": "A page", "behaviors": {"1": {"behavior": "plain", "input": {"text": "a"}}}}


@pytest.fixture
async def deployments(tmp_path):
    opened = Deployments(tmp_path / "deployments.sqlite", Behaviors(ALL), now=lambda: 12.5)
    yield opened
    await opened.close()


async def test_a_deployment_is_as_it_was_stored(deployments):
    stored = await deployments.put("page-1", ONE)
    assert await deployments.get("page-1") == stored
    assert stored.model_dump() == {"id": "page-1", "updated": 12.5, **ONE}
    assert stored.step("1").behavior == "plain"


async def test_it_is_there_after_a_restart(deployments, tmp_path):
    stored = await deployments.put("page-1", ONE)
    await deployments.close()
    again = Deployments(tmp_path / "deployments.sqlite", Behaviors(ALL))
    assert await again.get("page-1") == stored
    await again.close()


async def test_another_of_the_same_id_takes_its_place(deployments):
    await deployments.put("page-1", ONE)
    second = await deployments.put("page-1", {"behaviors": {"2": {"behavior": "light"}}})
    assert await deployments.get("page-1") == second
    with pytest.raises(DeploymentNotFoundError, match="no behaviour '1'; there are: 2"):
        second.step("1")


async def test_they_are_listed_by_id_and_removed(deployments):
    for name in ("b", "a", "c"):
        await deployments.put(name, ONE)
    await deployments.delete("b")
    assert [each.id for each in await deployments.all()] == ["a", "c"]
    for act in (deployments.get, deployments.delete):
        with pytest.raises(DeploymentNotFoundError, match="there is no deployment 'b'"):
            await act("b")


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "../up", ".hidden", "a/b", "x" * 101, "ü", "a\n", "a\x00"]
)
async def test_an_id_that_cannot_be_is_refused(deployments, name):
    with pytest.raises(BehaviorError, match=r"deployment id .*: letters, digits"):
        await deployments.put(name, ONE)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({}, "behaviors: Field required"),
        ({"behaviors": []}, "behaviors: Input should be a valid dictionary"),
        ({"behaviors": {"1": {}}}, r"behaviors\.1\.behavior: Field required"),
        ({"behaviors": {"1": {"behavior": "none"}}}, "there is no behaviour 'none'; there are: "),
        ({"behaviors": {"one": {"behavior": "plain"}}}, r"behaviors\.one: a behaviour's number"),
        ({"behaviors": {"\u0661": {"behavior": "plain"}}}, "a behaviour's number"),
        ({"behaviors": {"": {"behavior": "plain"}}}, "a behaviour's number"),
        ({"behaviors": {}, "pages": 1}, "pages: Extra inputs"),
    ],
)
async def test_what_is_wrong_is_told_by_field_and_nothing_is_stored(deployments, given, fault):
    with pytest.raises(BehaviorError, match=fault):
        await deployments.put("page-1", given)
    assert await deployments.all() == []


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"text": 3}, "the input of plain is wrong: text: Input should be a valid string"),
        ({"texts": "a"}, "texts: Extra inputs are not permitted"),
        ({"text": "a", "until": None}, "until: Input should be a valid string"),
    ],
)
async def test_an_input_that_is_wrong_is_told_by_field(deployments, given, fault):
    with pytest.raises(BehaviorError, match=fault):
        await deployments.put("page-1", {"behaviors": {"1": {"behavior": "plain", "input": given}}})


class Loose(BaseModel):
    """Takes anything."""

    value: object = None


@behavior("loose")
def loose(given: Loose, work: Work):
    """Take anything."""


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (math.nan, r"behaviors\.1: its input\['value'\] is nan, which JSON does not have"),
        ("\ud800", r"behaviors\.1: its input\['value'\] holds half a character"),
        ("x" * 16_000_001, r"behaviors\.1: its input has 16,000,0\d\d bytes as JSON"),
    ],
    ids=["nan", "half", "large"],
)
async def test_what_no_job_could_take_is_refused_when_it_is_stored(tmp_path, value, fault):
    deployments = Deployments(tmp_path / "d.sqlite", Behaviors([loose]))
    with pytest.raises(BehaviorError, match=fault):
        await deployments.put(
            "a", {"behaviors": {"1": {"behavior": "loose", "input": {"value": value}}}}
        )
    await deployments.close()


async def test_a_file_that_is_no_database_is_told(tmp_path):
    file = tmp_path / "deployments.sqlite"
    await asyncio.to_thread(file.write_bytes, b"this is no database" * 100)
    deployments = Deployments(file, Behaviors(ALL))
    for act in (deployments.all(), deployments.get("a"), deployments.put("a", ONE)):
        with pytest.raises(DatabaseError, match="cannot be used"):
            await act
    await deployments.close()


async def test_a_damaged_deployment_is_told_and_hides_no_other(deployments, tmp_path, caplog):
    await deployments.put("a", ONE)
    sound = await deployments.put("b", ONE)

    def damage():
        with sqlite3.connect(tmp_path / "deployments.sqlite") as table:
            table.execute("update deployments set body = '{\"id\": 3' where id = 'a'")
        table.close()

    await asyncio.to_thread(damage)
    with pytest.raises(DatabaseError, match="deployment 'a' is damaged: store it again"):
        await deployments.get("a")
    assert await deployments.all() == [sound]
    assert "deployment 'a' is damaged" in caplog.text
    await deployments.put("a", ONE)
    assert len(await deployments.all()) == 2


async def test_a_closed_one_says_so(deployments):
    await deployments.close()
    await deployments.close()
    with pytest.raises(DatabaseError, match="is closed"):
        await deployments.get("a")


# -- behaviours themselves ---------------------------------------------------------------------


def test_a_behaviour_is_found_by_name_and_by_reference():
    known = Behaviors(ALL)
    assert known.get("light") is light
    assert [*known] == [*ALL]
    assert imported(plain.reference) is plain
    assert plain.reference == "tests.agent.behaviors.behaviors_for_tests:plain"


@pytest.mark.parametrize(
    ("reference", "fault"),
    [
        ("no.such.module:plain", "cannot be imported: No module named"),
        (f"{behaviors_for_tests.__name__}:none", "cannot be imported: .* no attribute 'none'"),
        (f"{behaviors_for_tests.__name__}:Given", "is no behaviour: decorate it"),
    ],
)
def test_what_cannot_be_imported_is_told(reference, fault):
    with pytest.raises(BehaviorError, match=fault):
        imported(reference)


def test_two_behaviours_of_one_name_are_refused():
    other = Behavior("plain", plain.function, False, Given, 1, 2)
    with pytest.raises(BehaviorError, match="two behaviours have the name 'plain'"):
        Behaviors([plain, other])
    assert [*Behaviors([plain, plain])] == [plain]


def nothing():
    """Take nothing."""


def untyped(given, work):
    """Take something."""


def wrong(given: dict[str, str], work: Work):
    """Take a dict."""


@pytest.mark.parametrize("function", [nothing, untyped, wrong])
def test_a_function_without_a_typed_input_is_no_behaviour(function):
    with pytest.raises(BehaviorError, match="its first parameter is annotated with a pydantic"):
        behavior("name")(function)
