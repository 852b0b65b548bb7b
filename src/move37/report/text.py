"""Views as text for people, in careful language.

Three words are kept apart: *measured* (what trials printed, luck included), *believed* (the posterior)
and *certified* (fresh evidence, with its interval). Only the last is ever called an improvement.
Every function returns lines that fit `width` columns; `None` leaves lines whole, for pipes.
"""

from collections.abc import Sequence

from move37.report.arms import are_worth_a_line, arm_line, arm_name
from move37.report.asked import asked_line
from move37.report.cheats import cheats_text
from move37.report.evaluator import evaluator_line
from move37.report.phrases import (
    change_words,
    effect_words,
    fresh_words,
    likely_words,
    luck_words,
    share_words,
    shrinkage_words,
    verdict_words,
)
from move37.report.results import BenchResult, Reproduced, RunResult, Verified
from move37.report.steering import standing_lines
from move37.report.surprises import expected
from move37.report.views import (
    CertificateView,
    Detail,
    Estimate,
    Listing,
    MetricView,
    Spent,
    Status,
    Summary,
    TrialView,
)
from move37.report.words import (
    Paint,
    Style,
    cells,
    clean,
    count,
    cut,
    duration,
    measured,
    number,
    percent,
    plain,
    table,
    wrap,
)


def status_text(status: Status, *, width: int | None = 80, paint: Paint = plain) -> str:
    """What `move37 status` shows."""
    title = f"{clean(status.task)} · {clean(status.goal)}"
    pairs = [
        ("metric", _metric_line(status)),
        ("baseline", _standing(status.baseline)),
        *_champion_lines(status),
        ("certified", _latest_certificate(status)),
        ("budget", spent_text(status.spent)),
        ("kept", _kept(status)),
    ]
    if are_worth_a_line(status.proposers):
        pairs.extend((arm_name(view), arm_line(view)) for view in status.proposers)
    if status.failures:
        pairs.append(("failures", _failures(status)))
    if status.screened:
        pairs.append(("let go", f"{count(status.screened, 'experiment')} before the full trial"))
    if status.waiting:
        pairs.append(("waiting", f"{count(status.waiting, 'change')} handed in, not measured yet"))
    if status.orders is not None:
        lines = standing_lines(status.orders)
        pairs.extend(("" if at else "ordered", line) for at, line in enumerate(lines))
    if status.pareto:
        pairs.append(("front", f"{_ids(status.pareto)}; see `move37 list --pareto`"))
    pairs.append(("evaluation", evaluator_line(status.evaluator)))
    pairs.append(("sandbox", status.sandbox or "not run yet"))
    if status.epoch > 0:
        pairs.append(("epoch", f"{status.epoch}; trials of earlier ones are not compared"))
    return "\n".join(
        (
            paint("title", cut(title, width)),
            cut(str(status.root), width),
            "",
            *_fields(pairs, width),
        )
    )


def listing_text(listing: Listing, *, width: int | None = 80, paint: Paint = plain) -> str:
    """What `move37 list` shows: a line for each experiment."""
    if not listing.rows:
        return "no experiments to list"
    header = ("id", listing.metric.name, "effect", "n", "verdict", "hypothesis")
    styles: list[Style | None] = [_style(row) for row in listing.rows]
    rows = [("  " + header[0], *header[1:]), *map(_row, listing.rows)]
    lines = [cut(line, width) for line in table(rows, right=_RIGHT)]
    shown = [paint("title", lines[0])] + [
        paint(style, line) if style else line for line, style in zip(lines[1:], styles, strict=True)
    ]
    note = f"effect: believed, against the baseline; + is better. ★ champion, ◆ certified. {_goal(listing.metric)}"
    hidden = listing.total - len(listing.rows)
    if hidden > 0:
        note = f"{count(hidden, 'more experiment')} not shown. {note}"
    return "\n".join((*shown, "", paint("dim", wrap(note, width))))


