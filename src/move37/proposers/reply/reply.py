"""Turns what a model answered into a change: exactly what it meant, or a sentence that says why not.

It is never silently wrong. White space, fences, paths and line numbers may be off; what is changed, and
where, must be certain. Otherwise the answer is refused as a whole, in words that let the model mend it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from move37.proposers.reply.apply import Draft
from move37.proposers.reply.blocks import Scanned, scan
from move37.proposers.reply.match import Effort
from move37.proposers.reply.parts import Gone, Item, Problem, Renamed, Swap, Whole, unreadable
from move37.proposers.reply.paths import existing, fresh
from move37.proposers.reply.said import effect_in, hypothesis_in
from move37.proposers.reply.whole import is_quotation, kept, refuse_part
from move37.proposers.source.languages import Grammars, Parsed

FORMAT = """\
Answer in this form:

HYPOTHESIS: one sentence: what you change, and why it should improve the metric.
PREDICTED EFFECT: -0.02

train.py
<<<<<<< SEARCH
lr = 0.1
=======
lr = 0.03
>>>>>>> REPLACE

PREDICTED EFFECT is the signed change of the metric's value as it is printed (-0.02: it falls by 0.02), \
or the word unknown.
Then one or more SEARCH/REPLACE blocks, each with the path of its file in the line above it:
- Between SEARCH and ======= stand whole lines, copied exactly from the file as it is now, and enough of them \
that they are in the file only once. Between ======= and REPLACE stands what comes in their place.
- All blocks are applied to the file in their order. Never write ... for lines that stay.
- A new file: leave the lines between SEARCH and ======= away.
- To delete a file, write the line DELETE FILE: path/to/file.py
- A whole file, instead of blocks for it: the line WHOLE FILE: path/to/file.py and below it the complete content \
in a ``` fence (in ```` if it contains ``` itself). What it lacks is gone.
"""
"""How to answer; to be put into a prompt."""

_LARGEST_ANSWER = 20_000_000
"""Characters."""
_MOST_EFFORT = 20_000_000
"""Lines looked at."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What an answer proposes."""

    changes: Mapping[str, bytes | None]
    """New content of each changed file, by its path; `None` deletes it."""
    hypothesis: str
    predicted_effect: float | None
    """Signed change of the metric's value as it is printed, not of the score. `None`: no opinion."""
    notes: tuple[str, ...]
    """What had to be tolerated."""


def read_reply(text: str, files: Mapping[str, bytes], *, needs_reasons: bool = True) -> Reply:
    """Read an answer to a question that had `FORMAT` in it.

    files: what may be changed, by path.
    needs_reasons: whether an answer without hypothesis or predicted effect is refused.
    Raises `Unreadable`, with a message for the model, unless all of the answer can be applied for certain.
    """
    if len(text) > _LARGEST_ANSWER:
        raise unreadable(
            [f"the answer has {len(text):,} characters; {_LARGEST_ANSWER:,} are the most"]
        )
    scanned = scan(text, files.keys())
    problems = list(scanned.problems)
    drafts = _Drafts(files)
    if not problems:
        for item in _repeated_once(_meant(scanned, drafts)):
            try:
                drafts.take(item)
            except Problem as problem:
                problems.append(str(problem))
    if not problems:
        problems += drafts.broken()
    changes = {} if problems else drafts.changes()
    if not problems and not changes:
        problems.append(_nothing(scanned))
    hypothesis = hypothesis_in(scanned.prose)
    is_stated, effect, note = effect_in(scanned.prose)
    if needs_reasons and not hypothesis:
        problems.append("the answer lacks a line 'HYPOTHESIS: …' that says what it changes and why")
    if needs_reasons and not is_stated:
        problems.append(
            "the answer lacks a line 'PREDICTED EFFECT: …' with the change of the metric, such as -0.02, "
            "or the word unknown"
        )
    if problems:
        raise unreadable(problems)
    notes = (*scanned.notes, *drafts.notes(), *([note] if note else []))
    return Reply(
        changes=changes,
        hypothesis=hypothesis,
        predicted_effect=effect,
        notes=tuple(each.encode("utf-8", "replace").decode() for each in notes),
    )


def _nothing(scanned: Scanned) -> str:
    if scanned.items:
        return (
            "the answer changes nothing: its new lines are those that are there; change something"
        )
    if scanned.loose:
        return (
            "the answer has code but does not say what to do with it; give SEARCH/REPLACE blocks, or write "
            "'WHOLE FILE: path' above a fence that has the complete file"
        )
    return (
        "the answer has no edit; give blocks of a path, <<<<<<< SEARCH, old lines, =======, new lines and "
        ">>>>>>> REPLACE, each in a line of its own"
    )


