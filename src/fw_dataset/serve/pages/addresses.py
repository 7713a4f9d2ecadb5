"""The addresses of the pages."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlencode

__all__ = ["Addresses"]


@dataclass(frozen=True)
class Addresses:
    """Addresses below the path at which people reach the service.

    Attributes:
        base: that path without a slash at its end; empty for the root.
    """

    base: str = ""

    @property
    def home(self) -> str:
        """All datasets."""
        return f"{self.base}/"

    @property
    def sign_in(self) -> str:
        """The form that takes a token."""
        return f"{self.base}/login"

    @property
    def sign_out(self) -> str:
        """Where the session ends."""
        return f"{self.base}/logout"

    @property
    def description(self) -> str:
        """The OpenAPI document."""
        return f"{self.base}/openapi.json"

    def static(self, name: str) -> str:
        """A file of the page's own: style, script."""
        return f"{self.base}/static/{name}"

    def dataset(self, dataset: str) -> str:
        """A dataset: its tables."""
        return f"{self.base}/datasets/{_part(dataset)}"

    def table(self, dataset: str, table: str) -> str:
        """A table: its columns."""
        return f"{self.dataset(dataset)}/tables/{_part(table)}"

    def rows(self, dataset: str, table: str, **choice: str | int | None) -> str:
        """Rows of a table; what is None is not in the address."""
        return f"{self.table(dataset, table)}/rows{_query(choice)}"

    def tree(self, dataset: str, **choice: str | int | None) -> str:
        """The top of the tree: subjects."""
        return f"{self.dataset(dataset)}/tree{_query(choice)}"

    def record(self, dataset: str, kind: str, key: str, **choice: str | int | None) -> str:
        """A record of the tree with what is below it."""
        return f"{self.dataset(dataset)}/tree/{kind}/{_part(key)}{_query(choice)}"

    def query(self, sql: str = "") -> str:
        """The editor, with a query in it.

        It stands in the fragment, which browsers keep to themselves: a query can name people,
        and no log of a server or proxy shall have that.
        """
        return f"{self.base}/query" + (f"#sql={quote(sql, safe='')}" if sql else "")


def _part(text: str) -> str:
    return quote(text, safe="")


def _query(choice: dict[str, str | int | None]) -> str:
    given = {key: value for key, value in choice.items() if value is not None}
    return f"?{urlencode(given)}" if given else ""
