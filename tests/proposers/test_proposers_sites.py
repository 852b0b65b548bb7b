import json
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from move37.core.errors import TaskError
from move37.proposers.source.sites import Edit, Site, Sites, apply_edits
from move37.proposers.tune.moves import Gauge, moves_of

CORPUS = Path(__file__).parent / "corpus"
SOURCES = sorted(path for path in CORPUS.iterdir() if path.suffix != ".golden")


def name_of(source: Path) -> str:
    """Python's sources are kept as `.py.txt`, so that no checker takes them for tests."""
    return source.name.removesuffix(".txt")


def found(source: str, path: str = "a.py") -> dict[str, str]:
    """Spelling by name, without the path."""
    sites = Sites().scan(path, source.encode()).sites
    return {site.id.removeprefix(f"{path}:"): site.text for site in sites}


def numbers(source: str, path: str = "a.py") -> dict[str, Site]:
    sites = Sites().scan(path, source.encode()).sites
    return {site.name: site for site in sites if site.kind == "number"}


def steps(site: Site) -> list[str]:
    return [move.edits[0].text for move in moves_of(site, Gauge(site))]


def described(site: Site) -> list[object]:
    return [
        site.id.partition(":")[2],
        site.kind,
        site.text,
        site.domain.scale,
        round(site.weight, 3),
        *([list(site.domain.options)] if site.kind in ("choice", "swap") else []),
    ]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_the_corpus_has_the_sites_it_had(source: Path) -> None:
    """To accept a change on purpose: `python tests/proposers/golden.py`."""
    golden = json.loads((CORPUS / f"{source.name}.golden").read_text())
    sites = Sites().scan(name_of(source), source.read_bytes()).sites
    assert [described(site) for site in sites] == golden


# --- laws ---


def everything_at(source: Path) -> tuple[bytes, tuple[Site, ...]]:
    content = source.read_bytes()
    return content, Sites().scan(name_of(source), content).sites


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_an_edit_changes_exactly_the_bytes_of_its_site(source: Path) -> None:
    content, sites = everything_at(source)
    for site in sites:
        edited = apply_edits(content, [Edit(site, "@@")])
        assert edited[: site.start] == content[: site.start]
        assert edited[site.start + 2 :] == content[site.end :]
        assert content[site.start : site.end].decode() == site.text


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_turning_one_site_leaves_the_names_of_the_others(source: Path) -> None:
    content, sites = everything_at(source)
    chance = Random(1)
    turnable = [site for site in sites if site.kind not in ("delete", "swap")]
    for site in turnable:
        moves = list(moves_of(site, Gauge(site)))
        if not moves:
            continue
        move = chance.choice(moves)
        edited = apply_edits(content, move.edits)
        after = {s.id: s for s in Sites().scan(name_of(source), edited).sites}
        assert after[site.id].text == move.edits[0].text
        gone = {s.id for s in sites} - after.keys()
        assert not gone, f"{site.id} → {move.edits[0].text} lost {gone}"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_every_move_leaves_a_program_that_parses(source: Path) -> None:
    content, sites = everything_at(source)
    fresh = Sites()
    for site in sites:
        for move in moves_of(site, Gauge(site)):
            edited = apply_edits(content, move.edits)
            assert "does not parse" not in fresh.scan(name_of(source), edited).reason
            if name_of(source).endswith(".py"):
                compile(edited, name_of(source), "exec")


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_what_is_remembered_is_what_is_found_afresh(source: Path) -> None:
    content, sites = everything_at(source)
    warm = Sites()
    warm.scan(name_of(source), content)
    for site in sites[::3]:
        for move in list(moves_of(site, Gauge(site)))[:1]:
            edited = apply_edits(content, move.edits)
            assert warm.scan(name_of(source), edited) == Sites().scan(name_of(source), edited)


@settings(max_examples=60)
@given(
    name=st.sampled_from(["lr", "width", "dropout", "n_layer", "momentum", "x", "steps", "eps"]),
    value=st.one_of(
        st.integers(-5000, 5000).map(str),
        st.floats(1e-9, 1e6).map(repr),
        st.floats(1e-9, 1e6).map(lambda v: f"{v:.3e}"),
        st.sampled_from(["1_000", ".5", "2.", "3e-4", "1E+3", "0.0", "-0.25"]),
    ),
)
def test_moves_keep_the_kind_of_number_and_its_style(name: str, value: str) -> None:
    for site in Sites().scan("a.py", f"{name} = {value}\n".encode()).sites:
        for text in steps(site):
            assert type(eval(text)) is type(eval(value))
            assert text != value
            if "e" not in value.lower():
                assert "e" not in text.lower()


@settings(max_examples=40)
@given(st.binary(max_size=200))
def test_any_bytes_are_scanned_without_complaint(content: bytes) -> None:
    for path in ("a.py", "a.c", "a.yaml", "a.toml", "a.json", "a.js", "a.txt"):
        try:
            scan = Sites().scan(path, content)
        except TaskError:
            continue
        assert scan.sites or scan.reason


