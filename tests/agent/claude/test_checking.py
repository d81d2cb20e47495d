"""Requests that the API takes, those that it refuses and in which words, and what it remembers."""

import json
import random
from dataclasses import replace

import pytest

from agent.claude.checking import CacheUse, Checker, Rules, parsed, problem
from agent.claude.script import Call, Text, Thinking, reply
from agent.claude.sse import EventDecoder
from tests.agent.claude.test_corpus import CORPUS, SHARED, events

EXCHANGES = [
    exchange
    for file in sorted((CORPUS / "exchanges").glob("*.json"))
    if isinstance(((exchange := json.loads(file.read_text()))["request"] or {}).get("body"), dict)
]
TAKEN = [exchange for exchange in EXCHANGES if exchange["response"]["status"] == 200]
REFUSED = [exchange for exchange in EXCHANGES if exchange["response"]["status"] == 400]


def rules_of(exchange):
    headers = exchange["request"].get("headers") or {}
    betas = frozenset(headers.get("anthropic-beta", "").split(","))
    return Rules(headers.get("anthropic-version", "2023-06-01"), betas)


@pytest.mark.parametrize("exchange", TAKEN, ids=lambda exchange: exchange["id"])
def test_a_request_that_the_api_took_is_accepted(exchange):
    assert problem(exchange["request"]["body"], rules_of(exchange)) is None


@pytest.mark.parametrize("exchange", REFUSED, ids=lambda exchange: exchange["id"])
def test_a_request_that_the_api_refused_is_refused_in_its_words(exchange):
    told = json.loads(exchange["response"]["body"])["error"]["message"]
    assert problem(exchange["request"]["body"], rules_of(exchange)) == told


def test_the_recorded_exchanges_are_looked_at():
    expected = (True, 5) if SHARED.exists() else (False, 1)
    assert (len(TAKEN) > 150, len(REFUSED)) == expected


BY_ID = {exchange["id"]: exchange for exchange in TAKEN}
LOOPS = [json.loads(file.read_text()) for file in sorted((CORPUS / "loops").glob("*.json"))]


@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop["id"])
def test_a_recorded_conversation_is_accepted_request_by_request(loop):
    """Other libraries leave fields and blocks out; their thinking is what the server sent."""
    checker = Checker()
    for name in loop["exchange_ids"]:
        if (exchange := BY_ID.get(name)) is not None:
            body = exchange["request"]["body"]
            assert checker.problem(body, replace(rules_of(exchange), strict_blocks=False)) is None
            sent = checker.answer(body)
            for event in events(exchange["response"]):
                list(sent.feed(event))


# -- single requests ---------------------------------------------------------------------------


def user(*content):
    return {"role": "user", "content": list(content)}


def assistant(*content):
    return {"role": "assistant", "content": list(content)}


def text(words, **more):
    return {"type": "text", "text": words, **more}


def call(name, **more):
    return {"type": "tool_use", "id": name, "name": "read", "input": {}, **more}


def result(name, content="done", **more):
    return {"type": "tool_result", "tool_use_id": name, "content": content, **more}


def tool(name="read", **more):
    return {"name": name, "input_schema": {"type": "object"}, **more}


def request(*messages, **more):
    said = list(messages) or [user(text("hello"))]
    return {"model": "claude-sonnet-5-5", "max_tokens": 100, "messages": said, **more}


MARK = {"cache_control": {"type": "ephemeral"}}
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
ASKED = user(text("go"))

GOOD = {
    "a string as content": request({"role": "user", "content": "hello"}),
    "calls and their results": request(
        ASKED, assistant(call("a"), call("b")), user(result("a"), result("b"), text("and now?"))
    ),
    "results in two messages": request(
        ASKED, assistant(call("a"), call("b")), user(result("a")), user(result("b"))
    ),
    "an empty result": request(ASKED, assistant(call("a")), user(result("a", ""))),
    "thinking without text": request(
        ASKED, assistant(THOUGHT | {"thinking": ""}, text("yes")), ASKED
    ),
    "a paused reply": request(ASKED, assistant(text("searching"), SEARCH)),
    "a server tool's result": request(ASKED, assistant(SEARCH, FOUND, text("found")), ASKED),
    "a server tool that waits for ours": request(
        ASKED, assistant(SEARCH, call("a")), user(result("a"))
    ),
    "an unknown block of the server's": request(ASKED, assistant({"type": "new", "x": 1}), ASKED),
    "an unknown field of the server's": request(ASKED, assistant(text("a", x=1)), ASKED),
    "no tokens wanted": request(max_tokens=0),
    "four breakpoints": request(user(*[text("a", **MARK)] * 4)),
    "a message of the system's": request(ASKED, {"role": "system", "content": "It is Monday."}),
}


