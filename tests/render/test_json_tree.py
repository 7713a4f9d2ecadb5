"""JSON to the letter: what is read is written again, number by number and key by key."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fw_dataset.render.json_tree import Members, Number, dump, has_surrogate, parse, separate
from fw_dataset.render.rebuild import merge
from tests.support.json_texts import STYLES, Style, read, read_members, same
from tests.support.records import json_objects, json_values


@given(json_values, st.sampled_from(STYLES), st.booleans())
def test_dump_writes_what_was_parsed(value: object, style: Style, sort_keys: bool) -> None:
    text = style.write(value)  # type: ignore[arg-type]

    dumped = dump(parse(text.encode()), sort_keys=sort_keys)

    assert same(read_members(dumped), read_members(text))


@pytest.mark.parametrize("number", ["1.50", "-0", "1E+2", "1e400", "NaN", "-Infinity", "9" * 50])
def test_numbers_keep_their_spelling(number: str) -> None:
    assert dump(parse(number.encode())) == number


@pytest.mark.parametrize("number", ["1" * 5000, "1" * 5000 + ".5", "1e999999"])
def test_numbers_of_any_length_are_kept(number: str) -> None:
    assert dump(parse(number.encode())) == number


def test_repeated_keys_are_kept_in_order() -> None:
    text = '{"b":1,"a":2,"b":{"c":1,"c":[]},"a":null}'

    assert dump(parse(text.encode())) == text
    assert dump(parse(text.encode()), sort_keys=True) == '{"a":2,"a":null,"b":1,"b":{"c":1,"c":[]}}'


def test_text_is_written_as_it_is_but_for_unpaired_surrogates() -> None:
    assert dump("é\n\x00") == '"é\\n\\u0000"'
    assert dump("é\ud800") == '"\\u00e9\\ud800"'
    assert dump(Members([("\ud800", "x")])) == '{"\\ud800":"x"}'


def test_byte_order_mark_is_passed_over() -> None:
    assert parse(b"\xef\xbb\xbf[1]") == [Number("1")]


@given(json_objects, st.sampled_from(STYLES))
def test_parts_of_a_value_make_it_whole_again(value: object, style: Style) -> None:
    text = style.write(value)  # type: ignore[arg-type]

    sound, odd = separate(parse(text.encode()))

    assert not has_surrogate(sound)
    kept = {} if sound is None else read(dump(sound))
    if isinstance(odd, Members):
        kept = merge(kept, json.loads(dump(odd)))
    assert odd is None or isinstance(odd, Members)
    assert same(read(text), kept)


def test_only_what_has_surrogates_is_set_apart() -> None:
    value = parse(b'{"a": {"b": "\\ud800", "c": 1}, "d": ["\\ud800", 2], "e": null}')

    sound, odd = separate(value)

    assert sound is not None
    assert odd is not None
    assert dump(sound) == '{"a":{"c":1},"e":null}'
    assert dump(odd) == '{"a":{"b":"\\ud800"},"d":["\\ud800",2]}'


def test_sound_value_is_not_parted() -> None:
    value = parse(b'{"a": [{"b": NaN}]}')

    assert separate(value) == (value, None)
