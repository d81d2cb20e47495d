import json
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from tools import DeclarationError, InputError, ToolContext, tool


class Mode(Enum):
    FAST = "fast"
    SLOW = "slow"


class Edit(BaseModel):
    """One replacement."""

    old_text: str
    new_text: str = ""
    then: "Edit | None" = None


@dataclass
class Range:
    start: int
    end: int = -1


class Options(TypedDict, total=False):
    depth: int


class Holder(BaseModel):
    inner: Range


@tool
def edit(
    path: str,
    edits: list[Edit],
    limit: Annotated[int, Field(gt=0, description="How many at most.")] = 5,
    *,
    mode: Literal["all", "first"] = "all",
    speed: Mode = Mode.FAST,
    lines: Range | None = None,
    options: Options | None = None,
    dry: bool = False,
    ratio: float = 0.5,
    json: dict[str, int] = {},  # noqa: B006  (what people write)
    _id: int | list[int] = 0,
    context: ToolContext | None = None,
) -> str:
    """Replace text in a file.

    Every edit is made, or none.

    Args:
        path (str): The file, relative
            to the workspace.
        limit: Overridden by the field's own.
        mode: All of them: or the first.

    Returns:
        A summary.
    """
    return f"{path}{edits}{limit}{mode}{speed}{lines}{options}{dry}{ratio}{json}{_id}{context}"


EDITS = [{"old_text": "a"}]


def schema_of(function: Any) -> dict[str, Any]:
    schema: dict[str, Any] = tool(function).definition()["input_schema"]
    return schema


def problems(given: object, of: Any = edit) -> list[str]:
    with pytest.raises(InputError) as caught:
        of.parse(given)
    return str(caught.value).splitlines()[1:]


# -- the schema


def test_the_schema_is_made_of_signature_and_docstring():
    def greet(name: str, times: int = 1) -> str:
        """Greet somebody.

        Args:
            name: Whom to greet.
        """
        return name * times

    assert tool(greet).definition() == {
        "name": "greet",
        "description": "Greet somebody.",
        "input_schema": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "description": "Whom to greet."},
                "times": {"type": "integer", "default": 1},
            },
            "required": ["name"],
            "additionalProperties": False,
        },
    }


def test_the_description_is_the_docstring_without_its_arguments():
    assert edit.description == (
        "Replace text in a file.\n\nEvery edit is made, or none.\n\nReturns:\n    A summary."
    )


def test_parameters_are_described_by_their_field_or_else_by_the_docstring():
    fields = edit.definition()["input_schema"]["properties"]

    assert fields["path"]["description"] == "The file, relative to the workspace."
    assert fields["limit"]["description"] == "How many at most."
    assert fields["mode"]["description"] == "All of them: or the first."


def test_fields_stand_in_the_order_of_the_parameters_and_the_context_is_hidden():
    schema = edit.definition()["input_schema"]

    assert list(schema["properties"]) == [
        *("path", "edits", "limit", "mode", "speed", "lines", "options", "dry", "ratio"),
        *("json", "_id"),
    ]
    assert schema["required"] == ["path", "edits"]


def test_no_object_at_any_depth_takes_unnamed_fields_and_nothing_has_a_title():
    text = json.dumps(edit.definition())
    schema = json.loads(text)["input_schema"]

    assert '"title"' not in text
    closed = [
        each["additionalProperties"]
        for each in (schema, *schema["$defs"].values())
        if "properties" in each
    ]
    assert closed == [False] * 4


def test_a_field_may_be_named_title():
    def name(title: str) -> str:
        """Name it."""
        return title

    assert schema_of(name)["properties"] == {"title": {"type": "string"}}


def test_the_same_function_gives_the_same_bytes_and_a_copy_each_time():
    before = json.dumps(edit.definition())
    edit.definition()["input_schema"]["properties"].clear()

    assert json.dumps(edit.definition()) == before
    assert json.dumps(tool(edit.function).definition()) == before


