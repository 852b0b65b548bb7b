"""What belief makes of worlds that are not Gaussian: each in seeded studies, with a stated criterion."""

import math
from random import Random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted_beliefs import Planted

from move37.search.drift import fit_drift, smooth
from move37.search.noise import own_noise, pooled_variance, resolution
from move37.search.robust import Family, learn_tails, settle
from move37.search.scale import scale_of
from move37.search.shared import Shared, fit_shared


def rms(values: list[float]) -> float:
    return math.sqrt(fmean(value * value for value in values))


def random_tree(luck: Random, experiments: int, noise: float, stray: float = 0.0) -> Planted:
    """Edits of 0.7 on random programs; a share of the trials is astray by ten times the noise."""
    study = Planted()

    def show(id: int) -> None:
        astray = 10 * luck.choice((-1, 1)) if luck.random() < stray else 0.0
        study.show(id, study.values[id] + noise * (luck.gauss(0, 1) + astray))

    for _ in range(5):
        show(0)
    for _ in range(experiments):
        show(study.open(luck.randrange(len(study.values)), luck.gauss(0, 0.7)))
    return study


# --- a. strays -------------------------------------------------------------------------------------


def test_a_stray_trial_of_a_program_with_repeats_hardly_moves_it() -> None:
    study, luck = random_tree(Random(1), 60, noise=1.0), Random(2)
    for _ in range(6):
        study.show(0, luck.gauss(0, 1))
    before = study.belief(0)
    study.show(0, 10.0)
    assert abs(study.belief(0).mean - before.mean) < 0.1
    assert study.audit() == []


def test_a_lone_stray_is_doubted_and_unmasked_by_its_first_child() -> None:
    believed: list[float] = []
    for seed in range(20):
        study, luck = random_tree(Random(seed), 60, noise=1.0), Random(100 + seed)
        lucky = study.open(0, 0.0)
        study.show(lucky, 10.0)
        assert study.gain(lucky).sd > 2.0
        child = study.open(lucky, 0.0)
        study.show(child, luck.gauss(0, 1))
        believed.append(study.gain(lucky).mean)
    assert fmean(believed) < 0.8


def test_two_in_a_hundred_strays_cost_little_accuracy() -> None:
    clean = [e for seed in range(10) for e in random_tree(Random(seed), 80, 1.0).errors()]
    dirty = [e for seed in range(10) for e in random_tree(Random(seed), 80, 1.0, 0.02).errors()]
    assert rms(dirty) < 1.4 * rms(clean)  # By the plain Gaussian model: 1.54 times.


def test_a_stray_among_the_baselines_repeats_does_not_make_everything_noise() -> None:
    noises: list[float] = []
    for seed in range(20):
        study, luck = Planted(), Random(seed)
        for score in (*(luck.gauss(0, 1) for _ in range(4)), 10.0):
            study.show(0, score)
        for _ in range(40):
            study.show(study.open(luck.randrange(len(study.values)), 0.0), luck.gauss(0, 1))
        noises.append(study.believer.noise)
    assert max(noises) < 2.0  # The plain estimate is about 4.5.


def test_the_pooled_noise_is_fair_to_normal_repeats_and_deaf_to_strays() -> None:
    luck = Random(4)
    fair = [pooled_variance([[luck.gauss(0, 1) for _ in range(8)]])[0] for _ in range(400)]
    assert fmean(fair) == pytest.approx(1.0, abs=0.1)
    stray = [
        pooled_variance([[*(luck.gauss(0, 1) for _ in range(9)), 10.0]])[0] for _ in range(400)
    ]
    assert fmean(stray) == pytest.approx(1.0, abs=0.15)