@pytest.mark.parametrize("given", GOOD.values(), ids=GOOD.keys())
def test_a_good_request_is_accepted(given):
    assert problem(given) is None


BAD = {
    "no object": ([], "Input should be a valid dictionary"),
    "no limit": ({"model": "m", "messages": [ASKED]}, "max_tokens: Field required"),
    "no messages": (request() | {"messages": []}, "messages: at least one message is required"),
    "an unknown field": (request(foo=1), "foo: Extra inputs are not permitted"),
    "sampling": (request(temperature=1), "temperature: Extra inputs are not permitted"),
    "the assistant first": (
        request(assistant(text("hi")), ASKED),
        'messages: first message must use the "user" role',
    ),
    "a prefill": (
        request(ASKED, assistant(text("{"))),
        (
            "This model does not support assistant message prefill. "
            "The conversation must end with a user message."
        ),
    ),
    "no content": (
        request(ASKED, assistant(), ASKED),
        (
            "messages.1: all messages must have non-empty content except for the optional final "
            "assistant message"
        ),
    ),
    "empty text": (
        request(user(text("a"), text(""))),
        "messages: text content blocks must be non-empty",
    ),
    "empty text in a result": (
        request(ASKED, assistant(call("a")), user(result("a", [text("")]))),
        "messages: text content blocks must be non-empty",
    ),
    "blank text": (
        request(user(text(" \n"))),
        "messages: text content blocks must contain non-whitespace text",
    ),
    "a breakpoint on empty text": (
        request(user(text("", **MARK))),
        "messages.0.content.0.text: cache_control cannot be set for empty text blocks",
    ),
    "a breakpoint on thinking": (
        request(ASKED, assistant(THOUGHT | MARK, text("a")), ASKED),
        "messages.1.content.0.thinking.cache_control: Extra inputs are not permitted",
    ),
    "five breakpoints": (
        request(user(*[text("a", **MARK)] * 3), system=[text("b", **MARK)], **MARK),
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
    "a call without a result": (
        request(ASKED, assistant(call("a"), call("b")), user(result("a"))),
        (
            "messages.1: `tool_use` ids were found without `tool_result` blocks immediately "
            "after: b. Each `tool_use` block must have a corresponding `tool_result` block in "
            "the next message."
        ),
    ),
    "text before a result": (
        request(ASKED, assistant(call("a")), user(text("well"), result("a"))),
        (
            "messages.1: `tool_use` ids were found without `tool_result` blocks immediately "
            "after: a. Each `tool_use` block must have a corresponding `tool_result` block in "
            "the next message."
        ),
    ),
    "a result of nothing": (
        request(ASKED, user(result("a"))),
        (
            "messages.0.content.1: unexpected `tool_use_id` found in `tool_result` blocks: a. Each "
            "`tool_result` block must have a corresponding `tool_use` block in the previous "
            "message."
        ),
    ),
    "two results": (
        request(ASKED, assistant(call("a")), user(result("a"), result("a"))),
        (
            "messages.2.content.1: each tool_use must have a single result. Found multiple "
            "`tool_result` blocks with id: a"
        ),
    ),
    "one id twice": (
        request(ASKED, assistant(call("a"), call("a")), user(result("a"))),
        "messages.1.content.1: `tool_use` ids must be unique",
    ),
    "no id": (
        request(ASKED, assistant(call("")), user(result(""))),
        "messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'",
    ),
    "an input that is text": (
        request(ASKED, assistant(call("a", input="{")), user(result("a"))),
        "messages.1.content.0.tool_use.input: Input should be a valid dictionary",
    ),
    "an unknown field of ours": (
        request(user(text("a", x=1))),
        "messages.0.content.0.text.x: Extra inputs are not permitted",
    ),
    "thinking last": (
        request(ASKED, assistant(text("a"), THOUGHT), ASKED),
        "messages.1: The final block in an assistant message cannot be `thinking`.",
    ),
    "thinking without a signature": (
        request(ASKED, assistant({"type": "thinking", "thinking": "hm"}, text("a")), ASKED),
        "messages.1.content.0.thinking.signature: Field required",
    ),
    "a server tool left open": (
        request(ASKED, assistant(text("searching"), SEARCH), ASKED),
        (
            "messages.1: `web_search` tool use with id `srvtoolu_1` was found without a "
            "corresponding `web_search_tool_result` block"
        ),
    ),
    "a server tool's result of nothing": (
        request(ASKED, assistant(FOUND, text("a")), ASKED),
        (
            "messages.1.content.0: unexpected `tool_use_id` found in `web_search_tool_result` "
            "blocks: srvtoolu_1. Each `web_search_tool_result` block must have a corresponding "
            "`server_tool_use` block before it."
        ),
    ),
    "two tools of one name": (
        request(tools=[tool(), tool()]),
        "tools: Tool names must be unique.",
    ),
    "a tool's name": (
        request(tools=[tool("read file")]),
        "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'",
    ),
    "a tool's schema": (
        request(tools=[tool(input_schema={"type": "array"})]),
        "tools.0.custom.input_schema.type: Input should be 'object'",
    ),
    "a tool that is not there": (
        request(tools=[tool()], tool_choice={"type": "tool", "name": "write"}),
        "Tool 'write' not found in provided tools",
    ),
    "results out of order": (
        request(ASKED, assistant(call("a"), call("b")), user(result("b"), result("a"))),
        "messages.2: strict_order: the `tool_result` blocks answer b, a; the calls came as a, b",
    ),
}


@pytest.mark.parametrize(("given", "told"), BAD.values(), ids=BAD.keys())
def test_a_bad_request_is_refused_in_words(given, told):
    assert problem(given) == told


def test_an_unknown_block_of_ours_is_refused_with_the_known_ones():
    told = problem(request(user({"type": "sound"})))
    assert told is not None
    assert told.startswith("messages.0.content.0: Input tag 'sound' found using 'type' does not")


def test_a_fallback_block_goes_back_with_its_beta_only():
    given = request(ASKED, assistant({"type": "fallback"}, text("a")), ASKED)
    assert "Input tag 'fallback'" in str(problem(given))
    assert problem(given, Rules(betas=frozenset({"server-side-fallback-2026-06-01"}))) is None


def test_the_older_version_takes_sampling_from_models_that_had_it():
    old = Rules(version="2023-06-01")
    given = request(temperature=0.5)
    assert problem(given | {"model": "claude-haiku-4-5"}, old) is None
    assert problem(given, old) == "`temperature` is deprecated for this model."


def test_what_only_we_ask_for_can_be_turned_off_and_on():
    crossed = request(ASKED, assistant(call("a"), call("b")), user(result("b"), result("a")))
    assert problem(crossed, Rules(strict_order=False)) is None
    assert "roles must alternate" in str(problem(request(ASKED, ASKED), Rules(strict_roles=True)))


@pytest.mark.parametrize("raw", [b'{"a": NaN}', b'{"a": "\\ud800"}', b"{"])
def test_a_body_that_is_not_json_is_refused(raw):
    with pytest.raises(ValueError, match="The request body is not valid JSON: "):
        parsed(raw)


def test_no_request_however_broken_breaks_the_check():
    draw = random.Random(7)
    odd = [None, 0, "", [], {}, [None], [{}], "x", {"type": "text"}, [{"type": "tool_result"}]]
    for given in [*GOOD.values(), *(bad for bad, _ in BAD.values())]:
        for _ in range(40):
            copy = json.loads(json.dumps(given))
            spoil(copy, draw, odd)
            found = Checker().problem(copy)
            assert found is None or isinstance(found, str)


def spoil(value, draw, odd):
    """Put something odd in one place, or take something away."""
    while isinstance(value, dict | list) and value:
        key = draw.choice(list(value) if isinstance(value, dict) else range(len(value)))
        if draw.random() < 0.3 or not isinstance(value[key], dict | list):
            if draw.random() < 0.3:
                del value[key]
            else:
                value[key] = draw.choice(odd)
            return
        value = value[key]


# -- conversations -----------------------------------------------------------------------------


def answered(checker, given, *parts, **more):
    """Let the checker see a request and a reply to it; give the reply's content."""
    sent = checker.answer(given)
    for frame in reply(*parts, **more):
        for event in EventDecoder().feed(frame):
            list(sent.feed(event))
    return sent.content()


def test_a_conversation_that_only_grows_is_accepted():
    checker, messages = Checker(), [ASKED]
    for turn in range(3):
        given = request(*messages, tools=[tool()])
        assert checker.problem(given) is None
        content = answered(
            checker, given, Thinking("hm", f"sig{turn}"), Text("so"), Call(f"t{turn}", "read", {})
        )
        messages += [assistant(*content), user(result(f"t{turn}"))]
    assert checker.problem(request(*messages, tools=[tool()])) is None


def test_a_breakpoint_that_moves_changes_nothing():
    checker, given = Checker(), request(user(text("go", **MARK)))
    content = answered(checker, given, Thinking("hm", "sig"), Text("yes"))
    assert checker.problem(request(ASKED, assistant(*content), user(text("on", **MARK)))) is None


def test_thinking_that_changed_is_refused():
    checker, given = Checker(), request(ASKED)
    content = answered(checker, given, Thinking("hm", "sig"), Text("yes"))
    content[0] = content[0] | {"thinking": "Hm"}
    assert checker.problem(request(ASKED, assistant(*content), ASKED)) == (
        "messages.1.content.0: `thinking` or `redacted_thinking` blocks in the latest assistant "
        "message cannot be modified. These blocks must remain as they were in the original "
        "response."
    )


@pytest.mark.parametrize(
    "change",
    [
        {"system": "Be brief."},
        {"tools": [tool("write")]},
        {"messages": [user(text("come"))]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_thinking_behind_a_changed_prefix_is_bound_to_another_conversation(change):
    checker, given = Checker(), request(ASKED)
    content = answered(checker, given, Thinking("hm", "sig"), Text("yes"))
    begin = {**given, **change}
    later = {**begin, "messages": [*begin["messages"], assistant(*content), ASKED]}
    assert checker.problem(later) == (
        "messages.1.content.0: Invalid `signature` in `thinking` block. The block is bound to a "
        "different conversation. Remove the block, or set "
        '`thinking.block_binding.prefix_mismatch_behavior` to "drop_block".'
    )
    dropping = {"type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "drop_block"}}
    assert checker.problem(later | {"thinking": dropping}) is None


def test_older_models_take_thinking_behind_any_prefix():
    checker, given = Checker(), request(ASKED, model="claude-opus-5")
    content = answered(checker, given, Thinking("hm", "sig"), Text("yes"))
    later = request(ASKED, assistant(*content), ASKED, model="claude-opus-5", system="Be brief.")
    assert checker.problem(later) is None


def test_without_thinking_the_prefix_may_change():
    checker, given = Checker(), request(ASKED)
    content = answered(checker, given, Text("yes"))
    assert checker.problem(request(ASKED, assistant(*content), ASKED, system="Be brief.")) is None


def test_a_call_that_came_back_changed_is_told():
    checker, given = Checker(), request(ASKED)
    answered(checker, given, Call("a", "read", {"path": "x"}))
    told = checker.problem(request(ASKED, assistant(call("a")), user(result("a"))))
    assert told is not None
    assert told.startswith("messages.1.content.0: this block came back changed: ")


def test_the_api_itself_minds_thinking_only():
    lenient, checker, given = Rules(strict_blocks=False), Checker(), request(ASKED)
    content = answered(checker, given, Thinking("hm", "sig"), Text("one"), Text("two"))
    back = assistant(content[0], text("three"))
    assert checker.problem(request(ASKED, back, ASKED), lenient) is None
    changed = assistant(content[0] | {"signature": "gis"}, text("one"), text("two"))
    assert "cannot be modified" in str(checker.problem(request(ASKED, changed, ASKED), lenient))


def test_a_whole_reply_comes_back_whole_or_not_at_all():
    checker, given = Checker(), request(ASKED)
    answered(checker, given, Text("one"), Text("two"))
    told = "messages.1.content.0: 2 blocks were sent, 1 came back"
    assert checker.problem(request(ASKED, assistant(text("one")), ASKED)) == told
    assert checker.problem(request(ASKED, ASKED)) is None


def test_a_reply_that_was_cut_off_may_come_back_in_part():
    checker, given = Checker(), request(ASKED)
    answered(checker, given, Text("one"), Call("a", "read", {}), Text("two"), stop_reason=None)
    answer = user(result("a"))
    assert checker.problem(request(ASKED, assistant(text("one"), call("a")), answer)) is None


def test_a_request_that_was_sent_again_may_go_on_with_either_reply():
    checker, given = Checker(), request(ASKED)
    answered(checker, given, Text("one"))
    answered(checker, given, Text("two"))
    assert checker.problem(request(ASKED, assistant(text("one")), ASKED)) is None
    assert checker.problem(request(ASKED, assistant(text("two")), ASKED)) is None


def test_a_call_that_cannot_go_back_as_it_came_may_be_rewritten():
    checker, given = Checker(), request(ASKED)
    answered(checker, given, Call("a", "read", '{"path": '), Call("b", "read"), Call("b", "read"))
    back = assistant(call("a"), call("b"), call("b2"))
    results = user(result("a"), result("b"), result("b2"))
    assert checker.problem(request(ASKED, back, results)) is None


def test_a_paused_reply_goes_on_in_the_same_message_or_the_next():
    checker, given = Checker(), request(ASKED)
    paused = [SEARCH, FOUND]
    sent = checker.answer(given)
    for event in [
        {"type": "message_start", "message": {"content": paused, "stop_reason": "pause_turn"}}
    ]:
        list(sent.feed(event))
    again = request(ASKED, assistant(*paused))
    assert checker.problem(again) is None
    content = answered(checker, again, Thinking("hm", "sig"), Text("found"))
    for messages in (
        [ASKED, assistant(*paused, *content), ASKED],
        [ASKED, assistant(*paused), assistant(*content), ASKED],
    ):
        assert checker.problem(request(*messages)) is None


# -- cache -------------------------------------------------------------------------------------


def test_the_cache_gives_what_an_earlier_request_wrote():
    checker = Checker()
    head = {"tools": [tool(**MARK)], "system": [text("Be brief.", **MARK)]}
    assert checker.cache(request(user(text("a", **MARK)), **head)) == CacheUse(0, 3, 3)
    later = request(user(text("a")), assistant(text("b")), user(text("c", **MARK)), **head)
    assert checker.cache(later) == CacheUse(3, 2, 5)
    assert checker.cache(request(user(text("z")), **head)) == CacheUse(2, 0, 3)
    other = head | {"system": [text("Be long.", **MARK)]}
    assert checker.cache(request(user(text("a", **MARK)), **other)) == CacheUse(1, 2, 3)


def test_a_breakpoint_looks_back_twenty_blocks():
    for blocks, cached in ((20, 1), (21, 0)):
        checker = Checker()
        checker.cache(request(user(text("a", **MARK))))
        more = [text(str(number)) for number in range(blocks - 2)]
        later = request(user(text("a"), *more, text("z", **MARK)))
        assert checker.cache(later).cached_blocks == cached


def test_the_requests_own_breakpoint_stands_behind_its_last_block():
    checker = Checker()
    assert checker.cache(request(ASKED, **MARK)) == CacheUse(0, 1, 1)
    assert checker.cache(request(ASKED, model="claude-haiku-5-5", **MARK)) == CacheUse(0, 1, 1)
    assert checker.cache(request(ASKED, assistant(text("a")), ASKED, **MARK)) == CacheUse(1, 2, 3)
