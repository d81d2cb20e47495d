"""Events to blocks and confirmed calls."""

import pytest

from agent.claude.blocks import parse_input
from agent.claude.reply import CallConfirmed, Reply, StreamFailed, TextDelta
from agent.claude.stop_reasons import STOP_REASONS, UNKNOWN, meaning
from tests.agent.claude.streams import block, call, delta, end, part, start, stop


def play(*events):
    """Feed events; give the reply, and after which event each output came."""
    reply = Reply()
    outputs = [
        (number, output) for number, event in enumerate(events) for output in reply.feed(event)
    ]
    return reply, outputs


def confirmed(outputs):
    return [(number, each.name) for number, each in outputs if isinstance(each, CallConfirmed)]


READ = [call(0, "read"), part(0, '{"path": '), part(0, '"a"}'), stop(0)]


class TestConfirmation:
    def test_a_call_is_confirmed_when_a_later_block_starts(self):
        _, outputs = play(start(), *READ, call(1, "write"), stop(1))
        assert outputs == [(5, CallConfirmed("t0", "read", {"path": "a"}, 0, False))]

    @pytest.mark.parametrize("reason", STOP_REASONS)
    def test_the_last_call_is_confirmed_by_the_stop_reasons_that_say_so(self, reason):
        _, outputs = play(start(), *READ, end(reason))
        assert bool(confirmed(outputs)) is STOP_REASONS[reason].confirms

    def test_a_stream_that_just_ends_confirms_nothing(self):
        reply, outputs = play(start(), *READ)
        assert (confirmed(outputs), reply.is_ended) == ([], False)

    def test_calls_come_in_block_order_though_their_blocks_are_interleaved(self):
        _, outputs = play(
            start(), call(0, "first"), call(1, "second"), stop(1), call(2, "third"), stop(0),
            stop(2), end("tool_use"),
        )  # fmt: skip
        assert confirmed(outputs) == [(7, "first"), (7, "second"), (7, "third")]

    def test_after_a_fallback_nothing_starts_before_the_end(self):
        _, outputs = play(
            start(), *READ, block(1, "fallback"), stop(1), call(2, "late"), stop(2),
            block(3, "text", text=""), stop(3), end("tool_use"),
        )  # fmt: skip
        assert confirmed(outputs) == [(11, "read"), (11, "late")]

    def test_a_call_behind_an_open_server_call_says_so(self):
        server = block(0, "server_tool_use", id="s", name="web_search", input={})
        result = block(2, "web_search_tool_result", tool_use_id="s", content=[])
        _, outputs = play(start(), server, stop(0), call(1, "a"), stop(1), result, stop(2),
                          call(3, "b"), stop(3), end("tool_use"))  # fmt: skip
        flags = [each.is_behind_open_block for _, each in outputs]
        assert flags == [False, False]
        _, outputs = play(start(), server, stop(0), call(1, "a"), stop(1), call(2, "b"))
        assert [each.is_behind_open_block for _, each in outputs] == [True]


