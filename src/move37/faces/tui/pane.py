"""Rows that scroll, of which only the seen ones exist."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.style import Style
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from move37.faces.tui.dress import Dress

_CHOSEN = Style(reverse=True)


class Pane(ScrollView, can_focus=True):
    """A page's rows. Where they are experiments one of them is chosen."""

    class Looked(Message):
        """Other rows are seen."""

    def __init__(self, dress: Dress) -> None:
        super().__init__()
        self._dress = dress
        self._rows: Mapping[int, str] = {}
        self._strips: dict[int, Strip] = {}
        self._drawer = Console(color_system="standard", force_terminal=True)
        self.ids: Sequence[int] = ()
        self.total = 0
        self.cursor = 0
        self.has_cursor = False

    @property
    def top(self) -> int:
        return self.scroll_offset.y

    @property
    def chosen(self) -> int | None:
        """The experiment of the chosen row."""
        if not self.has_cursor or not 0 <= self.cursor < len(self.ids):
            return None
        return self.ids[self.cursor]

    def fill(
        self, rows: Mapping[int, str], total: int, *, ids: Sequence[int], has_cursor: bool
    ) -> None:
        """New rows. The chosen experiment stays chosen, wherever it is now."""
        changed = rows != self._rows or ids is not self.ids
        before = self.chosen
        self._rows, self.ids, self.total, self.has_cursor = rows, ids, total, has_cursor
        self.cursor = max(0, min(self.cursor, total - 1))
        if before is not None and self.chosen != before:
            self._follow(before)
        if changed:
            self._strips.clear()
        widest = 1
        if not has_cursor and total < 10_000:
            widest = max((self._strip(row).cell_length for row in range(total)), default=0)
        size = Size(max(1, widest), total)
        if size != self.virtual_size:
            self.virtual_size = size
        self.refresh()

    def _follow(self, experiment: int) -> None:
        try:
            moved = self.ids.index(experiment) - self.cursor
        except ValueError:
            return
        self.cursor += moved
        if self.top > 0:
            self.scroll_to(y=self.top + moved, animate=False, force=True)

    def begin(self) -> None:
        """Another page: from its first row."""
        self.cursor, self._rows, self.ids, self.total = 0, {}, (), 0
        self._strips.clear()
        self.virtual_size = Size(1, 0)
        self.scroll_to(0, 0, animate=False, force=True)
        self.refresh()

    def move(self, rows: int) -> None:
        """The choice, or what is seen, up or down."""
        if not self.has_cursor:
            self.scroll_to(y=self.top + rows, animate=False, force=True)
            return
        self.go_to(self.cursor + rows)

    def go_to(self, row: int) -> None:
        self.cursor = max(0, min(row, self.total - 1))
        self.scroll_to_region(Region(self.scroll_offset.x, self.cursor, 1, 1), animate=False)
        self.refresh()

    def choose(self, experiment: int) -> bool:
        """Whether it is among the rows."""
        try:
            self.go_to(self.ids.index(experiment))
        except ValueError:
            return False
        return True

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.post_message(self.Looked())

    def render_line(self, y: int) -> Strip:
        x, top = self.scroll_offset
        row = top + y
        if row >= self.total:
            return Strip.blank(self.size.width)
        strip = self._strip(row).crop_extend(x, x + self.size.width, None)
        return strip.apply_style(_CHOSEN) if self.has_cursor and row == self.cursor else strip

    def _strip(self, row: int) -> Strip:
        found = self._strips.get(row)
        if found is None:
            line = self._rows.get(row)
            if line is None:  # on its way
                id = self.ids[row] if row < len(self.ids) else None
                return self._drawn("" if id is None else f"  x{id}")
            found = self._strips[row] = self._drawn(line)
        return found

    def _drawn(self, line: str) -> Strip:
        return Strip(list(self._dress.text(line).render(self._drawer)))
