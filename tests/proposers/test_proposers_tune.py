from collections.abc import Mapping

import pytest
from surfaces import CONFIG, evaluate

from move37.core.errors import NothingToPropose, ProposalFailed, TaskError
from move37.core.facts import Proposed
from move37.core.records import Failed, Proposal, ProposerSpec
from move37.proposers.registry import make_proposer
from move37.proposers.scripted import Scripted
from move37.proposers.source.normalise import Normaliser
from move37.proposers.tune.tune import Tune, TuneSettings
from move37.testing.proposer import Study

ONE = {"train.py": b"lr = 0.001\n"}


def flat(program: Mapping[str, bytes], seed: int) -> float:
    return 0.0


def study(files: Mapping[str, bytes], tune: Tune | None = None, seed: int = 0) -> Study:
    return Study(files, flat, tune or Tune(), seed=seed)


def propose(files: Mapping[str, bytes], seed: int = 0) -> Proposal:
    paces = study(files, seed=seed)
    return paces.proposer.propose(paces.request(0))


# --- what a proposal says ---


def test_a_first_proposal_takes_one_bold_step_of_the_learning_rate() -> None:
    proposal = propose(ONE)
    assert proposal.changes["train.py"] in (b"lr = 0.003\n", b"lr = 0.0003\n")
    assert proposal.move == "tune.number"
    assert proposal.hypothesis.startswith("lr 0.001 → 0.00")
    assert proposal.prior is not None
    assert 0 < proposal.prior <= 1


def test_a_step_that_paid_is_taken_further_and_the_proposal_says_so() -> None:
    def rising(program: Mapping[str, bytes], seed: int) -> float:
        value = float(program["train.py"].split(b"=")[1])
        return min(value, 1.0)

    paces = Study(ONE, rising, Tune(), seed=3)
    for _ in range(12):
        paces.step(paces.best())
    assert float(paces.programs[paces.best()]["train.py"].split(b"=")[1]) >= 0.3
    said = [experiment.hypothesis for experiment in paces.history.experiments]
    assert any("further up, last time" in text and "helped (+" in text for text in said)


def test_a_failed_step_is_not_taken_again() -> None:
    def fragile(program: Mapping[str, bytes], seed: int) -> float | Failed:
        value = float(program["train.py"].split(b"=")[1])
        return 0.0 if value <= 0.001 else Failed(stage="run", reason="diverged")

    paces = Study(ONE, fragile, Tune(), seed=1)
    for _ in range(14):
        paces.step(0)
    outcomes = [experiment.outcome for experiment in paces.history.experiments]
    assert len([o for o in outcomes if isinstance(o, Failed) and o.stage == "run"]) <= 5


def test_every_move_names_its_sites_with_old_and_new_spelling() -> None:
    paces = study({"config.py": CONFIG})
    for _ in range(30):
        paces.step(0)
    said = [fact.detail["sites"] for fact in paces.facts if isinstance(fact, Proposed)]
    assert said
    for id, old, new in (change for sites in said for change in sites):
        assert id.startswith("config.py:")
        assert old != new


def test_an_experiment_that_turns_several_sites_says_how_many() -> None:
    paces = Study({"config.py": CONFIG}, evaluate(0.0), Tune(), seed=2)
    for _ in range(50):
        paces.step(paces.best())
    moves = {experiment.move for experiment in paces.history.experiments}
    assert {"tune.number", "tune.pair", "tune.joint"} <= moves
    assert all(len(e.hypothesis.split("; ")) <= 3 for e in paces.history.experiments)


# --- facts in, the same change out ---


def test_a_study_that_was_stopped_goes_on_as_if_it_was_not() -> None:
    whole = Study({"config.py": CONFIG}, evaluate(0.05), Tune(), noise=0.05, seed=5)
    for _ in range(60):
        whole.step(whole.best())
    request = whole.request(whole.best())
    rebuilt = Tune()
    for fact in whole.facts:
        rebuilt.add(fact)
    assert rebuilt.propose(request) == whole.proposer.propose(request)


def test_optuna_answers_the_same_question_the_same_way() -> None:
    def run() -> Study:
        tune = Tune(TuneSettings(optuna=0.2))
        paces = Study({"config.py": CONFIG}, evaluate(0.05), tune, noise=0.05, seed=5)
        for _ in range(50):
            paces.step(paces.best())
        return paces

    assert run().facts == run().facts


def test_moves_of_others_are_not_taken_for_its_own() -> None:
    paces = study(ONE)
    request = paces.request(0)
    other = Proposal(
        changes={"train.py": b"lr = 9.0\n"}, move="llm.rewrite", hypothesis="h", detail={"sites": 3}
    )
    paces.fill(request.experiment.id, 0, other)
    assert paces.proposer.propose(paces.request(0)).changes


# --- no duplicates, and an end ---


def test_no_program_is_proposed_twice_until_there_is_none_left() -> None:
    files = {"train.py": b"flag = True\nmode = 'a'  # a, b, c\n"}
    normaliser = Normaliser()
    paces = study(files)
    seen = {normaliser.identity(files)}
    failed = 0
    for _ in range(20):
        id = paces.step(0)
        if paces.history[id].rejected is not None:
            failed += 1
            continue
        identity = normaliser.identity(paces.programs[id])
        assert identity not in seen
        seen.add(identity)
    assert len(seen) >= 4
    assert failed >= 10


