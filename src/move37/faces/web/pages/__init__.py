"""The pages of a study, in the order of the menu: one module here and one template for each."""

from collections.abc import Sequence

from move37.faces.web.page import Page
from move37.faces.web.pages import (
    board,
    compare,
    experiment,
    metrics,
    progress,
    proposers,
    referee,
    steer,
    tree,
)

PAGES: Sequence[Page] = (
    progress.PAGE,
    tree.PAGE,
    experiment.PAGE,
    compare.PAGE,
    metrics.PAGE,
    referee.PAGE,
    proposers.PAGE,
    board.PAGE,
    steer.PAGE,
)