def test_what_has_been_astray_before_is_doubted_sooner() -> None:
    stray = settle(Family(0.0, 0.1, 4.0, 0.0), 0.5, [(-9.0, 1.0)])
    jump = settle(Family(0.0, 0.1, 0.0, 0.0), 0.5, [(9.0, 1.0), (9.5, 1.0), (8.5, 1.0)])
    tails = learn_tails([stray] * 5 + [jump] * 5, edits=100, trials=100)
    assert tails.trials[0] > 4 * tails.trials[1]  # Strays went down,
    assert tails.edits[1] > 4 * tails.edits[0]  # and large effects up.
    quiet = Family(0.0, 0.1, 0.0, 0.0)
    down, up = (settle(quiet, 0.5, [(score, 1.0)], tails) for score in (-7.0, 7.0))
    assert down.astray[0] > 0.6
    assert up.jump > 0.9


# --- b. programs with a noise of their own ---------------------------------------------------------


def test_a_program_whose_repeats_scatter_weighs_less() -> None:
    squares: dict[bool, list[float]] = {False: [], True: []}
    for seed in range(30):
        luck, study = Random(seed), Planted()
        for _ in range(10):
            study.show(0, luck.gauss(0, 1))
        for number in range(12):
            noisy = number % 4 == 0
            id = study.open(0, luck.gauss(0, 0.7))
            for _ in range(3):
                study.show(id, study.values[id] + luck.gauss(0, 4.0 if noisy else 1.0))
            squares[noisy].append((study.gain(id).mean - study.values[id]) ** 2)
    # Three trials of a noisy program err by 2.3; with one noise for all programs belief errs by 2.1.
    assert math.sqrt(fmean(squares[True])) < 1.7
    assert math.sqrt(fmean(squares[False])) < 0.55


def test_a_programs_own_noise_is_shrunk_to_the_usual_one() -> None:
    assert own_noise([1.0], 1.0) == 1.0
    assert 2.0 < own_noise([-4.0, 4.0, 0.0, 3.0], 1.0) < 30.0
    assert 0.4 < own_noise([0.0, 0.0, 0.0, 0.0], 1.0) < 1.0


# --- c. drift --------------------------------------------------------------------------------------


def test_with_pairs_a_slowing_machine_does_not_make_later_programs_look_worse() -> None:
    luck, study = Random(5), Planted()
    for _ in range(5):
        study.show(0, -math.exp(luck.gauss(0, 0.02)))
    for number in range(100):
        slow = 0.3 * number / 100
        score = -math.exp(slow + luck.gauss(0, 0.02))
        study.show(study.open(0, 0.0), score, reference=-math.exp(slow + luck.gauss(0, 0.02)))
    late = fmean(study.gain(id).mean for id in range(80, 101))
    assert abs(late) < 0.01
    assert study.audit() == []


def test_pairs_cost_next_to_nothing_where_there_is_no_drift() -> None:
    def spread(*, pair: bool) -> float:
        luck, beside, study = Random(6), Random(7), Planted()
        for _ in range(5):
            study.show(0, 10 + luck.gauss(0, 1))
        for _ in range(150):
            effect, noise = luck.gauss(0, 1), luck.gauss(0, 1)
            reference = 10 + beside.gauss(0, 1) if pair else None
            id = study.open(0, effect)
            study.show(id, 10 + effect + noise, reference=reference)
        return rms(list(study.errors()))

    assert spread(pair=True) < 1.08 * spread(pair=False)


def test_an_offset_is_known_better_from_all_readings_than_from_its_own() -> None:
    luck = Random(8)
    truth = [math.sin(place / 30) for place in range(200)]
    readings = [each + luck.gauss(0, 0.3) for each in truth]
    drift = fit_drift(readings)
    offsets = smooth(readings, drift)
    errors = [offset.mean - each for offset, each in zip(offsets, truth, strict=True)]
    centre = fmean(errors)
    assert math.sqrt(drift.noise) == pytest.approx(0.3, rel=0.2)
    assert rms([error - centre for error in errors]) < 0.15


def test_readings_that_are_all_equal_show_no_drift_and_no_noise() -> None:
    drift = fit_drift([0.0, 0.0, None, 0.0])
    assert (drift.noise, drift.step) == (0.0, 0.0)
    assert [offset.mean for offset in smooth([0.0, 0.0], drift)] == [0.0, 0.0]


# --- d. without noise, and coarse scores -----------------------------------------------------------


