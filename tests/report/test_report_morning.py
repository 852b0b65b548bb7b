"""The written report: what it says of a study, whatever is in it, and however large it is."""

import re
import time
from html.parser import HTMLParser

import pytest

from move37.core.facts import Proposed
from move37.core.records import (
    CheatReport,
    Direction,
    Evaluation,
    Files,
    Metric,
    Remark,
    Task,
    Verdict,
)
from move37.report.chapters import document
from move37.report.html import html_page
from move37.report.markdown import code_span, escaped, fenced, markdown
from move37.report.morning import EditStory, Morning, Program, morning
from move37.report.pull_request import pull_request_text
from move37.testing.beliefs import MeanBeliefs
from move37.testing.histories import MadeUpStudy, made_up_task

HOSTILE = (
    "</style></pre><script>alert(1)</script><img src=x onerror=alert(2)> ![x](http://evil.test/x.png) "
    "[y](javascript:alert(3)) `` ``` | --- | \x1b[31m\u202e &amp; \"'><svg/onload=alert(4)> @octocat #1"
)


def judged(one: int) -> tuple[Verdict, str]:
    return Verdict.UNCLEAR, "nobody knows"


def told(study: MadeUpStudy, champion: int | None, program: Program | None = None) -> Morning:
    return morning(
        study.task, study.history, study.beliefs, champion,
        judge=judged, version="0", program=lambda experiment: program or Program(), sessions=1,
    )  # fmt: skip


def both(study: MadeUpStudy, champion: int | None, program: Program | None = None) -> str:
    written = document(told(study, champion, program))
    return html_page(written) + markdown(written)


def small(*, values: tuple[float, ...] = (3.0, 3.1, 2.9)) -> MadeUpStudy:
    study = MadeUpStudy(made_up_task())
    study.baseline(*values)
    return study


