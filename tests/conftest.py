"""What holds for all tests."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# No test depends on timing: on a busy machine an example takes as long as it takes.
settings.register_profile("move37", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("move37")


@pytest.fixture(autouse=True, scope="session")
def state_of_no_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Studies of tests are not noted among those of whoever runs the tests."""
    before = os.environ.get("XDG_STATE_HOME")
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))
    yield
    os.environ.pop("XDG_STATE_HOME")
    if before is not None:
        os.environ["XDG_STATE_HOME"] = before