def test_a_tool_without_parameters_takes_an_empty_object():
    def look() -> str:
        """Look."""
        return ""

    assert schema_of(look) == {"type": "object", "properties": {}, "additionalProperties": False}
    assert tool(look).parse({}) == {}
    assert problems({"a": 1}, tool(look)) == ["- a: there is no such field; there are none here"]


def test_a_default_that_json_cannot_hold_is_left_out_of_the_schema():
    def look(at: Any = object) -> str:
        """Look."""
        return str(at)

    assert schema_of(look)["properties"] == {"at": {}}


def test_a_type_that_json_has_not_is_refused_with_what_to_do():
    def call(what: memoryview) -> None:
        """Call."""

    with pytest.raises(DeclarationError, match=r"'call'.*cannot be described.*use types that JSON"):
        schema_of(call)


def test_a_model_that_allows_unnamed_fields_is_refused():
    class Open(BaseModel):
        model_config = ConfigDict(extra="allow")
        a: int

    def call(what: Open) -> None:
        """Call."""

    with pytest.raises(DeclarationError, match="Open allows fields that it does not name"):
        schema_of(call)


def test_an_annotation_that_cannot_be_found_is_refused_with_what_to_do():
    def call(what: "Nowhere") -> None:  # type: ignore[name-defined]  # noqa: F821  (the point)
        """Call."""

    with pytest.raises(DeclarationError, match=r"'Nowhere' is not defined.*TYPE_CHECKING"):
        schema_of(call)


# -- what is accepted


def test_an_input_becomes_arguments_of_the_declared_types_with_defaults():
    arguments = edit.parse({"path": "a", "edits": EDITS, "lines": {"start": 1}, "speed": "slow"})

    assert arguments == {
        "path": "a",
        "edits": [Edit(old_text="a")],
        "limit": 5,
        "mode": "all",
        "speed": Mode.SLOW,
        "lines": Range(1),
        "options": None,
        "dry": False,
        "ratio": 0.5,
        "json": {},
        "_id": 0,
    }


def test_a_default_is_not_shared_between_calls():
    edit.parse({"path": "a", "edits": []})["json"]["x"] = 1

    assert edit.parse({"path": "a", "edits": []})["json"] == {}


@pytest.mark.parametrize(
    ("field", "given", "value"),
    [
        ("limit", "3", 3),
        ("limit", 3.0, 3),
        ("dry", "true", True),
        ("ratio", 1, 1.0),
        ("edits", '[{"old_text": "b"}]', [Edit(old_text="b")]),
        ("lines", '{"start": 2}', Range(2)),
        ("json", '{"a": "1"}', {"a": 1}),
        ("path", "\N{GRINNING FACE}\0é", "\N{GRINNING FACE}\0é"),
    ],
)
def test_what_can_only_mean_one_thing_is_accepted(field, given, value):
    assert edit.parse({"path": "a", "edits": EDITS, field: given})[field] == value


def test_a_string_stays_a_string_where_one_is_asked_for():
    def say(text: str, either: str | list[int]) -> str:
        """Say it."""
        return f"{text}{either}"

    given = {"text": "[1]", "either": "[1]"}
    assert tool(say).parse(given) == given


# -- what is refused


def test_every_wrong_field_is_named_with_its_path_what_was_given_and_what_is_right():
    assert problems(
        {
            "path": 3,
            "edits": [{"old_text": "a", "nwe_text": "b"}, {}, {"old_text": "a", "then": {"x": 1}}],
            "limit": 0,
            "mode": "some",
            "lines": {"start": "one"},
            "pth": "a",
        }
    ) == [
        "- path: it should be a valid string; got 3",
        (
            "- edits[0].nwe_text: there is no such field; did you mean new_text? "
            "the fields are old_text, new_text, then"
        ),
        "- edits[1].old_text: missing, and it has no default",
        "- edits[2].then.old_text: missing, and it has no default",
        "- edits[2].then.x: there is no such field; the fields are old_text, new_text, then",
        "- limit: it should be greater than 0; got 0",
        "- mode: it should be 'all' or 'first'; got \"some\"",
        (
            "- lines.start: it should be a valid integer, unable to parse string as an integer; "
            'got "one"'
        ),
        (
            "- pth: there is no such field; did you mean path? the fields are path, edits, limit, "
            "mode, speed, lines, options, dry, ratio, json, _id"
        ),
    ]