def test_one_exact_trial_is_not_quite_certain_until_it_is_repeated() -> None:
    study = Planted()
    for _ in range(3):
        study.show(0, 1.0)
    for effect in (0.5, -0.25, 1.0, -0.7):
        study.show(study.open(0, effect), 1 + effect)
    once = study.gain(3)
    study.show(3, 2.0)
    twice = study.gain(3)
    assert 0.0 < once.sd < 0.2 * once.mean
    assert (twice.mean, twice.sd) == (pytest.approx(1.0), 0.0)
    assert study.audit() == []


def test_a_noisy_candidate_of_an_exact_baseline_gives_its_own_noise_away() -> None:
    study = Planted()
    for _ in range(5):
        study.show(0, 1.0)
    for number in range(10):
        id = study.open(0, 0.0)
        study.show(id, 1.1 + 0.01 * number)
    study.show(10, 0.9)
    assert study.believer.noise > 0.05
    assert study.gain(10).sd > 0.05


def test_equal_repeats_of_a_zero_one_score_do_not_make_it_exact() -> None:
    luck, study = Random(9), Planted()
    for _ in range(3):
        study.show(0, 0.0)
    for _ in range(30):
        study.show(study.open(0, 0.0), float(luck.random() < 0.4))
    best = study.believer.ranking(1)[0]
    assert study.gain(best).sd > 0.15
    assert study.audit() == []


def test_a_coarse_score_is_told_from_a_fine_one_with_ties() -> None:
    coarse = [0.90, 0.91, 0.91, 0.92, 0.90, 0.91, 0.93, 0.91, 0.92]
    assert resolution(coarse) == pytest.approx(0.01)
    assert resolution([0.5] * 6 + [0.5, 0.7172, 0.9, 0.5123]) == 0.0
    assert resolution([float(n) for n in range(20)]) == 0.0


# --- e. what edits do on average -------------------------------------------------------------------


def test_a_reported_gain_knows_that_most_edits_do_harm() -> None:
    optimism: list[float] = []
    for seed in range(12):
        luck, study = Random(seed), Planted()
        for _ in range(5):
            study.show(0, luck.gauss(0, 1))
        for _ in range(100):
            parent = study.believer.ranking(1)[0]
            kind = luck.random()
            effect = luck.expovariate(1) * (1 if kind < 0.1 else -1 if kind < 0.5 else 0)
            id = study.open(parent, effect)
            study.show(id, study.values[id] + luck.gauss(0, 1))
        best = study.believer.ranking(1)[0]
        optimism.append(study.gain(best).mean - study.values[best])
    assert -0.3 < fmean(optimism) < 0.3


def test_mean_effects_are_told_by_kind_and_never_raise_a_belief() -> None:
    luck, study = Random(15), Planted()
    for _ in range(20):
        study.show(0, luck.gauss(0, 1))
    for _ in range(200):
        for move, effect in (("harm", -1.0), ("help", 0.5)):
            id = study.open(luck.choice((0, max(0, len(study.values) - 9))), effect, move=move)
            study.show(id, study.values[id] + luck.gauss(0, 1))
    harm, help = study.open(0, 0, move="harm"), study.open(0, 0, move="help")
    model = study.believer.model_of(0)
    assert -1.1 < model.effect[harm] < -0.5  # It is -1, shrunk.
    assert model.effect[help] == 0.0


# --- f. rare large gains ---------------------------------------------------------------------------


@pytest.mark.parametrize("size", [5.0, 10.0, 20.0])
def test_a_large_gain_that_a_repeat_confirms_is_believed(size: float) -> None:
    shares: list[float] = []
    for seed in range(20):
        study, luck = random_tree(Random(seed), 60, noise=1.0), Random(200 + seed)
        tau = study.believer.tau
        found = study.open(0, size * tau)
        for _ in range(2):
            study.show(found, study.values[found] + luck.gauss(0, 1))
        shares.append(study.gain(found).mean / (size * tau))
    assert fmean(shares) > 0.8  # By the plain Gaussian model 0.6, up to 10 tau.


