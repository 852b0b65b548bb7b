"""What a page is: what its module says of itself, and what it is given when somebody asks for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from move37.app import Following
from move37.core.errors import StudyError


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """Somebody asks for a page of a study."""

    id: str
    """Of the study, in addresses: `/s/<id>/…`."""
    root: Path
    following: Following
    path: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What the page's own part of the address says, such as `experiment`."""
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    form: Mapping[str, str] = field(default_factory=dict[str, str])
    """Of a POST; text fields only."""

    def link(self, page: str, rest: str = "") -> str:
        """The address of another page of this study: `link("experiment", "/12")`."""
        return f"/s/{self.id}/{page}{rest}"

    def number(self, name: str, default: float) -> float:
        """A number of the query. Raises `StudyError` where it is none."""
        text = self.query.get(name)
        if text is None:
            return default
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if value != value or abs(value) == float("inf"):
            raise StudyError(f"{name}={text!r} is no number")
        return value


Show = Callable[[Asked], Mapping[str, Any]]
"""What the page's template is given. Called in a thread; may raise a `Move37Error`, which is shown."""
Data = Callable[[Asked], object]
"""A record, a mapping or a sequence: it is sent as JSON."""
Act = Callable[[Asked], str]
"""Does what a form asks for. Returns what was done, in a sentence: the page says it, once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """One page of a study: `/s/<study>/<name><rest>`, from the template `<name>.html`."""

    name: str
    title: str
    show: Show
    rest: str = ""
    """The page's own part of the address, as Starlette writes it, such as `/{experiment:int}`."""
    data: Mapping[str, Data] = field(default_factory=dict[str, Data])
    """By name: `/s/<study>/<page>/data/<name>`."""
    acts: Mapping[str, Act] = field(default_factory=dict[str, Act])
    """By name: a POST to `/s/<study>/<page>/do/<name>`, from a form that holds `{{ csrf }}`."""
    in_menu: bool = True
    key: str = ""
    """With `g` before it, this key opens the page."""
