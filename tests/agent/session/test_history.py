"""The state that entries make: the same live and loaded, and always one that can be sent."""

import json
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.claude.checking import Checker, parsed, problem
from agent.claude.profile import CLAUDE
from agent.claude.request import Settings, head
from agent.errors import SessionError
from agent.session import lines
from agent.session.entries import (
    Answer,
    Blocks,
    Header,
    Intent,
    Message,
    Renamed,
    ReplyEnd,
    Request,
    Result,
    SetAside,
    TurnEnd,
    to_json,
)
from agent.session.history import History
from agent.session.log import SessionLog, check
from agent.session.prefix import THINKING, answerable
from agent.session.recovery import close, loose_calls, made_up
from agent.session.transcript import MARKER

TOOLS = [{"name": "read", "description": "Read.", "input_schema": {"type": "object"}}]
HEAD = head(Settings("claude-sonnet-5-5", 1000), "You help.", TOOLS, CLAUDE)
HEADER = Header("id", "name", 0.0, "You help.", TOOLS)
EFFECTS = {"read": "none"}

TEXTS = st.sampled_from(
    ["Hm.", "é\U0001f600", "\ud83d", "\ud83d\ude00", '"\\\n\x00\u2028', "x" * 300]
)
BLANKS = st.sampled_from(["", " \n"])
INPUTS = st.sampled_from(
    [{}, {"path": "é"}, {"\ud83d": 1.5, "b": [None, 1e300]}, '{"path": ', "", "[1]", '"\ud83d']
)
IDS = st.sampled_from(["toolu_1", "toolu_2", "toolu_3", ""])
NAMES = st.sampled_from(["read", "write", "no such name!", "", "n" * 200])


@st.composite
def blocks_of_replies(draw):
    """Give a reply's blocks, a server tool's call with its answer behind it.

    A blank text behind a thought is left to the tests of sessions.
    """
    made = []
    for kind in draw(st.lists(st.sampled_from(["text", "thought", "call", "server"]), max_size=6)):
        if kind == "text":
            is_blank = draw(st.booleans()) and not (made and made[-1]["type"] in THINKING)
            made.append({"type": "text", "text": draw(BLANKS if is_blank else TEXTS)})
        elif kind == "thought":
            made.append({"type": "thinking", "thinking": draw(TEXTS), "signature": "c2ln"})
        elif kind == "call":
            made.append(
                {"type": "tool_use", "id": draw(IDS), "name": draw(NAMES), "input": draw(INPUTS)}
            )
        else:
            key = f"srvtoolu_{draw(st.integers(0, 10**9))}"
            asked = {"type": "server_tool_use", "id": key, "name": "web_search"}
            answer = {"type": "web_search_tool_result", "tool_use_id": key, "content": []}
            made += [{**asked, "input": {"query": "q"}}, answer]
    return made


@dataclass
class Live:
    """A session that goes on: what it records is applied, and stored as lines."""

    history: History = field(default_factory=History)
    lines: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def record(self, entry):
        self.lines.append(lines.encode(len(self.lines), 0, to_json(entry)))
        self.history.apply(entry)

    def ask(self, answers=()):
        pending = tuple(self.history.pending)
        self.record(Request(self.history.replies, pending, answers, "model", 1.0))
        self.bodies.append(self.history.transcript.body(HEAD, is_marked=True))

    def loaded(self):
        return SessionLog(None, lines.scan(b"".join(self.lines)).entries).history


def said(history):
    """Give all of a history that anybody asks for, as JSON would have it."""
    reply = history.reply
    known: dict[str, Any] = {
        "bytes": history.transcript.as_json(),
        "messages": [to_json(each) for each in history.messages],
        "header": to_json(history.header),
        "rest": [history.name, history.pending, history.replies, history.entries, history.is_open],
        "calls": history.has_calls,
        "last turn": history.last_turn,
        "reported": history.reported,
    }
    if reply is not None:
        results = {place: to_json(result) for place, result in reply.results.items()}
        known["reply"] = [reply.number, reply.content(), reply.intents, results, reply.unanswered()]
        known["end"] = reply.end
        known["lost"] = reply.has_lost_entries
    return json.loads(json.dumps(known, default=str))


