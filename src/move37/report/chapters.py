"""The report's chapters, in the order in which a person asks: what is claimed, why to believe it, what now."""

from collections.abc import Iterator, Sequence

from move37.report.attempts import FailureGroup, MoveGroup
from move37.report.cheats import cheats_text
from move37.report.document import (
    Block,
    Bullets,
    Chapter,
    Chart,
    Document,
    Facts,
    Heading,
    Inline,
    Inlines,
    Lines,
    Para,
    Strong,
    Table,
    Theirs,
    Tone,
    Typed,
)
from move37.report.evaluator import EvaluatorView
from move37.report.morning import Morning
from move37.report.phrases import (
    effect_words,
    fresh_words,
    likely_words,
    luck_words,
    share_words,
    shrinkage_words,
    verdict_words,
)
from move37.report.program_chapter import program_chapter
from move37.report.surprises import Surprise
from move37.report.views import CertificateView
from move37.report.words import clean, count, duration, measured, number, percent


def document(morning: Morning) -> Document:
    chapters = (
        Chapter("claims", "What is claimed", list(_claims(morning))),
        Chapter("moves", "Move 37s", list(_moves(morning))),
        Chapter("progress", "How it went", list(_progress(morning))),
        program_chapter(morning),
        Chapter("caveats", "What this study cannot say", [_caveats(morning)]),
        Chapter("tried", "What was tried", list(_tried(morning))),
        Chapter("failed", "What failed", list(_failed(morning))),
        Chapter("evaluation", "Whether the evaluation can be believed", list(_evaluator(morning))),
        Chapter("cost", "What it cost", list(_cost(morning))),
        Chapter("home", "Take it home", list(_home(morning))),
        Chapter("again", "Check it, run it again", list(_again(morning))),
    )
    return Document(
        task=morning.task,
        goal=morning.goal,
        headline=morning.headline,
        is_claimed=morning.is_claimed,
        version=morning.version,
        figures=list(_figures(morning)),
        chapters=[chapter for chapter in chapters if chapter.blocks],
    )


def _figures(morning: Morning) -> Iterator[tuple[str, str]]:
    base = morning.status.baseline.believed
    yield "baseline", "-" if base is None else measured(base.value, base.sd or None)
    best = morning.champion
    if best is not None and best.believed is not None:
        yield (
            f"champion x{best.experiment}, believed",
            measured(best.believed.value, best.believed.sd or None),
        )
    spent = morning.spent
    yield "experiments", f"{_tried_in_all(morning):,}"
    yield "worked for", duration(3600 * spent.hours)
    if spent.usd:
        yield "spent", f"{spent.usd:.2f} USD"
    yield "evaluation", "not checked" if morning.evaluator is None else morning.evaluator.grade


def _tried_in_all(morning: Morning) -> int:
    status = morning.status
    return status.measured + sum(status.failures.values()) + status.screened + status.running


# --- claims --------------------------------------------------------------------------------------


def _claims(morning: Morning) -> Iterator[Block]:
    if not morning.claims:
        yield Para((_nothing(morning),), "warn")
    for view in morning.claims:
        yield from _certificate(morning, view, "good")
    if morning.unsupported:
        if morning.claims:
            yield Heading(("Looked at afresh, and not claimed",))
        for view in morning.unsupported:
            yield from _certificate(morning, view, "quiet")


def _nothing(morning: Morning) -> str:
    best = morning.champion
    if best is None:
        return "Nothing is claimed: no experiment is believed better than the baseline so far."
    told = "" if best.effect is None else f", effect {effect_words(best.effect)}"
    if not best.is_champion:
        return f"Nothing is claimed of x{best.experiment}{told}, believed."
    if morning.unsupported:
        return f"Nothing is claimed: fresh evidence did not support it. x{best.experiment} is believed best{told}."
    return (
        f"Nothing is claimed yet: nobody has compared anything on fresh seeds. x{best.experiment} is believed "
        f"best{told}; `move37 certify` puts it to the test."
    )


