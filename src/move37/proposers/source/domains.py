"""Which values a constant may take, and what one bold step is.

A domain maps values to positions on a line on which one unit is one bold step: a factor of 3 for a
learning rate, a factor of 2 for a width, one more layer for a depth. The search then needs to know
nothing about scales.
"""

import math
import re
from dataclasses import dataclass
from typing import Literal

from move37.proposers.source.spelling import Value

Scale = Literal["log", "log1p", "pow2", "logit", "linear", "choice"]


@dataclass(frozen=True, slots=True)
class Domain:
    """The values that a site may take."""

    scale: Scale
    low: float = -math.inf
    high: float = math.inf
    integer: bool = False
    unit: float = 1.0
    """What is one step: a factor for `log`, `log1p` and `logit` (odds), an amount for `linear`."""
    offset: float = 1.0
    """`log1p` only: below it steps are even, above it they multiply."""
    negative: bool = False
    """Bounds and positions are of the magnitude; the values are below zero."""
    options: tuple[str, ...] = ()
    """`choice` only: the other spellings, in the order they are tried."""

    def position(self, value: Value) -> float | None:
        """Where a value is, in steps. `None` when it is not on this scale (0 on a log scale)."""
        magnitude = -value if self.negative else value
        match self.scale:
            case "linear":
                return magnitude / self.unit
            case "log" if magnitude > 0:
                return math.log(magnitude) / math.log(self.unit)
            case "pow2" if magnitude > 0:
                return math.log2(magnitude)
            case "log1p" if magnitude >= 0:
                return math.log1p(magnitude / self.offset) / math.log(self.unit)
            case "logit" if 0 < magnitude < 1:
                return math.log(magnitude / (1 - magnitude)) / math.log(self.unit)
            case _:
                return None

    def value(self, position: float, digits: int) -> Value | None:
        """The value at a position, rounded to so many significant digits; `None` out of bounds."""
        match self.scale:
            case "linear":
                raw = position * self.unit
            case "log":
                raw = self.unit**position
            case "pow2":
                raw = 2.0**position
            case "log1p":
                raw = self.offset * (self.unit**position - 1)
            case "logit":
                odds = self.unit**position
                raw = odds / (1 + odds)
            case "choice":
                return None
        value = self._round(raw, digits)
        if not self.low <= value <= self.high:
            return None
        return -value if self.negative and value else value

    def _round(self, raw: float, digits: int) -> Value:
        raw = min(max(raw, self.low), self.high) if self.scale != "pow2" else raw
        if self.integer:
            if self.scale == "pow2" or raw < 20:
                return round(raw)
            return int(_significant(raw, digits + 1))
        if self.scale == "logit" and raw > 0.5:
            # 0.99 and 0.999 are far apart: what is left to 1 is what counts
            rest = _significant(1 - raw, digits)
            return round(1 - rest, digits + 1 - math.floor(math.log10(rest)))
        return _significant(raw, digits)