def detail_text(detail: Detail, *, width: int | None = 80, paint: Paint = plain) -> str:
    """What `move37 show` and `move37 best` show."""
    one = detail.summary
    name = f"x{one.experiment}" + (" · champion" if one.is_champion else "")
    title = f"{name} · {clean(one.hypothesis) or 'no hypothesis'}"
    pairs = [("change", _origin(detail))]
    if detail.move37 is not None:
        pairs.append(("move 37", detail.move37.told))
    if one.failure:
        pairs.append(("failed", clean(one.failure)))
    if steered := _steered(one):
        pairs.append(("ordered", steered))
    pairs.extend(("agent", clean(note)) for note in detail.noted)
    pairs.append(("believed", _believed(one.believed)))
    if one.measured is not None:
        finished = count(one.trials, "finished trial")
        pairs.append(("measured", f"{number(one.measured)}, the mean of {finished}"))
    if one.effect is not None:
        pairs.append(("effect", f"{effect_words(one.effect)} against the baseline, believed"))
    if detail.effect_on_parent is not None and one.parents:
        pairs.append(
            ("", f"{effect_words(detail.effect_on_parent)} against x{one.parents[0]}, believed")
        )
    if detail.guess is not None:
        pairs.append(("expected", expected(detail.guess)))
    if detail.predicted_effect is not None:
        prior = "" if detail.prior is None else f", prior {detail.prior:.2g}"
        pairs.append(("predicted", f"{detail.predicted_effect:+.4g}{prior}"))
    if one.verdict is not None:
        said = clean(detail.reason)
        verdict = one.verdict.value
        pairs.append(("verdict", said if said.startswith(verdict) else f"{verdict}: {said}"))
    pairs.extend(("check", f"{clean(name)} {_passed(ok)}") for name, ok in detail.checks.items())
    if detail.evaluator is not None:
        pairs.append(("evaluation", evaluator_line(detail.evaluator)))
    usd = f", {detail.usd:.2f} USD" if detail.usd else ""
    pairs.append(("cost", f"{duration(detail.seconds)} of trials{usd}"))
    for view in detail.asked:
        pairs.append(("" if view.round else "asked", asked_line(view)))
    if detail.children:
        pairs.append(("children", _ids(detail.children)))
    if detail.commit:
        pairs.append(("commit", detail.commit))
    parts = ["\n".join((paint("title", cut(title, width)), "", *_fields(pairs, width)))]
    if detail.trials:
        parts.append(_trials(detail.trials, width))
    parts.extend(_outputs(detail.trials, paint))
    parts.extend(
        certificate_text(one, detail.metric, width=width, paint=paint)
        for one in detail.certificates
    )
    if detail.cheats is not None:
        parts.append(cheats_text(detail.cheats, width=width, paint=paint))
    return "\n\n".join(parts)


def certificate_text(
    view: CertificateView, metric: MetricView, *, width: int | None = 80, paint: Paint = plain
) -> str:
    """What `move37 certify` shows."""
    head = f"x{view.experiment} against the baseline x{view.baseline}, on fresh seeds"
    pairs: list[tuple[str, str]] = []
    if view.effect is not None and view.interval is not None:
        pairs.append(("effect", fresh_words(view.effect, view.interval, view.level, metric)))
        pairs.append(("", share_words(view.relative_gain, view.baseline_value, view.interval)))
    if view.holdout_effect is not None and view.holdout_interval is not None:
        holdout = fresh_words(view.holdout_effect, view.holdout_interval, view.level, metric)
        pairs.append(("hold-out", holdout))
        base = view.holdout_baseline_value
        pairs.append(("", share_words(view.holdout_relative_gain, base, view.holdout_interval)))
    pairs.append(("evidence", f"{count(view.pairs, 'pair')}, {count(view.trials, 'trial')}"))
    if view.believed is not None:
        pairs.append(("believed", shrinkage_words(view)))
    if view.estimate is not None and view.estimate_interval is not None:
        pairs.append(("likely", likely_words(view.estimate, view.estimate_interval, metric)))
    if luck := luck_words(view):
        pairs.append(("luck", luck))
    pairs.append(("verdict", verdict_words(view, metric)))
    style: Style = "good" if view.claim else "warn"
    lines = [paint(style, cut(head, width)), *_fields(pairs, width)]
    if view.cheats is not None:
        lines += ["", cheats_text(view.cheats, width=width, paint=paint, least="look")]
    return "\n".join(lines)


