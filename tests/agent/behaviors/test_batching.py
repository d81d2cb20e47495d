"""Batches are the texts in their order, none of them too large."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.behaviors.batching import MARK, batches, cut

LIMITS = {"most_texts": st.integers(1, 5), "most_characters": st.integers(len(MARK) + 1, 40)}


@given(texts=st.lists(st.text(max_size=60)), **LIMITS)
def test_every_text_is_in_one_batch_in_its_place(texts, most_texts, most_characters):
    made = [*batches(texts, most_texts=most_texts, most_characters=most_characters)]
    expected = [(number, cut(text, most_characters)) for number, text in enumerate(texts)]
    assert [each for batch in made for each in batch] == expected


@given(texts=st.lists(st.text(max_size=60)), **LIMITS)
def test_no_batch_is_empty_or_too_large(texts, most_texts, most_characters):
    for batch in batches(texts, most_texts=most_texts, most_characters=most_characters):
        assert 0 < len(batch) <= most_texts
        assert sum(len(text) for _, text in batch) <= most_characters


@given(texts=st.lists(st.text(max_size=60)), **LIMITS)
def test_a_batch_ends_only_where_the_next_text_does_not_fit(texts, most_texts, most_characters):
    made = [*batches(texts, most_texts=most_texts, most_characters=most_characters)]
    for batch, following in pairwise(made):
        characters = sum(len(text) for _, text in batch) + len(following[0][1])
        assert len(batch) == most_texts or characters > most_characters


def test_a_text_that_is_too_long_says_that_it_was_cut():
    assert [*batches(["x" * 100, "y"], most_texts=3, most_characters=20)] == [
        [(0, "xxxxxxxxxxx [... cut]"[-20:])],
        [(1, "y")],
    ]


def test_batches_are_made_as_they_are_asked_for():
    drawn = []

    def texts():
        for number in range(100):
            drawn.append(number)
            yield "text"

    next(batches(texts(), most_texts=2, most_characters=100))
    assert drawn == [0, 1, 2]


@pytest.mark.parametrize("limits", [(0, 100), (1, len(MARK))])
def test_a_batch_that_can_hold_nothing_is_refused(limits):
    with pytest.raises(ValueError, match="a batch holds at least one text"):
        next(batches(["a"], most_texts=limits[0], most_characters=limits[1]))
