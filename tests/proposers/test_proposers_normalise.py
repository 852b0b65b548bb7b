from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from move37.proposers.source.normalise import Normaliser
from move37.proposers.source.sites import Sites, apply_edits
from move37.proposers.tune.moves import Gauge, moves_of

CORPUS = Path(__file__).parent / "corpus"
SOURCES = sorted(path for path in CORPUS.iterdir() if path.suffix != ".golden")


def same(one: str, other: str, path: str = "a.py") -> bool:
    normaliser = Normaliser()
    return normaliser.identity({path: one.encode()}) == normaliser.identity({path: other.encode()})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1e-3\n", "x=0.001"),
        ("x = 1_000\n", "x = 1000  # many\n"),
        ("x = 0.5\r\ny = 2\r\n", "x = 0.5\n\n\ny = 2\n"),
        ('"""Doc."""\nx = 1\n', "x = 1\n"),
        ('def f():\n    "doc"\n    return 1\n', "def f():\n\treturn 1\n"),
        ("f(a,\n  b,\n)\n", "f(a, b)\n"),
        ("x = [\n  1,  # one\n  2,\n]\n", "x = [1, 2]\n"),
        ("a = 1; b = 2\n", "a = 1\nb = 2\n"),
        ("if x: y()\n", "if x:\n        y()\n"),
        ("x = a + \\\n  b\n", "x = a + b\n"),
        ("\ufeffx = 1\n", "x = 1\n"),
    ],
)
def test_comments_and_layout_make_no_other_program(one: str, other: str) -> None:
    assert same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1\n", "x = 1.0\n"),
        ("x = 1\n", "x = 2\n"),
        ("if x:\n  y()\n  z()\n", "if x:\n  y()\nz()\n"),
        (
            "for i in x:\n  if y:\n    a\n  else:\n    b\n",
            "for i in x:\n  if y:\n    a\nelse:\n  b\n",
        ),
        ("x = (1,)\n", "x = (1)\n"),
        ("x = a[1,]\n", "x = a[1]\n"),
        ("x = 'a  b'\n", "x = 'a b'\n"),
        ("x = 'a'\n", "x = 'A'\n"),
        ("x = '1.0'\n", "x = '1.00'\n"),
        ("x = f'{a:1.0}'\n", "x = f'{a:1.00}'\n"),
        ("x = 1\n", "y = 1\n"),
        ("x = -1\n", "x = 1\n"),
        ("f(a)\ng(b)\n", "g(b)\nf(a)\n"),
        ("x = 'a' 'b'\n", "x = 'a', 'b'\n"),
        ("f'{print()}'\n", "x = 1\n"),
        ("x = 1j\n", "x = 1\n"),
        ("x = 'a#b'\n", "x = 'a'\n"),
        ("x = '''a\n  b'''\n", "x = '''a\nb'''\n"),
        ("a < b\n", "a <= b\n"),
        ("x = 9007199254740993\n", "x = 9007199254740992\n"),
    ],
)
def test_what_has_a_meaning_makes_another_program(one: str, other: str) -> None:
    assert not same(one, other)


@pytest.mark.parametrize(
    ("path", "one", "other", "equal"),
    [
        ("a.json", '{"a": 1, "b": [2]}', '{\n "a":1,\n "b":[2]}\n', True),
        ("a.json", '{"a": 1e-3}', '{"a": 0.001}', True),
        ("a.json", '{"a": "1"}', '{"a": 1}', False),
        ("a.yaml", "a:\n  b: 1\n  c: 2\n", "# x\na:\n    b: 1\n    c:   2\n", True),
        ("a.yaml", "a:\n  b: 1\n  c: 2\n", "a:\n  b: 1\nc: 2\n", False),
        ("a.yaml", "a: 1e-3\n", "a: 0.001\n", False),  # the first is a text to some readers
        ("a.yaml", "a: |\n  x\n  y\n", "a: |\n  x\n   y\n", False),
        ("a.toml", "a=1 # x\n[b]\nc = 2\n", "a = 1\n\n\n[b]\nc = 2", True),
        ("a.toml", "[b]\nc = 1\n[d]\ne = 2\n", "[b]\nc = 1\ne = 2\n[d]\n", False),
        ("a.c", "int a = 1; // x\n", "/* y */ int a=1;", True),
        ("a.c", "float a = 0.5f;", "float a = 0.5;", False),
        ("a.c", "#define A 1 \n", "#define A 1\n", True),
        ("a.c", "#define A 1\n", "#define A 2\n", False),
        ("a.c", "int a = 010;", "int a = 10;", False),
        ("a.js", "let a = 1 // x\n", "let a=1", True),
        ("a.txt", "a  \r\nb\r\n", "a\nb", True),
        ("a.txt", " a\n", "a\n", False),
        ("a.py", "x = (1 \n", "x = (1\n", True),
        ("a.py", "x = (1\n", "x = (2\n", False),
    ],
)
def test_other_languages(path: str, one: str, other: str, equal: bool) -> None:
    assert same(one, other, path) == equal


def test_a_renamed_or_missing_file_makes_another_program() -> None:
    normaliser = Normaliser()
    assert normaliser.identity({"a.py": b"x = 1"}) != normaliser.identity({"b.py": b"x = 1"})
    assert normaliser.identity({"a.py": b""}) != normaliser.identity({})


def test_a_cut_between_two_files_counts() -> None:
    normaliser = Normaliser()
    one = normaliser.identity({"a.txt": b"x", "b.txt": b"y"})
    assert one != normaliser.identity({"a.txt": b"y", "b.txt": b"x"})


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_every_move_makes_another_program(source: Path) -> None:
    path, content = source.name.removesuffix(".txt"), source.read_bytes()
    normaliser = Normaliser()
    before = normaliser.identity({path: content})
    for site in Sites().scan(path, content).sites:
        for move in moves_of(site, Gauge(site)):
            assert normaliser.identity({path: apply_edits(content, move.edits)}) != before


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_what_is_remembered_changes_no_identity(source: Path) -> None:
    path, content = source.name.removesuffix(".txt"), source.read_bytes()
    tight, warm = Normaliser(files=1, parts=4), Normaliser()
    for site in Sites().scan(path, content).sites:
        for move in moves_of(site, Gauge(site)):
            files = {path: apply_edits(content, move.edits)}
            assert warm.identity(files) == tight.identity(files) == Normaliser().identity(files)


LAYOUT = st.sampled_from(["", " # c\n", "\n", "\n\n# move37: 1..2\n", "\n   \n"])


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 99), LAYOUT), min_size=1, max_size=6))
def test_any_comments_and_blank_lines_between_statements(parts: list[tuple[int, str]]) -> None:
    plain = "".join(f"x{i} = {n}\n" for i, (n, _) in enumerate(parts))
    spaced = "".join(f"x{i}   =  {n}{gap or chr(10)}" for i, (n, gap) in enumerate(parts))
    assert same(plain, spaced)


@settings(max_examples=40)
@given(st.binary(max_size=120), st.sampled_from(["a.py", "a.c", "a.yaml", "a.json", "a.bin"]))
def test_any_bytes_have_an_identity(content: bytes, path: str) -> None:
    assert len(Normaliser().identity({path: content})) == 40