def test_the_choices_of_a_union_make_one_line():
    assert problems({"path": "a", "edits": [], "_id": "x"}) == [
        (
            "- _id: it should be a valid integer, unable to parse string as an integer, "
            'or it should be an array; got "x"'
        )
    ]


def test_a_missing_element_is_named_by_its_place() -> None:
    @tool
    def point(at: tuple[int, int]) -> str:
        """Point."""
        return str(at)

    assert problems({"at": [1]}, point) == ["- at[1]: missing, and it has no default"]


def test_at_most_ten_fields_are_named_and_the_rest_counted():
    lines = problems({"path": "a", "edits": [1] * 20_000})

    assert len(lines) == 11
    assert lines[-1] == "- and 19990 more"


def test_the_input_is_an_object():
    with pytest.raises(InputError, match=r"an object with named fields; got \[1\]"):
        edit.parse([1])
    with pytest.raises(InputError, match="got null"):
        edit.parse(None)


@pytest.mark.parametrize("given", ['[{"old_text": ', "[NaN]", '"a"', "[" * 100_000])
def test_a_string_that_is_not_the_json_asked_for_is_refused(given):
    (line,) = problems({"path": "a", "edits": given})
    assert line.startswith("- edits")


def test_unknown_fields_are_refused_in_models_of_any_kind_at_any_depth() -> None:
    @tool
    def hold(holder: Holder, options: Options) -> str:
        """Hold."""
        return f"{holder}{options}"

    assert problems({"holder": {"inner": {"start": 1, "x": 1}}, "options": {"dpth": 1}}, hold) == [
        "- holder.inner.x: there is no such field; the fields are start, end",
        "- options.dpth: there is no such field; did you mean depth? the fields are depth",
    ]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), "NaN"])
def test_what_is_no_number_is_refused(number):
    (line,) = problems({"path": "a", "edits": [], "ratio": number})
    assert line.startswith("- ratio: it should be a finite number")


def test_half_a_character_is_refused_and_not_repeated():
    lines = problems({"path": "a\ud800", "edits": [{"old_text": "\udfff"}]})

    assert [line.partition(":")[0] for line in lines] == ["- path", "- edits"]
    "\n".join(lines).encode()
    "\n".join(problems({"path": "a", "edits": [], "\ud800": 1})).encode()


def test_large_and_deep_values_are_shown_in_little():
    deep: Any = []
    for _ in range(50_000):
        deep = [deep]
    nested: dict[str, Any] = {"old_text": "a"}
    for _ in range(400):
        nested = {"old_text": "a", "then": nested}

    lines = problems({"path": deep, "edits": [nested], "dry": "x" * 1_000_000, "y" * 10_000: 1})

    assert len(lines) == 4
    assert max(map(len, lines)) < 500


def test_a_tools_own_check_is_passed_on() -> None:
    def even(number: int) -> int:
        if number % 2:
            raise ValueError("it is odd: give an even number")
        return number

    @tool
    def halve(number: Annotated[int, AfterValidator(even)]) -> int:
        """Halve."""
        return number // 2

    assert problems({"number": 3}, halve) == ["- number: it is odd: give an even number; got 3"]


def test_no_text_speaks_of_pydantic():
    text = "\n".join(problems({"path": 1, "edits": "x", "lines": 3, "speed": [], "json": 1}))

    assert "pydantic" not in text
    assert "dictionary" not in text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from([*edit.definition()["input_schema"]["properties"], "old_text", "start"])


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(NAMES | st.text(max_size=5), JSON | st.dictionaries(NAMES, JSON)))
def test_any_input_is_parsed_or_refused_in_few_words(given):
    try:
        arguments = edit.parse(given)
    except InputError as error:
        assert len(str(error).encode()) < 12_000  # noqa: PT017  (both ways are right)
    else:
        assert list(arguments) == list(edit.definition()["input_schema"]["properties"])
