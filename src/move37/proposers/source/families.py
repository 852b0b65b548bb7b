"""Names that stand for one another: activations, optimisers, norms, sort kinds …

A string is a choice only when the code says so (`choices=`, comparisons) or when it belongs to one of
these families; a word that is common English (`linear`, `mean`) also needs a fitting name.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kin:
    """One family of alternatives."""

    options: tuple[str, ...]
    names: str
    """A pattern that the name of such a choice contains."""
    distinctive: bool = False
    """Its members mean this family whatever the name."""


KINS: tuple[Kin, ...] = (
    Kin(("relu", "gelu", "silu", "tanh", "leaky_relu", "elu", "mish"), "act|nonlin", True),
    Kin(("relu", "tanh", "logistic", "identity"), "act|nonlin"),
    Kin(("relu", "tanh", "sigmoid", "softplus", "linear", "swish", "identity"), "act|nonlin"),
    Kin(("ReLU", "GELU", "SiLU", "Tanh", "LeakyReLU", "ELU", "Mish"), "act|nonlin", True),
    Kin(("adam", "adamw", "sgd", "rmsprop", "adagrad", "nadam"), "optim|opt|solver", True),
    Kin(("AdamW", "Adam", "SGD", "RMSprop", "NAdam"), "optim|opt", True),
    Kin(
        ("constant", "linear", "cosine", "exponential", "polynomial", "step"), "sched|decay|anneal"
    ),
    Kin(("layernorm", "rmsnorm", "batchnorm", "groupnorm"), "norm", True),
    Kin(("layer", "rms", "batch", "group", "none"), "norm"),
    Kin(("pre", "post"), "norm"),
    Kin(("mse", "mae", "huber"), "loss|criterion|objective"),
    Kin(("squared_error", "absolute_error", "friedman_mse", "poisson"), "loss|criterion", True),
    Kin(("gini", "entropy", "log_loss"), "criterion"),
    Kin(("float32", "float64", "float16", "bfloat16"), "dtype|precision", True),
    Kin(("xavier", "kaiming", "orthogonal", "normal", "uniform"), "init"),
    Kin(("glorot_uniform", "glorot_normal", "he_uniform", "he_normal"), "init", True),
    Kin(("xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal"), "init", True),
    Kin(("fan_in", "fan_out", "fan_avg"), "mode", True),
    Kin(("rbf", "linear", "poly", "sigmoid"), "kernel"),
    Kin(("l1", "l2", "elasticnet"), "penalty|reg"),
    Kin(("lbfgs", "liblinear", "newton-cg", "sag", "saga"), "solver", True),
    Kin(("sqrt", "log2"), "max_features"),
    Kin(("uniform", "distance"), "weights"),
    Kin(("gbtree", "dart", "gblinear"), "booster", True),
    Kin(("hist", "approx", "exact"), "tree_method"),
    Kin(("depthwise", "lossguide"), "grow_policy", True),
    Kin(("euclidean", "manhattan", "cosine", "chebyshev"), "metric|distance|dist"),
    Kin(("quicksort", "mergesort", "heapsort", "stable"), "kind|sort|algorithm"),
    Kin(("mean", "max", "sum"), "pool|aggregat|reduc|readout"),
    Kin(("mean", "median", "most_frequent"), "strategy|impute"),
    Kin(("auto", "ball_tree", "kd_tree", "brute"), "algorithm"),
    Kin(("nearest", "linear", "cubic", "bilinear", "bicubic"), "interp"),
    Kin(("same", "valid"), "padding"),
    Kin(("gzip", "bz2", "lzma", "zstd", "zlib"), "compress|codec"),
)


def kin_of(text: str, name: str) -> tuple[str, ...]:
    """The alternatives of a string behind a name (as `words` gives it); empty when it is no choice."""
    for kin in KINS:
        named = re.search(rf"(?:^|_)(?:{kin.names})", name) is not None
        for options in (kin.options, tuple(option.upper() for option in kin.options)):
            if text in options and (kin.distinctive or named):
                return options
    return ()


SWAPS: tuple[tuple[str, ...], ...] = (
    ("ReLU", "GELU", "SiLU", "Tanh", "LeakyReLU", "ELU", "Mish"),  # modules with default arguments
    ("relu", "gelu", "silu", "elu", "mish"),  # functions of one tensor
    ("AdamW", "Adam", "NAdam", "RAdam"),  # the same arguments
    ("xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_", "orthogonal_"),
    ("tanh", "arctan", "sin"),  # odd, slope 1 at 0
    ("mean", "median"),  # centres
    ("std", "var"),  # spreads
    ("floor", "ceil", "round", "rint"),  # roundings
    ("zeros_like", "ones_like"),  # starting values
    ("zeros", "ones"),
    ("min", "max"),  # a bound on the other side
    ("minimum", "maximum"),
    ("insort_left", "insort_right"),  # the same order but for ties
    ("bisect_left", "bisect_right"),
    ("list", "tuple"),  # the same iteration, another cost
    ("LayerNorm", "RMSNorm"),  # the same first argument
)
"""Functions that can be called with the same arguments. Each row: any may stand for any other."""

_SWAPS = {name: row for row in SWAPS for name in row}
COMPARISONS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
"""Off by one, on purpose. `==` is left alone: its opposite is another program."""


def swaps_of(name: str) -> tuple[str, ...]:
    """Functions that may be called in place of this one; empty when none is known."""
    return _SWAPS.get(name, ())
