"""Lets an agent run the evaluation while it works: on a copy of its files, in a sandbox of its own, counted.

An agent runs `./evaluate`. That script leaves a note in the workspace and waits; who watches is a thread
of ours, which evaluates what is there as a trial would, and tells. The telling is shown to the agent
read-only, so that nothing it plants there can lead us astray.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event, Thread
from typing import Final

from move37.core.errors import Move37Error
from move37.core.records import Failed, Measured, Metric, Mount, Outcome
from move37.core.seeds import derive_seed
from move37.proposers.place import Workshop

FOLDER: Final = ".evaluate"
_LOOK_SECONDS: Final = 0.2
_NOTE: Final = re.compile(r"[0-9]{1,12}-[0-9]{1,24}")
_METRICS: Final = 20
_OUTPUT_CHARACTERS: Final = 3000

SCRIPT: Final = f"""\
#!/bin/sh
# Runs the evaluation on a copy of the files as they are now, and prints what it says.
here=$(cd "$(dirname "$0")" && pwd)
note=$$-$(date +%s%N)
mkdir -p "$here/{FOLDER}/ask" && : > "$here/{FOLDER}/ask/$note" || exit 2
told="$here/{FOLDER}/told/$note"
while [ ! -e "$told" ]; do sleep 0.2; done
read -r code < "$told"
tail -n +2 "$told"
exit "$code"
"""

Changes = Mapping[str, bytes | None]


class Tries:
    """Serves one agent, from entering the context to leaving it."""

    def __init__(
        self,
        workshop: Workshop,
        *,
        workspace: Path,
        told: Path,
        commit: str,
        changes: Callable[[], Changes],
        metric: Metric,
        most: int,
        seed: int,
        stop: Callable[[], bool],
    ) -> None:
        """
        told: an empty directory of ours, to be shown to the agent as `mount` says.
        changes: what the agent has changed so far.
        most: so many evaluations at the most.
        """
        told.chmod(0o755)
        self.count = 0
        """So many were run."""
        self.mount = Mount(source=told, target=f"{FOLDER}/told")
        self._workshop = workshop
        self._notes = workspace / FOLDER / "ask"
        self._told = told
        self._commit = commit
        self._changes = changes
        self._metric = metric
        self._most = most
        self._seed = seed
        self._stop = stop
        self._closed = Event()
        self._thread = Thread(target=self._serve, name="agent-tries", daemon=True)

    def __enter__(self) -> "Tries":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._thread.join()

    def _serve(self) -> None:
        seen: set[str] = set()
        while not self._closed.wait(_LOOK_SECONDS):
            for note in sorted(self._workshop.entries(self._notes)):
                if note not in seen and _NOTE.fullmatch(note) and not self._closed.is_set():
                    seen.add(note)
                    self._tell(note, *self._answer())

    def _tell(self, note: str, code: int, text: str) -> None:
        new = self._told / f".{note}"
        new.write_text(f"{code}\n{text.rstrip()}\n")
        new.chmod(0o644)
        new.rename(self._told / note)

    def _answer(self) -> tuple[int, str]:
        """Exit status and text."""
        if self.count >= self._most:
            return 2, f"all {self._most} evaluations of this session were used; finish without one"
        changes = self._changes()
        self.count += 1
        try:
            outcome = self._workshop.try_out(
                self._commit,
                changes,
                seed=derive_seed(self._seed, "try", self.count),
                stop=lambda: self._closed.is_set() or self._stop(),
            )
        except Move37Error as error:
            return 2, f"the evaluation could not be run: {error}"
        left = self._most - self.count
        code, text = told(outcome, self._metric)
        return code, f"{text}\n(evaluation {self.count}; {left} left)"


def told(outcome: Outcome | None, metric: Metric) -> tuple[int, str]:
    """What came of an evaluation, as an exit status and a text for an agent."""
    match outcome:
        case Measured():
            others = [
                f"{name} = {value:.6g}"
                for name, value in list(outcome.metrics.items())[:_METRICS]
                if name != metric.name
            ]
            first = f"{metric.name} = {metric.value(outcome.score)!r} ({metric.direction})"
            return 0, "\n".join([first, *others, f"it took {outcome.seconds:.3g} s"])
        case Failed():
            output = outcome.output[-_OUTPUT_CHARACTERS:].strip()
            return 1, f"failed: {outcome.reason}\n{output}"
        case None:
            return 2, "the evaluation was stopped"
        case _:
            return 1, f"given up: {outcome.reason}"
