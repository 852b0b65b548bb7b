"""A coding agent as a proposer: it works headless in a fenced copy of a program, and what it changed is
the proposal.

It has the network, for it needs its model; it has its own key and no other; its home is a fresh one. What
it may not see is not there: hidden files, the study, the user's home. When its time is up, or the engine
ends, all that it started dies with it.
"""

import shlex
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Final

from move37.core.errors import Move37Error, NothingToPropose, TaskError, Unreadable
from move37.core.facts import Answered, Fact, Opened, Proposed, Rejected, SessionStarted
from move37.core.protocols import Request, Sandbox
from move37.core.records import Answer, Launch, Proposal, Question
from move37.proposers.agent import words as words
from move37.proposers.agent.clients import Client
from move37.proposers.agent.command import Command, find_command
from move37.proposers.agent.room import own_names
from move37.proposers.agent.session import MEMORY_BYTES, Session, short
from move37.proposers.agent.settings import AgentSettings
from move37.proposers.context.context import build_context
from move37.proposers.context.memory import Memory
from move37.proposers.place import Place, Workshop

GIVE_UP_AFTER: Final = 5
"""So many sessions in a row that came to nothing, and not even reached a model, end this proposer."""

_WINDOW_TOKENS: Final = 40_000
_USD: Final = 1.0
_PROBE_SECONDS: Final = 60.0
_TOLD: Final = ("client", "evaluations", "turns", "notes")


