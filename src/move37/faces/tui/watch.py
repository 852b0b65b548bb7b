"""The application: keys in, pages out."""

from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import ClassVar

from textual import events, on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input, Static

from move37.app.steering import order as give_order
from move37.core.errors import Move37Error
from move37.core.records import Order
from move37.faces.tui.dress import Dress
from move37.faces.tui.pages import AXES, FAILED, ORDERS, PAGES, Page, Shown, Standing, Wanted
from move37.faces.tui.pane import Pane
from move37.faces.tui.reader import Reader
from move37.report.steering import order_words
from move37.report.terminal.lines import key_lines
from move37.report.words import clean, cut

_KEYS: dict[Page, str] = {
    "status": "q quit  1-9 pages  g jump  P pause  S stop",
    "chart": "q quit  1-9 pages  x axis  g jump",
    "list": "q quit  enter open  s sort  f failed  / filter  g jump  + pin  V veto  P pause",
    "experiment": "q quit  n/p next, previous  d against  c champion  + pin  V veto  esc back",
    "tree": "q quit  enter open  space fold  g jump  + pin  V veto",
    "referee": "q quit  1-9 pages  g jump",
    "proposers": "q quit  1-9 pages  g jump",
    "board": "q quit  1-9 pages  g jump",
    "log": "q quit  1-9 pages  g jump",
}