def test_line_ends_tabs_and_byte_order_marks_stay() -> None:
    content = b"\xef\xbb\xbflr = 3e-4\t# rate\r\nwidth\t=\t64\r\n"
    sites = Sites().scan("a.py", content).sites
    assert [site.text for site in sites] == ["3e-4", "64"]
    edited = apply_edits(content, [Edit(sites[0], "1e-3"), Edit(sites[1], "128")])
    assert edited == b"\xef\xbb\xbflr = 1e-3\t# rate\r\nwidth\t=\t128\r\n"


# --- what is never touched ---

SEEDS = """
import os, random
import numpy as np
import torch
from numpy.random import default_rng as make, seed as plant
SEED = 1
seed = int(os.environ.get("MOVE37_SEED", 0))
offset = 11
base = offset
s = base + 12
np.random.seed(s)
rng = np.random.default_rng(13 + seed)
rng2 = np.random.default_rng([14, 15])
torch.manual_seed(16)
random.Random(17)
plant(18)
other = make(19)
model = Forest(random_state=20, seed=21)
rng.bit_generator.advance(22)
rng.random(23)
for _ in range(24):
    rng.normal()
def start(first, n=25):
    np.random.seed(n)
start(0, 26)
def go(x, k):
    random.seed(k)
go(3.5, 27)
seed = 28  # move37: 1..100 int
class Config:
    random_state: int = 29
    numpy_seed = 30
    rng_seed: int = 31
settings = {"seed": 32, "np": {"seed": 33}}
for trial_seed in (34, 35):
    pass
parser.add_argument("--seed", default=36)
key = jax.random.PRNGKey(37)
key = jax.random.fold_in(key, 38)
generator = torch.Generator().manual_seed(39)
os.environ["PYTHONHASHSEED"] = 40
x = int(os.getenv("MOVE37_SEED", 41)) + 42
z = hash_seed(43)
"""


def test_a_seed_is_never_a_site() -> None:
    for name, text in found(SEEDS).items():
        assert text in ("3.5", "43"), f"{name} = {text}"


def test_statements_that_draw_or_seed_are_never_dropped() -> None:
    sites = Sites().scan("a.py", SEEDS.encode()).sites
    assert [site.text for site in sites if site.kind == "delete"] == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("a.yaml", "seed: 3\ntrain:\n  seeds: [1, 2]\n  random_state: 4\n"),
        ("a.toml", "seed = 3\n[seeds]\na = 1\n"),
        ("a.json", '{"seed": 3, "seeds": {"a": 1}, "rng": [4]}'),
        ("a.c", "int main(void) { srand(42); int seed = 3; srand(seed + 4); return 0; }"),
        ("a.c", "#define SEED 42\nstatic unsigned state = 5; void f(void) { srand(state); }"),
        ("a.js", "const seed = 3; const rng = seedrandom(4); let n = 5; seedrandom(n);"),
        ("a.cpp", "std::mt19937 gen(42);"),
        ("a.rs", "fn main() { let mut r = StdRng::seed_from_u64(42); }"),
        ("a.go", "package a\nfunc f() { r := rand.New(rand.NewSource(42)) }"),
        ("a.java", "class A { Random r = new Random(42); }"),
    ],
)
def test_a_seed_is_no_site_in_any_language(path: str, source: str) -> None:
    assert found(source, path) == {}


@pytest.mark.parametrize(
    "line",
    [
        '"""Three 3 things."""',
        '__version__ = "1.2.3"',
        "version = 3",
        "port = 8080",
        'url = "http://example.org:80/1"',
        "date = datetime(2024, 5, 1)",
        "x[0] = y[1:3]",
        "y = x.sum(axis=1)",
        "y = f(x, dim=-1)",
        "y = x.reshape(-1, 4)",
        "y = x ** 2",
        "assert x == 3",
        "sys.exit(3)",
        "raise ValueError(3)",
        "print('loss', 3)",
        "logger.info('x', 3)",
        "logging.debug(3)",
        "while True:\n    break",
        "for _ in range(3):\n    pass",
        'open("f", "r", encoding="utf8")',
        'name = "linear"',
        "import a1",
        "@retry(3)\ndef f():\n    pass",
        "y = f'{x:3.2f} {4}'",
        "MASK = 0xFF",
        "MODULUS = 2147483647",
        "def f(x: Literal[3]):\n    pass",
        'if mode == "fast":\n    raise ValueError',
    ],
)
def test_what_is_no_knob_is_left_alone(line: str) -> None:
    assert found(line) == {}


# --- what is found ---


def test_strings_are_choices_when_the_code_compares_them() -> None:
    sites = (
        Sites()
        .scan(
            "a.py", b'mode = "fast"\nif mode == "fast":\n    f()\nelif mode == "slow":\n    g()\n'
        )
        .sites
    )
    assert [site.domain.options for site in sites if site.kind == "choice"] == [("fast", "slow")]


def test_strings_are_choices_when_a_table_is_looked_up_by_them() -> None:
    sites = Sites().scan("a.py", b'T = {"a": f, "b": g}\nkind = "a"\nT[kind](1)\n').sites
    assert [site.domain.options for site in sites if site.kind == "choice"] == [("a", "b")]