def _certificate(morning: Morning, view: CertificateView, tone: Tone) -> Iterator[Block]:
    metric = morning.metric
    champion = None if morning.champion is None else morning.champion.experiment
    name = ", the champion" if view.experiment == champion else ""
    if view.experiment == morning.status.pruned_from:
        name = f", from which the champion x{champion} was pruned"
    yield Heading((f"x{view.experiment}{name}, against the baseline x{view.baseline}",))
    pairs: list[tuple[str, Inlines]] = []
    if view.effect is not None and view.interval is not None:
        told = fresh_words(view.effect, view.interval, view.level, metric)
        shown: Inline = Strong(told) if view.claim else told
        of = share_words(view.relative_gain, view.baseline_value, view.interval)
        pairs.append(("effect", (shown, f"; {of}")))
    if view.holdout_effect is not None and view.holdout_interval is not None:
        held = fresh_words(view.holdout_effect, view.holdout_interval, view.level, metric)
        of = share_words(
            view.holdout_relative_gain, view.holdout_baseline_value, view.holdout_interval
        )
        pairs.append(("hold-out", (f"{held}; {of}",)))
    pairs.append(("evidence", (_evidence(view),)))
    if view.believed is not None:
        pairs.append(("believed", (shrinkage_words(view),)))
    if view.estimate is not None and view.estimate_interval is not None:
        pairs.append(("likely", (likely_words(view.estimate, view.estimate_interval, metric),)))
    if luck := luck_words(view):
        pairs.append(("luck", (luck,)))
    pairs.append(("verdict", (verdict_words(view, metric),)))
    yield Facts(pairs, tone)


def _evidence(view: CertificateView) -> str:
    return (
        f"{count(view.pairs, 'pair')} of fresh trials ({count(view.trials, 'trial')}), "
        "on seeds that the search had never used"
    )


# --- move 37s, progress --------------------------------------------------------------------------


def _moves(morning: Morning) -> Iterator[Block]:
    if morning.move37s:
        yield Para(("Nobody would have bet on these, and they are certified:",))
        yield Bullets([_surprise(each) for each in morning.move37s])
    if morning.surprises:
        yield Para(("Believed, not certified: further above what was expected than any other.",))
        yield Bullets([_surprise(each) for each in morning.surprises])


def _surprise(each: Surprise) -> Inlines:
    return (Strong(f"x{each.experiment} "), Theirs(each.hypothesis), f": {each.told}.")


def _progress(morning: Morning) -> Iterator[Block]:
    status = morning.status
    finished = status.measured + sum(status.failures.values()) + status.screened
    told = (
        f"{count(_tried_in_all(morning), 'experiment')}: {status.measured:,} measured, "
        f"{sum(status.failures.values()):,} failed"
        + (f", {status.screened:,} let go early" if status.screened else "")
        + f". {status.kept:,} of {finished:,} are believed better than everything before them."
    )
    yield Chart(morning.picture, told, frozenset(each.experiment for each in morning.move37s))
    yield Para((told,), "quiet")


def _caveats(morning: Morning) -> Block:
    return Bullets([(text,) for text in morning.caveats])


# --- tried, failed -------------------------------------------------------------------------------


def _tried(morning: Morning) -> Iterator[Block]:
    if not morning.moves:
        yield Para(("Nothing yet but the baseline.",), "quiet")
        return
    yield Table(
        "By who proposed and by kind of edit. Better and worse: believed, than what it changed, by more "
        "than twice the uncertainty of that. Largest: the largest believed effect, + is better.",
        (
            "kind of edit",
            "by",
            "tried",
            "measured",
            "failed",
            "better",
            "worse",
            "largest",
            "which",
        ),
        [_move(group) for group in morning.moves],
        frozenset({2, 3, 4, 5, 6, 7}),
    )


def _move(group: MoveGroup) -> Sequence[Inlines]:
    effect = group.best_effect
    which: Inlines = ()
    if group.best is not None:
        which = (f"x{group.best} ", Theirs(group.best_hypothesis))
    return (
        (Theirs(group.move or "nothing proposed"),),
        (Theirs(group.proposer),) if group.proposer else ("several",),
        (f"{group.experiments:,}",),
        (f"{group.measured:,}",),
        (f"{group.failed:,}",),
        (f"{group.better:,}",),
        (f"{group.worse:,}",),
        ("" if effect is None else measured(effect.mean, effect.sd, sign=True),),
        which,
    )


def _failed(morning: Morning) -> Iterator[Block]:
    if not morning.failures:
        if morning.moves:
            yield Para(("Nothing failed.",), "quiet")
        return
    shown = sum(group.experiments for group in morning.failures)
    rest = sum(morning.status.failures.values()) - shown
    yield Table(
        "By stage and reason, the most frequent first; numbers in reasons are taken as equal."
        + (f" {rest:,} more failed for rarer reasons." if rest > 0 else ""),
        ("stage", "failed", "why", "such as"),
        [_failure(group) for group in morning.failures],
        frozenset({1}),
    )
    for group in morning.failures[:3]:
        if group.output.strip():
            yield Lines(
                f"What the latest of these printed last: {clean(group.reason)}",
                group.output.splitlines()[-12:],
                "output",
                is_folded=True,
            )


def _failure(group: FailureGroup) -> Sequence[Inlines]:
    names = " ".join(f"x{each}" for each in group.examples)
    return (
        (group.stage,),
        (f"{group.experiments:,}",),
        (Theirs(group.reason),),
        (f"{names} ", Theirs(group.hypothesis)) if group.hypothesis else (names,),
    )


