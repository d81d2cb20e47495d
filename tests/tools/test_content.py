import base64
import json
import os
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from tools import Image, ToolOutput, to_output
from tools.content import EMPTY, LARGEST_IMAGE, MOST_IMAGES
from tools.output import DEFAULT_LIMIT

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 8
WEBP = b"RIFF\0\0\0\0WEBPVP8 "


class Colour(StrEnum):
    RED = "red"


@dataclass
class Point:
    x: int


class Box(BaseModel):
    corner: str


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is\r\n\té", "as it is\r\n\té"),
        (Colour.RED, "red"),
        (None, EMPTY),
        ("", EMPTY),
        (" \n", EMPTY),
        ({"a": [1, None, True], "é": 1.5}, '{"a":[1,null,true],"é":1.5}'),
        (["a", "b"], '["a","b"]'),
        ([], "[]"),
        (3, "3"),
        (False, "false"),
        (Point(1), '{"x":1}'),
        ([Box(corner="a")], '[{"corner":"a"}]'),
        ({"n": float("nan"), "i": -float("inf")}, '{"n":"NaN","i":"-Infinity"}'),
        (["a\ud800"], '["a\N{REPLACEMENT CHARACTER}"]'),
        ({"k\ud800": Point(1)}, '{"k\N{REPLACEMENT CHARACTER}":{"x":1}}'),
        (ToolOutput(("a", "b")), "a\nb"),
        (ToolOutput(()), EMPTY),
    ],
    ids=ascii,
)
def test_a_value_becomes_text(value, text):
    assert to_output(value) == ToolOutput((text,))


def test_half_characters_are_replaced_and_whole_ones_made_of_halves_joined():
    assert to_output("a\ud800b\ud83d\ude00").text == "a\N{REPLACEMENT CHARACTER}b\N{GRINNING FACE}"


def test_control_characters_are_shown_as_their_symbols():
    assert to_output("\0\x1b[1mbold\x7f\n").text == "␀␛[1mbold␡\n"


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a..", "image/gif"),
        (WEBP, "image/webp"),
    ],
)
def test_bytes_that_are_an_image_become_one(data, media_type):
    for value in (data, bytearray(data), Image(data), Image(data, "image/something")):
        assert to_output(value) == ToolOutput((Image(data, media_type),))


def test_other_bytes_are_an_error():
    output = to_output(b"\0\1\2")

    assert output.is_error
    assert "3 bytes that are no PNG" in output.text


def test_an_image_of_unknown_kind_or_too_large_becomes_a_text_that_says_so():
    assert to_output(Image(b"BM...")).text.startswith("[image left out: 5 bytes that are no PNG")
    fits = LARGEST_IMAGE // 4 * 3
    assert isinstance(to_output(PNG.ljust(fits)).content[0], Image)
    assert to_output(PNG.ljust(fits + 1)).text.startswith("[image left out: its 3,932,161 bytes")


def test_texts_and_images_keep_their_order_and_neighbouring_texts_are_joined():
    value = ["a", "", Point(1), Image(PNG), "b"]

    assert to_output(value).content == ('a\n{"x":1}', Image(PNG, "image/png"), "b")
    assert to_output(value).text == 'a\n{"x":1}\nb'


def test_no_more_images_are_shown_than_a_request_has_room_for():
    output = to_output([Image(PNG)] * 30)

    assert sum(isinstance(block, Image) for block in output.content) == MOST_IMAGES
    assert "more than 20" in output.text


def test_an_output_of_the_tools_own_stays_an_error_and_is_cleaned():
    assert to_output(ToolOutput(("\0",), is_error=True)) == ToolOutput(("␀",), is_error=True)


def circular() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


class Rude:
    @property
    def __dict__(self):
        raise RuntimeError


@pytest.mark.parametrize("value", [object(), circular(), {"a": print}, Rude(), ValueError("x")])
def test_a_value_without_a_form_is_an_error_that_names_its_type(value):
    output = to_output(value)

    assert output.is_error
    assert output.text == f"The tool returned a {type(value).__name__} that has no form as JSON."


@pytest.mark.parametrize("character", ["x", "\0", "€", "\ud800"])
def test_a_long_text_keeps_its_head_and_tail(character):
    text = to_output(f"head{character * 100_000}tail", 100).text

    assert text.startswith("head")
    assert text.endswith("tail")
    assert "bytes left out: output limit 100 bytes" in text
    assert len(text.encode()) < 200


def test_the_limit_holds_for_all_texts_together():
    output = to_output(["a" * 3000, Image(PNG), "b" * 1000], 400)

    first, _, second = output.content
    assert isinstance(first, str)
    assert isinstance(second, str)
    assert first.count("a") > second.count("b")
    kept = sum(text.split("\n")[at].count(text[0]) for text in (first, second) for at in (0, 2))
    assert kept == 400


def test_texts_that_fit_together_are_not_cut_whatever_their_shares():
    value = ["€" * 30, Image(PNG), "a"]

    assert to_output(value, 91).text == f"{'€' * 30}\na"


def test_the_limit_is_one_for_all_tools_unless_one_is_given():
    assert len(to_output("x" * DEFAULT_LIMIT).text) == DEFAULT_LIMIT
    assert "left out" in to_output("x" * (DEFAULT_LIMIT + 1)).text


def test_on_the_wire_are_the_blocks_of_the_api():
    assert to_output(["a", Image(PNG)]).wire() == [
        {"type": "text", "text": "a"},
        {
            "type": "image",
            "source": {
                "type": "base64",
                "media_type": "image/png",
                "data": base64.b64encode(PNG).decode(),
            },
        },
    ]


def test_file_names_of_any_bytes_can_be_given():
    assert to_output([os.fsdecode(b"a\xff")]).text == '["a\N{REPLACEMENT CHARACTER}"]'


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
IMAGES = st.builds(Image, st.sampled_from([PNG, b"", WEBP]))


@settings(max_examples=60, deadline=None)
@given(VALUES | st.lists(IMAGES | VALUES, max_size=4), st.integers(1, 300))
def test_any_value_gives_blocks_that_the_api_takes(value, limit):
    wire = to_output(value, limit).wire()

    json.dumps(wire, ensure_ascii=False).encode()
    assert wire
    assert all(block["type"] == "image" or block["text"].strip() for block in wire)
