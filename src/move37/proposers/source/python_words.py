"""Python functions whose arguments mean something special to a search for sites."""

from move37.proposers.source.walk import names

SEEDING = names(
    "seed manual_seed manual_seed_all default_rng RandomState PRNGKey Random SystemRandom set_seed "
    "seed_everything set_random_seed srand srandom SeedSequence Generator PCG64 PCG64DXSM Philox "
    "SFC64 MT19937 fold_in advance jumped jump spawn setstate set_state set_rng_state "
    "fork_rng enable_determinism"
)
PRINTING = names(
    "print pprint info debug warning warn error critical exception format exit _exit quit abort "
    "printf fprintf skip fail add_subparsers set_title set_xlabel set_ylabel savefig figure "
    "basicConfig setLevel"
)
TRANSPARENT = names(
    "float int Decimal Fraction max min abs field Field array asarray tensor tuple list Parameter "
    "round bool sqrt dict float32 float64 int32 int64 Variable constant"
)
"""Calls through which a name still means its argument: `lr = float(0.1)`."""
SHAPING = names(
    "reshape view transpose permute squeeze unsqueeze flatten swapaxes moveaxis expand expand_dims "
    "chunk split cat concatenate stack vstack hstack astype sum mean prod argmax argmin softmax "
    "log_softmax size unbind narrow select index_select cumsum getattr isinstance enumerate round pop insert index read seek strftime "
    "rjust ljust center zfill encode decode chr ord hex bin open zeros ones empty full eye arange "
    "unravel_index roll flip take gather scatter diff norm item tolist iter_unpack unpack pack "
    "namedtuple TypeVar NewType Literal Version datetime date time timedelta sleep"
)
READS = names("get getenv pop setdefault")
OPTIONS = names("add_argument option add_option Option Argument argument")
RANGES = frozenset(("range", "trange", "xrange"))
FEW = 4
"""`range(3)` is the shape of a loop; `range(200)` is how long it goes on."""
