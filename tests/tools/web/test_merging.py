"""Results of several providers as one list."""

import random
from fractions import Fraction
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.web import Found
from tools.web.merging import Merged, key_of, merge, without_tracking


def found(*urls: str) -> list[Found]:
    return [Found(url, url) for url in urls]


def urls(merged: list[Merged]) -> list[str]:
    return [each.found.url for each in merged]


A, B, C, D = (f"https://{name}.example/" for name in "abcd")


class TestOneResult:
    @pytest.mark.parametrize(
        "url",
        [
            "http://a.example/p",
            "https://www.a.example/p",
            "https://A.EXAMPLE/p",
            "https://a.example:443/p",
            "http://a.example:80/p",
            "https://a.example./p",
            "https://a.example/p/",
            "https://a.example/p#part",
            "https://a.example/p?utm_source=x&utm_medium=y",
            "https://a.example/p?gclid=1&fbclid=2&msclkid=3",
            "//a.example/p",
        ],
    )
    def test_what_does_not_change_the_page_does_not_make_another(self, url):
        merged = merge({"one": found("https://a.example/p"), "two": found(url)})

        assert [each.ranks for each in merged] == [(("one", 1), ("two", 1))]
        assert urls(merged) == ["https://a.example/p"]

    @pytest.mark.parametrize(
        "url",
        [
            "https://a.example/P",
            "https://a.example/p/q",
            "https://a.example/p?id=2",
            "https://a.example/p?id=",
            "https://b.a.example/p",
            "https://a.example:8443/p",
            "https://a.example/p#!/page",
            "https://a.example/p#/page",
        ],
    )
    def test_what_may_change_the_page_makes_another(self, url):
        assert len(merge({"one": found("https://a.example/p"), "two": found(url)})) == 2

    def test_the_order_of_parameters_makes_no_other(self):
        merged = merge({"one": found(f"{A}?x=1&y=2"), "two": found(f"{A}?y=2&utm_x=7&x=1")})

        assert urls(merged) == [f"{A}?x=1&y=2"]

    def test_an_address_is_shown_without_tracking_and_else_as_it_was(self):
        shown = without_tracking("HTTPS://www.A.example/P/?b=%20&utm_source=x&a=1#part")

        assert shown == "https://www.A.example/P/?b=%20&a=1#part"

    @pytest.mark.parametrize(
        "url",
        [
            "javascript:alert(1)",
            "file:///etc/passwd",
            "data:text/html,x",
            "ftp://a.example",
            "a.example/p",
            "https://",
            "https://a.example:99999999/",
            "https://[::1/",
            "https://a.example/ignore all rules",
            "https://a.example/\nnext",
            "https://a.example/" + "p" * 2_000,
        ],
    )
    def test_what_is_no_address_of_the_web_is_left_out(self, url):
        assert urls(merge({"one": [Found("title", url), *found(A)]})) == [A]

    def test_what_has_neither_title_nor_address_is_left_out(self):
        assert merge({"one": [Found(" "), Found("")]}) == []

    def test_what_has_no_title_is_named_by_its_address(self):
        assert merge({"one": [Found("", A)]})[0].found == Found(A, A)

    def test_places_without_an_address_are_one_by_name_and_street(self):
        here, there = Found("Bakery", details=("1 Quay",)), Found("bakery ", details=("1 quay",))
        other = Found("Bakery", details=("2 Quay",))

        merged = merge({"one": [here, other], "two": [there]})

        assert [(each.found, each.ranks) for each in merged] == [
            (here, (("one", 1), ("two", 1))),
            (other, (("one", 2),)),
        ]

    def test_what_one_lacks_the_other_completes(self):
        one = Found("Title", A, "", "2026", ("x",))
        two = Found("Other", A, "snippet", "2025", ("y",))

        merged = merge({"one": [one], "two": [two]})

        assert merged[0].found == Found("Title", A, "snippet", "2026", ("x",))

    def test_the_same_twice_from_one_counts_once_with_its_better_rank(self):
        merged = merge({"one": [Found("first", A), Found("again", f"{A}#x"), *found(B)]})

        assert merged == [
            Merged(Found("first", A), (("one", 1),)),
            Merged(Found(B, B), (("one", 2),)),
        ]


class TestRanking:
    def test_what_more_found_stands_higher(self):
        assert urls(merge({"one": found(A, B), "two": found(C, B)})) == [B, A, C]

    def test_a_tie_goes_to_the_provider_that_is_named_first(self):
        assert urls(merge({"one": found(A), "two": found(B)})) == [A, B]
        assert urls(merge({"two": found(B), "one": found(A)})) == [B, A]

    def test_the_score_is_the_sum_of_reciprocal_ranks(self):
        merged = merge({"one": found(A, B), "two": found(B)})

        assert [each.score for each in merged] == [
            Fraction(1, 62) + Fraction(1, 61),
            Fraction(1, 61),
        ]


ADDRESSES = st.sampled_from([A, B, C, D, f"{A}?id=1", "http://www.a.example", f"{B}#x"])
ANSWERS = st.dictionaries(
    st.sampled_from(["one", "two", "three", "four"]),
    st.lists(ADDRESSES, max_size=6).map(lambda given: found(*given)),
)


@given(ANSWERS)
def test_every_page_that_was_found_is_listed_once(answers):
    listed = [key_of(each.found) for each in merge(answers)]

    assert len(set(listed)) == len(listed)
    assert set(listed) == {key_of(each) for answer in answers.values() for each in answer}


@given(ANSWERS)
def test_the_list_falls_in_score_and_names_each_finder_once(answers):
    merged = merge(answers)

    scores = [each.score for each in merged]
    assert scores == sorted(scores, reverse=True)
    for each in merged:
        names = [name for name, _ in each.ranks]
        assert len(set(names)) == len(names)
        assert names == [name for name in answers if name in names]


@given(st.lists(ADDRESSES, max_size=8).map(lambda given: found(*given)))
def test_the_order_of_a_single_provider_is_kept(answer):
    keys = list(dict.fromkeys(key_of(each) for each in answer))

    assert [key_of(each.found) for each in merge({"one": answer})] == keys


@given(ANSWERS, st.randoms(use_true_random=False))
def test_scores_do_not_depend_on_who_is_named_first(answers, chance: random.Random):
    names = list(answers)
    chance.shuffle(names)

    def scores(merged):
        return {key_of(each.found): each.score for each in merged}

    assert scores(merge({name: answers[name] for name in names})) == scores(merge(answers))


@given(ANSWERS)
def test_merging_what_was_merged_changes_nothing(answers):
    once = [each.found for each in merge(answers)]

    assert [each.found for each in merge({"all": once})] == once


@given(st.text(max_size=80) | st.from_regex(r"(https?:)?//[^ ]{0,60}"))
def test_any_text_is_an_address_of_the_web_or_none(text):
    url = without_tracking(text)

    assert not url or (urlsplit(url).scheme in {"http", "https"} and urlsplit(url).hostname)
    assert without_tracking(url) == url
    assert isinstance(key_of(Found("x", url)), str)
