"""The reference in `docs/task.md` says what the code does."""

import re
import tomllib
from pathlib import Path

import pytest

from move37.tasks.keys import SECTIONS, Key
from move37.tasks.toml import parse_task

PAGE = (Path(__file__).parents[2] / "docs" / "task.md").read_text(encoding="utf-8")


def row(key: Key[object]) -> str:
    default = f"`{key.default}`" if re.match(r'["\[\d]|false', key.default) else key.default
    return f"| `{key.name}` | {default} | {key.doc} |".replace("|  |", "| |")


def chapter(section: str) -> str:
    titles = {
        "": "### At the top",
        "proposer": "### `[[proposer]]`",
        "stage": "### `[[evaluate.stage]]`",
        "check": "### `[checks]`",
    }
    title = titles.get(section, f"### `[{section}]`")
    return PAGE.split(f"{title}\n", 1)[1].split("\n### ")[0].split("\n## ")[0]


@pytest.mark.parametrize("section", [s for s in SECTIONS if s != "checks"])
def test_the_reference_has_every_key_and_no_other(section: str) -> None:
    rows = re.findall(r"^\| `\w+` \|.*$", chapter(section), re.MULTILINE)
    assert [r for r in rows if r.count("|") == 4] == [row(key) for key in SECTIONS[section]]


def test_the_example_loads() -> None:
    example = PAGE.split("```toml\n", 1)[1].split("```", 1)[0]
    task = parse_task(example.encode(), root=Path("/nowhere"))
    assert task.metric.name == "val_bpb"
    for section, keys in SECTIONS.items():
        assert section in ("", "check", "stage") or f"[{section}]" in example
        missing = {key.name for key in keys if f"{key.name} =" not in example}
        assert missing <= {"search", "regex", "stage", "between"}


@pytest.mark.parametrize("section", SECTIONS)
def test_the_example_of_every_key_is_accepted_by_it(section: str) -> None:
    for key in SECTIONS[section]:
        key.parse(tomllib.loads(f"x = {key.example}")["x"])


def test_a_documented_default_is_what_one_gets(tmp_path: Path) -> None:
    least = 'goal = "x"\nfiles.edit = ["x"]\nevaluate.run = "x"\nmetric.name = "x"\n'
    least += 'metric.goal = "minimize"\n'
    spelled_out = "".join(
        f"{section}.{key.name} = {key.default}\n".lstrip(".")
        for section, keys in SECTIONS.items()
        for key in keys
        if section not in ("check", "stage")
        if key.default and not key.default.startswith("the ")
    )
    assert spelled_out.count("\n") > 10
    documented = parse_task((least + spelled_out).encode(), root=tmp_path)
    assert documented == parse_task(least.encode(), root=tmp_path)
