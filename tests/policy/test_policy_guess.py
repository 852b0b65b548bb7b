"""What the policy expects of a change, and what the gate makes of it."""

from dataclasses import replace
from random import Random

from move37.app.study import OWN_EDIT
from move37.bench.policy_worlds import HintedStudy, HintedWorld
from move37.core.facts import Fact, Proposed, Staged, Tried
from move37.core.records import Failed, Guess, Screened, Trial
from move37.policy.gate import LEARN, MOST_IN_A_ROW, Gate, improvement
from move37.policy.policy import Policy
from move37.search import LineagePosterior
from move37.testing.histories import MadeUpStudy, made_up_task


def guess(mean: float = 0.0, *, learned_from: int = 100, fails: float = 0.0) -> Guess:
    return Guess(prior=0.3, mean=mean, sd=0.1, fails=fails, learned_from=learned_from)


def propose(study: MadeUpStudy, own: Guess | None, *, proposer: str = "tune") -> int:
    id = study.open(proposer=proposer)
    commit = f"c{id}"
    study.add(
        Proposed(experiment=id, commit=commit, identity=commit, move="m", hypothesis="", guess=own)
    )
    return id


def gated() -> tuple[MadeUpStudy, Gate]:
    believer = LineagePosterior()
    gate = Gate(believer, never={OWN_EDIT})
    study = MadeUpStudy(made_up_task(minimize=False), believer, (gate,))
    study.baseline(1.0, 1.01, 0.99)
    for _ in range(20):
        study.trial(propose(study, guess(0.05)), 1.0)
    return study, gate


def decide(study: MadeUpStudy, gate: Gate, one: int) -> Staged | None:
    return gate.decide(study.history, study.history[one], 0)


def first_not_by_lot(study: MadeUpStudy, gate: Gate, own: Guess) -> Staged | None:
    """What is decided of a hopeless change; one in ten is measured anyway."""
    return next(
        (found for _ in range(5) if (found := decide(study, gate, propose(study, own)))), None
    )


# --- the policy ------------------------------------------------------------------------------------


def told(facts: list[Fact]) -> Policy:
    believer = LineagePosterior()
    policy = Policy(believer)
    for fact in facts:
        believer.add(fact)
        policy.add(fact)
    return policy


def test_it_learns_from_what_came_of_changes_like_this_one() -> None:
    believer = LineagePosterior()
    policy = Policy(believer)
    study = MadeUpStudy(made_up_task(minimize=False), believer, (policy,))
    study.baseline(0.0, 0.1, -0.1)
    random, guesses = Random(1), dict[str, Guess | None]()
    for _ in range(60):
        name = random.choice(("good", "bad"))
        id = study.open()
        proposed = Proposed(
            experiment=id,
            commit=f"c{id}",
            identity=f"i{id}",
            move="m",
            hypothesis="",
            traits=(f"name:{name}", "node:number"),
        )
        guesses[name] = policy.guess(proposed)
        study.add(replace(proposed, guess=guesses[name]))
        study.trial(id, (0.5 if name == "good" else -0.5) + random.gauss(0, 0.1))
    good, bad = guesses["good"], guesses["bad"]
    assert good is not None
    assert bad is not None
    assert good.mean > 0.2 > -0.2 > bad.mean
    assert good.prior > 0.6
    assert bad.prior < 0.2
    assert good.learned_from > 50


def test_it_learns_what_fails() -> None:
    study, policy = _study()
    for turn in range(30):
        id = _propose(study, policy, "broken" if turn % 2 else "fine")
        if turn % 2:
            failed = Failed(stage="run", reason="it exited with 1")
            trial = Trial(purpose="search", index=0, seed=1, outcome=failed)
            study.add(Tried(experiment=id, trial=trial))
        else:
            study.trial(id, 0.0 + turn / 1000)
    broken = study.history[_propose(study, policy, "broken")].guess
    fine = study.history[_propose(study, policy, "fine")].guess
    assert broken is not None
    assert fine is not None
    assert broken.fails > 0.6 > 0.3 > fine.fails


def test_the_same_facts_give_the_same_guess() -> None:
    study, policy = _study()
    for turn in range(25):
        study.trial(_propose(study, policy, f"knob{turn % 4}"), turn / 100)
    id = study.open()
    asked = Proposed(
        experiment=id, commit="c", identity="i", move="m", hypothesis="", traits=("name:knob1",)
    )
    assert told(study.facts).guess(asked) == policy.guess(asked)


