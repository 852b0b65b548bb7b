"""`init` with a model: it drafts, we check, a person answers and confirms."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from move37.core.errors import TaskError
from move37.proposers.llm.calling import Caller
from move37.proposers.llm.clients import need_client
from move37.proposers.llm.models import Wish
from move37.proposers.llm.settings import Endpoint, LlmSettings, resolve
from move37.report.results import Drafted, Initialised
from move37.tasks.converse import (
    Offer,
    Said,
    Utterance,
    opening,
    read_offer,
    to_answer,
    to_change,
    to_mend,
)
from move37.tasks.draft import Draft, Question, render, write_task
from move37.tasks.files import disk_reader
from move37.tasks.look import Look
from move37.tasks.survey import survey
from move37.tasks.toml import STEERING_FILE, TASK_FILE

Speak = Callable[[Sequence[Said]], Utterance]
"""Asks the model. Raises `TaskError` where no answer is to be had."""

_REPAIRS = 2
_ROUNDS = 4
"""Of questions: whoever asks more often than that asks for ever."""

_CALL_SECONDS = 600.0
_PATIENCE_SECONDS = 600.0
_CHARACTERS_A_TOKEN = 3
"""Of code and prose, rather too few."""
_SHARE = 0.35
"""Of the window, for what was read from the directory: the rest is for instructions and replies."""
_MOST_CHARACTERS = 120_000
_USUAL_USD = 5.0
"""What a task may spend on models when nobody has said."""


def init_by_talk(
    found: Draft,
    paths: Sequence[str],
    *,
    model: str,
    goal: str,
    ask: Callable[[Question], str] | None,
    confirm: Callable[[Drafted], str],
) -> Initialised:
    """Have a model draft the task, and write it once a person agrees. Raises `TaskError`."""
    endpoint = _endpoint(model)
    room = min(_MOST_CHARACTERS, int(endpoint.window * _SHARE * _CHARACTERS_A_TOKEN))
    look = Look(found.root, paths, disk_reader(found.root))
    told = survey(look, found, most_characters=room)
    conversation = Conversation(_speaker(endpoint), found=found, paths=paths, ask=ask)
    offer, layout = conversation.open(told, goal), f"drafted by {model}"
    path = found.root / TASK_FILE
    while True:
        draft = _settled(_with_proposers(offer.draft, endpoint), ask)
        shown = Drafted(text=render(draft), plan=offer.plan, notes=draft.found)
        wish = confirm(shown).strip()
        if wish.lower() in ("n", "no"):
            return Initialised(
                path=path, written=False, layout=layout, notes=draft.found, is_drafted=True
            )
        if not wish or wish.lower() in ("y", "yes"):
            break
        offer = conversation.change(wish)
    write_task(draft)
    plan = write_plan(found.root, offer.plan)
    notes = (*draft.found, *(["its plan is in program.md; change it as you like"] if plan else []))
    return Initialised(path=path, written=True, layout=layout, notes=notes, is_drafted=True)


def _endpoint(model: str) -> Endpoint:
    """Who is asked. Raises `TaskError` where a key or a package is missing."""

    endpoint = resolve(LlmSettings.parse({"model": model}), os.environ, usd=None)
    need_client(endpoint)
    return endpoint


def _speaker(endpoint: Endpoint) -> Speak:
    """Asks this endpoint, and waits."""

    caller = Caller(endpoint, timeout_seconds=_CALL_SECONDS, patience_seconds=_PATIENCE_SECONDS)
    wish = Wish(max_tokens=endpoint.max_tokens)

    def speak(said: Sequence[Said]) -> Utterance:
        messages = [{"role": each.role, "content": each.text} for each in said]
        call = caller.call(messages, wish, lambda: False)
        if call.failed:
            raise TaskError(f"the task could not be drafted: {call.failed}")
        return Utterance(text=call.heard.text, is_cut=bool(call.cut))

    return speak


def _settled(draft: Draft, ask: Callable[[Question], str] | None) -> Draft:
    """What looks wrong is asked about; with nobody to ask, what the model says holds."""
    while draft.questions:
        question = draft.questions[0]
        draft = draft.answer(question.key, ask(question) if ask else question.default or "")
    return draft


def _with_proposers(draft: Draft, endpoint: Endpoint) -> Draft:
    """The model that drafted the task proposes, and `tune` beside it; what they may cost is bounded."""
    document = dict(draft.document)
    document["proposer"] = [{"kind": "llm", "model": endpoint.model}, {"kind": "tune"}]
    is_priced = endpoint.price is not None and not endpoint.price.is_free
    if is_priced and "usd" not in document.get("budget", {}):
        document["budget"] = {**document.get("budget", {}), "usd": _USUAL_USD}
    return replace(draft, document=document)


class Conversation:
    """One draft in the making, by a model that is asked as often as it takes."""

    def __init__(
        self,
        speak: Speak,
        *,
        found: Draft,
        paths: Sequence[str],
        ask: Callable[[Question], str] | None,
    ) -> None:
        """ask: `None` when nobody is there to be asked."""
        self._speak = speak
        self._found = found
        self._paths = paths
        self._ask = ask
        self._said: list[Said] = []

    def open(self, survey: str, goal: str) -> Offer:
        """The first draft. Raises `TaskError` when none can be had."""

        self._said = list(opening(survey, goal))
        return self._until_offer()

    def change(self, wish: str) -> Offer:
        """Another draft, after a person has said what is wrong with the last one."""

        self._said.append(to_change(wish))
        return self._until_offer()

    def _until_offer(self) -> Offer:

        for _ in range(_ROUNDS + 1):
            read = self._usable()
            if isinstance(read, Offer):
                return read
            if self._ask is None:
                asked = " ".join(question.text for question in read)
                raise TaskError(
                    f"the model has to know more: {asked:.500}; run `move37 init` without --yes"
                )
            self._said.append(to_answer(read, [self._ask(question) for question in read]))
        raise TaskError(
            f"the model still asks after {_ROUNDS} rounds of answers; say more in the goal, or "
            "run `move37 init` without a model"
        )

    def _usable(self) -> Offer | tuple[Question, ...]:
        """The next reply that can be used, after repairs where it takes them.

        Replies that could not be used are forgotten: they would fill a small window.
        """

        aside: list[Said] = []
        for repairs in range(_REPAIRS + 1):
            reply = self._speak([*self._said, *aside])
            said = Said(role="assistant", text=reply.text)
            try:
                read = read_offer(reply, paths=self._paths, found=self._found)
            except TaskError as error:
                if repairs == _REPAIRS:
                    raise TaskError(
                        f"the model's draft cannot be used, after {repairs} repairs: {error}; try "
                        "again, name another model, or run `move37 init` without one"
                    ) from error
                aside = [said, to_mend(str(error))]
            else:
                self._said.append(said)
                return read
        raise AssertionError("the last repair returns or raises")


def write_plan(root: Path, plan: str) -> Path | None:
    """Write `program.md`, unless there is one. Returns its path when it was written."""

    path = root / STEERING_FILE
    if not plan:
        return None
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(f"{plan}\n")
    except FileExistsError:
        return None
    except OSError as error:
        raise TaskError(
            f"{path} cannot be written ({error.strerror}); make room, or make {root} writable"
        ) from error
    return path
