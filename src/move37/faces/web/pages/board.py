"""The board: threads, what the evidence says of each post, and how hypotheses fared."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, get_args

from move37.app.closer import board_page
from move37.core.errors import StudyError
from move37.core.records import PostKind
from move37.faces.web.page import Asked, Page
from move37.report.board import PostOrder

KINDS = get_args(PostKind)
ORDERS: Mapping[str, PostOrder] = {"newest": "newest", "evidence": "evidence", "oldest": "id"}
STATES = (
    ("open", "nobody has tested it"),
    ("claimed", "somebody works on it"),
    ("measured", "tested, and nothing is settled"),
    ("supported", "borne out once"),
    ("replicated", "borne out more than once"),
    ("contradicted", "what is believed goes against it"),
    ("overturned", "was borne out, and is not any more"),
    ("retracted", "taken back by its author"),
)
_THREADS = 30


def show(asked: Asked) -> Mapping[str, Any]:
    kind, order = asked.query.get("kind", ""), asked.query.get("order", "newest")
    if kind and kind not in KINDS:
        raise StudyError(f"{kind!r} is no kind of post; the kinds are {', '.join(KINDS)}")
    if order not in ORDERS:
        raise StudyError(f"{order!r} is no order of posts; write {', '.join(ORDERS)}")
    first = max(0, min(10**9, int(asked.number("first", 0))))
    retracted = asked.query.get("retracted") == "yes"
    with asked.following.look(asked.root) as followed:
        seen = board_page(
            followed,
            kind=kind,
            order=ORDERS[order],
            first=first,
            limit=_THREADS,
            retracted=retracted,
        )
    return {
        "seen": seen,
        "kind": kind,
        "order": order,
        "orders": tuple(ORDERS),
        "first": first,
        "step": _THREADS,
        "retracted": retracted,
        "states": STATES,
        "stands": dict(seen.hypotheses),
        "when": _when,
    }


def _when(at: float) -> str:
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return ""


PAGE = Page(name="board", title="Board", show=show, key="d")
