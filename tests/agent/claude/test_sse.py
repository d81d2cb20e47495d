"""Bytes to events."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.claude.sse import EventDecoder, NotAnEventError
from tests.agent.claude.streams import delta, encoded, start

EVENTS = [start(), {"type": "ping"}, delta(0, "text_delta", text="día\u2028 \U0001f600")]


@given(st.lists(st.integers(1, 40)))
def test_events_come_out_the_same_however_the_bytes_are_cut(cuts):
    data = encoded(*EVENTS)
    decoder, events, position = EventDecoder(), [], 0
    for cut in [*cuts, len(data)]:
        events += decoder.feed(data[position : position + cut])
        position += cut
    assert events == EVENTS


@pytest.mark.parametrize(
    "data",
    [
        b'data: {"type": "ping"}\n\n',
        b'data:{"type":"ping"}   \n\n',
        b': a comment\r\nevent: ping\r\ndata: {"type": "ping"}\r\n\r\n',
        b'id: 7\nretry: 5\ndata: {"type":\ndata: "ping"}\n\n',
        b'\n\n\ndata: {"type": "ping"}\n\ndata: [DONE]\n\n',
    ],
)
def test_names_comments_line_ends_and_a_last_word_do_not_matter(data):
    assert EventDecoder().feed(data) == [{"type": "ping"}]


def test_an_event_without_its_blank_line_is_not_there_yet():
    decoder = EventDecoder()
    assert decoder.feed(b'data: {"type": "ping"}\n') == []
    assert decoder.feed(b"\n") == [{"type": "ping"}]


@pytest.mark.parametrize("data", [b"data: {oops\n\n", b"data: [1]\n\n", b"data: \xff\n\n"])
def test_data_that_is_no_object_is_an_error_that_shows_it(data):
    with pytest.raises(NotAnEventError, match="not a JSON object: "):
        EventDecoder().feed(data)
