"""A bounded memory against the plainest one: a list, the least recently used first."""

from __future__ import annotations

from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from jepa_langchain.remembering import Remembering

MOST = 6
KEYS = st.sampled_from("abcde")


@given(st.lists(st.tuples(st.sampled_from(["known", "keep", "get"]), KEYS, st.integers(1, 7))))
def test_any_use_leaves_what_a_list_would(steps: list[tuple[str, str, int]]) -> None:
    ours: Remembering[str, int] = Remembering(MOST, size=lambda value: value)
    plain: list[tuple[str, int]] = []
    for what, key, value in steps:
        old = dict(plain).get(key)
        if what == "known":
            assert ours.known([key, key]) == ({} if old is None else {key: old})
        elif what == "keep":
            assert ours.keep({key: value}) == {key: value if old is None else old}
        else:
            assert ours.get(key, partial(int, value)) == (value if old is None else old)
        if old is not None and what != "keep":
            plain = [item for item in plain if item[0] != key] + [(key, old)]
        if old is None and what != "known":
            plain.append((key, value))
        while sum(size for _, size in plain) > MOST:
            plain.pop(0)
        assert ours.kept == sum(size for _, size in plain) <= MOST
    assert dict(plain) == ours.known("abcde")
    assert all((key in ours) == (key in dict(plain)) for key in "abcde")
