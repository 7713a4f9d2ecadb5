"""What people write as credentials, by the one name each thing has here. Values are never shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any
from urllib.parse import unquote

from fw_dataset.errors import CredentialsError

__all__ = ["Fields", "parse_query"]

_YES = {"1", "true", "yes", "on", "requester"}
_NO = {"0", "false", "no", "off", ""}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,60}\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def parse_query(query: str) -> dict[str, str]:
    """The options of a URL's query, percent-escapes decoded once; a plus is a plus.

    Raises:
        CredentialsError: a part has no ``=``, or an option is there twice.
    """
    found: dict[str, str] = {}
    for part in filter(None, query.split("&")):
        name, separator, value = part.partition("=")
        # What has no `=` is likely to be the rest of a value: it must not be shown.
        if not separator or not name:
            raise CredentialsError(
                "the URL's query has a part without a name and '=':"
                " write name=value&name=value, and & in a value as %26"
            )
        if unquote(name) in found:
            raise CredentialsError("the URL's query has an option twice: give each once")
        found[unquote(name)] = unquote(value)
    return found


class Fields:
    """Credentials by name, each to be taken once; what is None or empty counts as not given.

    Args:
        given: what the user wrote.
        spellings: the names that are known, each with other spellings of it.
        prefixes: what may stand before each name, as ``aws_``.
        store: the kind of store, for messages.
        forms: the forms that would do, for messages.

    Raises:
        CredentialsError: a name is not known, or one thing is given twice and differs.
    """

    def __init__(
        self,
        given: Mapping[str, Any],
        spellings: Mapping[str, Iterable[str]],
        *,
        prefixes: tuple[str, ...],
        store: str,
        forms: str,
    ) -> None:
        self._store, self._forms = store, forms
        self._prefixes = prefixes
        self._names = {s: name for name, others in spellings.items() for s in (name, *others)}
        self._values: dict[str, Any] = {}
        for written, value in _flat(given):
            name = self._canonical(written)
            if value is None or value == "":
                continue
            if name in self._values and self._values[name] != value:
                raise self.error(f"{name} is given twice, with different values")
            self._values[name] = value

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def __repr__(self) -> str:
        return f"Fields({sorted(self._values)})"

    @property
    def given(self) -> bool:
        """Whether anything is given."""
        return bool(self._values)

    def error(self, reason: str) -> CredentialsError:
        """What is wrong, and what would do instead."""
        return CredentialsError(f"{self._store} credentials: {reason}; {self._forms}")

    def value(self, name: str) -> Any:
        """What is given as ``name``, whatever it is, or None."""
        return self._values.get(name)

    def text(self, name: str) -> str | None:
        """The text that is given as ``name``, without blanks around it, or None."""
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self.error(f"{name} must be a text, not {type(value).__name__}")
        value = value.strip()
        if not value:
            raise self.error(f"{name} is blank")
        if _CONTROL.search(value):
            raise self.error(f"{name} has a line break or another control character in it")
        return value

    def flag(self, name: str) -> bool:
        """Whether ``name`` is given and means yes."""
        value = self._values.get(name, False)
        if isinstance(value, (bool, int)):
            return bool(value)
        if isinstance(value, str) and value.strip().lower() in _YES | _NO:
            return value.strip().lower() in _YES
        raise self.error(f"{name} must be true or false")

    def together(self, *names: str) -> dict[str, str] | None:
        """The texts of all of ``names``, or None if none is given; some alone are an error."""
        if not any(name in self for name in names):
            return None
        missing = [name for name in names if name not in self]
        if missing:
            there = " and ".join(name for name in names if name in self)
            raise self.error(f"{there} is given without {' and '.join(missing)}")
        return {name: self.text(name) or "" for name in names}

    def one_of(self, forms: Mapping[str, bool]) -> str | None:
        """The name of the form that is given, or None; more than one is an error."""
        found = [name for name, there in forms.items() if there]
        if len(found) > 1:
            raise self.error(f"{' and '.join(found)} are given at once, of which only one can hold")
        return found[0] if found else None

    def _canonical(self, written: str) -> str:
        plain = written.strip().lower().replace("-", "_")
        for candidate in (plain, *(plain.removeprefix(p) for p in self._prefixes)):
            if candidate in self._names:
                return self._names[candidate]
        raise self.error(self._unknown(written))

    def _unknown(self, written: str) -> str:
        known = sorted(set(self._names.values()))
        close = get_close_matches(written.lower(), list(self._names), n=1, cutoff=0.6)
        # A name from nowhere may be a piece of a value that a bare & cut in two.
        shown = f"option {written!r}" if close and _NAME.match(written) else "an option"
        hint = f"did you mean {close[0]!r}? " if close else ""
        return f"{shown} is not known; {hint}known are {', '.join(known)}"


def _flat(given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The entries, those of ``client_kwargs`` among them."""
    for name, value in given.items():
        if not isinstance(name, str):
            raise CredentialsError(f"credentials: a name must be a text, not {type(name).__name__}")
        if name in ("client_kwargs", "storage_options") and isinstance(value, Mapping):
            yield from _flat(value)
        else:
            yield name, value