def test_a_file_without_sites_is_named_with_what_to_write() -> None:
    with pytest.raises(NothingToPropose, match=r"found in train\.py .*# move37: 0\.1\.\.10 log"):
        propose({"train.py": b"print('hello')\n"})


def test_a_binary_file_is_named_with_its_reason() -> None:
    with pytest.raises(NothingToPropose, match="not text in UTF-8"):
        propose({"data.bin.py": b"\xff\xfe\x00"})


def test_a_bad_hint_in_the_task_must_be_mended_by_a_person() -> None:
    with pytest.raises(TaskError, match=r"^train\.py, line 1: "):
        propose({"train.py": b"x = 1  # move37: 1..\n"})


def test_a_bad_hint_that_a_proposer_wrote_only_fails_the_proposal() -> None:
    paces = study(ONE)
    request = paces.request(0)
    broken = Proposal(changes={"train.py": b"x = 1  # move37: 1..\n"}, move="llm", hypothesis="h")
    paces.fill(request.experiment.id, 0, broken)
    with pytest.raises(ProposalFailed, match="a hint in the parent cannot be read"):
        paces.proposer.propose(paces.request(request.experiment.id))


def test_a_file_of_thousands_of_numbers_is_no_trouble() -> None:
    table = "data = [\n" + "".join(f"    {i}.5,\n" for i in range(5000)) + "]\nlr = 0.1\n"
    paces = study({"train.py": table.encode()})
    paces.step(0)
    paces.step(0)
    assert all(e.rejected is None for e in paces.history.experiments)


def test_several_files_are_turned() -> None:
    files = {"a.py": b"alpha = 2.5\n", "b.yaml": b"beta: 3\n", "c.toml": b"gamma = 4.5\n"}
    paces = study(files)
    turned: set[str] = set()
    for _ in range(24):
        paces.step(0)
    for program in paces.programs.values():
        turned |= {path for path in files if program[path] != files[path]}
    assert turned == set(files)


# --- structure ---


def test_statements_can_be_dropped_and_alternatives_swapped() -> None:
    source = b"import numpy as np\n\ndef f(x):\n    x = np.tanh(x)\n    return x\n"
    paces = study({"train.py": source})
    for _ in range(12):
        paces.step(0)
    programs = {program["train.py"] for program in paces.programs.values()}
    assert source.replace(b"    x = np.tanh(x)\n", b"") in programs
    assert source.replace(b"tanh", b"arctan") in programs


def test_structure_can_be_forbidden() -> None:
    source = {"train.py": b"def f(x):\n    x = tanh(x)\n    return x\n"}
    paces = study(source, Tune(TuneSettings(structure=False)))
    with pytest.raises(NothingToPropose):
        paces.step(0)


# --- settings ---


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            {"temperature": 1},
            "unknown key 'temperature'; the keys are optuna, speed, structure, together",
        ),
        ({"together": "3"}, "together must be int, not '3'"),
        ({"together": True}, "together must be int, not True"),
        ({"structure": 1}, "structure must be bool, not 1"),
        ({"together": 0}, "together must be 1 to 10"),
        ({"optuna": 0.5}, "optuna must be 0 to 0.2"),
        ({"window": 3}, "window must be 20 to 1000"),
    ],
)
def test_wrong_settings_are_named(options: dict[str, object], says: str) -> None:
    with pytest.raises(TaskError, match=says):
        TuneSettings.parse(options)


def test_settings_are_read() -> None:
    read = TuneSettings.parse({"together": 2, "optuna": 0, "structure": False, "window": 50})
    assert read == TuneSettings(together=2, optuna=0, structure=False, window=50)


def test_an_unknown_proposer_is_named_with_the_known_ones() -> None:
    with pytest.raises(TaskError, match="unknown proposer 'tun'; the known ones are tune, "):
        make_proposer(ProposerSpec(kind="tun"))


def test_a_scripted_proposer_is_made_from_a_task() -> None:
    proposer = make_proposer(
        ProposerSpec(kind="scripted", options={"steps": [{"train.py": "lr = 1\n"}, "silent"]})
    )
    assert isinstance(proposer, Scripted)
    paces = Study(ONE, flat, proposer)
    assert paces.programs[paces.step(0)] == {"train.py": b"lr = 1\n"}
    assert paces.history[paces.step(0)].rejected is not None
    with pytest.raises(NothingToPropose, match="script of 2 proposals is played out"):
        paces.step(0)


@pytest.mark.parametrize(
    "options", [{"stesp": []}, {"steps": "x"}, {"steps": [3]}, {"steps": [{"a": 1}]}]
)
def test_a_script_that_cannot_be_read_is_named(options: dict[str, object]) -> None:
    with pytest.raises(TaskError, match=r"^proposer 'scripted': "):
        make_proposer(ProposerSpec(kind="scripted", options=options))
