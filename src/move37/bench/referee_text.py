"""The tables of `bench referee`, for people."""

from collections.abc import Iterator

from move37.bench.referee import WORLD_LENGTH, RefereeResult
from move37.bench.referee_claims import NullRate
from move37.bench.referee_grid import NOISES, OURS, Row
from move37.bench.tabular_result import TabularResult


def table(
    result: RefereeResult, tabular: TabularResult | None, engine: NullRate, missing: str = ""
) -> str:
    """All of them. missing: why there is no tabular replay."""
    return "\n".join(
        [
            *_grid(result),
            *_worlds(result),
            *_claims(result),
            f"the real engine on a program that is nothing but noise: {engine.claims} of "
            f"{engine.studies} studies claim something",
            "",
            *([missing] if tabular is None else tabular.lines()),
        ]
    )


def _grid(result: RefereeResult) -> Iterator[str]:
    """Gain and false claims of every rule, over noise, for each length."""
    yield "Planted effects. In each cell: true gain of what is recommended, in typical good effects;"
    yield "and the share of studies that claim an improvement which is none."
    noises = "".join(f"{f'noise {noise:g}':>14}" for noise in NOISES)
    for length in sorted({length for _, length in result.grid}):
        rows = {noise: {row.rule: row for row in result.grid[noise, length]} for noise in NOISES}
        yield ""
        yield f"{f'{length} runs':<18}{noises}"
        for rule in rows[NOISES[0]]:
            cells = (_cell(rows[noise][rule]) for noise in NOISES)
            yield f"{rule:<18}" + "".join(f"{cell:>14}" for cell in cells)
        yield f"{'best other: ratio':<18}" + "".join(
            f"{_ratio(result.ratios[noise, length]):>14}" for noise in NOISES
        )
        yield f"{'the truth known':<18}" + "".join(
            f"{_ratio(result.ceilings[noise, length]):>14}" for noise in NOISES
        )
        yield f"{'certification':<18}" + "".join(
            f"{f'+{rows[noise][OURS].runs - length:.0f} runs':>14}" for noise in NOISES
        )


def _cell(row: Row) -> str:
    return f"{row.gain:.1f} {row.false_claims:.0%}"


def _ratio(ratio: float) -> str:
    return "no gain" if ratio == float("inf") else f"x {ratio:.2f}"


def _worlds(result: RefereeResult) -> Iterator[str]:
    yield ""
    yield f"Worlds that mislead, {WORLD_LENGTH} runs, noise 1: true gain; studies with a claim, with"
    yield "a false claim; and what is believed of the gain less what it is."
    for world, rows in result.worlds.items():
        yield ""
        yield f"{world:<30}{'gain':>8}{'claims':>9}{'false':>9}{'optimism':>10}{'runs':>7}"
        for row in rows:
            yield (
                f"  {row.rule:<28}{row.gain:>8.2f}{row.claims:>9.0%}{row.false_claims:>9.0%}"
                f"{row.optimism:>+10.2f}{row.runs:>7.0f}"
            )


def _claims(result: RefereeResult) -> Iterator[str]:
    yield ""
    for length, null in sorted(result.nulls.items()):
        yield (
            f"nothing helps, {length} experiments: {null.rate:.1%} ± {1.96 * null.error:.1%} of "
            f"{null.studies} studies claim something"
        )
    gain = result.gain
    yield (
        f"one gain of 2 sigma in 100 experiments: found in {gain.found:.1%} of {gain.studies} studies, "
        f"certified in {gain.power:.1%} ± {1.96 * gain.error:.1%}, with {gain.cost_ratio:.2f} times the "
        f"runs of keep-if-better, which ends with it in {gain.ratchet_found:.1%}"
    )
    if (cover := result.coverage) is not None:
        yield (
            f"90 % intervals of {cover.effects} certified effects hold the truth in {cover.share:.1%} ± "
            f"{1.96 * cover.error:.1%}; it lies below in {cover.below:.1%}, above in {cover.above:.1%}"
        )
    drift = result.drift
    yield (
        f"a machine that slows down by 30 %: {drift.drifting:.1%} of the pairs of programs are ranked the "
        f"wrong way round, {drift.paired:.1%} with `pair`, {drift.steady:.1%} on a steady machine"
    )