class Watch(App[None]):
    """A study on a terminal."""

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { background: transparent; }
    #title, #tabs, #head, #keys { height: 1; background: transparent; }
    #head { display: none; }
    Pane { height: 1fr; background: transparent; overflow-x: auto;
           scrollbar-size: 0 1; }
    Pane:focus { background-tint: transparent 0%; }
    #ask { display: none; height: 1; border: none; padding: 0; background: transparent; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(str(number), f"page('{page}')", page, priority=False)
            for number, page in enumerate(PAGES, 1)
        ),
        Binding("q", "quit", "quit"),
        Binding("tab", "turn(1)", "next page"),
        Binding("shift+tab", "turn(-1)", "previous page"),
        Binding("down,j", "move(1)", "down"),
        Binding("up,k", "move(-1)", "up"),
        Binding("right,l", "aside(8)", "right"),
        Binding("left,h", "aside(-8)", "left"),
        Binding("pagedown,ctrl+f", "screenful(1)", "a page down"),
        Binding("pageup,ctrl+b", "screenful(-1)", "a page up"),
        Binding("home", "edge(0)", "first"),
        Binding("end,G", "edge(1)", "last"),
        Binding("enter", "open", "open"),
        Binding("escape,backspace", "leave", "back"),
        Binding("space", "fold", "open or close"),
        Binding("s", "sort", "sort"),
        Binding("f", "failed", "failed"),
        Binding("x", "axis", "axis"),
        Binding("d", "against", "against"),
        Binding("c", "champion", "champion"),
        Binding("n", "step(1)", "next"),
        Binding("p", "step(-1)", "previous"),
        Binding("slash", "ask('words')", "filter", priority=True),
        # These come before all others: what is typed after them, however fast, is an answer.
        Binding("P", "order('pause')", "pause or resume", priority=True),
        Binding("S", "order('stop')", "stop", priority=True),
        Binding("plus", "order('pin')", "pin or unpin", priority=True),
        Binding("V", "order('veto')", "veto or unveto", priority=True),
        Binding("g", "ask('experiment')", "jump", priority=True),
    ]

    class Made(Message):
        def __init__(self, shown: Shown) -> None:
            super().__init__()
            self.shown = shown

    class Complained(Message):
        def __init__(self, sentence: str) -> None:
            super().__init__()
            self.sentence = sentence

    def __init__(self, root: Path, dress: Dress) -> None:
        # The terminal's own colours, and its own background.
        super().__init__(ansi_color=True)
        self._dress = dress
        self.wanted = Wanted()
        self.shown: Shown | None = None
        self._root = root
        self._order: Order | None = None
        self._asking = ""
        self._came_from: Page = "list"
        self._target: int | None = None
        self._reader = Reader(
            root,
            dress,
            show=lambda shown: self._tell(self.Made(shown)),
            complain=lambda sentence: self._tell(self.Complained(sentence)),
        )

    def _tell(self, message: Message) -> None:
        """From the reader's thread."""
        self.post_message(message)

    # --- the screen ------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        yield Static(id="title", markup=False)
        yield Static(id="tabs", markup=False)
        yield Static(id="head", markup=False)
        self.pane = Pane(self._dress)
        yield self.pane
        yield Input(id="ask", select_on_focus=False)
        yield Static(id="keys", markup=False)

    def on_mount(self) -> None:
        self.animation_level = "none"
        if self._dress.is_ascii:
            self.pane.styles.scrollbar_size_vertical = 0
        self.pane.focus()
        self._say("title", "reading the study …")
        self._frame()
        self._reader.__enter__()

    def on_unmount(self) -> None:
        self._reader.__exit__()

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self._want)

    def _say(self, where: str, line: str) -> None:
        self.query_one(f"#{where}", Static).update(self._dress.text(cut(line, self.size.width)))

    def _frame(self) -> None:
        """The lines around the rows."""
        paint, page = self._dress.paint, self.wanted.page
        words = [f"{number}:{name}" for number, name in enumerate(PAGES, 1)]
        if sum(len(word) + 1 for word in words) > self.size.width:
            words = [word if word.endswith(page) else word[:3] for word in words]
        at = PAGES.index(page)
        words[at] = f"\x1b[7m{words[at]}\x1b[0m"
        line = self._dress.text(" ".join(words))
        self.query_one("#tabs", Static).update(line)
        keys = key_lines(_KEYS[page], self.size.width)
        self.query_one("#keys", Static).update(self._dress.text(paint("dim", keys)))
        head = self.query_one("#head", Static)
        text = self.shown.head if self.shown is not None and self.shown.wanted.page == page else ""
        head.display = bool(text)
        if text:
            self._say("head", paint("title", text))

    def _want(self, **changes: object) -> None:
        """Ask for a page, as wanted now but for some changes."""
        self.wanted = replace(self.wanted, **changes)  # pyright: ignore[reportArgumentType]
        bar = 0 if self._dress.is_ascii else 1
        self.wanted = replace(
            self.wanted,
            width=max(20, self.size.width - bar),
            height=max(3, self.size.height - 3),
            top=self.pane.top if self.wanted.page in ("list", "tree") else 0,
        )
        self._reader.want(self.wanted)

    def _turn_to(self, page: Page, **changes: object) -> None:
        if page != self.wanted.page:
            self.pane.begin()
        self._want(page=page, **changes)
        self._frame()

    @on(Made)
    def _take(self, made: Made) -> None:
        shown = made.shown
        if replace(shown.wanted, top=0) != replace(self.wanted, top=0):
            return  # something else is wanted by now
        self.shown = shown
        self._say("title", self._dress.paint("title", shown.title))
        self._frame()
        self.pane.fill(
            shown.rows, shown.total, ids=shown.ids, has_cursor=self.wanted.page in ("list", "tree")
        )
        if self._target is not None and self.pane.choose(self._target):
            self._target = None

    @on(Complained)
    def _complain(self, told: Complained) -> None:
        self._say("title", self._dress.paint("bad", clean(told.sentence)))

    @on(Pane.Looked)
    def _scrolled(self) -> None:
        if self.wanted.page in ("list", "tree"):
            self._want()

    # --- keys ------------------------------------------------------------------------------------

    def action_page(self, page: Page) -> None:
        self._turn_to(page)

    def action_turn(self, by: int) -> None:
        self._turn_to(PAGES[(PAGES.index(self.wanted.page) + by) % len(PAGES)])

    def action_move(self, rows: int) -> None:
        self.pane.move(rows)

    def action_aside(self, columns: int) -> None:
        x = self.pane.scroll_offset.x + columns
        self.pane.scroll_to(x=max(0, x), animate=False, force=True)

    def action_screenful(self, by: int) -> None:
        self.pane.move(by * max(1, self.pane.size.height - 1))

    def action_edge(self, last: int) -> None:
        self.pane.move(self.pane.total * (1 if last else -1))

    def action_open(self) -> None:
        if (chosen := self.pane.chosen) is not None:
            self._came_from = self.wanted.page
            self._target = None
            self._turn_to("experiment", experiment=chosen)

    def action_leave(self) -> None:
        if self.wanted.page == "experiment":
            self._target = self.wanted.experiment
            self._turn_to(self._came_from)
        elif self.wanted.words:
            self._want(words="")

    def action_fold(self) -> None:
        if self.wanted.page == "tree" and (chosen := self.pane.chosen) is not None:
            self._want(turned=self.wanted.turned ^ {chosen})

    def action_sort(self) -> None:
        if self.wanted.page == "list":
            self.pane.go_to(0)
            self._want(order=_after(ORDERS, self.wanted.order))

    def action_failed(self) -> None:
        if self.wanted.page == "list":
            self._want(failed=_after(FAILED, self.wanted.failed))

    def action_axis(self) -> None:
        if self.wanted.page == "chart":
            self._want(axis=_after(AXES, self.wanted.axis))

    def action_against(self) -> None:
        if self.wanted.page == "experiment":
            other = "parent" if self.wanted.against == "baseline" else "baseline"
            self._want(against=other)

    def action_champion(self) -> None:
        if self.wanted.page == "experiment":
            self._want(experiment=None)

    def action_step(self, by: int) -> None:
        shown = self.shown
        if self.wanted.page == "experiment" and shown is not None and shown.experiment is not None:
            self._want(experiment=max(0, shown.experiment + by))

    # --- steering --------------------------------------------------------------------------------

    def action_order(self, what: str) -> None:
        """Ask first: an order is in the history for good."""
        shown = self.shown
        if shown is None or shown.wanted.page != self.wanted.page:
            return
        experiment = shown.experiment if self.wanted.page == "experiment" else self.pane.chosen
        order = wanted_order(what, experiment, shown.standing)
        if order is None:
            self._say("title", "choose an experiment first, in the list or the tree")
            return
        self._order = order
        self._ask_for("order", f"{order_words(order)}? Type y to order it", "")

    def _give(self, order: Order) -> None:
        """In a thread: an engine takes a while to take an order in."""
        self._say("title", f"{order_words(order)} …")

        def give() -> None:
            try:
                done = give_order(self._root, order)
                told = f"{done.told}: {done.reason or done.state}"
            except Move37Error as error:
                told = str(error)
            self._tell(self.Complained(told))

        Thread(target=give, daemon=True, name="order").start()

    # --- asking ----------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While something is asked, keys that ask are letters like all others."""
        if action in ("ask", "order") and isinstance(self.focused, Input):
            return False
        return super().check_action(action, parameters)

    def action_ask(self, what: str) -> None:
        if what == "words" and self.wanted.page != "list":
            self._turn_to("list")
        if what == "words":
            self._ask_for(what, "words to look for", self.wanted.words)
        else:
            self._ask_for(what, "experiment, such as x12", "")

    def _ask_for(self, what: str, words: str, value: str) -> None:
        self._asking = what
        ask = self.query_one("#ask", Input)
        ask.placeholder, ask.value = words, value
        ask.display = True
        # At once, not when there is time: the next keys may be here already.
        self.screen.set_focus(ask)

    @on(Input.Submitted, "#ask")
    def _answered(self, event: Input.Submitted) -> None:
        text = event.value.strip()
        self._leave_asking()
        if self._asking == "words":
            self.pane.go_to(0)
            self._want(words=text)
            return
        if self._asking == "order":
            if text.casefold() == "y" and self._order is not None:
                self._give(self._order)
            return
        digits = text.removeprefix("x")
        if digits.isascii() and digits.isdigit() and len(digits) < 10:
            self._came_from = self.wanted.page if self.wanted.page != "experiment" else "list"
            self._turn_to("experiment", experiment=int(digits))
        elif text:
            self._say("title", f"{clean(text)!r} is no experiment; write it as x12 or 12")

    def _leave_asking(self) -> None:
        self.screen.set_focus(self.pane)
        self.query_one("#ask", Input).display = False

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape" and self.query_one("#ask", Input).display:
            event.stop()
            event.prevent_default()
            self._leave_asking()


def _after(these: tuple[object, ...], this: object) -> object:
    return these[(these.index(this) + 1) % len(these)]


def wanted_order(what: str, experiment: int | None, standing: Standing) -> Order | None:
    """What a key orders, as things stand: the same key takes it back. `None`: of no experiment."""
    match what:
        case "pause":
            return Order(does="resume" if standing.is_paused else "pause")
        case "stop":
            return Order(does="stop")
        case "pin" if experiment is not None:
            off = experiment in standing.pinned
            return Order(does="unpin" if off else "pin", experiment=experiment)
        case "veto" if experiment is not None:
            off = experiment in standing.vetoed
            return Order(does="unveto" if off else "veto", experiment=experiment)
        case _:
            return None