# --- evaluation, cost ----------------------------------------------------------------------------


def _evaluator(morning: Morning) -> Iterator[Block]:
    view = morning.evaluator
    if view is None:
        yield Para(("Nobody has tried to cheat it: ", Typed("move37 check"), " does."), "warn")
    else:
        yield from _certificate_of(view)
    if morning.cheats is not None:
        yield Heading((f"The cheat report of x{morning.cheats.experiment}",))
        yield Lines("", cheats_text(morning.cheats, width=None).splitlines(), "output")


def _certificate_of(view: EvaluatorView) -> Iterator[Block]:
    tone: Tone = "good" if view.fit and not view.believed else "warn" if view.fit else "bad"
    yield Para((Strong(f"Grade {view.grade}: "), f"{clean(view.reason)}."), tone)
    who = "printed by `score`" if view.scored else "reported by the program itself"
    noise = (
        "not known" if view.noise is None else "none" if view.noise == 0 else f"± {view.noise:.2g}"
    )
    exact = {None: "not known", True: "yes", False: "no"}[view.repeats_exactly]
    yield Facts(
        (
            ("metric", (Theirs(view.metric), f" {number(view.value, view.noise)}, {who}")),
            ("noise of one trial", (noise,)),
            ("equal seeds repeat", (exact,)),
            ("one trial takes", (f"{duration(view.seconds)}, {view.peak_memory_mb:.0f} MB",)),
            ("sandbox", (view.sandbox,)),
        )
    )
    for title, believed in (
        ("It believes, or lets happen", True),
        ("It does not believe", False),
        ("Not known", None),
    ):
        findings = [each for each in view.findings if each.believed is believed]
        if findings:
            yield Heading((title,))
            yield Bullets([(Theirs(each.told),) for each in findings])
    if advice := dict.fromkeys(each.advice for each in view.believed if each.advice):
        yield Heading(("What to change",))
        yield Bullets([(Theirs(each),) for each in advice])


def _cost(morning: Morning) -> Iterator[Block]:
    spent = morning.spent
    pairs: list[tuple[str, Inlines]] = [
        ("time", (f"{duration(3600 * spent.hours)} in {count(morning.sessions, 'session')}",)),
        (
            "trials",
            (f"{morning.trials:,}, {duration(morning.trial_seconds)} of them all together",),
        ),
        ("budget used", (f"{spent.experiments:,} experiments, repeats of them included",)),
        ("money", (f"{spent.usd:.2f} USD" if spent.usd else "none",)),
    ]
    if morning.tokens_in or morning.tokens_out:
        pairs.append(("tokens", (f"{morning.tokens_in:,} read, {morning.tokens_out:,} written",)))
    yield Facts(pairs)
    if len(morning.proposers) > 1 or spent.usd:
        yield Table(
            "By who proposed. Effect: by how much its champions are believed to beat those of their time; "
            "+ is better.",
            ("proposer", "experiments", "share", "failed", "effect", "time", "USD"),
            [
                (
                    (Theirs(f"{each.proposer} {each.strategy}".strip()),),
                    (f"{each.experiments:,}",),
                    (percent(each.share),),
                    (f"{each.failed:,}",),
                    (f"{each.gain:+.3g}",),
                    (duration(each.seconds),),
                    (f"{each.usd:.2f}",),
                )
                for each in morning.proposers
            ],
            frozenset({1, 2, 3, 4, 5, 6}),
        )


# --- home, again ---------------------------------------------------------------------------------


def _home(morning: Morning) -> Iterator[Block]:
    best = morning.champion
    if best is None:
        yield Para(("There is no champion to take home yet.",), "quiet")
        return
    yield Lines(
        "",
        (
            f"move37 diff x{best.experiment}             # look at it",
            f"move37 apply x{best.experiment}            # into your files; refuses to overwrite your own work",
            f"move37 branch NAME x{best.experiment}      # a git branch, a commit for each edit",
            f"move37 patch x{best.experiment}            # for `git apply`",
            f"move37 patch --pr x{best.experiment}       # a pull request's title and text",
        ),
        "shell",
    )


def _again(morning: Morning) -> Iterator[Block]:
    yield Para(("All figures here are computed from the study's facts and can be computed again.",))
    yield Lines(
        "",
        (
            "move37 verify                 # computes every figure again from the stored facts",
            "move37 bundle study.tar.gz    # task, seeds, facts, code and versions, in one file to send",
            "move37 verify study.tar.gz    # the same for whoever was sent it",
            "move37 reproduce study.tar.gz # runs champion and baseline again, on fresh seeds",
        ),
        "shell",
    )
    yield Facts((("measured by", (Typed(clean(morning.evaluation)),)),))