def test_strings_are_choices_when_a_comment_lists_them() -> None:
    sites = Sites().scan("a.py", b'solver = "lu"  # lu, qr or svd\n').sites
    assert [site.domain.options for site in sites] == [("lu", "qr", "svd")]


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("lr = 3e-4", ["9e-4", "1e-4"]),
        ("learning_rate = 0.001", ["0.003", "0.0003"]),
        ("width = 64", ["128", "32"]),
        ("n_layer = 3", ["4", "2"]),
        ("n_layer = 1", ["2"]),
        ("dropout = 0.0", ["0.1"]),
        ("momentum = 0.9", ["0.96", "0.8"]),
        ("beta2 = 0.999", ["0.9997", "0.997"]),
        ("steps = 1_000", ["3_000", "330"]),
        ("use_bias = False", ["True"]),
    ],
)
def test_a_name_says_how_bold_the_first_step_is(line: str, first: list[str]) -> None:
    [site] = Sites().scan("a.py", line.encode()).sites
    assert steps(site) == first


# --- hints ---


@pytest.mark.parametrize(
    ("hint", "low", "high", "scale"),
    [
        ("0.1..10 log", 0.1, 10, "log"),
        ("16..1024 pow2", 16, 1024, "pow2"),
        ("int 1..8", 1, 8, "linear"),
        ("0.5..0.999 logit", 0.5, 0.999, "logit"),
        ("-3..3", -3, 3, "linear"),
    ],
)
def test_a_hint_gives_the_range(hint: str, low: float, high: float, scale: str) -> None:
    [site] = numbers(f"thing = 1  # move37: {hint}\n").values()
    assert (site.domain.low, site.domain.high, site.domain.scale) == (low, high, scale)


def test_a_hint_alone_on_a_line_is_about_the_next_one() -> None:
    assert numbers("# move37: 2..9\nx = 5\ny = 5\n")["x"].domain.high == 9


def test_choices_in_a_hint_make_any_string_a_site() -> None:
    [site] = Sites().scan("a.py", b'path = "left"  # move37: left|right|both\n').sites
    assert site.domain.options == ("both", "left", "right")


def test_off_forbids_a_line_or_a_block() -> None:
    source = (
        "a = 2.5  # move37: off\nb = 2.5\n# move37: off\nc = 2.5\nd = 2.5\n# move37: on\ne = 2.5\n"
    )
    assert set(found(source)) == {"b", "e"}
    assert set(found("int a = 3; // move37: off\nint b = 3;\n", "a.c")) == {"b"}
    assert set(found("a: 3 # move37: off\nb: 3\n", "a.yaml")) == {"b"}


@pytest.mark.parametrize(
    "hint", ["0.1.10", "10..1", "1..2 lag", "-1..1 log", "a||b", "", "0..2 logit", "1..2 3..4"]
)
def test_a_hint_that_cannot_be_read_is_named_with_its_line(hint: str) -> None:
    with pytest.raises(TaskError, match=r"^train\.py, line 2: .*write a range"):
        Sites().scan("train.py", f"x = 1\ny = 2  # move37: {hint}\n".encode())


def test_text_that_only_mentions_move37_is_no_hint() -> None:
    assert found('lr = 0.1  # see move37: it is fine\nx = "# move37: off"\n') == {"lr": "0.1"}


# --- files that cannot be read ---


@pytest.mark.parametrize(
    ("path", "content", "says"),
    [
        ("notes.ipynb", b"{}", "no grammar reads '.ipynb' files"),
        ("Makefile", b"x = 1", "without a suffix"),
        ("a.py", b"x = '\xff'", "not text in UTF-8"),
        ("a.py", b"x = 1\0", "binary"),
        ("a.py", b"x = (1", "does not parse as python"),
        ("a.json", b"{", "does not parse as json"),
        ("a.py", b"", "no number, flag or choice"),
    ],
)
def test_a_file_without_sites_says_why(path: str, content: bytes, says: str) -> None:
    scan = Sites().scan(path, content)
    assert scan.sites == ()
    assert says in scan.reason


@pytest.mark.parametrize(
    ("path", "source", "options"),
    [
        ("a.toml", 'level = "O2"  # move37: O1|O2|O3\n', ("O1", "O2", "O3")),
        ("a.toml", 'level = "O2"  # O1, O2, O3\n', ("O1", "O2", "O3")),
        ("a.toml", "level = true  # as ever\n", ("true", "false")),
    ],
)
def test_a_comment_behind_a_value_of_toml_is_heard(
    path: str, source: str, options: tuple[str, ...]
) -> None:
    (site,) = Sites().scan(path, source.encode()).sites
    assert site.domain.options == options


def test_a_hint_behind_a_define_is_heard() -> None:
    source = b"#define ROWS 2 // move37: int 1..12\n#define LANES 4 /* move37: 2..16 pow2 */\n"
    rows, lanes = Sites().scan("a.c", source + b"#define X 3 // move37: off\n").sites
    assert (rows.domain.scale, rows.domain.low, rows.domain.high) == ("linear", 1, 12)
    assert (lanes.domain.scale, lanes.domain.low, lanes.domain.high) == ("pow2", 2, 16)
