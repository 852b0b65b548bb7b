"""Every experiment where it was measured, and what is believed of the best so far."""

from collections.abc import Mapping
from typing import Any

from move37 import app
from move37.faces.web.page import Asked, Page


def show(asked: Asked) -> Mapping[str, Any]:
    return {"status": app.status(asked.root, read=asked.following.read)}


PAGE = Page(name="progress", title="Progress", show=show, key="p")
