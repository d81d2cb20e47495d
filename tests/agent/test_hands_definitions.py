"""What a model is told of the built-in tools: exact, and not long."""

import json

from tools.registry import Registry
from tools.workspace_tools import workspace_tools

MOST_BYTES = 14_000
"""Every request pays for them; today they take 13.7 kB."""


def definitions():
    return {each["name"]: each for each in Registry(workspace_tools()).definitions()}


def test_every_parameter_of_every_built_in_tool_is_described():
    bare = [
        (name, parameter)
        for name, each in definitions().items()
        for parameter, schema in each["input_schema"]["properties"].items()
        if not schema.get("description")
    ]
    assert bare == []


def test_the_formatters_that_there_are_stand_in_the_schema():
    given = definitions()["format_code"]["input_schema"]["properties"]["formatter"]
    assert given["enum"] == ["ruff", "black"]


def test_all_definitions_together_stay_small():
    assert len(json.dumps([*definitions().values()])) < MOST_BYTES
