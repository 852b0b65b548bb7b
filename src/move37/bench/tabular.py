"""The tabular half of `bench referee`: recorded edits of real classifiers, judged by every rule.

For each table a walk of edits is proposed once, on a split of its own, by keep-if-better, as tools do
it. Then every rule replays the same programs on fresh splits: it sees validation scores, recommends a
program and says what it gains. What it truly gains is measured on rows that no rule has ever seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from statistics import fmean
from typing import TYPE_CHECKING

from move37.bench.tabular_programs import Recipe, Table, edit, first_recipe, hits
from move37.bench.tabular_rules import RULES, TabularRule
from move37.core.seeds import derive_seed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PROGRAMS = 70
"""Edits of each walk."""
TEST_SHARE, VALIDATION_SHARE = 0.4, 0.3
"""Of all rows for the test; of the others for validation, in each split."""
TEST_FITS = 5
"""A program's true score is that of so many fits, on rows for training only, over the test rows."""


@dataclass(frozen=True, slots=True)
class Walk:
    """Programs in the order they were proposed, the unchanged one first."""

    recipes: Sequence[Recipe]
    parents: Sequence[int]
    """Of each, the place of the program that it changed; the first has itself."""


class Splits:
    """One table, cut once into rows to search on and rows to test on. Remembers every fit."""

    def __init__(self, table: Table, seed: int) -> None:
        import numpy as np

        self._table = table
        self._seed = seed
        rows = np.random.default_rng(derive_seed(seed, "test")).permutation(len(table.classes))
        test = round(TEST_SHARE * len(rows))
        self._test, self._rest = rows[:test], rows[test:]
        self._hits: dict[tuple[Recipe, int], Mapping[str, float]] = {}
        self._tested: dict[Recipe, float] = {}

    def score(self, recipe: Recipe, split: int) -> float:
        """Share of the validation rows that it gets right, on the split of this number."""
        return fmean(self.units(recipe, split).values())

    def units(self, recipe: Recipe, split: int) -> Mapping[str, float]:
        """1 for each validation row that it gets right, and else 0, by the row in the table."""
        if (recipe, split) not in self._hits:
            train, validation = self._cut(split)
            right = hits(recipe, self._table, train, validation, split)
            self._hits[recipe, split] = {
                f"row {row}": float(hit) for row, hit in zip(validation, right, strict=True)
            }
        return self._hits[recipe, split]

    def test(self, recipe: Recipe) -> float:
        """Share of the test rows that it gets right: the truth, as far as so many rows know it."""
        if recipe not in self._tested:
            self._tested[recipe] = fmean(
                hits(recipe, self._table, self._cut(-1 - fit)[0], self._test, fit).mean()
                for fit in range(TEST_FITS)
            )
        return self._tested[recipe]

    def _cut(self, split: int) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
        import numpy as np

        dice = np.random.default_rng(derive_seed(self._seed, "split", split))
        rows = dice.permutation(self._rest)
        validation = round(VALIDATION_SHARE * len(rows))
        return rows[validation:], rows[:validation]


def propose(table: Table, seed: int, programs: int = PROGRAMS) -> Walk:
    """A random walk of edits, each made on the best program so far by its validation score."""
    splits, dice = Splits(table, derive_seed(seed, "walk", table.name)), Random(seed)
    recipes, parents = [first_recipe(table.first)], [0]
    scores = [splits.score(recipes[0], 0)]
    while len(recipes) <= programs:
        best = max(range(len(scores)), key=lambda place: scores[place])
        recipe = edit(recipes[best], dice, table.families)
        while recipe in recipes:  # one edit of it may not be enough for something new
            recipe = edit(recipe, dice, table.families)
        recipes.append(recipe)
        parents.append(best)
        scores.append(splits.score(recipe, 0))
    return Walk(recipes, parents)


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """One rule on one table and split, beside the truth. Shares of rows that are right."""

    table: str
    believed: float
    gain: float
    """Of the recommended program over the unchanged one, on the test rows."""
    claim: bool
    fits: int

    @property
    def is_wrong(self) -> bool:
        """It claims an improvement, and the test rows show none."""
        return self.claim and self.gain <= 0


def replay(table: Table, walk: Walk, seed: int) -> Mapping[str, Judged]:
    """Every rule on one split of a table."""
    splits = Splits(table, derive_seed(seed, "replay", table.name))
    start = splits.test(walk.recipes[0])

    def judged(rule: TabularRule) -> Judged:
        picked = rule(
            lambda program, split: splits.units(walk.recipes[program], split), walk.parents
        )
        return Judged(
            table=table.name,
            believed=picked.believed,
            gain=splits.test(walk.recipes[picked.program]) - start,
            claim=picked.claim,
            fits=picked.fits,
        )

    return {name: judged(rule) for name, rule in RULES}
