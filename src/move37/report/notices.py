"""What is worth telling somebody who is not looking, in careful words: a fold over the facts of a session.

Only what is certified is called an improvement, with its effect and its interval. No clock, no network.
"""

from collections.abc import Callable, Set
from dataclasses import dataclass
from typing import Literal, get_args

from move37.core.facts import Certified, Fact, Opened, Rejected, SessionEnded, Tried
from move37.core.history import History
from move37.core.protocols import Believer
from move37.core.records import Failed, Task
from move37.core.stagnation import stagnation
from move37.report.certificates import CertificateView, certificates
from move37.report.phrases import fresh_words
from move37.report.views import metric_view
from move37.report.words import clean, count, cut

NoticeKind = Literal["claim", "stagnation", "failures", "end"]
KINDS: tuple[NoticeKind, ...] = get_args(NoticeKind)

FAILURES = 10
"""So many failures one after the other are worth a word."""
_STAGE = 2
"""Of standing still: the search has widened itself by then, and it did not help."""
_LONGEST = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    kind: NoticeKind
    title: str
    text: str


class Notices:
    """Tells what is worth it, once each time that it happens. A fold: the history has each fact already."""

    def __init__(
        self,
        task: Task,
        history: History,
        beliefs: Believer,
        *,
        kinds: Set[NoticeKind],
        tell: Callable[[Notice], None],
    ) -> None:
        self._task, self._history, self._beliefs = task, history, beliefs
        self._kinds, self._tell = kinds, tell
        self._failures = 0
        self._stands_still = False

    def add(self, fact: Fact) -> None:
        match fact:
            case Certified(claim=True, kind="better"):
                self._say("claim", self._claims(fact.certification))
            case Opened():
                self._look_at_stagnation(fact.experiment)
            case Rejected():
                self._fail(fact.experiment, fact.failed)
            case Tried(trial=trial) if isinstance(trial.outcome, Failed):
                self._fail(fact.experiment, trial.outcome)
            case Tried():
                self._failures = 0
            case SessionEnded(reason=reason):
                self._say("end", f"{self._ended(reason)}\n{self._claims(None)}")
            case _:
                pass

    def _say(self, kind: NoticeKind, text: str) -> None:
        if kind in self._kinds:
            self._tell(Notice(kind=kind, title=f"move37: {clean(self._task.name)}", text=text))

    def _look_at_stagnation(self, experiment: int) -> None:
        if "stagnation" not in self._kinds:
            return
        found = stagnation(self._history, self._beliefs, experiment)
        was, self._stands_still = self._stands_still, found.stage >= _STAGE
        if self._stands_still and not was:
            self._say(
                "stagnation",
                f"it stands still at x{experiment}: no better program is believed since "
                f"{count(found.since, 'experiment')}, where one was found after {found.usual:.0f} before",
            )

    def _fail(self, experiment: int, failed: Failed) -> None:
        self._failures += 1
        if self._failures == FAILURES:
            reason = cut(clean(failed.reason), _LONGEST)
            told = (
                f"{FAILURES} failures in a row; the latest, x{experiment}, {failed.stage}: {reason}"
            )
            self._say("failures", told)

    def _ended(self, reason: str) -> str:
        done = count(self._history.spent(), "experiment")
        return f"the run ended: {cut(clean(reason), _LONGEST)}; {done} in all"

    def _claims(self, certification: int | None) -> str:
        """Of one certification, or of all that claim an improvement, the latest first."""
        views = [
            view
            for view in reversed(certificates(self._task, self._history))
            if view.claim and view.kind == "better"
            and certification in (None, view.certification)
        ]  # fmt: skip
        told = [self._claim(view) for view in views[:3]]
        return "\n".join(told) if told else "nothing is certified to be an improvement"

    def _claim(self, view: CertificateView) -> str:
        assert view.effect is not None
        assert view.interval is not None
        words = fresh_words(view.effect, view.interval, view.level, metric_view(self._task.metric))
        return f"x{view.experiment} is certified against x{view.baseline}, on fresh seeds: {words}"