class Tags(HTMLParser):
    """Every element and attribute of a page, and whether what was opened is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.attributes: set[str] = set()
        self.urls: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.urls |= {value or "" for name, value in attrs if name in ("href", "src", "action")}
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def tags_of(page: str) -> Tags:
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    return tags


def test_a_study_that_has_only_a_baseline_reads_well() -> None:
    text = both(small(), None)
    assert "no experiment is believed better than the baseline so far" in text
    assert "There is no champion to take home yet." in text
    tags_of(html_page(document(told(small(), None))))


def test_a_study_whose_baseline_failed_reads_well() -> None:
    study = MadeUpStudy(made_up_task())
    study.baseline()
    text = both(study, None)
    assert "the baseline has not been measured" in text
    assert "Nothing has been measured yet." in text


def test_what_is_believed_and_not_certified_is_claimed_nowhere() -> None:
    study = small()
    study.experiment(2.5, hypothesis="halve the rate")
    study.failure(reason="it exited with 3")
    text = both(study, 1)
    assert "Nothing is claimed yet" in text
    assert "halve the rate" in text
    assert 'class="claimed"' not in text


def test_what_is_claimed_comes_first_with_its_interval_and_evidence() -> None:
    study = small()
    study.experiment(2.5)
    study.certificate(1, effect=0.5, margin=0.1, base=3.0, holdout_effect=0.4)
    written = document(told(study, 1))
    assert written.is_claimed
    assert written.chapters[0].title == "What is claimed"
    page = html_page(written)
    assert "0.500 lower val_bpb, 95 % interval 0.400 to 0.600" in page
    assert "8 pairs of fresh trials (16 trials)" in page
    assert page.index("What is claimed") < page.index("What this study cannot say")


def test_what_fresh_evidence_did_not_support_is_said() -> None:
    study = small()
    study.experiment(2.5)
    study.certificate(1, effect=0.1, margin=0.3, base=3.0, claim=False)
    assert "fresh evidence did not support it" in both(study, 1)


def test_each_edit_has_its_measured_effect_positive_where_it_helps() -> None:
    study = small()
    study.experiment(2.5, hypothesis="the learning rate was too small")
    edits = (
        EditStory(
            label="rate = 0.1 → 0.3", places=("train.py:3",), old="0.1", new="0.3", steps=(1,), tried=2,
            effect=0.31, interval=(0.2, 0.42), level=0.9, pairs=3, reason="it is needed",
        ),
        EditStory(
            label="width = 8 → 9", places=("train.py:4",), old="8", new="9", steps=(1,), kept=False,
            reason="not tried",
        ),
    )  # fmt: skip
    text = both(study, 1, Program(edits=edits, diff="--- a\n+++ b\n@@ -1 +1 @@\n-0.1\n+0.3\n"))
    assert "+0.310" in text
    assert "+0.200 to +0.420" in text
    assert "dropped: " in text
    assert "the learning rate was too small" in text


def test_failures_for_one_reason_are_one_line() -> None:
    study = small()
    for index in range(30):
        study.failure(reason=f"it used {index}.5 MB, and may have 4")
    study.rejection(reason="it was tried before")
    found = told(study, None).failures
    assert [(group.experiments, group.stage) for group in found] == [(30, "run"), (1, "propose")]
    assert found[0].examples == (1, 2, 3)


def hostile_study() -> tuple[MadeUpStudy, Program]:
    task = made_up_task()
    task = Task(
        name=HOSTILE, root=task.root, goal=HOSTILE, files=Files(edit=(HOSTILE,)),
        evaluate=Evaluation(run=HOSTILE), metric=Metric(name=HOSTILE, direction=Direction.MINIMIZE),
        also=(Metric(name=HOSTILE, direction=Direction.MINIMIZE),),
    )  # fmt: skip
    study = MadeUpStudy(task)
    study.baseline(3.0, 3.1)
    id = study.open(proposer=HOSTILE)
    study.add(Proposed(experiment=id, commit="c", identity="i", move=HOSTILE, hypothesis=HOSTILE))
    study.trial(id, 2.0)
    study.failure(reason=HOSTILE, output=HOSTILE + "\n" + HOSTILE)
    study.certificate(id, effect=0.5, margin=0.1, base=3.0)
    remark = Remark(
        topic="seed", gravity="serious", what=HOSTILE, why=HOSTILE, path=HOSTILE, line=1
    )
    edit = EditStory(
        label=HOSTILE, places=(HOSTILE,), old=HOSTILE, new=HOSTILE, steps=(id,), reason=HOSTILE
    )
    return study, Program(
        diff="+" + HOSTILE, edits=(edit,), cheats=CheatReport(experiment=id, remarks=(remark,))
    )


def test_no_words_of_others_become_markup_of_the_page() -> None:
    study, program = hostile_study()
    page = html_page(document(told(study, 1, program)))
    tags = tags_of(page)
    assert not tags.seen & {"script", "img", "iframe", "object", "embed", "link", "form"}
    assert not {name for name in tags.attributes if name.startswith("on")}
    assert all(url.startswith("#") for url in tags.urls)
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert page.count("</style>") == 1


def test_no_words_of_others_become_markup_of_the_markdown() -> None:
    render = pytest.importorskip("markdown").markdown  # comes with the docs' own builder

    study, program = hostile_study()
    text = markdown(document(told(study, 1, program)))
    page = render(text, extensions=["tables", "fenced_code"])
    parser = Tags()
    parser.feed(page)
    assert not parser.seen & {"script", "svg", "iframe"}
    assert {url for url in parser.urls if not url.startswith("#")} == {"progress.png"}
    assert not {name for name in parser.attributes if name.startswith("on")}


def test_no_words_of_others_become_markup_of_a_pull_request() -> None:
    render = pytest.importorskip("markdown").markdown
    study, program = hostile_study()
    title, body = pull_request_text(told(study, 1, program))
    assert "\n" not in title
    assert "\x1b" not in title
    parser = Tags()
    parser.feed(render(body, extensions=["tables", "fenced_code"]))
    assert not parser.seen & {"script", "svg", "iframe", "img", "a"}


@pytest.mark.parametrize("text", ["`", "``", "a`b``c", "`` ` ``", "|", "a|b", "```\nx", "\\"])
def test_a_code_span_ends_where_it_should(text: str) -> None:
    span = code_span(text, in_table=True)
    fence = re.match(r"`+", span)
    assert fence is not None
    inside = span[len(fence[0]) : -len(fence[0])]
    assert fence[0] not in re.findall(r"`+", inside)
    assert "|" not in span
    assert "\n" not in span


def test_a_fence_is_longer_than_any_within() -> None:
    lines = fenced(["x", "`````", "y"], "diff")
    assert lines[0] == "``````diff"
    assert lines[-1] == "``````"


def test_our_own_words_escape_what_markdown_would_see() -> None:
    assert escaped("<b> *x* _y_ [z](w) www.a http://b #c") == (
        "\\<b\\> \\*x\\* \\_y\\_ \\[z\\](w) www\\.a http:\\/\\/b \\#c"
    )


def test_the_page_names_nothing_outside_itself() -> None:
    study = small()
    study.experiment(2.5)
    page = html_page(document(told(study, 1)))
    assert not re.search(r"https?://|@import|url\(", page)
    assert "default-src &#x27;none&#x27;" in page


def test_long_diffs_are_cut_and_say_so() -> None:
    study = small()
    study.experiment(2.5)
    diff = "\n".join(["+" + "x" * 5000] * 4000)
    page = html_page(document(told(study, 1, Program(diff=diff))))
    assert len(page) < 1_500_000
    assert "without 2,500 lines of 4,000" in page


@pytest.mark.slow
def test_a_hundred_thousand_experiments_take_seconds_and_a_bounded_page() -> None:
    study = MadeUpStudy(made_up_task(), MeanBeliefs(noise=0.01))
    study.baseline(3.0)
    for index in range(100_000):
        if index % 7 == 0:
            study.failure(reason=f"reason {'abcdefghij'[index % 10]}")
        else:
            study.experiment(3.0 + (index * 37 % 1000) / 1000, hypothesis=f"knob {index}")
    began = time.process_time()
    written = document(told(study, 2))
    page, plain = html_page(written), markdown(written)
    assert time.process_time() - began < 10
    assert len(page.encode()) < 5_000_000
    assert len(plain.encode()) < 1_000_000
