from pathlib import Path

from move37 import app
from move37.proposers.context.logs import read_log

SORT = "WIDTH = 4\nDEPTH = 9\n"
BENCH = (
    'from src.sort import DEPTH, WIDTH\nprint(f"METRIC comparisons={abs(50 - WIDTH) + DEPTH}")\n'
)
LOG = '{"type":"config","name":"a","metricName":"comparisons","bestDirection":"lower"}\n'
PROMPT = "# Autoresearch: Compare less\n\n## Files in Scope\n- `src/sort.py`\n"


def write_session(root: Path) -> Path:
    files = {
        ".auto/measure.sh": "set -eu\npython bench.py\n",
        ".auto/checks.sh": "python -m compileall -q src\n",
        ".auto/prompt.md": PROMPT,
        ".auto/log.jsonl": LOG,
        "bench.py": BENCH,
        "src/sort.py": SORT,
    }
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    return root


def test_a_session_of_pi_autoresearch_runs_to_a_verdict_as_it_is(tmp_path: Path) -> None:
    root = write_session(tmp_path / "task")
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    result = app.run(root, app.RunSettings(experiments=8, workers=1, check=False))
    assert result.certified is not None
    assert result.certified.claim
    assert {path: path.read_bytes() for path in before} == before
    table = app.results(root)
    header, baseline, *rest = [line.split("\t") for line in table.text.splitlines()]
    assert header == ["commit", "comparisons", "memory_gb", "status", "description"]
    assert baseline[1:2] + baseline[3:] == ["55.000000", "keep", "baseline"]
    assert "keep" in {row[3] for row in rest}
    assert all(len(row) == 5 for row in rest)


def test_a_log_that_grows_starts_no_epoch(tmp_path: Path) -> None:
    root = write_session(tmp_path / "task")
    settings = app.RunSettings(experiments=1, workers=1, check=False, certify=False)
    app.run(root, settings)
    (root / ".auto/log.jsonl").write_text(LOG + '{"run":1,"metric":55,"status":"keep"}\n')
    app.run(root, settings)
    assert app.list_experiments(root).total == 2


def test_rows_are_told_as_reported_and_never_as_measured() -> None:
    tsv = "commit\tval_bpb\tmemory_gb\tstatus\tdescription\na1\t0.99\t44.0\tkeep\tGeLU\n\nb2\t1\n"
    told = list(read_log("results.tsv", tsv))
    assert told[0] == (
        "line 2",
        "Reported by another tool before this study, not measured here (keep): "
        "val_bpb: 0.99; memory_gb: 44.0; description: GeLU",
    )
    assert told[1][0] == "line 4"
    jsonl = LOG + 'no json\n[1]\n{"run":1,"metric":3,"status":"discard","asi":{"why":"é"}}\n'
    [(where, said)] = read_log("log.jsonl", jsonl)
    assert where == "line 4"
    assert said.endswith('(discard): metric: 3; asi: {"why": "é"}')