def spent_text(spent: Spent) -> str:
    """Budget used so far, in one line."""
    parts = [
        f"{spent.experiments:,}{_of(spent.max_experiments)} experiments",
        f"{duration(3600 * spent.hours)}"
        + ("" if spent.max_hours is None else f" of {duration(3600 * spent.max_hours)}"),
    ]
    if spent.usd or spent.max_usd is not None:
        limit = "" if spent.max_usd is None else f" of {spent.max_usd:.2f}"
        parts.append(f"{spent.usd:.2f}{limit} USD")
    return " · ".join(parts)


# --- pieces --------------------------------------------------------------------------------------

_RIGHT = frozenset({1, 2, 3})


def _fields(pairs: Sequence[tuple[str, str]], width: int | None) -> list[str]:
    """Names in a column, values beside them, wrapped."""
    column = max(cells(name) for name, _ in pairs) + 4
    indent = " " * column
    return [f"  {name}".ljust(column) + wrap(value, width, indent) for name, value in pairs]


def _steered(one: Summary) -> str:
    """What people have ordered of it, and of what it descends from."""
    said: list[str] = []
    if one.vetoed_by is not None:
        said.append(f"vetoed by {clean(one.vetoed_by)}: nothing is built on it")
    if one.pinned_by is not None:
        said.append(f"pinned by {clean(one.pinned_by)}: built on")
    if one.below_vetoed is not None:
        said.append(f"descends from x{one.below_vetoed}, which was vetoed")
    return "; ".join(said)


def _goal(metric: MetricView) -> str:
    better = "lower" if metric.goal == "minimize" else "higher"
    return f"{better} {clean(metric.name)} is better."


def _metric_line(status: Status) -> str:
    better = "lower" if status.metric.goal == "minimize" else "higher"
    noise = "" if not status.noise else f"; one trial's noise ± {status.noise:.2g}"
    if status.noise == 0 and status.baseline.trials > 1:
        noise = "; no noise"
    least = status.metric.min_effect
    worth = "" if not least else f"; effects below {least:g} do not count"
    return f"{clean(status.metric.name)}, {better} is better{noise}{worth}"


def _standing(one: Summary) -> str:
    return f"x{one.experiment}  {_believed(one.believed)}, {count(one.trials, 'trial')}"


def _believed(estimate: Estimate | None) -> str:
    if estimate is None:
        return "nothing yet"
    return measured(estimate.value, estimate.sd or None)  # one trial says nothing of its own noise


def _champion_lines(status: Status) -> list[tuple[str, str]]:
    one = status.champion
    if one is None:
        return [("champion", "the baseline: nothing is believed better so far")]
    effect = "" if one.effect is None else f", believed effect {effect_words(one.effect)}"
    return [("champion", _standing(one) + effect), ("", clean(one.hypothesis))]


def _latest_certificate(status: Status) -> str:
    """Of the champion if it has one; else the latest claim; else what to do."""
    champion = status.champion.experiment if status.champion else None
    own = [view for view in status.certificates if view.experiment == champion]
    claims = [view for view in status.certificates if view.claim]
    if not (own or claims) and status.champion is None:
        return "nothing yet"
    if not (own or claims):
        return "nothing yet; `move37 certify` compares the champion on fresh seeds"
    view = (own or claims)[-1]
    other = "" if own else f"; not the champion: `move37 apply x{view.experiment}` takes it home"
    if not own and view.experiment == status.pruned_from:
        other = f"; x{champion} is the same without what does nothing, certified not worse"
    if not view.claim or view.effect is None or view.interval is None:
        return f"x{view.experiment}  {clean(view.reason)}"
    gain, held = view.relative_gain, view.holdout_relative_gain
    shares = [] if gain is None else [change_words(gain, status.metric)]
    shares += [] if held is None else [f"hold-out {change_words(held, status.metric)}"]
    told = fresh_words(view.effect, view.interval, view.level, status.metric)
    return f"x{view.experiment}  {'; '.join((told, *shares))}{other}"