def play_reply(draw, live):
    """Record a reply as it may come, and give the answers to calls that a crash left without one.

    It comes to its end, is cut, dropped, or left open by a crash; calls have results or not.
    """
    number = live.history.replies - 1
    blocks = draw(blocks_of_replies())
    how = draw(st.sampled_from(["whole", "cut", "dropped", "crashed", "crashed late"]))
    while how in {"whole", "crashed late"} and blocks and blocks[-1]["type"] in THINKING:
        blocks.pop()  # as the loop cuts them
    kept = len(blocks)
    if how == "cut":
        kept = answerable(blocks, last_call_is_sure=draw(st.booleans()))
    there = draw(st.integers(0, len(blocks))) if how == "crashed" else len(blocks)
    place_blocks(draw, live, blocks[:there])
    if how != "dropped":
        calls = [n for n, block in enumerate(blocks[: min(there, kept)]) if "input" in block]
        mine = [place for place in calls if blocks[place]["type"] == "tool_use"]
        place_results(draw, live, mine, has_all=not how.startswith("crashed"))
    if how != "crashed":
        kept = 0 if how == "dropped" else kept
        live.record(ReplyEnd(number, kept, "tool_use", usage={"input_tokens": 3}))
    elif draw(st.booleans()):
        live.record(SetAside("file", 3))
    return go_on(live) if how.startswith("crashed") else ()


def place_blocks(draw, live, blocks):
    """Record blocks at once, or each by itself, in any order."""
    number = live.history.replies - 1
    placed = draw(st.permutations(list(enumerate(blocks))))
    if draw(st.booleans()):
        live.record(Blocks(number, placed))
        return
    for each in placed:
        live.record(Blocks(number, [each]))


def place_results(draw, live, calls, *, has_all):
    """Record intents and results in any order; without `has_all`, some are missing."""
    number = live.history.replies - 1
    order = draw(st.permutations(calls))
    count = len(order) if has_all else draw(st.integers(0, len(order)))
    if draw(st.booleans()):
        for place in order[: count + (not has_all)]:
            live.record(Intent(number, place, "effectful"))
    text = draw(TEXTS)
    for place in order[:count]:
        content = [{"type": "text", "text": text}]
        live.record(Result(number, place, content, is_error=place % 2 == 0))


def go_on(live):
    """Close what is open; give the answers to calls that have none."""
    history = live.history
    if history.is_open:
        live.record(close(history.reply, "crashed"))
    return made_up(loose_calls(history.reply, EFFECTS))


def play(draw):
    """Record a session of a few replies."""
    live = Live()
    live.record(HEADER)
    answers = ()
    for _ in range(draw(st.integers(1, 5))):
        needs_message = not live.history.has_calls and not is_asked_again(live.history)
        for _ in range(max(int(needs_message), draw(st.integers(0, 2)))):
            live.record(Message([{"type": "text", "text": draw(TEXTS)}], 1.0))
        live.ask(answers)
        answers = play_reply(draw, live)
        if draw(st.booleans()):
            live.record(draw(st.sampled_from([TurnEnd("end_turn"), Renamed("other")])))
    if not live.history.has_calls:
        live.record(Message([{"type": "text", "text": "And?"}]))
    live.ask(answers)
    return live


def is_asked_again(history):
    reply = history.reply
    return reply is not None and reply.end is not None and not reply.end.kept


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_a_session_is_the_same_live_and_loaded_and_can_be_sent_at_every_point(data):
    live = play(data.draw)
    assert said(live.loaded()) == said(live.history)
    checker = Checker()
    already = 0
    for body in live.bodies:
        request = parsed(body)
        assert problem(request) is None
        assert body.count(MARKER[1:]) <= 4
        use = checker.cache(request)
        assert use.cached_blocks >= already
        already = use.cached_blocks + use.written_blocks
    bare = [body.replace(MARKER, b"").removesuffix(b"]}") for body in live.bodies]
    for earlier, later in pairwise(bare):
        assert later.startswith(earlier)
        assert later[len(earlier) :][:1] in {b"", b","}


def asked(*messages):
    """Give a live session whose first request is out."""
    live = Live()
    live.record(HEADER)
    for message in messages or ("Hello.",):
        live.record(Message([{"type": "text", "text": message}]))
    live.ask()
    return live


def answered(live, *blocks, results=(), kept=None):
    number = live.history.replies - 1
    live.record(Blocks(number, list(enumerate(blocks))))
    for place in results:
        live.record(Result(number, place, [{"type": "text", "text": f"of {place}"}]))
    live.record(ReplyEnd(number, len(blocks) if kept is None else kept, "tool_use"))


def messages(live):
    return json.loads(live.history.transcript.as_json())


def call(key, name="read"):
    return {"type": "tool_use", "id": key, "name": name, "input": {}}


