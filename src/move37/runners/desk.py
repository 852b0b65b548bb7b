"""A desk with a thread for each question: they wait for networks, and no core is busy meanwhile.

Threads, not processes: a question costs no computing here. They are daemons, so that nobody who does not
answer can keep an engine from ending; what an asker starts (a client, a sandbox) it ends itself when
it is told to stop.
"""

import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import replace
from queue import Empty, SimpleQueue
from threading import Event, Thread

from move37.core.facts import Answered, Asked
from move37.core.protocols import Asker, Attachments
from move37.core.records import Answer, Question

Encode = Callable[[Answer], bytes]
_PATIENCE_SECONDS = 5.0
"""So long may askers take, all together, to end what they started."""


class ThreadDesk:
    """Implements `move37.core.protocols.Desk`. A context manager: leaving it waits for nobody."""

    def __init__(
        self,
        askers: Mapping[str, Asker],
        encode: Encode,
        *,
        interrupted: Callable[[], bool] = lambda: False,
        told: Callable[[], None] = lambda: None,
    ) -> None:
        """
        askers: by name of the proposer.
        encode: an answer, as it is stored.
        told: called whenever an answer has come, from the thread of whoever asked.
        interrupted: asked while waiting; `True` makes `collect` close the desk and return nothing.
        """
        self._askers = askers
        self._encode = encode
        self._interrupted = interrupted
        self._told = told
        self._answers: SimpleQueue[tuple[Asked, Answer]] = SimpleQueue()
        self._pending: dict[int, None] = {}
        self._threads: dict[int, Thread] = {}
        self._closed = Event()

    def __enter__(self) -> "ThreadDesk":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def at_once(self) -> Mapping[str, int]:
        return {name: asker.at_once for name, asker in self._askers.items()}

    def pending(self) -> Set[int]:
        return self._pending.keys()

    def submit(self, proposer: str, asked: Asked, question: Question) -> None:
        if asked.experiment in self._pending or self._closed.is_set():
            return
        self._pending[asked.experiment] = None
        thread = Thread(
            target=self._ask,
            args=(self._askers[proposer], asked, question),
            name=f"ask-x{asked.experiment}",
            daemon=True,
        )
        self._threads[asked.experiment] = thread
        thread.start()

    def _ask(self, asker: Asker, asked: Asked, question: Question) -> None:
        self._answers.put((asked, ask(asker, question, self._closed.is_set)))
        self._told()

    def has_answers(self) -> bool:
        return not self._answers.empty()

    def collect(self, *, patience_seconds: float = 0.0) -> Iterable[tuple[Answered, Attachments]]:
        found: list[tuple[Answered, Attachments]] = []
        if self._interrupted():
            self.close()
        if not self._pending:
            self._closed.wait(patience_seconds)
        while self._pending and not self._closed.is_set():
            try:
                wait = 0.0 if found else patience_seconds
                asked, answer = self._answers.get(block=wait > 0, timeout=wait or None)
            except Empty:
                break
            del self._pending[asked.experiment], self._threads[asked.experiment]
            found.append(answered(asked, answer, self._encode))
        return found

    def close(self) -> None:
        self._closed.set()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        for thread in self._threads.values():
            thread.join(max(0.0, deadline - time.monotonic()))
        self._pending.clear()
        self._threads.clear()


def ask(asker: Asker, question: Question, stop: Callable[[], bool]) -> Answer:
    """Ask; an asker that is wrong costs an experiment and not the run."""
    try:
        return asker.ask(question, stop=stop)
    except Exception as error:  # noqa: BLE001 - as in a worker: an attempt becomes an outcome
        text = "".join(traceback.format_exception(error))
        return Answer(failed=f"asking failed: {error!r}", text=text, model=question.model)


def answered(asked: Asked, answer: Answer, encode: Encode) -> tuple[Answered, Attachments]:
    """An answer as a fact, with what is stored beside it."""
    answer = replace(answer, model=answer.model or asked.model)
    fact = Answered(
        experiment=asked.experiment,
        round=asked.round,
        model=answer.model,
        failed=answer.failed,
        usd=answer.usd,
        tokens_in=answer.tokens_in,
        tokens_out=answer.tokens_out,
        seconds=answer.seconds,
    )
    return fact, {f"x{asked.experiment}-ask-{asked.round}/answer": encode(answer)}
