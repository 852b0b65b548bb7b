"""Real programs for `bench referee`: classifiers from scikit-learn, and the edits that one makes to them.

scikit-learn is imported where it is used: it belongs to the extra `tabular`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from random import Random
from typing import TYPE_CHECKING, Any

from move37.core.errors import TaskError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Params = Mapping[str, Any]

FAMILIES: Mapping[str, Params] = {
    "logistic": {"C": 1.0},
    "neighbours": {"n_neighbors": 5, "weights": "uniform", "p": 2},
    "tree": {"max_depth": 6, "min_samples_leaf": 1},
    "forest": {"n_estimators": 10, "max_features": 0.5, "min_samples_leaf": 1},
    "boosting": {"n_estimators": 12, "learning_rate": 0.1, "max_depth": 2},
    "svm": {"C": 1.0, "gamma": "scale", "kernel": "rbf"},
    "bayes": {"var_smoothing": 1e-9},
}
"""What one may start from: kinds of classifier, with settings as a person would first write them."""
_CHOICES: Mapping[str, Sequence[Any]] = {
    "weights": ("uniform", "distance"),
    "p": (1, 2, 3),
    "kernel": ("rbf", "linear", "poly"),
    "gamma": ("scale", "auto", 0.001, 0.01, 0.1),
    "max_features": (0.2, 0.5, 0.8, 1.0),
}
_BOUNDS: Mapping[str, tuple[float, float]] = {
    "C": (1e-3, 1e3),
    "n_neighbors": (1, 40),
    "max_depth": (1, 12),
    "min_samples_leaf": (1, 20),
    "n_estimators": (4, 24),
    "learning_rate": (0.01, 1.0),
    "var_smoothing": (1e-12, 1.0),
}
_SCALES = ("none", "standard", "minmax")
_SHARES = (1.0, 0.9, 0.7, 0.5)
_FACTORS = (0.25, 0.5, 2.0, 4.0)


@dataclass(frozen=True, slots=True)
class Recipe:
    """A program: what is done to the data, and which classifier is fitted with which settings."""

    family: str
    params: tuple[tuple[str, Any], ...]
    scale: str = "none"
    components: float = 1.0
    """Share of the principal components that is kept; 1: no such step."""
    features: float = 1.0
    """Share of the features that is kept, by an F-test."""


def first_recipe(family: str) -> Recipe:
    """What somebody who knows the field would start from: features on one scale, usual settings."""
    return Recipe(family, tuple(FAMILIES[family].items()), scale="standard")


def edit(recipe: Recipe, random: Random, families: Sequence[str]) -> Recipe:
    """One change such as people and models make: a setting, a step before, another classifier."""
    kind = random.random()
    if kind < 0.12:
        other = random.choice([family for family in families if family != recipe.family])
        return replace(recipe, family=other, params=tuple(FAMILIES[other].items()))
    if kind < 0.24:
        return replace(recipe, scale=_other(_SCALES, recipe.scale, random))
    if kind < 0.32:
        return replace(recipe, components=_other(_SHARES, recipe.components, random))
    if kind < 0.40:
        return replace(recipe, features=_other(_SHARES, recipe.features, random))
    params = dict(recipe.params)
    name = random.choice(sorted(params))
    params[name] = _turned(name, params[name], random)
    return replace(recipe, params=tuple(params.items()))


def _turned(name: str, value: Any, random: Random) -> Any:
    if name in _CHOICES:
        return _other(_CHOICES[name], value, random)
    low, high = _BOUNDS[name]
    turned = [min(high, max(low, value * factor)) for factor in _FACTORS]
    if isinstance(value, int):
        turned = [round(other) for other in turned]
    return _other(turned, value, random)


def _other(choices: Sequence[Any], value: Any, random: Random) -> Any:
    return random.choice([choice for choice in choices if choice != value])


# --- running them --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Table:
    """A real data set that scikit-learn ships: features and classes."""

    name: str
    features: "NDArray[np.float64]"
    classes: "NDArray[np.int64]"
    families: Sequence[str]
    """Classifiers that are quick enough on it."""
    first: str
    """Of these, the one that the unchanged program fits."""


def require_sklearn() -> None:
    """Raises `TaskError` when the extra `tabular` is not installed."""
    if find_spec("sklearn") is None:
        raise TaskError(
            "the tabular replay needs scikit-learn; install it with: pip install scikit-learn"
        )


def tables() -> Iterator[Table]:
    """Ten classification tasks, from five data sets. Raises `TaskError` without scikit-learn."""
    require_sklearn()
    import numpy as np

    def load(name: str) -> tuple[Any, Any]:
        return getattr(_sklearn("datasets"), f"load_{name}")(return_X_y=True)

    every = tuple(FAMILIES)
    light = tuple(family for family in FAMILIES if family != "boosting")
    iris, species = load("iris")
    yield Table("iris", iris, species, every, "logistic")
    wine, cultivar = load("wine")
    yield Table("wine", wine, cultivar, every, "logistic")
    yield Table("wine, 4 features", wine[:, [1, 2, 4, 7]], cultivar, every, "logistic")
    cells, benign = load("breast_cancer")
    yield Table("breast cancer", cells, benign, every, "logistic")
    yield Table("breast cancer, 5 features", cells[:, [1, 4, 5, 8, 9]], benign, every, "forest")
    patients, progress = load("diabetes")
    above = (progress > np.median(progress)).astype(int)
    yield Table("diabetes, above the median", patients, above, every, "logistic")
    thirds = (progress > np.quantile(progress, 1 / 3)).astype(int) + (
        progress > np.quantile(progress, 2 / 3)
    )
    yield Table("diabetes, thirds", patients, thirds, every, "forest")
    images, digit = load("digits")
    yield Table("digits", images[:500], digit[:500], light, "svm")
    hard = np.isin(digit, [1, 3, 8, 9])
    yield Table("digits 1 3 8 9", images[hard][:400], digit[hard][:400], light, "logistic")
    coarse = images.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(-1, 16)  # [N, 4 x 4 blocks]
    even = digit % 2
    yield Table("digits, odd or even", coarse[600:1100], even[600:1100], light, "svm")


def hits(
    recipe: Recipe,
    table: Table,
    train: "NDArray[np.int64]",
    test: "NDArray[np.int64]",
    seed: int,
) -> "NDArray[np.bool_]":
    """Fit it on some rows, and return which of other rows it gets right, [N]."""
    import warnings

    classes = table.classes
    with warnings.catch_warnings(), _sklearn().config_context(skip_parameter_validation=True):
        # A solver that stops early, a constant feature: the score says what that is worth.
        warnings.simplefilter("ignore")
        known, asked = _prepared(recipe, table, train, test)
        model = _classifier(recipe, seed).fit(known, classes[train])
        return model.predict(asked) == classes[test]


def _prepared(
    recipe: Recipe, table: Table, train: "NDArray[np.int64]", test: "NDArray[np.int64]"
) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
    """The features of both, with the steps before the classifier learned from `train` alone."""
    import numpy as np

    known, asked = table.features[train], table.features[test]
    if recipe.scale != "none":
        standard = recipe.scale == "standard"
        middle = known.mean(axis=0) if standard else known.min(axis=0)
        width = known.std(axis=0) if standard else known.max(axis=0) - middle
        width = np.where(width > 0, width, 1.0)
        known, asked = (known - middle) / width, (asked - middle) / width
    kept = max(1, round(recipe.features * known.shape[1]))
    if kept < known.shape[1]:
        strength = np.nan_to_num(
            _sklearn("feature_selection").f_classif(known, table.classes[train])[0]
        )
        columns = np.sort(np.argsort(-strength, kind="stable")[:kept])
        known, asked = known[:, columns], asked[:, columns]
    if recipe.components < 1:
        middle = known.mean(axis=0)
        _, _, axes = np.linalg.svd(known - middle, full_matrices=False)
        axes = axes[: max(1, round(recipe.components * kept))].T
        known, asked = (known - middle) @ axes, (asked - middle) @ axes
    return known, asked


def _classifier(recipe: Recipe, seed: int) -> Any:
    module, name, fixed = {
        "logistic": ("linear_model", "LogisticRegression", {"max_iter": 100, "tol": 1e-3}),
        "neighbours": ("neighbors", "KNeighborsClassifier", {}),
        "tree": ("tree", "DecisionTreeClassifier", {"random_state": seed}),
        "forest": ("ensemble", "RandomForestClassifier", {"random_state": seed}),
        "boosting": ("ensemble", "GradientBoostingClassifier", {"random_state": seed}),
        "svm": ("svm", "SVC", {"max_iter": 20_000}),
        "bayes": ("naive_bayes", "GaussianNB", {}),
    }[recipe.family]
    return getattr(_sklearn(module), name)(**fixed, **dict(recipe.params))


def _sklearn(module: str = "") -> Any:
    """One of its modules; it has no types of its own."""
    return import_module(f"sklearn.{module}" if module else "sklearn")