def test_a_large_gain_is_confirmed_by_children_as_well() -> None:
    study, luck = random_tree(Random(3), 60, noise=1.0), Random(11)
    found = study.open(0, 8.0)
    study.show(found, 8.0)
    for _ in range(2):
        study.show(study.open(found, 0.0), 8.0 + luck.gauss(0, 1))
    assert study.gain(found).mean > 6.5
    assert study.audit() == []


def test_explanations_are_weighed_by_what_the_family_says() -> None:
    quiet = Family(mean=0.0, variance=0.01, precision=0.0, weighted=0.0)
    lone = settle(quiet, 0.5, [(10.0, 1.0)])
    twice = settle(quiet, 0.5, [(10.0, 1.0), (9.5, 1.0)])
    denied = settle(
        Family(mean=0.0, variance=0.01, precision=2.0, weighted=0.4), 0.5, [(10.0, 1.0)]
    )
    assert 0.1 < lone.jump < 0.9
    assert twice.jump > 0.95
    assert denied.astray[0] > 0.95


# --- g. luck that programs share -------------------------------------------------------------------


def test_trials_that_agree_are_never_thrown_away_together() -> None:
    family = Family(mean=8.75, variance=1.457, precision=0.0, weighted=0.0)
    scores = (9.946, 9.362, 10.136, 8.622, 9.120, 9.634, 10.016)
    site = settle(family, 27.35, [(8.843, 0.66), *((score, 9.08) for score in scores)])
    assert site.weight == pytest.approx(0.66 + 7 * 9.08, rel=0.1)
    assert site.ratio < 100


@given(
    st.floats(-30, 30),
    st.lists(st.floats(-1.5, 1.5), min_size=5, max_size=12),
    st.floats(0.01, 30),
    st.floats(0.01, 30),
)
def test_what_many_trials_say_is_known_as_well_as_they_say_it(
    step: float, noise: list[float], ratio: float, variance: float
) -> None:
    family = Family(mean=1.0, variance=variance, precision=0.0, weighted=0.0)
    site = settle(family, ratio, [(1.0 + step + luck, 1.0) for luck in noise])
    precision = site.weight + 1 / (variance + site.ratio)
    mean = (site.weight * site.average + 1.0 / (variance + site.ratio)) / precision
    assert precision > 0.25 * len(noise)
    assert abs(mean - site.average) < 2


def test_luck_that_all_programs_share_on_a_seed_is_not_noise_of_a_comparison() -> None:
    luck, study = Random(12), Planted()
    seeds = [luck.gauss(0, 1) for _ in range(8)]

    def show(id: int, index: int) -> None:
        study.show(id, study.values[id] + seeds[index] + luck.gauss(0, 0.3), index=index)

    for index in range(8):
        show(0, index)
    for number in range(30):
        id = study.open(0, luck.gauss(0, 0.5))
        for index in range(4 if number < 6 else 1):
            show(id, index)
    assert 0.2 < study.believer.noise < 0.7  # Repeats of one program scatter by 1.04.
    assert rms(list(study.errors())) < 0.35
    assert study.audit() == []


def test_independent_luck_is_not_taken_for_shared() -> None:
    parts: list[float] = []
    for seed in range(200):
        luck = Random(seed)
        tables = [{("search", i): luck.gauss(0, 1) for i in range(5)} for _ in range(4)]
        parts.append(fit_shared(tables, 1.0).part)  # pyright: ignore[reportArgumentType]
    assert fmean(parts) < 0.12


def test_a_seed_that_nobody_else_has_seen_says_less() -> None:
    luck = Shared(part=0.8).luck({("search", 0): 1.0, ("search", 1): 2.0, ("search", 2): 3.0})
    assert luck["search", 0].share == 1.0
    assert luck["search", 1].share < 0.1


def test_units_say_how_exact_an_exact_evaluation_is() -> None:
    study = Planted()
    for _ in range(3):
        study.show(0, 0.80)
    for number in range(12):
        study.show(study.open(0, 0.0), 0.80 + 0.002 * number, paired_error=0.01)
    assert study.believer.noise == pytest.approx(0.01, rel=0.3)
    assert study.gain(12).sd > 0.004
    assert study.audit() == []


