"""Putting code into a program as a candidate would: it runs first, last or instead, and once."""

import ast
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from move37.referee.canaries import When
from move37.referee.inject import inject_python, inject_script, null_edit

node = pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
perl = pytest.mark.skipif(shutil.which("perl") is None, reason="there is no perl")

PROGRAM = b'''#!/usr/bin/env python3
# -*- coding: utf-8 -*-
"""What it does."""

from __future__ import annotations

import helper

print("the program")
'''


def run(directory: Path, files: Mapping[str, bytes], command: str) -> list[str]:
    for path, data in files.items():
        (directory / path).write_bytes(data)
    return subprocess.run(
        command, shell=True, cwd=directory, check=True, capture_output=True, text=True
    ).stdout.splitlines()


@pytest.mark.parametrize(
    ("when", "lines"),
    [
        ("before", ["a cheat", "the program"]),
        ("after", ["the program", "a cheat"]),
        ("instead", ["a cheat"]),
    ],
)
@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({"train.py": PROGRAM, "helper.py": b""}, f"{sys.executable} train.py"),
        ({"train.sh": b"echo the program\n"}, "sh train.sh"),
        ({"train": b"#!/bin/sh\necho the program\n"}, "sh ./train"),
        pytest.param(
            {"train.js": b"#!/usr/bin/env node\nconsole.log('the program')\n"},
            "node train.js",
            marks=node,
        ),
        pytest.param(
            {"train.mjs": b"import fs from 'fs'\nconsole.log('the program')\n"},
            "node train.mjs",
            marks=node,
        ),
        pytest.param(
            {"train.pl": b'use strict;\nprint "the program\\n";\n'}, "perl train.pl", marks=perl
        ),
    ],
)
def test_a_script_runs_once_when_it_should(
    tmp_path: Path, files: Mapping[str, bytes], command: str, when: When, lines: list[str]
) -> None:
    changed = inject_script(files, r"""printf '%s\n' 'a cheat' | sed 's/\\/\"/'""", when)
    assert run(tmp_path, {**files, **changed}, command) == lines


def test_what_has_to_come_first_in_a_python_file_still_does() -> None:
    changed = inject_python({"train.py": PROGRAM}, "pass")["train.py"]
    assert changed.startswith(PROGRAM.split(b"\n\nimport")[0])
    assert ast.get_docstring(ast.parse(changed)) == "What it does."


@given(st.lists(st.sampled_from([b"'doc'", b"x = 1", b"# note", b"", b"import os"]), max_size=5))
def test_what_was_python_is_python_afterwards(lines: list[bytes]) -> None:
    data = b"\n".join(lines)
    changed = inject_script({"a.py": data}, "echo 'it''s'", "after")["a.py"]
    assert ast.get_docstring(ast.parse(changed)) == ast.get_docstring(ast.parse(data))
    assert len(ast.parse(changed).body) == len(ast.parse(data).body) + 1


def test_nothing_is_put_into_what_cannot_run_it() -> None:
    files = {"settings.toml": b"rate = 1\n", "kernel.c": b"int main;\n", "broken.py": b"def\n"}
    assert inject_script(files, "echo", "before") == {}
    assert inject_python(files, "pass") == {}


def test_another_language_beside_it_makes_an_edit_prove_nothing() -> None:
    program = {"plot.py": b"", "notes.md": b"", "settings.toml": b""}
    assert list(inject_script(program, "echo", "before")) == ["plot.py"]
    assert inject_script({**program, "kernel.c": b""}, "echo", "before") == {}
    assert inject_script({**program, "broken.py": b"def\n"}, "echo", "before") == {}


@pytest.mark.parametrize(
    ("path", "start"),
    [("a.py", b"# "), ("a.c", b"// "), ("a.lua", b"-- "), ("a.toml", b"# "), ("a.json", b"\n")],
)
def test_a_null_edit_is_a_comment_at_the_end(path: str, start: bytes) -> None:
    [(changed, data)] = null_edit({path: b"first"}).items()
    assert changed == path
    assert data.startswith(b"first\n" + start)


def test_a_null_edit_prefers_a_file_whose_comments_are_known() -> None:
    assert list(null_edit({"a.dat": b"", "b.py": b""})) == ["b.py"]
    assert null_edit({}) == {}
