"""Ctrl-C while DuckDB works."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fw_dataset.cli.signals import raise_if_asked_to_end

__all__ = ["ending_when_asked"]


@contextmanager
def ending_when_asked() -> Iterator[None]:
    """A block that ends as the signal said, whatever DuckDB made of that.

    Some of its releases drop what a signal raises, and fail with an error of their own.
    """
    try:
        yield
    except Exception:
        raise_if_asked_to_end()
        raise
    raise_if_asked_to_end()
