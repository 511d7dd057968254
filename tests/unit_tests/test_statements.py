from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jepa_langchain.errors import InputError
from jepa_langchain.statements import Limits, clean_text


@pytest.mark.parametrize(
    ("raw", "text", "removed"),
    [
        ("plain", "plain", 0),
        ("  two\n\twords ", "two words", 0),
        ("zero\u200bwidth\ufeff", "zerowidth", 2),
        ("over\u202eride\u2066d\u2069", "overrided", 3),
        ("tag\U000e0041\U000e0042s", "tags", 2),
        ("selector\U000e0100", "selector", 1),
        ("cafe\u0301", "caf\u00e9", 0),
    ],
)
def test_hidden_characters_are_stripped_and_counted(raw: str, text: str, removed: int) -> None:
    cleaned = clean_text(raw, where="here")
    assert (cleaned.text, cleaned.removed) == (text, removed)


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x1b", "\x1c", "\x7f", "\x85", "\ud800"])
def test_control_characters_are_refused_by_name_and_place(character: str) -> None:
    with pytest.raises(InputError, match=rf"^a.txt, line 3: control character U\+{ord(character):04X} at character 3$"):
        clean_text(f"ab{character}c", where="a.txt, line 3")


@pytest.mark.parametrize("raw", ["", "   ", "\u200b\u200b", "\n"])
def test_nothing_left_is_an_error(raw: str) -> None:
    with pytest.raises(InputError, match="empty text"):
        clean_text(raw, where="here")


def test_limit_counts_what_is_left_after_cleaning() -> None:
    limits = Limits(statement_characters=5)
    assert clean_text("abcde\u200b", where="here", limits=limits).text == "abcde"
    with pytest.raises(InputError, match="6 characters; a statement may have 5"):
        clean_text("abcdef", where="here", limits=limits)


def test_five_megabytes_are_refused() -> None:
    with pytest.raises(InputError, match="5,000,000 characters; a statement may have 2,000"):
        clean_text("x" * 5_000_000, where="here")


@given(st.text(max_size=200))
def test_cleaning_is_idempotent_and_never_leaves_what_it_removes(raw: str) -> None:
    try:
        once = clean_text(raw, where="here")
    except InputError:
        return
    twice = clean_text(once.text, where="here")
    assert (twice.text, twice.removed) == (once.text, 0)
    assert unicodedata.is_normalized("NFC", once.text)
    assert once.text == once.text.strip()
    assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in once.text)
