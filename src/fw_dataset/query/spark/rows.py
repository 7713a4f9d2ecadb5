"""Tables as the views over them read them: by the places of columns, never by their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from fw_dataset.query.columns import Columns
from fw_dataset.query.spark.wording import identifier, places, spark_type

__all__ = ["Rows", "null", "of_type", "view"]


@dataclass(frozen=True)
class Rows:
    """What is registered under a name.

    Attributes:
        name: in SQL, with the database.
        columns: the DuckDB type of each column, in order.
    """

    name: str
    columns: Columns

    def under(self, alias: str) -> str:
        """It as it stands behind ``FROM``."""
        return f"{self.name} AS {alias}({', '.join(places(len(self.columns)))})"

    def place(self, column: str) -> str | None:
        """What a column is called there; None where there is none."""
        return self._places.get(column)

    @cached_property
    def _places(self) -> dict[str, str]:
        return dict(zip(self.columns, places(len(self.columns)), strict=True))


def of_type(kind: str) -> str:
    """The type in Spark of a column that is registered there."""
    found = spark_type(kind)
    if found is None:
        raise ValueError(f"{kind} is no type of a column in Spark")
    return found


def null(kind: str) -> str:
    """A null of a type."""
    return f"CAST(NULL AS {of_type(kind)})"


def view(name: str, columns: Sequence[str], said: str, sql: str) -> str:
    """The statement that makes a view.

    Args:
        name: in SQL, with the database.
        columns: what its columns are called.
        said: the clause of its comment.
        sql: the query.
    """
    listed = ", ".join(map(identifier, columns))
    return f"CREATE OR REPLACE VIEW {name} ({listed}){said} AS\n{sql}"