def _kept(status: Status) -> str:
    finished = status.measured + sum(status.failures.values())
    rate = "" if status.keep_rate is None else f" ({percent(status.keep_rate)})"
    running = f" · {status.running} running" if status.running else ""
    if running and not status.is_working:
        them = "it" if status.running == 1 else "them"
        running = f" · {status.running} interrupted; `move37 run` goes on with {them}"
    return f"{status.kept:,} of {finished:,} finished{rate}{running}"


def _failures(status: Status) -> str:
    by_stage = ", ".join(f"{stage} {n:,}" for stage, n in status.failures.items())
    return f"{sum(status.failures.values()):,}: {by_stage}"


def _of(limit: int | None) -> str:
    return "" if limit is None else f" of {limit:,}"


def _style(row: Summary) -> Style | None:
    if row.certified:
        return "good"
    if row.is_champion or row.is_baseline:
        return "title"
    if row.state == "failed":
        return "dim"
    return None


def _row(row: Summary) -> tuple[str, ...]:
    sign = ("★" if row.is_champion else " ") + ("◆" if row.certified else " ")
    believed = row.believed
    effect = row.effect
    verdict = "baseline" if row.is_baseline else row.verdict.value if row.verdict else "running"
    told = clean(row.failure or row.screened or row.hypothesis)
    also = "".join(f"{clean(name)} {number(value)}, " for name, value in row.also.items())
    also = f"✶ move 37: {also}" if row.is_move37 else also
    if row.vetoed_by is not None or row.below_vetoed is not None:
        mark = "vetoed" if row.vetoed_by is not None else f"below x{row.below_vetoed}, vetoed"
        also = f"[{mark}] {also}"
    elif row.pinned_by is not None:
        also = f"[pinned] {also}"
    return (
        f"{sign}x{row.experiment}",
        measured(believed.value, believed.sd) if believed else "",
        measured(effect.effect, effect.sd, sign=True) if effect else "",
        str(row.trials),
        "let go" if row.screened else verdict,
        also + told,
    )


def _origin(detail: Detail) -> str:
    one = detail.summary
    if one.is_baseline:
        return f"none: the baseline of epoch {one.epoch}"
    source = " and ".join(f"x{parent}" for parent in one.parents)
    move = f" ({clean(one.move)})" if one.move else ""
    return f"of {source}, by {clean(one.proposer)}{move}"


def _ids(experiments: Sequence[int]) -> str:
    shown = " ".join(f"x{id}" for id in experiments[:12])
    return shown if len(experiments) <= 12 else f"{shown} and {len(experiments) - 12:,} more"


def _passed(ok: bool) -> str:
    return "passed" if ok else "failed"


def _trials(trials: Sequence[TrialView], width: int | None) -> str:
    header = ("trial", "seed", "value", "seconds", "memory", "")
    lines = table(
        [
            header,
            *(
                (
                    f"{trial.purpose} {trial.index}",
                    str(trial.seed),
                    number(trial.value),
                    f"{trial.seconds:.2f}",
                    "" if trial.peak_memory_mb is None else f"{trial.peak_memory_mb:.0f} MB",
                    clean(trial.failure or ""),
                )
                for trial in trials
            ),
        ],
        right=_RIGHT | {4},
    )
    return "\n".join("  " + cut(line, None if width is None else width - 2) for line in lines)