def _significant(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")


@dataclass(frozen=True, slots=True)
class Role:
    """What a name says about a number."""

    names: re.Pattern[str]
    weight: float
    """How much one bold step moves the score, compared with a learning rate (1.0)."""
    real: Domain
    whole: Domain


def _role(names: str, weight: float, real: Domain, whole: Domain) -> Role:
    return Role(re.compile(rf"(?:^|_)(?:{names})(?:_\d+)?(?:_|$)"), weight, real, whole)


LOG = Domain("log", 1e-12, 1e12, unit=3.0)
LOG2 = Domain("log", 1e-12, 1e12, unit=2.0)
POW2 = Domain("pow2", 1, 2**30, integer=True)
COUNT = Domain("log1p", 1, 10**12, integer=True, unit=1.5, offset=4.0)
STEPS = Domain("log", 1, 10**12, integer=True, unit=3.0)
DEPTH = Domain("linear", 1, 24, integer=True, unit=1.0)
FRACTION = Domain("logit", 1e-6, 1 - 1e-6, unit=3.0)
DROPOUT = Domain("log1p", 0.0, 0.9, unit=3.0, offset=0.05)
DECAY = Domain("log1p", 0.0, 1e6, unit=3.0, offset=1e-5)
AROUND_ZERO = Domain("log1p", 0.0, 1e12, unit=3.0, offset=0.05)

ROLES: tuple[Role, ...] = (
    _role("warmup|warmup_(?:steps|iters|frac|epochs|ratio)|patience", 0.35, DROPOUT, COUNT),
    _role(
        "(?:steps|iters|iterations|epochs|n_iter|max_iter|n_estimators|rounds|trials|restarts"
        "|samples)$",
        0.7,
        LOG2,
        STEPS,
    ),
    _role("min_lr|lr_min|final_lr|end_lr", 0.3, LOG, COUNT),
    _role("lr|learning_rate|eta|step_size|base_lr|max_lr|learningrate|lrs", 1.0, LOG, STEPS),
    _role("weight_decay|wd|l2|l1|reg|regularization|lambda|decay_rate|penalty", 0.35, DECAY, COUNT),
    _role("beta2|beta_2|b2|ema|ema_decay|polyak", 0.3, FRACTION, COUNT),
    _role("momentum|beta1|beta_1|b1|beta|betas|rho|gamma|decay|discount|mu", 0.5, FRACTION, COUNT),
    _role("dropout|drop|droprate|drop_rate|noise|label_smoothing|smoothing", 0.4, DROPOUT, COUNT),
    _role("batch|batch_size|batchsize|minibatch|bs", 0.8, LOG2, POW2),
    _role(
        "width|hidden|dim|dims|d_model|d_ff|n_embd|embd|embed|emb|embedding|units|channels|features"
        "|size|block_size|context|seq_len|seqlen|window|block|tile|tiles|chunk|capacity|buckets",
        0.7,
        LOG2,
        POW2,
    ),
    _role(
        "depth|layers|n_layer|num_layers|n_layers|layer|heads|n_head|n_heads|num_heads|order"
        "|degree|level|compresslevel|compression_level|max_depth",
        0.5,
        LOG2,
        DEPTH,
    ),
    _role("std|stddev|sigma|gain|init|init_scale|scale|init_std|bound|spread", 0.6, LOG, COUNT),
    _role("temperature|temp|clip|grad_clip|max_norm|clipnorm|threshold|thresh", 0.4, LOG, COUNT),
    _role("eps|epsilon|tol|tolerance|jitter", 0.12, LOG, COUNT),
    _role(
        "ratio|frac|fraction|prob|probability|p|subsample|colsample|quantile", 0.4, FRACTION, COUNT
    ),
)

QUIET = re.compile(
    r"(?:^|_)(?:log|logs|logging|print|verbose|verbosity|save|checkpoint|ckpt|plot|display|debug"
    r"|eval_every|eval_interval|report|width_chars|indent|precision|digits|progress)(?:_|$)"
)
"""Names of what people watch, and not of what the program does: hardly ever worth a trial."""

NEVER: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(
            r"(?:^|_)(?:seed|seeds|reseed|seeding|rng|prng|random_state|randomstate|rngs|srand"
            r"|entropy|nonce|salt|move37)(?:\d+)?(?:_|$)|seed$|^seed"
        ),
        "seed",
    ),
    (re.compile(r"(?:^|_)(?:version|versions|revision|schema|ver|semver)(?:_|$)"), "a version"),
    (
        re.compile(
            r"(?:^|_)(?:port|ports|pid|uid|gid|fd|fileno|errno|exit_code|exitcode|returncode"
            r"|status_code|stacklevel)(?:_|$)"
        ),
        "a system number",
    ),
    (
        re.compile(r"(?:^|_)(?:date|dates|year|month|day|weekday|timezone|tz|timestamp)(?:_|$)"),
        "a date",
    ),
    (
        re.compile(r"(?:^|_)(?:axis|axes|keepdims|ndim|dtype_size|start_dim|end_dim)(?:_|$)"),
        "an axis",
    ),
    (
        re.compile(
            r"(?:^|_)(?:exist_ok|parents|daemon|allow_pickle|weights_only|shell|capture_output"
            r"|required|frozen|slots|kw_only|ensure_ascii|deterministic|check|text|copy|inplace"
            r"|requires_grad|strict|endpoint|flush|encoding|errors|fmt|newline)$"
        ),
        "plumbing",
    ),
    (
        re.compile(
            r"(?:^|_)(?:vocab|vocab_size|n_classes|num_classes|n_vocab|input_dim|output_dim"
            r"|in_features|n_symbols)(?:_|$)"
        ),
        "the shape of the data",
    ),
)


_ANY = re.compile("|".join(f"(?:{pattern.pattern})" for pattern, _ in NEVER))
_CAMEL = re.compile(r"([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])")


def words(name: str) -> str:
    """A name in lower case with `_` between its words: `weightDecay` → `weight_decay`."""
    snake = _CAMEL.sub(lambda m: f"{m[1] or m[3]}_{m[2] or m[4]}", name)
    return re.sub(r"[^a-z0-9]+", "_", snake.lower()).strip("_")


def forbidden(name: str) -> str:
    """Why a constant of this name is never turned; empty when it may be."""
    if _ANY.search(name) is None:
        return ""
    return next((why for pattern, why in NEVER if pattern.search(name)), "")


def infer(name: str, value: Value, *, named: bool) -> tuple[Domain, float] | None:
    """The domain and the weight of a number, from its name (as `words` gives it) and value.

    named: the number stands alone behind its name, and not somewhere in an expression.
    Returns `None` when nothing sensible can be said.
    """
    quiet = 0.02 if QUIET.search(name) else 1.0
    role = next((role for role in ROLES if role.names.search(name)), None)
    whole = isinstance(value, int)
    trivial = 0.2 if abs(value) in (0, 1) else 1.0  # mostly `1 - x` and `i + 1`
    if role is not None:
        domain = role.whole if whole else role.real
        fitted = _fit(domain, value)
        if fitted is not None:
            return fitted, role.weight * quiet * (1.0 if named else 0.5 * trivial)
    domain = _by_value(value)
    weight = (0.35 if named else 0.15 * trivial) * quiet
    return None if domain is None else (domain, weight)


def _fit(domain: Domain, value: Value) -> Domain | None:
    """This domain, when the value lies on it; its mirror image for a value below zero."""
    if value < 0:
        domain = _mirrored(domain)
    position = domain.position(value)
    if position is None or not domain.low <= abs(value) <= domain.high:
        return None
    return domain


def _mirrored(domain: Domain) -> Domain:
    return Domain(
        domain.scale, domain.low, domain.high, domain.integer, domain.unit, domain.offset, True
    )


def _by_value(value: Value) -> Domain | None:
    domain: Domain
    if isinstance(value, int):
        if value == 0:
            return None
        size = abs(value)
        domain = POW2 if size >= 8 and size & (size - 1) == 0 else COUNT
    elif abs(value) == 0.0:
        domain = AROUND_ZERO
    elif 0.5 < value < 1:
        domain = FRACTION
    else:
        domain = LOG
    return _mirrored(domain) if value < 0 else domain
