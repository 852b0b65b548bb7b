"""Leading a study: what people ordered, what stands, and forms for more. Each form gives one order."""

from collections.abc import Mapping
from typing import Any, get_args

from move37 import app
from move37.core.errors import Refused
from move37.core.records import Resource, Way
from move37.faces.web.page import Act, Asked, Page
from move37.report.steering import Ordered, ordered_text, when

_LOG_SHOWN = 100
_RESOURCES: Mapping[str, Resource] = {each: each for each in get_args(Resource)}
_WAYS: Mapping[str, Way] = {each: each for each in get_args(Way)}


def show(asked: Asked) -> Mapping[str, Any]:
    view = app.steering(asked.root, read=asked.following.read)
    program, reason = None, ""
    try:
        program = app.program_text(asked.root)
    except Refused as refused:
        reason = str(refused)
    return {
        "view": view,
        "log": view.log[:_LOG_SHOWN],
        "more": len(view.log) - _LOG_SHOWN,
        "when": when,
        "program": program,
        "not_editable": reason,
    }


def _pause(asked: Asked) -> str:
    return _told(app.pause(asked.root, reason=_reason(asked)))


def _resume(asked: Asked) -> str:
    return _told(app.resume(asked.root))


def _stop(asked: Asked) -> str:
    return _told(app.stop(asked.root))


def _pin(asked: Asked) -> str:
    return _told(app.pin(asked.root, _experiment(asked), reason=_reason(asked)))


def _unpin(asked: Asked) -> str:
    return _told(app.pin(asked.root, _experiment(asked), off=True))


def _veto(asked: Asked) -> str:
    return _told(app.veto(asked.root, _experiment(asked), reason=_reason(asked)))


def _unveto(asked: Asked) -> str:
    return _told(app.veto(asked.root, _experiment(asked), off=True))


def _hold(asked: Asked) -> str:
    return _told(app.hold(asked.root, _way(asked), _name(asked), reason=_reason(asked)))


def _release(asked: Asked) -> str:
    return _told(app.hold(asked.root, _way(asked), _name(asked), release=True))


def _budget(asked: Asked) -> str:
    named, amount = asked.form.get("resource", ""), asked.form.get("amount", "").strip()
    if (resource := _RESOURCES.get(named)) is None:
        raise Refused(f"a study spends {', '.join(_RESOURCES)}, and no {named!r}")
    try:
        limit = None if amount in ("", "none") else float(amount)
    except ValueError:
        raise Refused(f"{amount!r} is no number; leave it empty for no limit") from None
    return _told(app.set_budget(asked.root, resource, limit))


def _idea(asked: Asked) -> str:
    noted = app.queue_idea(asked.root, asked.form.get("text", ""))
    if noted.post is None:
        return f"{'Not taken' if noted.state == 'refused' else 'Handed in'}: {noted.reason}."
    return f"The idea is queued, and on the board as p{noted.post.post}."


def _drop(asked: Asked) -> str:
    text = asked.form.get("post", "")
    if not (text.isascii() and text.isdigit()):
        raise Refused(f"{text!r} is no post")
    noted = app.retract(asked.root, int(text), reason="taken back")
    return f"Not taken: {noted.reason}." if noted.state == "refused" else f"p{text} is taken back."


def _program(asked: Asked) -> str:
    text, mark = asked.form.get("text", ""), asked.form.get("mark", "")
    saved = app.save_program(asked.root, text, mark)
    return "program.md is saved." if saved.diff else "program.md is as it was."


def _told(ordered: Ordered) -> str:
    return ordered_text(ordered)


def _reason(asked: Asked) -> str:
    return asked.form.get("reason", "").strip()


def _experiment(asked: Asked) -> int:
    text = asked.form.get("experiment", "").strip()
    digits = text.removeprefix("x")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 16):
        raise Refused(f"{text!r} is no experiment; write it as x12")
    return int(digits)


def _way(asked: Asked) -> Way:
    named = asked.form.get("way", "")
    if (way := _WAYS.get(named)) is None:
        raise Refused(f"a direction is one of {', '.join(_WAYS)}, and not {named!r}")
    return way


def _name(asked: Asked) -> str:
    return asked.form.get("name", "").strip()


ON_EXPERIMENT: Mapping[str, Act] = {
    "pin": _pin,
    "unpin": _unpin,
    "veto": _veto,
    "unveto": _unveto,
}
"""For any page with the buttons of `steering.html`."""

PAGE = Page(
    name="steer",
    title="Steer",
    show=show,
    acts={
        **ON_EXPERIMENT,
        "pause": _pause,
        "resume": _resume,
        "stop": _stop,
        "hold": _hold,
        "release": _release,
        "budget": _budget,
        "idea": _idea,
        "drop": _drop,
        "program": _program,
    },
    key="o",
)
