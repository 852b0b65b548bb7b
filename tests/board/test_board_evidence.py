"""What measurements say for and against a post; nobody's vote does."""

from move37.board.edits import Edits
from move37.board.evidence import Evidence, evidence, seen
from move37.core.facts import Posted, Proposed
from move37.core.records import PostKind
from move37.search.belief import LineagePosterior
from move37.testing.histories import MadeUpStudy, made_up_task


class Study:
    """A made-up study with a board. Scores: higher is better."""

    def __init__(self, *, lineage: bool = False) -> None:
        self.edits = Edits()
        beliefs = LineagePosterior() if lineage else None
        self.made = MadeUpStudy(made_up_task(minimize=False), beliefs, (self.edits,))
        self.made.baseline(1.0, 1.01, 0.99, 1.0)

    def post(
        self,
        *about: int,
        kind: PostKind = "finding",
        effect: float | None = None,
        reply_to: int | None = None,
    ) -> int:
        history, beliefs = self.made.history, self.made.beliefs
        id = len(history.board) + 1
        self.made.add(
            Posted(
                post=id,
                ticket=f"t{id}",
                kind=kind,
                text="wider layers help",
                author="ada",
                role="person",
                taint="person",
                reply_to=reply_to,
                links=tuple(seen(one, history, beliefs) for one in about),
                effect=effect,
            )
        )
        return id

    def edit(self, *values: float, parent: int = 0, said: str = "width") -> int:
        """An experiment whose edit is known by what it says."""
        one = self.made.open(parent)
        detail = {"sites": [["train.py:width", "16", said]]}
        self.made.add(
            Proposed(
                experiment=one, commit=f"c{one}", identity=f"i{one}", move="tune.number",
                hypothesis="turn a knob", detail=detail,
            )
        )  # fmt: skip
        for value in values:
            self.made.trial(one, value)
        return one

    def evidence(self, post: int) -> Evidence:
        made = self.made
        return evidence(made.history.board[post], made.history, made.beliefs, self.edits)


def test_a_stated_effect_is_borne_out_or_contradicted_by_what_is_believed() -> None:
    study = Study()
    good, bad = study.edit(1.5), study.edit(0.5, said="narrow")
    right, wrong = study.post(good, effect=0.3), study.post(bad, effect=0.3)
    assert study.evidence(right).standing == "supported"
    assert study.evidence(wrong).standing == "contradicted"
    assert study.evidence(right).weight > 0 > study.evidence(wrong).weight


def test_words_without_a_stated_effect_are_never_called_borne_out() -> None:
    study = Study()
    found = study.evidence(study.post(study.edit(1.5, 1.5)))
    assert (found.standing, found.support, found.replications) == ("open", None, 1)


def test_it_rises_with_repeats_and_with_the_same_edit_on_another_parent() -> None:
    study = Study()
    one, other = study.edit(1.5), study.edit(1.2, said="other")
    post = study.post(one, effect=0.3)
    weights = [study.evidence(post).weight]
    study.made.trial(one, 1.5)
    weights.append(study.evidence(post).weight)
    study.edit(1.6, parent=other)
    weights.append(study.evidence(post).weight)
    assert weights == sorted(set(weights))
    assert study.evidence(post).standing == "replicated"
    assert study.evidence(post).replications == 2


def test_the_same_edit_that_does_not_help_elsewhere_refutes_it() -> None:
    study = Study()
    one, other = study.edit(1.5), study.edit(1.2, said="other")
    post = study.post(one, effect=0.3)
    before = study.evidence(post).weight
    study.edit(0.9, parent=other)
    found = study.evidence(post)
    assert (found.standing, found.refutations) == ("contradicted", 1)
    assert found.weight < before


def test_a_lucky_winner_is_unmasked_and_what_was_said_of_it_is_overturned() -> None:
    study = Study()
    lucky = study.edit(1.03)
    post, stated = study.post(lucky), study.post(lucky, effect=0.03)
    assert study.evidence(post).standing == "open"
    for _ in range(12):
        study.made.trial(lucky, 0.97)
    assert study.evidence(post).standing == "overturned"
    assert study.evidence(stated).standing == "contradicted"


def test_descendants_alone_can_contradict_a_finding() -> None:
    study = Study(lineage=True)
    for value in (1.0, 1.01, 0.99):
        study.edit(value, said=f"{value}")
    lucky = study.edit(1.2)
    post = study.post(lucky, effect=0.2)
    before = study.evidence(post).support
    for number in range(12):
        study.edit(0.9, parent=lucky, said=f"child {number}")
    after = study.evidence(post).support
    assert before is not None
    assert after is not None
    assert after < before


def test_a_hypothesis_is_tested_by_what_replies_to_it() -> None:
    study = Study()
    post = study.post(kind="hypothesis", effect=0.3)
    assert study.evidence(post).standing == "open"
    reply = study.post(study.edit(1.5), reply_to=post)
    assert study.evidence(post).standing == "supported"
    assert study.evidence(reply).standing == "open"
    vague = study.post(kind="hypothesis")
    study.post(study.edit(1.5, said="vague"), reply_to=vague)
    assert (study.evidence(vague).standing, study.evidence(vague).tests) == ("open", 1)


def test_a_question_and_a_failed_or_unknown_experiment_say_nothing() -> None:
    study = Study()
    failed, running = study.made.failure(), study.made.open()
    for post in (
        study.post(failed, running, 0, effect=1.0),
        study.post(study.edit(2.0), kind="question", effect=1.0),
    ):
        found = study.evidence(post)
        assert (found.standing, found.weight, found.tests) == ("open", 0.0, 0)


def test_another_epoch_is_not_compared() -> None:
    study = Study(lineage=True)
    post = study.post(study.edit(1.5), effect=0.3)
    assert study.evidence(post).support is not None
    study.made.baseline(1.0)
    study.edit(0.5, parent=study.made.history.epoch.baseline)
    assert study.evidence(post).refutations == 0
