"""The conversation as bytes."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.claude.request import MARKER as HEAD_MARKER
from agent.session.transcript import MARKER, Transcript, tool_result

HEAD = b'{"model":"m",'
ROLES = st.lists(st.sampled_from(["user", "assistant"]), min_size=1, max_size=12)


def block(text):
    return json.dumps({"type": "text", "text": text}, separators=(",", ":")).encode()


def transcript(roles):
    made = Transcript()
    for number, role in enumerate(roles):
        made.add(role, [block(f"{number}a"), block(f"{number}b")])
    return made


def without_markers(body):
    return body.replace(MARKER, b"")


def test_an_empty_transcript_is_an_empty_list():
    assert Transcript().as_json() == b"[]"
    assert json.loads(Transcript().body(HEAD, is_marked=True)) == {"model": "m", "messages": []}


def test_a_body_is_the_head_and_the_messages():
    made = transcript(["user", "assistant"])
    assert made.body(HEAD, is_marked=False) == HEAD + b'"messages":' + made.as_json() + b"}"
    assert made.messages == 2
    assert json.loads(made.as_json())[1] == {
        "role": "assistant",
        "content": [{"type": "text", "text": "1a"}, {"type": "text", "text": "1b"}],
    }


@given(ROLES)
@settings(deadline=None)
def test_the_markers_stand_at_the_ends_of_the_newest_two_user_messages(roles):
    body = json.loads(transcript(roles).body(HEAD, is_marked=True))
    marked = [
        (number, place)
        for number, message in enumerate(body["messages"])
        for place, each in enumerate(message["content"])
        if each.get("cache_control") == HEAD_MARKER["cache_control"]
    ]
    users = [number for number, role in enumerate(roles) if role == "user"]
    assert marked == [(number, 1) for number in users[-2:]]
    assert without_markers(transcript(roles).body(HEAD, is_marked=True)) == transcript(roles).body(
        HEAD, is_marked=False
    )


@given(ROLES, ROLES)
@settings(deadline=None)
def test_a_body_begins_with_the_bytes_of_every_earlier_one(roles, more):
    made = transcript(roles)
    earlier = without_markers(made.body(HEAD, is_marked=True))
    for role in more:
        made.add(role, [block("more")])
    later = without_markers(made.body(HEAD, is_marked=True))
    assert later.startswith(earlier.removesuffix(b"]}") + b",")


def test_a_result_tells_of_an_error_only_when_it_is_one():
    content = [{"type": "text", "text": "é"}]
    fine = tool_result("toolu_1", content, is_error=False)
    assert (
        fine
        == (
            '{"type":"tool_result","tool_use_id":"toolu_1","content":[{"type":"text","text":"é"}]}'
        ).encode()
    )
    assert tool_result("toolu_1", content, is_error=True) == fine[:-1] + b',"is_error":true}'
