"""What every store promises. Subclass it and give it your store; `facts` draws any fact there is."""

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from move37.core.errors import StudyError
from move37.core.facts import (
    Ablated,
    AblationOpened,
    Answered,
    Asked,
    CertificationOpened,
    Certified,
    Checked,
    Claimed,
    EpochStarted,
    EvaluatorChecked,
    Fact,
    Opened,
    Posted,
    Probed,
    Proposed,
    Rejected,
    Retracted,
    SessionEnded,
    SessionStarted,
    Staged,
    Steered,
    Submitted,
    Tried,
)
from move37.core.protocols import Store
from move37.core.records import (
    Belief,
    EditEffect,
    Failed,
    Finding,
    Interval,
    Link,
    Measured,
    Order,
    Repeats,
    Screened,
    Trial,
)

_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_numbers = st.floats(allow_nan=False, allow_infinity=False)
_counts = st.integers(0, 2**31)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | _numbers | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=6,
)
_details = st.dictionaries(_texts, _json, max_size=3)
_commits = st.text("0123456789abcdef", min_size=40, max_size=40)
_intervals = st.none() | st.builds(
    Interval, effect=_numbers, low=_numbers, high=_numbers, level=_numbers, pairs=_counts
)
_failures = st.builds(
    Failed,
    stage=st.sampled_from(["propose", "sandbox", "run", "score", "metric", "limit", "check"]),
    reason=_texts,
    output=_texts,
    seconds=_numbers,
)
_measured = st.builds(
    Measured,
    score=_numbers,
    metrics=st.dictionaries(_texts, _numbers, max_size=4),
    seconds=_numbers,
    cpu_seconds=_numbers,
    peak_memory_mb=_numbers,
)
_screened = st.builds(
    Screened,
    by=st.sampled_from(["stage", "curve", "policy"]),
    reason=_texts,
    predicted=_numbers,
    predicted_sd=_numbers,
    chance=_numbers,
    metrics=st.dictionaries(_texts, _numbers, max_size=4),
    seconds=_numbers,
)
_trials = st.builds(
    Trial,
    purpose=st.sampled_from(["search", "certify", "stage"]),
    index=_counts,
    seed=_counts,
    outcome=_measured | _failures | _screened,
)
_maybe = st.none() | _numbers
_effects = st.builds(
    EditEffect,
    label=_texts,
    places=st.lists(_texts, max_size=2).map(tuple),
    steps=st.lists(_counts, max_size=2).map(tuple),
    experiment=st.none() | _counts,
    effect=_intervals,
    kept=st.booleans(),
    reason=_texts,
)