def test_a_guess_knows_nothing_of_what_comes_later() -> None:
    study, policy = _study()
    for turn in range(25):
        study.trial(_propose(study, policy, f"knob{turn % 4}"), turn / 100)
    for place, fact in enumerate(study.facts):
        if isinstance(fact, Proposed):
            assert told(study.facts[:place]).guess(replace(fact, guess=None)) == fact.guess


def test_a_new_epoch_begins_anew() -> None:
    study, policy = _study()
    for turn in range(25):
        study.trial(_propose(study, policy, "a"), turn / 100)
    study.baseline(0.0, 0.1)
    assert policy.outcomes == 0


def test_a_wild_prediction_is_no_trouble() -> None:
    study, policy = _study()
    for turn in range(25):
        id = study.open()
        proposed = Proposed(
            experiment=id,
            commit=f"c{id}",
            identity=f"i{id}",
            move="m",
            hypothesis="",
            predicted_effect=(-1) ** turn * 1e300,
            traits=("name:a",),
        )
        own = policy.guess(proposed)
        assert own is None or abs(own.mean) < 1e3
        study.add(replace(proposed, guess=own))
        study.trial(id, turn / 100)


def _study() -> tuple[MadeUpStudy, Policy]:
    believer = LineagePosterior()
    policy = Policy(believer)
    study = MadeUpStudy(made_up_task(minimize=False), believer, (policy,))
    study.baseline(0.0, 0.1, -0.1)
    return study, policy


def _propose(study: MadeUpStudy, policy: Policy, name: str) -> int:
    id = study.open()
    proposed = Proposed(
        experiment=id,
        commit=f"c{id}",
        identity=f"i{id}",
        move="m",
        hypothesis="",
        traits=(f"name:{name}",),
    )
    study.add(replace(proposed, guess=policy.guess(proposed)))
    return id


# --- the gate --------------------------------------------------------------------------------------


def test_a_hopeless_change_is_let_go_and_says_why() -> None:
    study, gate = gated()
    decided = first_not_by_lot(study, gate, guess(-0.5))
    assert decided is not None
    assert decided.screened is not None
    assert decided.screened.by == "policy"
    assert "the policy expects" in decided.screened.reason


def test_a_change_like_the_others_is_measured() -> None:
    study, gate = gated()
    assert all(decide(study, gate, propose(study, guess(0.05))) is None for _ in range(5))


def test_nothing_is_let_go_before_the_policy_has_learned() -> None:
    study, gate = gated()
    early = guess(-0.5, learned_from=LEARN - 1)
    assert first_not_by_lot(study, gate, early) is None


def test_what_a_person_changed_is_always_measured() -> None:
    study, gate = gated()
    one = propose(study, guess(-5.0), proposer=OWN_EDIT)
    assert decide(study, gate, one) is None


def test_it_never_lets_go_for_ever() -> None:
    study, gate = gated()
    let_go = 0
    for _ in range(MOST_IN_A_ROW + 1):
        one = propose(study, guess(-0.5))
        if (decided := decide(study, gate, one)) is not None:
            study.add(decided)
            let_go += 1
    assert let_go <= MOST_IN_A_ROW


def test_what_is_let_go_costs_nothing_of_the_budget() -> None:
    study, gate = gated()
    before = study.history.spent()
    decided = first_not_by_lot(study, gate, guess(-0.5))
    assert decided is not None
    opened = study.history.spent() - before
    study.add(decided)
    assert study.history.spent() - before == opened - 1
    assert isinstance(study.history[decided.experiment].outcome, Screened)


def test_the_most_promising_are_measured_first_and_questions_before_all() -> None:
    study, gate = gated()
    poor, rich = propose(study, guess(-0.2)), propose(study, guess(0.2))
    asking = study.open()
    ranked = [one.id for one in gate.rank([study.history[id] for id in (poor, rich, asking)])]
    assert ranked == [asking, rich, poor]


def test_a_failure_gains_nothing() -> None:
    assert improvement(guess(0.1, fails=1.0), 0.0) == 0.0
    assert improvement(replace(guess(0.1), sd=0.0), 0.05) == 0.05


def test_a_planted_study_is_the_same_again() -> None:
    one, other = (HintedStudy(HintedWorld(0.6, 3), hopeless=0.7) for _ in range(2))
    assert one.explore(60) == other.explore(60)
    assert one.runs == other.runs == 60
    assert any(seen.let_go for seen in one.seen)
