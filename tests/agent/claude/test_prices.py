from dataclasses import replace

import pytest

from agent.claude.prices import PRICES, Price, Usage, price_of, usage_of

REPORTED = {
    "input_tokens": 1_000,
    "output_tokens": 200,
    "cache_read_input_tokens": 50_000,
    "cache_creation_input_tokens": 3_000,
    "cache_creation": {"ephemeral_5m_input_tokens": 1_000, "ephemeral_1h_input_tokens": 2_000},
}


def test_each_kind_of_token_is_counted_and_priced_by_itself():
    used = usage_of(REPORTED, "claude-opus-5-5")

    assert replace(used, cost=None) == Usage(1, 1_000, 200, 50_000, 1_000, 2_000, None)
    assert used.cost == pytest.approx(
        (1_000 * 4 + 200 * 20 + 50_000 * 0.2 + 1_000 * 5 + 2_000 * 8) / 1e6
    )
    assert used.tokens == 1_000 + 200 + 50_000 + 3_000


def test_the_longest_beginning_of_a_name_holds():
    assert price_of("claude-opus-5-5-20260901") is PRICES["claude-opus-5-5"]
    assert price_of("claude-opus-5-20260724") is PRICES["claude-opus-5"]
    assert price_of("claude-opus-55") is None
    assert price_of("llama") is None


def test_a_long_prompt_can_have_a_price_of_its_own():
    short = usage_of({"input_tokens": 100_000}, "claude-haiku-5-5")
    long = usage_of({"input_tokens": 100_001}, "claude-haiku-5-5")
    assert (short.cost, long.cost) == (pytest.approx(0.01), pytest.approx(0.0500005))


def test_a_cost_that_is_not_known_makes_the_sum_unknown_and_not_less():
    known, unknown = usage_of(REPORTED, "claude-opus-5"), usage_of(REPORTED, "llama")
    assert unknown.cost is None
    assert (known + unknown).cost is None
    assert (known + unknown).output == 400


def test_a_user_can_bring_prices():
    prices = {"llama": Price(1.0, 2.0, 0.0, 0.0, 0.0)}
    assert usage_of({"output_tokens": 1_000_000}, "llama-4", prices).cost == 2.0


def test_what_a_compaction_used_is_added_and_missing_or_odd_numbers_count_as_none():
    iterations = [
        {"type": "compaction", "input_tokens": 70},
        {"type": "message", "input_tokens": 5},
    ]
    assert usage_of({"input_tokens": 5, "iterations": iterations}, "x").input == 75
    assert usage_of({"input_tokens": None, "output_tokens": "many"}, "x").tokens == 0