# --- timings ---------------------------------------------------------------------------------------


def timed(metric: str) -> Planted:
    """A baseline of 100 ms, a program of 10 ms, and children of that; all with 4 % of noise."""
    luck, study = Random(13), Planted(metric)

    def show(id: int, milliseconds: float) -> None:
        study.show(id, -milliseconds * math.exp(luck.gauss(0, 0.04)))

    for _ in range(5):
        show(0, 100.0)
    fast = study.open(0, 90.0)
    show(fast, 10.0)
    show(fast, 10.0)
    for _ in range(15):
        show(study.open(0, 0.0), 100.0)
        show(study.open(fast, 90.0), 10.0)
    found = study.open(fast, 92.0)
    for _ in range(2):
        show(found, 8.0)
    return study


def test_after_a_large_gain_small_gains_of_a_timing_are_still_told_from_noise() -> None:
    timing, other = timed("latency_ms"), timed("loss")
    found, fast = len(timing.values) - 1, 1
    gain = timing.gain(found, fast)
    assert gain.mean == pytest.approx(2.0, abs=0.7)
    assert gain.sd < 0.6
    assert other.gain(found, fast).sd > 1.5  # With one noise for all it cannot be told from luck.
    assert timing.believer.noise == pytest.approx(4.0, rel=0.4)  # At the baseline, in ms.
    assert timing.audit() == []


def test_timings_are_believed_on_their_own_scale() -> None:
    study = timed("latency_ms")
    assert study.belief(0).mean == pytest.approx(-100, rel=0.05)
    assert study.belief(1).mean == pytest.approx(-10, rel=0.05)
    assert study.gain(1).mean == pytest.approx(90, rel=0.05)
    assert study.gain(1).sd == pytest.approx(study.belief(0).sd, rel=0.3)


def test_a_timing_without_a_logarithm_ends_the_logarithms() -> None:
    study, luck = timed("latency_ms"), Random(14)
    instant = study.open(0, 100.0)
    for _ in range(2):
        study.show(instant, 0.0)
    for _ in range(5):
        study.show(study.open(0, 0.0), -100.0 + luck.gauss(0, 4))
    assert study.belief(0).mean == pytest.approx(-100, rel=0.05)
    assert study.believer.ranking(1) == [instant]
    assert study.audit() == []


@pytest.mark.parametrize(
    ("name", "is_timing"),
    [
        ("seconds", True),
        ("parse_time", True),
        ("latency_ms", True),
        ("ops_per_s", True),
        ("loss", False),
        ("items", False),
        ("timeout_errors", False),
        ("", False),
    ],
)
def test_a_timing_is_known_by_its_name(name: str, *, is_timing: bool) -> None:
    scale = scale_of({"metric": {"name": name, "goal": "minimize"}})
    assert (scale.sign != 0) == is_timing


# --- whatever comes --------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["score", "latency_ms"])
@pytest.mark.parametrize("seed", range(8))
def test_numbers_of_any_size_are_taken(metric: str, seed: int) -> None:
    luck, study = Random(seed), Planted(metric)
    sizes = luck.sample([0.0, 1e-300, 1e100, -1e100, 1.0, 1 + 1e-15, -3.0, 1e-12, 5e99], 4)

    def show(id: int) -> None:
        reference = luck.choice([None, luck.choice(sizes)])
        error = luck.choice([None, abs(luck.choice(sizes))])
        study.show(id, luck.choice(sizes), reference=reference, paired_error=error)

    for _ in range(luck.randint(1, 5)):
        show(0)
    for _ in range(20):
        id = study.open(luck.randrange(len(study.values)), 0.0)
        for _ in range(luck.choice((0, 1, 1, 3))):
            show(id)
    assert study.believer.ranking(1)
    for id in study.believer.ranking(30):
        belief, gain = study.belief(id), study.gain(id)
        assert all(map(math.isfinite, (belief.mean, belief.sd, gain.mean, gain.sd)))
