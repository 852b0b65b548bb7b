import pytest

from move37.bench.drift import drift_loss


@pytest.mark.slow
def test_pairs_save_the_ranking_from_a_machine_that_slows_down() -> None:
    figures = drift_loss(studies=30, experiments=80, seed=1).figures
    assert figures["drift_loss"] < 0.15  # 0.08 to 0.10 with more studies.
    assert figures["drift_loss_unpaired"] > 0.6


def test_without_drift_there_is_little_to_lose() -> None:
    figures = drift_loss(studies=4, experiments=30, drift=0.0, seed=2).figures
    assert figures["drift_loss_unpaired"] == 0.0
    assert abs(figures["drift_loss"]) < 0.3
