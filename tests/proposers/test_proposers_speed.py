"""Moves that only make a program faster: results are remembered, where that can be sound."""

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from move37.proposers.source.python_speed import with_needs
from move37.proposers.source.sites import Edit, Site, Sites, apply_edits
from move37.proposers.tune.tune import Tune, TuneSettings
from move37.testing.proposer import Study


def spots(source: str, path: str = "a.py") -> dict[str, Site]:
    sites = Sites(speed=True).scan(path, dedent(source).encode()).sites
    return {site.id.removeprefix(f"{path}:"): site for site in sites if site.kind == "cache"}


def turned(source: str, *names: str, on: bool = True) -> str:
    """The source with the results of these remembered, or no longer."""
    found = spots(source)
    edits = [Edit(found[name], found[name].domain.options[int(on)]) for name in names]
    edited = apply_edits(dedent(source).encode(), edits)
    for edit in edits:
        edited = with_needs(edited, edit.text)
    return edited.decode()


PROGRAM = '''\
"""Words."""

from __future__ import annotations

import re


def split(text, by=None):
    """Print nothing: `print` is in this docstring only."""
    CALLS.append(text)
    return re.split("|".join(by) if by else " ", text)


CALLS = []
'''


def run(source: str, test: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", f"{source}\n{dedent(test)}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_a_function_is_remembered_by_its_arguments_and_one_without_a_hash_is_called_again() -> None:
    program = turned(PROGRAM, "split.cache")
    assert run(program, 'split("a b"); split("a b"); print(len(CALLS))') == "1"
    assert run(program, 'split("a", by=["b"]); split("a", by=["b"]); print(len(CALLS))') == "2"


def test_numbers_that_are_equal_and_not_the_same_are_kept_apart() -> None:
    program = turned("def told(x):\n    return repr(x)\n", "told.cache")
    assert run(program, "print(told(1), told(1.0), told(True))") == "1 1.0 True"


def test_an_error_is_the_functions_own() -> None:
    program = turned("def half(x):\n    return x / 2\n", "half.cache")
    test = """
        try:
            half("a")
        except TypeError as error:
            print(error)
    """
    assert run(program, test) == "unsupported operand type(s) for /: 'str' and 'int'"


def test_settings_of_other_modules_are_remembered_by_too() -> None:
    source = """\
        import re

        from package import defaults
        import other


        def parse(text):
            return text.split(defaults.MARK), other.LIMIT, re.MULTILINE
    """
    program = turned(source, "parse.cache")
    assert "known((defaults.MARK, other.LIMIT), *given, **named)" in program
    alone = turned("import re\n\n\ndef flags(x):\n    return re.M | x\n", "flags.cache")
    assert "known(*given, **named)" in alone


def test_taking_it_back_leaves_the_function_as_it_was() -> None:
    program = turned(PROGRAM, "split.cache")
    assert "\n\n@_remember\ndef split(" in program
    back = turned(program, "split.cache", on=False)
    assert "\n\ndef split(" in back
    assert "@_remember" not in back
    assert list(spots(program)) == ["split.cache"], "the helper itself is not remembered"


def test_two_functions_share_a_helper_and_it_stands_before_both() -> None:
    source = "import os\n\nx = 1\n\n\ndef a(v):\n    return v\n\n\ndef b(v):\n    return v\n"
    program = turned(source, "a.cache", "b.cache")
    assert program.count("def _remember(") == 1
    assert program.count("@_remember\ndef ") == 2
    assert program.count("import functools\n") == 1
    assert run(program, "print(a(1), b(2))") == "1 2"
    compile(turned(program.replace("@_remember\ndef b", "def b"), "b.cache"), "x", "exec")


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_line_ends_and_what_stands_first_stay(ending: str) -> None:
    source = PROGRAM.replace("\n", ending)
    program = turned(source, "split.cache")
    assert program.startswith(
        f'"""Words."""{ending}{ending}from __future__ import annotations{ending}'
    )
    assert program.count("\n") == program.count(ending)
    compile(program, "x", "exec")


@pytest.mark.parametrize(
    "source",
    [
        "def f():\n    return 1\n",  # nothing to remember by
        "def f(x):\n    x.append(1)\n",  # returns nothing
        "def f(x):\n    yield x\n",
        "async def f(x):\n    return x\n",
        "def f(x):\n    global n\n    n += 1\n    return x\n",
        "def f(x):\n    print(x)\n    return x\n",
        "import random\ndef f(x):\n    return random.random() * x\n",
        "import time\ndef f(x):\n    return time.time() - x\n",
        "def f(x, rng):\n    return rng.normal() * x\n",
        "class A:\n    def f(self, x):\n        return x\n",  # an object may change
        "@other\ndef f(x):\n    return x\n",
        "_remember = 3\ndef f(x):\n    return x\n",  # the name is taken
        "if True:\n    def f(x):\n        return x\n",
        "# move37: off\ndef f(x):\n    return x\n",
    ],
)
def test_what_acts_on_the_world_is_not_remembered(source: str) -> None:
    assert spots(source) == {}


def test_a_property_is_remembered_by_its_object_unless_somebody_sets_it() -> None:
    source = """\
        class A:
            def __init__(self):
                self.n = 0

            @property
            def once(self):
                self.n += 1
                return self.n

            @property
            def set(self):
                return self.n

            @set.setter
            def set(self, value):
                self.m = value
    """
    assert list(spots(source)) == ["A.once.cache"]
    program = turned(source, "A.once.cache")
    assert run(program, "a = A(); a.once; print(a.once)") == "1"
    assert list(spots(program)) == ["A.once.cache"]
    assert spots(source.replace("class A:", "class A:\n            __slots__ = ('n',)")) == {}


@pytest.mark.parametrize(
    "sets", ["self.n = 1", "self.n += 1", "self.m, self.n = 1, 2", "self.n, self.m = 1, 2"]
)
def test_a_property_of_what_changes_is_not_remembered(sets: str) -> None:
    source = """\
        class A:
            def __init__(self):
                self.n = 0

            @property
            def current(self):
                return self.n

            def render(self):
                {}
    """
    assert spots(source.format(sets)) == {}
    assert list(spots(source.format("return self.n == 1"))) == ["A.current.cache"]


def test_what_we_added_is_not_turned_itself() -> None:
    program = turned(PROGRAM, "split.cache")
    sites = Sites(speed=True).scan("a.py", program.encode()).sites
    assert sites
    assert not [site.id for site in sites if "remember" in site.id or "maxsize" in site.id]


def test_only_a_task_that_asks_for_it_gets_such_moves() -> None:
    files = {"a.py": b"def f(x):\n    return x\n\n\nsize = 3\n"}
    for speed in (False, True):
        study = Study(files, lambda program, seed: 0.0, Tune(TuneSettings(speed=speed)))
        for _ in range(12):
            study.step(0)
        assert any("remembers" in e.hypothesis for e in study.history.experiments) == speed


def test_speed_is_a_setting_of_tune() -> None:
    assert TuneSettings.parse({"speed": True}).speed
    assert not TuneSettings.parse({}).speed


@pytest.mark.parametrize("path", sorted((Path(__file__).parent / "corpus").glob("*.py.txt")))
def test_remembering_anything_in_the_corpus_still_compiles(path: Path) -> None:
    content = path.read_bytes()
    for site in Sites(speed=True).scan("a.py", content).sites:
        if site.kind == "cache":
            text = site.domain.options[1]
            compile(with_needs(apply_edits(content, [Edit(site, text)]), text), "x", "exec")


def test_a_function_is_found_once_however_it_was_written_before() -> None:
    sites = Sites(speed=True)
    plain = b"def f(x):\n    return x\n"
    helped = turned(plain.decode(), "f.cache").encode()
    for source, text in ((plain, "def"), (helped, "@_remember\ndef"), (plain, "def")):
        found = [site for site in sites.scan("a.py", source).sites if site.kind == "cache"]
        assert [(site.id, site.text) for site in found] == [("a.py:f.cache", text)]


@pytest.mark.parametrize(
    "first",
    [
        b"#!/usr/bin/env python\n",
        b"# -*- coding: latin-1 -*-\n",
        b"\xef\xbb\xbf",
        b"# a\n# b\n# c\n",
    ],
)
def test_what_has_to_stand_first_does(first: bytes) -> None:
    source = first + b"def f(x):\n    return x\n"
    (site,) = [s for s in Sites(speed=True).scan("a.py", source).sites if s.kind == "cache"]
    text = site.domain.options[1]
    program = with_needs(apply_edits(source, [Edit(site, text)]), text)
    assert program.startswith(first[:8])
    compile(program, "x", "exec")