facts: st.SearchStrategy[Fact] = st.one_of(
    st.builds(
        EpochStarted,
        epoch=_counts,
        fingerprint=_texts,
        task=_details,
        baseline=_counts,
        commit=_commits,
        identity=_texts,
        seed=_counts,
    ),
    st.builds(
        Opened,
        experiment=_counts,
        epoch=_counts,
        parents=st.lists(_counts, max_size=2).map(tuple),
        proposer=_texts,
        seed=_counts,
        ticket=st.none() | _texts,
    ),
    st.builds(
        Submitted,
        ticket=_texts,
        author=_texts,
        base=_counts,
        hypothesis=_texts,
        predicted_effect=_maybe,
    ),
    st.builds(
        Posted,
        post=_counts,
        ticket=_texts,
        kind=st.sampled_from(["hypothesis", "finding", "lesson", "question", "answer", "idea"]),
        text=_texts,
        author=_texts,
        role=st.sampled_from(["person", "proposer", "agent"]),
        taint=st.sampled_from(["person", "model", "output"]),
        reply_to=st.none() | _counts,
        links=st.lists(
            st.builds(
                Link,
                experiment=_counts,
                effect=st.none() | st.builds(Belief, _numbers, _numbers),
            ),
            max_size=2,
        ).map(tuple),
        effect=_maybe,
    ),
    st.builds(Retracted, post=_counts, ticket=_texts, author=_texts, reason=_texts),
    st.builds(Claimed, post=_counts, ticket=_texts, author=_texts, released=st.booleans()),
    st.builds(
        Steered,
        ticket=_texts,
        author=_texts,
        order=st.builds(
            Order,
            does=st.sampled_from(["pause", "pin", "hold", "budget", "text"]),
            experiment=st.none() | _counts,
            way=st.sampled_from([None, "proposer", "move", "file"]),
            name=_texts,
            resource=st.sampled_from([None, "experiments", "hours", "usd"]),
            amount=_maybe,
            text=_texts,
            reason=_texts,
        ),
        is_live=st.booleans(),
    ),
    st.builds(Asked, experiment=_counts, round=_counts, model=_texts, usd_at_most=_numbers),
    st.builds(
        Answered,
        experiment=_counts,
        round=_counts,
        model=_texts,
        failed=_texts,
        usd=_numbers,
        tokens_in=_counts,
        tokens_out=_counts,
        seconds=_numbers,
    ),
    st.builds(
        Proposed,
        experiment=_counts,
        commit=_commits,
        identity=_texts,
        move=_texts,
        hypothesis=_texts,
        predicted_effect=_maybe,
        prior=_maybe,
        detail=_details,
        usd=_numbers,
    ),
    st.builds(Rejected, experiment=_counts, failed=_failures, usd=_numbers),
    st.builds(Tried, experiment=_counts, trial=_trials),
    st.builds(
        Staged, experiment=_counts, stage=_counts, screened=st.none() | _screened, reason=_texts
    ),
    st.builds(
        Checked,
        experiment=_counts,
        check=_texts,
        passed=st.booleans(),
        reason=_texts,
        output=_texts,
        seconds=_numbers,
    ),
    st.builds(
        CertificationOpened,
        certification=_counts,
        experiment=_counts,
        baseline=_counts,
        believed=st.builds(Belief, _numbers, _numbers),
        pairs=_counts,
        rule=st.sampled_from(["fixed", "sequential"]),
        margin=_maybe,
        alpha=_numbers,
    ),
    st.builds(
        AblationOpened,
        ablation=_counts,
        experiment=_counts,
        edits=_counts,
        first=_counts,
        margin=_numbers,
        trials=_counts,
    ),
    st.builds(
        Ablated,
        ablation=_counts,
        experiment=_counts,
        effects=st.lists(_effects, max_size=2).map(tuple),
        pruned=st.none() | _counts,
        reason=_texts,
    ),
    st.builds(
        Certified,
        certification=_counts,
        experiment=_counts,
        baseline=_counts,
        effect=_intervals,
        baseline_score=_maybe,
        holdout=_intervals,
        holdout_baseline_score=_maybe,
        claim=st.booleans(),
        reason=_texts,
        kind=st.sampled_from(["better", "not worse"]),
        estimate=_intervals,
        shrinkage=_maybe,
        overfit=_intervals,
    ),
    st.builds(
        Probed,
        experiment=_counts,
        probe=_texts,
        sandbox=_texts,
        by_edit=st.booleans(),
        ran=st.booleans(),
        score=st.none() | _numbers,
        failure=_texts,
        effects=st.lists(_texts, max_size=2).map(tuple),
        seconds=_numbers,
    ),
    st.builds(
        EvaluatorChecked,
        experiment=_counts,
        grade=st.sampled_from("ABCDEF"),
        reason=_texts,
        scored=st.booleans(),
        sandbox=_texts,
        repeats=st.builds(
            Repeats,
            finished=_counts,
            failed=_counts,
            mean=_numbers,
            sd=st.none() | _numbers,
            drift=st.none() | _numbers,
            repeats_exactly=st.none() | st.booleans(),
            seconds=_numbers,
            peak_memory_mb=_numbers,
        ),
        findings=st.lists(
            st.builds(
                Finding,
                probe=_texts,
                believed=st.none() | st.booleans(),
                false_metric=st.booleans(),
                told=_texts,
                advice=_texts,
            ),
            max_size=2,
        ).map(tuple),
    ),
    st.builds(SessionStarted, version=_texts, workers=_counts, sandbox=_texts),
    st.builds(SessionEnded, reason=_texts),
)
"""Any fact, with extreme but finite numbers and any text."""


INHERITED = [HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]
"""A law of a contract is checked by several classes, and on one store that has seen it all."""


def tried(experiment: int = 0, score: float = 1.0, index: int = 0) -> Tried:
    """A trial that finished."""
    measured = Measured(
        score=score, metrics={"loss": -score}, seconds=1.0, cpu_seconds=0.9, peak_memory_mb=50.0
    )
    return Tried(
        experiment=experiment,
        trial=Trial(purpose="search", index=index, seed=1, outcome=measured),
    )


