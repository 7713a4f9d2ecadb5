"""Small results as aligned text."""

from fw_dataset.demo.text_table import text_table


def test_numbers_stand_right_and_texts_left() -> None:
    lines = text_table(("name", "rows"), [("a", 5), ("longer", 12_345), ("b", None)])
    assert lines == [
        "name      rows",
        "──────  ──────",
        "a            5",
        "longer  12,345",
        "b            –",
    ]


def test_a_column_of_texts_is_not_mistaken_for_numbers() -> None:
    assert text_table(("value",), [("7",), (12,), (1.5,)]) == ["value", "─────", "7", "12", "1.5"]


def test_a_result_without_rows_still_has_its_heading() -> None:
    assert text_table(("a", "bc"), []) == ["a  bc", "─  ──"]
