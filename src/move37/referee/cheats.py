"""The cheat report: what a change touches that a gain could be faked with, in plain words.

Reading code proves nothing, either way: a remark says where to look. What was there before the change
is never remarked on. Everything here is a pure function of the change and of the study's facts;
`docs/cheats.md` has the rules.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from move37.core.records import CheatReport, Gravity, Remark
from move37.referee.cheat_python import parses, python_signals
from move37.referee.cheat_signals import Signal, Surroundings, news
from move37.referee.cheat_texts import raw_signals
from move37.referee.cheat_tokens import token_signals
from move37.referee.cheat_words import MODULE_HOOKS, TEST_LIKE, TOPICS, WHY

_GRAVE: Mapping[Gravity, int] = {"serious": 0, "look": 1, "note": 2}
_BIG_BYTES = 200_000
_MOST = 40
"""So many remarks are as good as any number."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One file that differs. `None`: there is none."""

    path: str
    old: bytes | None
    new: bytes | None


def cheat_report(
    experiment: int,
    changes: Sequence[Change],
    around: Surroundings,
    evidence: Iterable[Remark] = (),
) -> CheatReport:
    """All that is to be remarked on a change, the gravest first.

    evidence: what the trials show; see `cheat_evidence`.
    """
    remarks = [*evidence, *read_change(changes, around)]
    order = {topic: place for place, topic in enumerate(TOPICS)}
    remarks.sort(
        key=lambda each: (_GRAVE[each.gravity], order.get(each.topic, -1), each.path or "")
    )
    return CheatReport(experiment=experiment, remarks=tuple(remarks[:_MOST]))


def read_change(changes: Sequence[Change], around: Surroundings) -> list[Remark]:
    """What the changed files newly do. Files in Python are parsed, others scanned for words."""
    before: list[Signal] = []
    after: list[Signal] = []
    remarks: list[Remark] = []
    for change in changes:
        remarks += _about_file(change, around)
        before += _signals(change.path, change.old, change.new, around)
        after += _signals(change.path, change.new, change.old, around)
    return [*remarks, *_merged(_together(list(news(before, after))))]


def _together(fresh: Sequence[Signal]) -> Iterator[Signal]:
    """Answers that are looked up by a digest are graver than a table or a digest alone."""
    told = [signal.what for signal in fresh if signal.topic == "answers"]
    is_table = any(what.startswith("holds") for what in told)
    is_digest = any("digest" in what or "hash" in what for what in told)
    for signal in fresh:
        is_lookup = signal.topic == "answers" and is_table and is_digest
        yield replace(signal, gravity="serious") if is_lookup else signal


def _merged(fresh: Iterable[Signal]) -> Iterator[Remark]:
    """One remark for what is done several times in a file, at the first place."""
    groups: dict[tuple[str, str, str], list[Signal]] = {}
    for signal in fresh:
        groups.setdefault((signal.path, signal.topic, signal.what), []).append(signal)
    for (path, topic, what), signals in groups.items():
        times = "" if len(signals) == 1 else f", {len(signals)} times"
        yield Remark(
            topic=topic,
            gravity=min((signal.gravity for signal in signals), key=_GRAVE.__getitem__),
            what=what + times,
            why=WHY[topic],
            path=path,
            line=min(signal.line for signal in signals),
        )


# --- files ---------------------------------------------------------------------------------------


def _signals(
    path: str, source: bytes | None, other: bytes | None, around: Surroundings
) -> list[Signal]:
    """other: the file on the other side of the change: both are read in the same way."""
    text = _decoded(source)
    if text is None:
        return []
    found = None
    if PurePosixPath(path).suffix in (".py", ".pyw", ".pyi"):
        beside = _decoded(other)
        if beside is None or parses(beside):
            found = python_signals(text, around)
    if found is None:
        found = token_signals(path, text, around)
    return [replace(signal, path=path) for signal in (*found, *raw_signals(text))]


def _decoded(source: bytes | None) -> str | None:
    if source is None or b"\0" in source or len(source) > 4 * 1024**2:
        return None
    try:
        return source.decode()
    except UnicodeDecodeError:
        return None


def _about_file(change: Change, around: Surroundings) -> Iterator[Remark]:
    path, name = change.path, PurePosixPath(change.path)

    def remark(topic: str, gravity: Gravity, what: str) -> Remark:
        return Remark(topic=topic, gravity=gravity, what=what, why=WHY[topic], path=path, line=1)

    if not around.editable(path):
        yield remark("tests", "serious", "changes a file that it must not change")
    elif is_test_like(path):
        verb = "adds" if change.old is None else "removes" if change.new is None else "changes"
        yield remark("tests", "look", f"{verb} a file that looks like a test or its settings")
    if change.new is None:
        return
    was_text = change.old is None or _decoded(change.old) is not None
    if was_text and _decoded(change.new) is None:
        yield remark("reading", "look", "is a file that is no text, and cannot be read")
    if change.old is None and len(change.new) > _BIG_BYTES:
        yield remark("answers", "look", f"adds a file of {len(change.new):,} bytes")
    if change.old is None and _shadows(name, around):
        yield remark("patch", "serious", f"takes the place of the module {name.stem!r}")


def is_test_like(path: str) -> bool:
    """Whether a file seems to judge the program rather than to be a part of it."""
    return TEST_LIKE.search(path) is not None


def _shadows(name: PurePosixPath, around: Surroundings) -> bool:
    """Whether a new file would be imported in place of a module that others mean."""
    import sys

    if name.suffix == ".pth":
        return True
    if name.suffix not in (".py", ".so", ".pyd", ".pyc"):
        return False
    stem = name.name.partition(".")[0]
    stem = name.parent.name if stem == "__init__" else stem
    theirs = {PurePosixPath(path).stem for path in around.fixed if path.endswith(".py")}
    known = sys.stdlib_module_names | MODULE_HOOKS | theirs
    return stem in known and str(name) not in around.fixed
