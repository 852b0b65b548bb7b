"""What the board costs at some size: `python dev/board_cost.py 10000`. CPU time, made-up words by Zipf's law."""

import random
import sys
import time
from collections.abc import Callable
from statistics import median

from move37.board.edits import Edits
from move37.board.index import PostIndex
from move37.board.pick import Picker
from move37.core.facts import Posted, Proposed
from move37.core.records import Link
from move37.report.board import ranked
from move37.search.belief import LineagePosterior
from move37.testing.histories import MadeUpStudy, made_up_task

EXPERIMENTS = 1000


def main(posts: int) -> None:
    chance = random.Random(0)
    words = [f"word{n}" for n in range(20_000)]

    def text() -> str:
        return " ".join(words[int(20_000 * chance.random() ** 4)] for _ in range(25))

    edits = Edits()
    study = MadeUpStudy(made_up_task(), LineagePosterior(), (edits,))
    study.baseline(3.0, 3.1, 2.9)
    for _ in range(EXPERIMENTS):
        one = study.open(chance.randrange(len(study.history)))
        study.add(
            Proposed(
                experiment=one, commit=f"c{one}", identity=f"i{one}", move="tune.number",
                hypothesis=text(), detail={"sites": [["f:a", "1", str(one % 200)]]},
            )
        )  # fmt: skip
        study.trial(one, 3 + chance.gauss(0, 0.1))
    history, beliefs = study.history, study.beliefs

    def fill() -> None:
        for post in range(1, posts + 1):
            linked = chance.sample(range(EXPERIMENTS), chance.randrange(3))
            study.add(
                Posted(
                    post=post, ticket=f"t{post}", kind="finding", text=text(), author="a",
                    role="agent", taint="model", effect=chance.gauss(0, 0.1),
                    reply_to=chance.randrange(1, post) if post > 1 and post % 3 == 0 else None,
                    links=tuple(Link(experiment=one) for one in linked),
                )
            )  # fmt: skip

    print(f"{posts:,} posts about {EXPERIMENTS:,} experiments, CPU ms")
    print(f"  fold them             {clock(fill):10.2f}")
    index, picker = PostIndex(history.board), Picker(edits)
    print(f"  first search, indexes {clock(lambda: index.search(text().split(), 20)):10.2f}")
    searches = [clock(lambda: index.search(text().split()[:4], 20)) for _ in range(50)]
    print(f"  search, 4 words       {median(searches):10.2f} (worst {max(searches):.2f})")

    def pick() -> None:
        parent = chance.randrange(EXPERIMENTS)
        picker.pick(history, beliefs, [parent], paths=["src/train.py"], goal=text())

    pick()
    picks = [clock(pick) for _ in range(50)]
    print(f"  pick for a prompt     {median(picks):10.2f} (worst {max(picks):.2f})")
    rank = clock(lambda: ranked(history.board.posts, history, beliefs, edits, "evidence"))
    print(f"  rank all of them      {rank:10.2f}")


def clock(act: Callable[[], object]) -> float:
    began = time.process_time()
    act()
    return 1e3 * (time.process_time() - began)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
