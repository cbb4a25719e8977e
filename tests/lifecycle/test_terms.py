"""How clients' words are folded, and that whatever is typed of them finds them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.lifecycle.terms import normalise, reference_of, terms_of, words_of


def finds(q: str, terms: set[str]) -> bool:
    words = words_of(q)
    return bool(words) and all(any(term.startswith(word) for term in terms) for word in words)


@pytest.mark.parametrize(
    ("typed", "folded"),
    [
        ("Müller", "muller"),
        ("ŁUKASZ", "lukasz"),
        ("Straße", "strasse"),
        ("İpek", "ipek"),
        ("Ångström", "angstrom"),
        ("Søren\t  Kierkegård", "soren kierkegard"),
        ("ﬁ", "fi"),
        ("", ""),
    ],
)
def test_spelling_is_folded(typed: str, folded: str) -> None:
    assert normalise(typed) == folded


@pytest.mark.parametrize(
    "q",
    [
        "jean",
        "PAUL",
        "jean-paul",
        "jean paul",
        "o'br",
        "obrien",
        "brien",
        "o brien jean",
        "jp.obrien@company.example",
        "JP.Obrien",
        "jp.obrien@",
        "0132",
        "460132",
        "7946 0132",
        "020 7946 0132",
        "02079460132",
        "+44 20 7946 0132",
        "+44 (0)20 7946 0132",
        "0044 20 7946 0132",
        "020-7946-0132",
        "jean 0132",
    ],
)
def test_whatever_is_typed_of_a_client_finds_them(q: str) -> None:
    assert finds(q, terms_of("Jean-Paul O’Brien", "jp.obrien@company.example", "020 7946 0132"))


@pytest.mark.parametrize("q", ["", "   ", "!!!", "\x00", "\ud800", "paula", "jean smith", "9999", "+49 30 1"])
def test_what_is_not_theirs_does_not(q: str) -> None:
    assert not finds(q, terms_of("Jean-Paul O’Brien", "jp.obrien@company.example", "020 7946 0132"))


def test_a_number_kept_with_its_country_is_found_without_it() -> None:
    terms = terms_of("Ada", "", "+44 (0)20 7946 0132")
    assert finds("2079460132", terms)
    assert finds("0132", terms)
    assert finds("+442079460132", terms)


@given(st.text(max_size=160), st.text(max_size=254), st.text(max_size=40))
def test_every_term_fits_its_column(name: str, email: str, phone: str) -> None:
    for term in terms_of(name, email, phone):
        assert 1 <= len(term) <= 64
        term.encode()


@given(st.text(min_size=1, max_size=60))
def test_a_name_typed_as_it_is_finds_it(name: str) -> None:
    terms = terms_of(name, "", "")
    if words_of(name) and "@" not in name:
        assert finds(name, terms) or any(c.isdigit() for c in name)


@given(st.text(max_size=300))
def test_any_search_gives_few_short_words(q: str) -> None:
    words = words_of(q)
    assert len(words) <= 8
    assert all(1 <= len(word) <= 64 and word.encode() for word in words)


@pytest.mark.parametrize(
    ("q", "reference"),
    [("2088", 2088), (" 7 ", 7), ("0", None), ("-1", None), ("²", None), ("9" * 19, None), ("9" * 80, None)],
)
def test_plain_digits_may_be_a_reference(q: str, reference: int | None) -> None:
    assert reference_of(q) == reference
