"""What every test shares: how hypothesis searches."""

from hypothesis import HealthCheck, settings

# Neither a deadline nor the check for slow generation: a busy machine fails no test.
settings.register_profile(
    "default", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
# The same examples every time, so that a change is never blamed for an old fault.
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, database=None)
settings.register_profile("long", settings.get_profile("default"), max_examples=2_000)
