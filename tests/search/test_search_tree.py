"""The best nodes of a tree, beside sorting all of its exact means."""

from random import Random

import pytest

from move37.search.tree import Tree


@pytest.mark.parametrize("seed", range(5))
def test_a_tree_ranks_as_its_exact_means_do(seed: int) -> None:
    chance = Random(seed)
    tree = Tree(noise=1.0)
    tree.grow(-1, ratio=0.0, offset=0.0)
    tree.observe(0, weight=1.0, average=0.0)
    for _ in range(400):
        # Some have very many children, and lines of descent grow long.
        parent = chance.choice((0, len(tree) - 1, chance.randrange(len(tree))))
        node = tree.grow(parent, ratio=chance.choice((0.05, 1.0, 5.0)), offset=0.0)
        tree.observe(node, weight=chance.choice((0.3, 1.0)), average=chance.gauss(0, 3))
        if chance.random() < 0.1:
            again = chance.randrange(len(tree))
            tree.observe(again, weight=tree.weight[again] + 1, average=chance.gauss(0, 3))
        means = [tree.posterior(each)[0] for each in range(len(tree))]
        best = sorted(range(len(tree)), key=lambda each: (-means[each], each))[:10]
        assert tree.best(10) == best
