"""The pages of a study, in the order of the menu: one module here and one template for each."""

from collections.abc import Sequence

from move37.faces.web.page import Page
from move37.faces.web.pages import progress, steer, tree

PAGES: Sequence[Page] = (progress.PAGE, tree.PAGE, steer.PAGE)
