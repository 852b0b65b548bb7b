"""Of all posts, the few that bear on a program, and their cost."""

import time

from move37.board.edits import Edits
from move37.board.evidence import seen
from move37.board.index import PostIndex, holding, words_of
from move37.board.links import MARK
from move37.board.pick import FEW, Picker
from move37.board.telling import told
from move37.core.facts import Claimed, Posted, Retracted
from move37.core.records import PostKind, Taint
from move37.testing.histories import MadeUpStudy, made_up_task


class Study:
    def __init__(self) -> None:
        self.edits = Edits()
        self.made = MadeUpStudy(made_up_task(), folds=(self.edits,))
        self.made.baseline(3.2, 3.21)
        self.picker = Picker(self.edits)

    def post(
        self,
        text: str,
        *about: int,
        kind: PostKind = "lesson",
        taint: Taint = "person",
        effect: float | None = None,
        reply_to: int | None = None,
    ) -> int:
        made = self.made
        id = len(made.history.board) + 1
        links = tuple(seen(one, made.history, made.beliefs) for one in about)
        made.add(
            Posted(
                post=id, ticket=f"t{id}", kind=kind, text=text, author="ada", role="person",
                taint=taint, links=links, effect=effect, reply_to=reply_to,
            )
        )  # fmt: skip
        return id

    def pick(self, parent: int = 0) -> list[int]:
        made = self.made
        found = self.picker.pick(
            made.history, made.beliefs, [parent], paths=["src/train.py"], goal=made.task.goal
        )
        return [id for id, _ in found]

    def told(self, post: int) -> str:
        made = self.made
        [found] = [
            found
            for id, found in self.picker.pick(
                made.history, made.beliefs, [0], paths=["train.py"], goal="", few=99
            )
            if id == post
        ]
        return told(made.history.board[post], found, made.history, made.beliefs, made.task.metric)


def test_posts_about_the_lineage_come_first_and_strangers_never() -> None:
    study = Study()
    parent = study.made.experiment(3.1)
    child = study.made.experiment(3.0, parents=(parent,))
    stranger = study.made.experiment(3.05)
    far = study.post("the grandparent", parent)
    near = study.post("the parent", child)
    study.post("about a stranger", stranger)
    study.post("good morning everybody")
    assert study.pick(child) == [near, far]
    assert study.pick(parent) == [far, near]  # what was made of it bears on it, too


def test_shared_words_or_a_files_name_will_do() -> None:
    study = Study()
    one = study.made.experiment(3.1, hypothesis="a wider hidden layer fits better")
    words = study.post("The hidden layer of this model saturates")
    name = study.post("Mind the loop in train")
    study.post("A layer of paint")
    assert set(study.pick(one)) == {words, name}


def test_what_is_retracted_is_never_picked() -> None:
    study = Study()
    post = study.post("on the baseline", 0)
    assert study.pick() == [post]
    study.made.add(Retracted(post=post, ticket="r", author="ada"))
    assert study.pick() == []


def test_a_thread_or_a_repeated_text_does_not_fill_the_place() -> None:
    study = Study()
    first = study.post("begins", 0)
    for number in range(20):
        study.post(f"reply {number}", 0, reply_to=first)
    for _ in range(20):
        study.post("the same again", 0)
    picked = study.pick()
    assert len(picked) == 3
    assert len(study.pick()) <= FEW


def test_what_measurements_bear_out_comes_before_what_they_contradict() -> None:
    study = Study()
    good, bad = study.made.experiment(3.0, 3.0), study.made.experiment(3.4, 3.4)
    wrong = study.post("it helps", bad, kind="finding", effect=0.2)
    right = study.post("it helps!", good, kind="finding", effect=0.2)
    assert study.pick() == [right, wrong]


def test_a_post_is_told_with_the_engines_numbers_and_its_own_as_claimed() -> None:
    study = Study()
    one = study.made.experiment(3.1, 3.1)
    post = study.post(
        f"x{one} gained 5.5\nfor sure", one, 0, kind="finding", effect=0.1, taint="model"
    )
    study.made.add(Claimed(post=post, ticket="c", author="bob"))
    assert study.told(post) == (
        f"p1, finding by ada (a model's words): x1 gained 5.5{MARK} for sure\n"
        "its author claims that val_bpb changes by -0.1\n"
        "x1, as known now: better by 0.105 ± 0.01 than its parent x0\n"
        "x0, as known now: the baseline\n"
        "the effect that it states is borne out, and was seen again once\n"
        "bob works on it"
    )


def test_an_answer_is_told_with_its_question_unless_that_was_retracted() -> None:
    study = Study()
    question = study.post("why so slow?", kind="question")
    answer = study.post("it swaps", 0, kind="answer", reply_to=question)
    assert "in reply to p1, question: why so slow?" in study.told(answer)
    study.made.add(Retracted(post=question, ticket="r", author="ada"))
    assert "slow" not in study.told(answer)


def test_search_finds_words_in_any_case_and_the_better_match_first() -> None:
    study = Study()
    study.post("Nothing to see")
    one = study.post("GRÖSSER is better: the Layer")
    both = study.post("layer norm before the layer, größer")
    index = PostIndex(study.made.history.board)
    assert list(index.search(words_of("Layer norm"), 9)) == [both, one]
    assert list(index.search(words_of('layer" OR text:* NEAR('), 9)) != []
    assert list(index.search([], 9)) == []
    later = study.post("a layer more")
    assert later in index.search(["layer"], 9)


def test_what_no_index_cuts_into_words_is_found_as_it_stands() -> None:
    study = Study()
    post = study.post("把学习率调小一点 🚀")
    assert list(holding(study.made.history.board, "学习率", 9)) == [post]
    assert list(holding(study.made.history.board, "🚀", 9)) == [post]


def test_the_cost_does_not_grow_with_the_board() -> None:
    """In what is looked at, not in seconds: a thousand posts of common words cost no more than so many."""
    study = Study()
    for number in range(3000):
        study.post(f"the learning rate of run {number}", *([0] if number % 2 else []))
    post = study.post("rare words about momentum schedule", 0)
    asked = _Counting()
    study.picker = Picker(asked)
    assert post in study.pick()
    began = time.process_time()
    for _ in range(20):
        study.pick()
    assert (time.process_time() - began) / 20 < 1.0  # seconds; it takes milliseconds
    assert asked.count < 21 * 250


class _Counting:
    def __init__(self) -> None:
        self.count = 0

    def same(self, experiment: int) -> list[int]:
        self.count += 1
        return []
