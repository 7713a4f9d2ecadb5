"""What pyspark wants of the program that it is in."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

__all__ = ["main_module_with_a_file"]


@contextmanager
def main_module_with_a_file() -> Iterator[None]:
    """Of a main module without a file, as the processes that share the tests have, pyspark believes
    that its own tests are run, for which it wants all of Spark."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules["__main__"], "__file__", __file__, raising=False)
        yield
