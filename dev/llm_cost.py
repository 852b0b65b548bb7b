"""What the proposer `llm` costs the engine: CPU milliseconds for a question and for reading its answer.

    python dev/llm_cost.py [EXPERIMENTS]

A study in memory with the real loop, search, beliefs and library; the model's answers and the results of trials
are made up, and nothing is sent. CPU time of this process, so that a busy machine changes little.
"""

import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean, median

from move37.app.library import StudyLibrary
from move37.core.facts import EpochStarted, Tried
from move37.core.history import Experiment
from move37.core.journal import Journal
from move37.core.protocols import Request
from move37.core.records import (
    Answer,
    Budget,
    Direction,
    Evaluation,
    Files,
    Job,
    Measured,
    Metric,
    Proposal,
    Question,
    Task,
    Trial,
    TrialJob,
)
from move37.loop import Loop
from move37.proposers.llm.calling import Call, Caller
from move37.proposers.llm.llm import Llm
from move37.proposers.llm.models import Heard, Message, Wish
from move37.proposers.llm.settings import LlmSettings, resolve
from move37.proposers.source.normalise import Normaliser
from move37.runners.scripted import ScriptedDesk, ScriptedRunner
from move37.search import make_search
from move37.search.belief import LineagePosterior
from move37.store.memory import MemoryStore
from move37.worker import Proposing, encode_record

CONSTANTS = 60
FILLER = 150


class MadeUp(Caller):
    """Changes one constant of the program that it is shown."""

    def __init__(self) -> None:
        self._chance = random.Random(1)

    def call(self, messages: Sequence[Message], wish: Wish, stop: Callable[[], bool]) -> Call:
        name = f"rate_{self._chance.randrange(CONSTANTS)}"
        text = messages[1]["content"]
        old = next(line for line in text.splitlines() if line.startswith(f"{name} = "))
        new = f"{name} = {self._chance.uniform(0.1, 9):.9f}"
        answer = (
            f"HYPOTHESIS: another {name} may fit the schedule better than {old}\n"
            f"PREDICTED EFFECT: 0.1\n\nprogram.py\n<<<<<<< SEARCH\n{old}\n=======\n{new}\n"
            ">>>>>>> REPLACE\n"
        )
        heard = Heard(pieces=[answer], size=len(answer), finish="stop")
        return Call(heard=heard, began=True)


class Timed(Llm):
    def __init__(self, settings: LlmSettings) -> None:
        endpoint = resolve(settings, {}, usd=None)
        super().__init__(settings, endpoint, caller=MadeUp())
        self.asked_ms: list[float] = []
        self.read_ms: list[float] = []

    def question(self, request: Request, rounds: Sequence[Answer]) -> Question:
        began = time.process_time()
        try:
            return super().question(request, rounds)
        finally:
            self.asked_ms.append(1000 * (time.process_time() - began))

    def read(self, request: Request, rounds: Sequence[Answer]) -> Proposal:
        began = time.process_time()
        try:
            return super().read(request, rounds)
        finally:
            self.read_ms.append(1000 * (time.process_time() - began))


def main(experiments: int) -> None:
    chance = random.Random(0)
    lines = [f"rate_{i} = {chance.uniform(0.1, 9):.4f}" for i in range(CONSTANTS)]
    lines += [f"def step_{i}(x):\n    return x * rate_{i % CONSTANTS} + {i}" for i in range(FILLER)]
    root = Path(tempfile.mkdtemp())
    (root / "program.py").write_text("\n".join(lines) + "\n")
    task = Task(
        name="cost",
        root=root,
        goal="Raise the score.",
        files=Files(edit=("program.py",)),
        evaluate=Evaluation(run="true"),
        metric=Metric(name="score", direction=Direction.MAXIMIZE),
        budget=Budget(experiments=experiments),
    )
    options = {"model": "local:http://127.0.0.1:1/v1#none", "at_once": 1, "window": 100_000}
    llm = Timed(LlmSettings.parse(options))
    believer = LineagePosterior()
    search = make_search("lineage", believer, proposers=("llm",), checks=())
    journal = Journal(MemoryStore(), [believer, search, llm])
    identity = Normaliser().identity
    commit = journal.store.code.snapshot(root, ["program.py"])
    first = {"program.py": (root / "program.py").read_bytes()}
    journal.record(
        EpochStarted(
            epoch=0,
            fingerprint="",
            task={},
            baseline=0,
            commit=commit,
            identity=identity(first),
            seed=1,
        )
    )
    history = journal.history

    def trial(experiment: Experiment) -> TrialJob:
        assert experiment.commit is not None
        index = experiment.count("search")
        return TrialJob(
            experiment=experiment.id,
            commit=experiment.commit,
            purpose="search",
            index=index,
            seed=0,
        )

    def measure(job: Job) -> Tried:
        assert isinstance(job, TrialJob)
        score = random.Random(f"{job.experiment}/{job.index}").gauss(0, 1)
        outcome = Measured(
            score=score, metrics={}, seconds=0.1, cpu_seconds=0.1, peak_memory_mb=1.0
        )
        made = Trial(purpose="search", index=job.index, seed=0, outcome=outcome)
        return Tried(experiment=job.experiment, trial=made)

    class Contented:
        def wants(self, history: object) -> Sequence[Job]:
            return []

    proposing = Proposing(
        task,
        journal,
        proposers={"llm": llm},
        believer=believer,
        library=StudyLibrary(root, journal, lambda path: path == "program.py"),
        editable=lambda path: path == "program.py",
        identity=identity,
    )
    Loop(
        journal,
        search=search,
        referee=Contented(),
        runner=ScriptedRunner(measure),
        desk=ScriptedDesk({"llm": llm}, encode_record),
        propose=proposing.propose,
        trial=trial,
        halted=lambda: "budget" if history.spent() >= experiments else None,
    ).explore()
    prompts = [
        len(journal.store.attachment(f"x{id}-ask-0/question") or b"")
        for id in range(1, len(history), 97)
    ]
    print(
        f"{len(history)} experiments, {sum(one.is_measured for one in history.experiments)} measured"
    )
    print(f"question of {median(prompts) / 1000:.0f} kB as stored")
    window = max(20, experiments // 20)
    for name, part in (("first", slice(20, 20 + window)), ("last", slice(-window, None))):
        asked, read = llm.asked_ms[part], llm.read_ms[part]
        both = sorted(a + r for a, r in zip(asked, read, strict=False))
        print(
            f"{name} {len(both)}: question {fmean(asked):.1f} ms, read {fmean(read):.1f} ms, "
            f"both: mean {fmean(both):.1f}, median {median(both):.1f}, "
            f"90 % {both[int(0.9 * len(both))]:.1f}, most {both[-1]:.1f}"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