def _outputs(trials: Sequence[TrialView], paint: Paint) -> list[str]:
    """The last lines that failed trials printed, harmless on a terminal."""
    return [
        f"{trial.purpose} {trial.index} printed last:\n"
        + paint(
            "dim",
            "\n".join(f"  │ {line}" for line in clean(trial.output, keep="\n\t").splitlines()),
        )
        for trial in trials
        if trial.output.strip()
    ]


def diff_text(text: str, *, paint: Paint = plain) -> str:
    """A diff for a person's eyes: harmless on a terminal, and so no longer byte for byte."""
    styles: dict[str, Style] = {"+": "good", "-": "bad", "@": "dim"}
    lines: list[str] = []
    for line in text.splitlines():
        shown = clean(line, keep="\n\t")
        style: Style | None = styles.get(line[:1])
        if line.startswith(("diff ", "+++ ", "--- ")):
            style = "title"
        lines.append(paint(style, shown) if style else shown)
    return "\n".join(lines) if lines else "no difference"


def next_text(result: RunResult, command: str) -> str:
    """What a person may want to do after a run; nothing when the reason of its end says it.

    command: how they call us, there.
    """
    status = result.status
    claims = [view for view in status.certificates if view.claim]
    certified = result.certified or (claims[-1] if claims else None)
    if result.halt == "baseline":
        told = f"`{command} show x{status.baseline.experiment}` shows all that it printed"
    elif result.stopped_early:
        return ""  # the reason says how to go on
    elif certified is not None and certified.claim:
        champion = None if status.champion is None else status.champion.experiment
        name = "" if certified.experiment == champion else f" x{certified.experiment}"
        told = f"`{command} diff{name}` to look at it, `{command} apply{name}` to take it"
    elif status.champion is not None:
        told = f"`{command} best`; `{command} certify` compares it on fresh seeds"
    else:
        told = f"`{command} list` shows what was tried"
        told += f"; `{command} run --experiments N` tries more" if result.halt == "budget" else ""
    return f"Next: {told}"


def verified_text(view: Verified, *, paint: Paint = plain) -> str:
    """What `move37 verify` shows."""
    told = f"{count(view.figures, 'figure')} computed again from {count(view.facts, 'fact')}"
    if view.ok:
        return paint("good", f"{told}: all as recorded")
    lines = [paint("bad", f"{told}: {count(len(view.mismatches), 'difference')}")]
    return "\n".join((*lines, *(f"  {clean(mismatch)}" for mismatch in view.mismatches)))


def reproduced_text(view: Reproduced, *, paint: Paint = plain) -> str:
    """What `move37 reproduce` shows."""
    style: Style = {"agrees": "good", "contradicts": "bad"}.get(view.verdict, "warn")  # pyright: ignore[reportAssignmentType]
    head = f"x{view.experiment} against x{view.baseline}, {clean(view.metric)}; + is better"
    lines = [head, f"  claimed  {_with_interval(view.claimed, view.claimed_interval)}"]
    seen = f"{_with_interval(view.effect, view.interval)}, {count(view.pairs, 'pair')} on seeds of {view.seed}"
    lines.append(f"  seen     {seen}" + (f", {view.failed} failed" if view.failed else ""))
    return "\n".join((*lines, paint(style, f"{view.verdict}: {view.reason}")))


def _with_interval(effect: float | None, interval: tuple[float, float] | None) -> str:
    if effect is None or interval is None:
        return "nothing"
    spread = (interval[1] - interval[0]) / 4
    low, high = (number(bound, spread, sign=True) for bound in interval)
    return f"{number(effect, spread, sign=True)}, interval {low} to {high}"


def bench_text(result: BenchResult) -> str:
    """What `move37 bench NAME` shows: its own table, then the figures."""
    rows = [
        (
            f"  {name}",
            f"{value:.6g}",
            f"target {result.targets[name]}" if name in result.targets else "",
        )
        for name, value in result.figures.items()
    ]
    head = [result.table.rstrip(), ""] if result.table else []
    files = [f"  wrote {path}" for path in result.files]
    return "\n".join((*head, result.bench, *table(rows, right=frozenset({1})), *files))