def _meant(scanned: Scanned, drafts: "_Drafts") -> list[Item]:
    """The parts that are edits. A fence with a file's name above it may be a mere quotation."""
    swapped = {drafts.named(item) for item in scanned.items if isinstance(item, Swap)}
    items: list[Item] = []
    for item in scanned.items:
        if isinstance(item, Whole) and not item.is_marked and len(scanned.items) > 1:
            path = drafts.named(item)
            old = drafts.lines(path)
            is_shown = old is not None and (
                is_quotation(item.lines, old) or (path in swapped and kept(old, item.lines) < 0.5)
            )
            if is_shown:
                scanned.notes.append(
                    f"{item.name}: it shows a part of {path} and was not read as an edit"
                )
                continue
        items.append(item)
    if items:
        return items
    if len(scanned.loose) == 1:
        return [scanned.loose[0]]
    return []


def _repeated_once(items: Sequence[Item]) -> list[Item]:
    """Each edit once, with how often it was given: models like to repeat themselves."""
    counts: dict[tuple[str | None, object], int] = {}
    for item in items:
        if isinstance(item, Swap):
            key = (item.path, item.readings)
            counts[key] = counts.get(key, 0) + 1
    once: list[Item] = []
    for item in items:
        if not isinstance(item, Swap):
            once.append(item)
        elif (times := counts.pop((item.path, item.readings), 0)) > 0:
            once.append(replace(item, times=times))
    return once