def test_results_come_in_request_order_before_what_people_sent_whatever_the_order_of_entries():
    live = asked()
    number = 0
    live.record(Message([{"type": "text", "text": "Meanwhile."}]))
    live.record(Blocks(number, [(1, call("b"))]))
    live.record(Result(number, 1, [{"type": "text", "text": "of 1"}]))
    live.record(Blocks(number, [(2, {"type": "text", "text": "Hm."}), (0, call("a"))]))
    live.record(Result(number, 0, [{"type": "text", "text": "of 0"}], is_error=True))
    live.record(ReplyEnd(number, 3, "tool_use"))
    live.ask()
    result = {"type": "tool_result", "tool_use_id": "a"}
    assert messages(live)[1:] == [
        {"role": "assistant", "content": [call("a"), call("b"), {"type": "text", "text": "Hm."}]},
        {
            "role": "user",
            "content": [
                {**result, "content": [{"type": "text", "text": "of 0"}], "is_error": True},
                {**result, "tool_use_id": "b", "content": [{"type": "text", "text": "of 1"}]},
                {"type": "text", "text": "Meanwhile."},
            ],
        },
    ]


def test_a_reply_of_which_nothing_was_kept_leaves_no_trace():
    live = asked()
    answered(live, {"type": "text", "text": "I cannot."}, kept=0)
    live.ask()
    assert live.bodies[0] == live.bodies[1]


def test_the_first_result_of_a_call_counts():
    live = asked()
    answered(live, call("a"), results=[0])
    live.record(Result(0, 0, [{"type": "text", "text": "another"}]))
    live.ask()
    assert messages(live)[2]["content"][0]["content"] == [{"type": "text", "text": "of 0"}]


def test_answers_that_a_request_names_stand_in_for_results_and_are_errors():
    live = asked()
    answered(live, call("a"), call("b"), results=[1])
    live.ask([Answer(0, "lost"), Answer(1, "not used")])
    first, second = messages(live)[2]["content"]
    assert (first["content"], first["is_error"]) == ([{"type": "text", "text": "lost"}], True)
    assert second["content"] == [{"type": "text", "text": "of 1"}]


def test_a_call_without_any_answer_is_refused_instead_of_sent():
    live = asked()
    answered(live, call("a"))
    with pytest.raises(SessionError, match="call 0 of reply 0 has no answer"):
        live.ask()


def test_an_id_that_comes_again_is_one_of_our_own_and_answered_under_it():
    live = asked()
    answered(live, call("a"), results=[0])
    live.ask()
    answered(live, call("a"), results=[0])
    live.ask()
    *_, assistant, user = messages(live)
    assert assistant["content"][0]["id"] == user["content"][0]["tool_use_id"] == "call_1_0"


def test_an_id_that_the_api_does_not_take_goes_back_as_one_of_our_own():
    live = asked()
    answered(live, call("functions.read:0"), results=[0])  # as some compatible servers give them
    live.ask()
    assert problem(parsed(live.bodies[1])) is None


def test_thinking_of_before_a_fork_stays_behind():
    live = Live()
    live.record(Header("id", "name", 0.0, "You help.", TOOLS, thinks_from=1))
    live.record(Message([{"type": "text", "text": "Hello."}]))
    live.ask()
    thought = {"type": "thinking", "thinking": "hm", "signature": "sig"}
    for _ in range(2):
        answered(live, thought, call(f"t{live.history.replies}"), results=[1])
        live.ask()
    kinds = [[block["type"] for block in each["content"]] for each in messages(live)[1::2]]
    assert kinds == [["tool_use"], ["thinking", "tool_use"]]


def test_a_long_reply_does_not_hide_the_earlier_cache_entry_from_the_search():
    live = asked()
    answered(live, *(call(f"t{number}") for number in range(40)), results=range(40))
    live.ask()
    live.record(ReplyEnd(1, 0))
    live.record(Message([{"type": "text", "text": "And?"}]))
    live.ask()
    checker = Checker()
    uses = [checker.cache(json.loads(body)) for body in live.bodies]
    assert [use.cached_blocks for use in uses] == [0, 3, 83]  # a tool, the prompt, the message
    assert [body.count(MARKER[1:]) for body in live.bodies] == [3, 4, 4]


def test_entries_of_a_newer_version_are_counted_and_passed_over():
    live = asked()
    found = lines.scan(b"".join(live.lines)).entries
    log = SessionLog(None, [*found, {"type": "dream", "of": "electric sheep"}])
    assert log.unknown_entries == 1
    assert said(log.history) == said(live.history)


@pytest.mark.parametrize(
    "entry",
    [
        {"type": "blocks", "reply": 7, "blocks": []},
        {"type": "request"},
        {"type": "request", "reply": 0, "messages": [5]},
        {"type": "blocks", "reply": 0, "blocks": 5},
        {"type": "blocks", "reply": 0, "blocks": [5]},
        {"type": "request", "reply": 0, "answers": [5]},
    ],
)
def test_entries_that_do_not_fit_together_are_refused_in_our_words(entry):
    live = asked()
    found = lines.scan(b"".join(live.lines)).entries
    with pytest.raises(SessionError):
        check([*found, entry])