class Agent:
    """Implements `move37.core.protocols.Asker`."""

    def __init__(self, settings: AgentSettings, place: Place) -> None:
        if place.workshop is None:
            raise TaskError("proposer 'agent' can only work in a study that is run")
        self._settings = settings
        self._place = place
        self._memory = Memory()
        self._lock = Lock()
        self._benches: list[tuple[Sandbox, Path]] = []
        self._command: Command | None = None
        self._opened: dict[int, str] = {}
        self._failures: dict[str, list[str]] = {}
        """Sessions in a row that reached no model, by the name of the proposer: why."""

    @property
    def at_once(self) -> int:
        return self._settings.at_once

    @property
    def _usd_at_most(self) -> float:
        if self._settings.usd is not None:
            return self._settings.usd
        is_counted = self._place.task.budget.usd is not None and self._settings.client is not None
        return _USD if is_counted else 0.0

    @property
    def _who(self) -> str:
        return f"{self._settings.name}/{self._settings.model or 'default'}"

    def add(self, fact: Fact) -> None:
        self._memory.add(fact)
        match fact:
            case Opened():
                self._opened[fact.experiment] = fact.proposer
            case Proposed() | Rejected():
                self._opened.pop(fact.experiment, None)
            case SessionStarted():
                self._failures.clear()
            case Answered():
                name = self._opened.get(fact.experiment, "")
                if fact.failed and not fact.tokens_in:
                    self._failures.setdefault(name, []).append(fact.failed)
                else:
                    self._failures.pop(name, None)
            case _:
                pass

    # --- asking ----------------------------------------------------------------------------------

    def question(self, request: Request, rounds: Sequence[Answer]) -> Question:
        failures = self._failures.get(request.experiment.proposer, [])
        if len(failures) >= GIVE_UP_AFTER:
            raise NothingToPropose(
                f"{self._settings.name} came to nothing {len(failures)} times in a row: {failures[-1]}"
            )
        settings, task = self._settings, self._place.task
        brief, evaluate = own_names((*request.files, *request.library.fixed()))
        context = build_context(
            request,
            window_tokens=_WINDOW_TOKENS,
            count=_count,
            answer_format=words.how_to_work(
                task,
                evaluate=evaluate if settings.evaluations else None,
                evaluations=settings.evaluations,
                brief=brief,
                timeout_seconds=settings.timeout,
            ),
            memory=self._memory,
            posts=self._place.posts if settings.posts else None,
        )
        before = words.mend(str(rounds[-1].detail.get("unreadable", "it"))) if rounds else ""
        return Question(
            prompt=f"{before}{context.system}\n\n{context.user}\n",
            model=self._who,
            usd_at_most=self._usd_at_most,
            detail={
                "commit": request.parents[0].commit,
                "seed": request.experiment.seed,
                "own": [brief, evaluate],
                "mode": context.mode,
            },
        )

    def ask(self, question: Question, *, stop: Callable[[], bool]) -> Answer:
        began = time.monotonic()
        try:
            command = self._prepared()
            with self._bench(command) as (sandbox, directory):
                session = Session(
                    settings=self._settings,
                    place=self._place,
                    command=command,
                    workshop=self._workshop,
                )
                answer = session.work(sandbox, directory, question, stop)
        except Move37Error as error:
            answer = Answer(failed=f"{self._settings.name} could not be run: {error}")
        return replace(answer, model=question.model, seconds=time.monotonic() - began)

    def read(self, request: Request, rounds: Sequence[Answer]) -> Proposal:
        answer = rounds[-1]
        if not answer.changes:
            raise Unreadable("no file that [files] edit names was changed")
        file = str(answer.detail.get("hypothesis", ""))
        predicted = words.predicted_of(answer.text, file)
        return Proposal(
            changes=answer.changes,
            move=f"agent.{self._settings.name}",
            hypothesis=words.hypothesis_of(answer.text, file),
            predicted_effect=None if predicted is None else request.task.metric.score(predicted),
            detail={key: answer.detail[key] for key in _TOLD if key in answer.detail},
        )

    # --- what is needed --------------------------------------------------------------------------

    @property
    def _workshop(self) -> Workshop:
        assert self._place.workshop is not None
        return self._place.workshop()

    @contextmanager
    def _bench(self, command: Command):
        with self._lock:
            bench = self._benches.pop() if self._benches else self._workshop.bench(command.read)
        try:
            yield bench
        finally:
            with self._lock:
                self._benches.append(bench)

    def prepare(self) -> None:
        """See whether the agent is there, and still what we know. Raises `TaskError`: what to do."""
        self._prepared()

    def _prepared(self) -> Command:
        with self._lock:
            if self._command is None:
                self._command = self._find()
            return self._command

    def _find(self) -> Command:
        command = find_command(self._settings, self._place.environment, usd=self._usd_at_most)
        if command.client is not None:
            self._probe(command.client, command)
        return command

    def _probe(self, client: Client, command: Command) -> None:
        """Ask it for its version and its flags, in the sandbox that it will work in."""
        sandbox, directory = self._workshop.bench(command.read)
        self._benches.append((sandbox, directory))
        work, out = (self._workshop.fresh(directory / name) for name in ("work", "out"))
        program = shlex.join(command.program)
        seen = sandbox.run(
            Launch(
                command=f'export HOME="$MOVE37_OUT"\n{program} --version </dev/null || exit\n'
                f"{program} {shlex.join(client.help)} 2>&1 </dev/null",
                workspace=work,
                out=out,
                env=dict(client.variables),
                timeout_seconds=_PROBE_SECONDS,
                memory_bytes=MEMORY_BYTES,
            )
        )
        text = seen.stdout.decode(errors="replace")
        if seen.ending != "exited" or seen.code:
            said = short((seen.stderr.decode(errors="replace").strip() or text.strip())[-300:])
            raise TaskError(
                f"proposer 'agent': {client.title} does not run here ({seen.ending} {seen.code}): "
                f"{said or 'it says nothing'}; install it anew with `{client.install}`"
            )
        gone = [flag for flag in client.needs if flag not in text]
        if gone:
            raise TaskError(
                f"proposer 'agent': {client.title} {text.splitlines()[0].strip()!r} does not know "
                f"{', '.join(gone)}, which move37 needs; install a version that does, with "
                f"`{client.install}`, or write your own `command`"
            )


def _count(text: str) -> int:
    """Tokens, rather too many than too few."""
    return len(text) // 3 + 1