class _Drafts:
    """All files, while an answer is applied to them."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files
        self._known = sorted(files)
        self._drafts: dict[str, Draft] = {}
        self._gone: dict[str, str] = {}
        self._whole: dict[str, str] = {}
        self._swapped: dict[str, str] = {}
        self._new: set[str] = set()
        self._last: str | None = None
        self._effort = Effort(_MOST_EFFORT)
        self._notes: list[str] = []

    def take(self, item: Item) -> None:
        """Apply one edit. Raises `Problem`."""
        try:
            match item:
                case Swap():
                    self._swap(item)
                case Whole():
                    self._write(item)
                case Gone():
                    self._delete(item)
                case Renamed():
                    self._rename(item)
        except Problem as problem:
            said = str(problem)
            raise Problem(
                said if said.startswith(item.name) else f"{item.name}: {said}"
            ) from problem

    def changes(self) -> dict[str, bytes | None]:
        changes: dict[str, bytes | None] = dict.fromkeys(self._gone)
        for path, draft in self._drafts.items():
            if path not in self._gone:
                content = draft.content()
                if content != self._files.get(path):
                    changes[path] = content
        return dict(sorted(changes.items()))

    def notes(self) -> list[str]:
        return self._notes + [note for draft in self._drafts.values() for note in draft.notes]

    def broken(self) -> list[str]:
        """Files that parsed before and do not now, where something had to be tolerated."""
        problems: list[str] = []
        grammars = Grammars()
        for path, draft in self._drafts.items():
            old = self._files.get(path)
            if draft.is_certain or old is None or path in self._gone:
                continue
            try:
                new = draft.content()
            except UnicodeEncodeError:
                continue
            before, after = grammars.parse(path, old), grammars.parse(path, new)
            was_fine = isinstance(before, Parsed) and not before.root.has_error
            if was_fine and (isinstance(after, str) or after.root.has_error):
                problems.append(
                    f"{path} would no longer parse, and not all of the answer was found as it was written "
                    f"({'; '.join(draft.notes[:2])}); copy the old lines from the file exactly"
                )
        return problems

    def named(self, item: Item) -> str | None:
        """The known file that an edit names; `None` where it names none, or one that there is not."""
        if item.path is None:
            return None
        try:
            return existing(item.path, self._known)[0]
        except Problem:
            return None

    def lines(self, path: str | None) -> list[str] | None:
        """Lines of a known text file."""
        if path is None or path not in self._files:
            return None
        try:
            return self._draft(path).lines
        except Problem:
            return None

    # --- the edits ---

    def _swap(self, swap: Swap) -> None:
        is_empty = all(not any(line.strip() for line in old) for old, _ in swap.readings)
        if is_empty:
            self._create(swap)
            return
        path = self._path_of(swap)
        self._refuse_conflict(path, swap.name, with_swaps=False)
        self._draft(path).swap(swap)
        self._swapped[path] = swap.name
        self._last = path

    def _path_of(self, swap: Swap) -> str:
        if swap.path is None:
            return self._unnamed(swap)
        created = swap.path if swap.path in self._new else None
        path, note = (created, "") if created else existing(swap.path, self._known)
        if note:
            self._notes.append(f"{swap.name}: {note}")
        return path

    def _unnamed(self, swap: Swap) -> str:
        """The file of a block that names none: the one before, the only one, or where its lines are."""
        if self._last is not None:
            return self._last
        if len(self._known) == 1:
            return self._known[0]
        found = [path for path in self._known if self._has(path, swap)]
        if len(found) == 1:
            self._notes.append(
                f"{swap.name}: it named no file; its old lines are in {found[0]} only"
            )
            return found[0]
        raise Problem(
            "it does not say which file it is for; write the path of the file in the line above "
            f"it: {', '.join(self._known[:20])}"
        )

    def _has(self, path: str, swap: Swap) -> bool:
        lines = self.lines(path)
        return lines is not None and any(is_quotation(old, lines) for old, _ in swap.readings)

    def _create(self, swap: Swap) -> None:
        if swap.path is None:
            raise Problem(
                "SEARCH is empty and no path stands above the block; write the path of the new file"
            )
        path = fresh(swap.path, self._known)
        if path in self._files and not self._draft(path).is_blank:
            raise Problem(
                f"SEARCH is empty, and {path} exists and is not empty; put the lines into SEARCH that the new "
                "ones replace or come next to"
            )
        if len(swap.readings) > 1:
            raise Problem(
                "it has several ======= lines; give the new file as a whole file in a fence"
            )
        lines = next(new for _, new in swap.readings)
        whole = Whole(name=swap.name, path=path, lines=lines, is_marked=True, is_new=True)
        self._write(whole)

    def _write(self, whole: Whole) -> None:
        path = self._target(whole)
        self._refuse_conflict(path, whole.name, with_swaps=True)
        if path in self._files:
            draft = self._draft(path)
            if whole.is_new and not draft.is_blank:
                raise Problem(
                    f"{path} is not new; use SEARCH/REPLACE blocks, or WHOLE FILE: {path}"
                )
            refuse_part(whole, path, draft.lines)
            self._refuse_broken(whole, path)
        else:
            draft = self._drafts.setdefault(path, Draft(path, b"", self._effort))
            refuse_part(whole, path, ())
            self._new.add(path)
        draft.fill(whole.lines, whole.newline_at_end)
        self._whole[path] = whole.name
        self._last = path

    def _target(self, whole: Whole) -> str:
        if whole.path is None or (whole.is_mentioned and self.named(whole) is None):
            if len(self._known) == 1:
                return self._known[0]
            raise Problem(
                "it does not say which file it is; write 'WHOLE FILE: path' in the line above the fence"
            )
        path = fresh(whole.path, self._known)
        if path in self._files or whole.is_new:
            return path
        meant = self.named(whole)
        old = self.lines(meant)
        if meant is not None and old is not None and kept(old, whole.lines) >= 0.5:
            self._notes.append(f"{whole.name}: {whole.path!r} was read as {meant}")
            return meant
        return path

    def _refuse_broken(self, whole: Whole, path: str) -> None:
        """A fence that was closed too early, by ``` in the file, cuts it off in the middle."""
        text = "\n".join(whole.lines) + "\n"
        grammars = Grammars()
        before = grammars.parse(path, self._files[path])
        if isinstance(before, str) or before.root.has_error:
            return
        after = grammars.parse(path, text.encode("utf-8", "replace"))
        if isinstance(after, str) or after.root.has_error:
            raise Problem(
                f"it would no longer parse as {path} does: it may be cut off, by ``` inside it for example; send "
                "it complete, in ```` if it contains ``` itself"
            )

    def _delete(self, gone: Gone) -> None:
        if gone.path is None:
            raise Problem("it does not say which file to delete; write DELETE FILE: path")
        path = fresh(gone.path, self._known, is_diff=gone.name.startswith("diff"))
        if path not in self._files:
            raise Problem(
                f"there is no file {gone.path!r} to delete; the files are {', '.join(self._known[:20])}"
            )
        for others in (self._whole, self._swapped):
            if path in others:
                raise Problem(
                    f"{path} is changed by {others[path]} and deleted as well; do one of the two"
                )
        self._gone[path] = gone.name

    def _rename(self, renamed: Renamed) -> None:
        if renamed.path is None:
            raise Problem("it does not say which file to rename")
        path, _ = existing(renamed.path, self._known)
        target = fresh(renamed.new_path, self._known)
        if target in self._files or target in self._new:
            raise Problem(
                f"{path} cannot be renamed to {target}, which exists; delete that one first"
            )
        old = self._draft(path)
        moved = Draft(target, old.content(), self._effort)
        self._drafts[target] = moved
        self._new.add(target)
        self._gone[path] = renamed.name

    def _refuse_conflict(self, path: str, name: str, *, with_swaps: bool) -> None:
        if path in self._gone:
            raise Problem(
                f"{path} is deleted by {self._gone[path]} and changed as well; do one of the two"
            )
        if path in self._whole and path in self._files:
            raise Problem(
                f"{path} is given as a whole in {self._whole[path]} and changed again; give it once only"
            )
        if with_swaps and (path in self._swapped or path in self._whole):
            other = self._swapped.get(path) or self._whole[path]
            raise Problem(
                f"{path} is given as a whole, and {other} changes it too; give it once only"
            )

    def _draft(self, path: str) -> Draft:
        if path not in self._drafts:
            self._drafts[path] = Draft(path, self._files[path], self._effort)
        return self._drafts[path]