class TestShapes:
    def test_a_call_without_arguments_whose_only_delta_is_empty(self):
        reply, outputs = play(start(), call(0, "now"), part(0, ""), stop(0), end("tool_use"))
        assert outputs[0][1].input == {}
        assert reply.content()[0]["input"] == {}

    def test_input_that_is_complete_in_the_blocks_start(self):
        whole = call(0, "read", input={"path": "a"})
        _, outputs = play(start(), whole, stop(0), end("tool_use"))
        assert outputs[0][1].input == {"path": "a"}

    def test_a_call_that_comes_whole_inside_message_start(self):
        content = [{"type": "tool_use", "id": "t", "name": "read", "input": {"path": "a"}}]
        reply, outputs = play(start(content=content, stop_reason="tool_use"))
        assert confirmed(outputs) == [(0, "read")]
        assert (reply.is_ended, reply.content()) == (True, content)

    def test_gaps_unknown_events_blocks_and_deltas_and_missing_usage_change_nothing(self):
        reply, outputs = play(
            start(), {"type": "news"}, block(3, "hologram", beam=1), delta(3, "beam_delta", b=2),
            stop(3), delta(9, "text_delta", text="lost"), block(7, "text", text=""),
            delta(7, "text_delta", text="hi"), stop(7), {"type": "ping"}, end("end_turn"),
            {"type": "message_stop"},
        )  # fmt: skip
        assert outputs == [(7, TextDelta("hi"))]
        assert reply.content() == [{"type": "hologram", "beam": 1}, {"type": "text", "text": "hi"}]
        assert reply.blocks[0].unknown == [{"type": "beam_delta", "b": 2}]
        assert (reply.pings, reply.usage) == (1, {})

    def test_thinking_citations_and_compaction_go_back_as_they_came(self):
        reply, _ = play(
            start(),
            block(0, "thinking", thinking="", signature=""),
            delta(0, "thinking_delta", thinking="hm"),
            delta(0, "signature_delta", signature="s1"),
            delta(0, "signature_delta", signature="s2"),
            stop(0),
            block(1, "text", text="", citations=[]),
            delta(1, "citations_delta", citation={"url": "u"}),
            delta(1, "text_delta", text="x"),
            stop(1),
            block(2, "compaction", content=None),
            delta(2, "compaction_delta", content="sum", encrypted_content="e"),
            stop(2),
        )
        assert reply.content() == [
            {"type": "thinking", "thinking": "hm", "signature": "s2"},
            {"type": "text", "text": "x", "citations": [{"url": "u"}]},
            {"type": "compaction", "content": "sum", "encrypted_content": "e"},
        ]

    def test_usage_is_cumulative_and_overwritten(self):
        first = start(usage={"input_tokens": 9, "output_tokens": 1, "cache_read_input_tokens": 4})
        reply, _ = play(first, end("end_turn", output_tokens=7, cache_read_input_tokens=None))
        assert reply.usage == {
            "input_tokens": 9,
            "output_tokens": 7,
            "cache_read_input_tokens": 4,
        }

    def test_an_error_event_is_given_out(self):
        event = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
        assert play(start(), event)[1] == [(1, StreamFailed("overloaded_error", "Overloaded"))]


class TestInput:
    @pytest.mark.parametrize(
        "raw",
        [
            '{"a": 1',
            "[1]",
            "3",
            '"text"',
            '{"a": NaN}',
            '{"a": -Infinity}',
            '{"a": "\\ud800"}',
            "{}x",
        ],
    )
    def test_input_that_cannot_be_sent_back_is_not_parsed_and_its_call_not_confirmed(self, raw):
        assert parse_input(raw) is None
        reply, outputs = play(start(), call(0, "bad"), part(0, raw), stop(0), *_second("tool_use"))
        assert [name for _, name in confirmed(outputs)] == ["good"]
        assert reply.calls()[0]["input"] == raw

    def test_whole_pairs_and_deep_nesting_are_parsed_or_refused_without_a_crash(self):
        assert parse_input('{"a": "\\ud83d\\ude00"}') == {"a": "\U0001f600"}
        assert parse_input('{"a":' + "[" * 100_000 + "]" * 100_000 + "}") is None


def _second(reason):
    return [call(1, "good"), stop(1), end(reason)]


def test_an_unknown_stop_reason_stops_the_turn_and_confirms_nothing():
    assert meaning("bored") is meaning(None) is UNKNOWN
    reply, outputs = play(start(), *READ, end("bored"))
    assert (confirmed(outputs), reply.stop_reason) == ([], "bored")


def test_the_table_of_stop_reasons_is_complete():
    assert set(STOP_REASONS) == {
        "end_turn",
        "tool_use",
        "max_tokens",
        "stop_sequence",
        "pause_turn",
        "refusal",
        "model_context_window_exceeded",
        "compaction",
    }
