"""What holds for all tests."""

from hypothesis import HealthCheck, settings

# No test depends on timing: on a busy machine an example takes as long as it takes.
settings.register_profile("move37", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("move37")
