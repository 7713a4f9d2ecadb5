"""What every test shares: how hypothesis searches, no cloud outside, emulated ones on loopback."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support.emulators import Emulators
from tests.support.no_clouds import know_no_cloud

# Neither a deadline nor the check for slow generation: a busy machine fails no test.
settings.register_profile(
    "default", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
# The same examples every time, so that a change is never blamed for an old fault.
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, database=None)
settings.register_profile("long", settings.get_profile("default"), max_examples=2_000)

know_no_cloud(os.environ)

# Who starts the tests in the background may have them ignore Ctrl-C, and all that they start, too.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def emulators() -> Iterator[Emulators]:
    """Emulated object stores by kind, each started when it is first asked for."""
    running = Emulators()
    yield running
    running.stop()
