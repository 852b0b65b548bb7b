"""Records as pages and as JSON. All that a study holds is the text of strangers: it is escaped here."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse, Response

from move37.report.encode import as_json
from move37.report.words import clean, count, cut, duration, measured, number, percent

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(__file__).parent
_SAFE_JSON = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}


@lru_cache(maxsize=1)
def environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = {
        "number": number,
        "measured": measured,
        "percent": percent,
        "duration": duration,
        "counted": count,
        "cut": cut,
        "line": clean,
    }
    made.filters.update(filters)
    return made


def _finalize(value: Any) -> Any:
    """Control and direction characters never reach a page, and a `None` is a dash."""
    from markupsafe import Markup

    if value is None:
        return "\u2013"
    if isinstance(value, str) and not isinstance(value, Markup):
        return clean(value, keep="\n\t") if not value.isprintable() else value
    return value


def page(template: str, context: Mapping[str, Any], status: int = 200) -> Response:
    return HTMLResponse(environment().get_template(template).render(context), status_code=status)


def json_response(record: object, status: int = 200) -> Response:
    """JSON that is harmless wherever it ends up."""
    text = as_json(record).translate(_SAFE_JSON)
    return Response(text, status_code=status, media_type="application/json")
