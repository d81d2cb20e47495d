"""The made-up address of a recording's pages becomes the real one, however a reply was cut."""

import json

import pytest

from agent.claude.recording import Batch, End, RecordedReply, Recording
from agent.claude.recording_pages import PLACEHOLDER, located
from agent.claude.recording_writing import whole
from tests.agent.claude import streams

URL = "http://127.0.0.1:40123"
TEXT = f"From {PLACEHOLDER}/a to {PLACEHOLDER}{PLACEHOLDER}/b, and http://pages.invali"
CHANGED = f"From {URL}/a to {URL}{URL}/b, and http://pages.invali"


def recording(*events, body=None, **more):
    batches = tuple(Batch(float(number), (event,)) for number, event in enumerate(events))
    reply = RecordedReply(0.0, body or {"messages": []}, batches, End.WHOLE, 9.0)
    return Recording("talk", "A talk", "scripted", "m", "", (reply,), **more)


def events_of(found):
    return [event for batch in found.replies[0].batches for event in batch.events]


def cut(text, size):
    return [text[start : start + size] for start in range(0, len(text), size)]


@pytest.mark.parametrize("size", range(1, len(TEXT) + 1))
def test_an_address_is_replaced_wherever_the_pieces_of_a_reply_end(size):
    given = json.dumps({"url": TEXT})
    said = [streams.delta(0, "text_delta", text=piece) for piece in cut(TEXT, size)]
    called = [streams.part(1, piece) for piece in cut(given, size)]
    events = events_of(located(recording(*said, *called), URL))
    deltas = [event["delta"] for event in events]
    assert "".join(delta.get("text", "") for delta in deltas) == CHANGED
    joined = "".join(delta.get("partial_json", "") for delta in deltas)
    assert json.loads(joined) == {"url": CHANGED}
    assert [delta["type"] for delta in deltas] == [
        *["text_delta"] * len(said),
        *["input_json_delta"] * len(called),
    ]


def test_an_address_that_was_cut_comes_with_the_piece_that_it_began_in():
    pieces = ["Go to htt", "p://pages.inv", "alid/a", " now."]
    events = [streams.delta(0, "text_delta", text=piece) for piece in pieces]
    found = events_of(located(recording(*events), URL))
    assert [event["delta"]["text"] for event in found] == [f"Go to {URL}", "", "/a", " now."]


def test_two_blocks_that_come_by_turns_are_not_mixed_up():
    half, rest = PLACEHOLDER[:9], PLACEHOLDER[9:]
    events = [
        streams.part(1, half),
        streams.part(2, rest),
        streams.part(1, rest),
        streams.part(2, half),
    ]
    found = events_of(located(recording(*events), URL))
    assert [event["delta"]["partial_json"] for event in found] == [URL, rest, "", half]


def test_what_was_said_called_and_answered_and_the_files_hold_the_real_address():
    body = {"messages": [{"role": "user", "content": f"Go to {PLACEHOLDER}/."}]}
    start = streams.call(0, "go", input={"url": PLACEHOLDER})
    found = located(recording(start, body=body, files={"a.md": f"{PLACEHOLDER}/\n"}), URL)
    assert found == recording(
        streams.call(0, "go", input={"url": URL}),
        body={"messages": [{"role": "user", "content": f"Go to {URL}/."}]},
        files={"a.md": f"{URL}/\n"},
    )


@pytest.mark.parametrize(
    "event",
    [
        {"type": "ping"},
        {"type": "content_block_delta", "index": 0, "delta": "x"},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": 5}},
        streams.delta(0, "signature_delta", signature="abc"),
    ],
    ids=["no delta", "damaged delta", "damaged text", "another delta"],
)
def test_what_holds_no_address_stays_as_it_is(event):
    given = recording(streams.start(), event, files={"a": "b"}, notice="torn", pages="shop")
    assert whole(located(given, URL)) == whole(given)