class StoreContract:
    """`move37.core.protocols.Store`."""

    @pytest.fixture
    def store(self) -> Store:
        raise NotImplementedError

    @settings(max_examples=150, deadline=None, suppress_health_check=INHERITED)
    @given(fact=facts)
    def test_every_fact_comes_back_exactly(self, store: Store, fact: Fact) -> None:
        appended = store.append(fact, {})
        last = list(store.rows())[-1]
        assert last == appended
        assert last.fact == fact
        assert repr(last.fact) == repr(fact), "types and signs of zero included"

    def test_rows_are_numbered_from_one_without_gaps(self, store: Store) -> None:
        for index in range(5):
            store.append(tried(index=index), {})
        assert [row.seq for row in store.rows()] == [1, 2, 3, 4, 5]
        assert [row.fact for row in store.rows()] == [tried(index=index) for index in range(5)]

    def test_rows_may_begin_after_those_that_are_known(self, store: Store) -> None:
        for index in range(3):
            store.append(tried(index=index), {})
        assert [row.seq for row in store.rows(1)] == [2, 3]
        assert list(store.rows(3)) == []

    def test_times_do_not_come_from_the_fact(self, store: Store) -> None:
        rows = [store.append(SessionEnded(reason="done"), {}) for _ in range(2)]
        assert rows[0].fact == rows[1].fact
        assert 1e9 < rows[0].at <= rows[1].at + 60

    def test_rows_are_as_of_the_moment_of_the_call(self, store: Store) -> None:
        store.append(tried(index=0), {})
        rows = store.rows()
        store.append(tried(index=1), {})
        assert len(list(rows)) == 1

    def test_half_read_rows_do_not_stop_a_writer(self, store: Store) -> None:
        for index in range(3):
            store.append(tried(index=index), {})
        rows = store.rows()
        next(rows)
        store.append(tried(index=3), {})
        assert [row.seq for row in rows] == [2, 3]

    def test_attachments_come_back_byte_for_byte(self, store: Store) -> None:
        blobs = {"x0-search-0/stdout": bytes(range(256)) * 50, "x0-search-0/stderr": b""}
        store.append(tried(), blobs)
        assert {key: store.attachment(key) for key in blobs} == blobs
        assert store.attachment("x0-search-0") is None

    def test_an_attachment_is_written_once_and_takes_its_fact_with_it(self, store: Store) -> None:
        store.append(tried(), {"x0/stdout": b"first"})
        with pytest.raises(StudyError, match="written once"):
            store.append(tried(index=1), {"new": b"", "x0/stdout": b"second"})
        assert store.attachment("x0/stdout") == b"first"
        assert store.attachment("new") is None
        assert len(list(store.rows())) == 1
        store.append(tried(index=1), {})
        assert [row.seq for row in store.rows()] == [1, 2]

    @pytest.mark.parametrize(
        "detail", [{"range": (0, 1)}, {"nan": math.nan}, {1: "one"}, {"text": "\ud800"}]
    )
    def test_what_json_would_change_is_refused(self, store: Store, detail: dict[Any, Any]) -> None:
        proposed = Proposed(
            experiment=0, commit="0" * 40, identity="", move="", hypothesis="", detail=detail
        )
        with pytest.raises(ValueError, match=r"JSON|surrogates"):
            store.append(proposed, {})
        assert list(store.rows()) == []

    def test_a_side_metric_may_be_infinite_or_none(self, store: Store) -> None:
        metrics = {"a": 1.0, "diverged": math.inf, "b": math.nan, "c": -math.inf}
        outcome = Measured(
            score=1.0, metrics=metrics, seconds=1.0, cpu_seconds=1.0, peak_memory_mb=1.0
        )
        trial = Trial(purpose="search", index=0, seed=0, outcome=outcome)
        store.append(Tried(experiment=0, trial=trial), {})
        (row,) = store.rows()
        assert isinstance(row.fact, Tried)
        assert isinstance(row.fact.trial.outcome, Measured)
        back = row.fact.trial.outcome.metrics
        assert {name: repr(value) for name, value in back.items()} == {
            name: repr(value) for name, value in metrics.items()
        }

    def test_closing_twice_is_closing_once(self, store: Store) -> None:
        store.close()
        store.close()

    def test_the_code_store_remembers_programs(self, store: Store, tmp_path: Any) -> None:
        (tmp_path / "a.py").write_bytes(b"a\r\n")
        assert store.code.read(store.code.snapshot(tmp_path, ["a.py"]), "a.py") == b"a\r\n"
