"""How often answers are applied right, refused, or silently wrong, over the corpus."""

import sys
from collections import Counter

import pytest
from reply_corpus import Case, corpus

from move37.core.errors import Unreadable
from move37.proposers.reply.reply import read_reply


def outcome(case: Case) -> str:
    try:
        reply = read_reply(case.answer, case.files)
    except Unreadable as error:
        said = "right" if case.right is None else "refused"
        return said if str(error).strip() else "wordless"
    return "right" if case.right == dict(reply.changes) else "wrong"


def test_the_corpus_is_applied_right_and_never_silently_wrong(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cases = corpus()
    tally = Counter((case.right is not None, outcome(case)) for case in cases)
    edits = sum(count for (is_edit, _), count in tally.items() if is_edit)
    others = len(cases) - edits
    with capsys.disabled():
        sys.stdout.write(
            f"\nedits {edits}: right {tally[True, 'right']}, refused {tally[True, 'refused']}, "
            f"wrong {tally[True, 'wrong']}; impossible {others}: refused {tally[False, 'right']}\n"
        )
    assert edits >= 200
    assert tally[True, "wrong"] == tally[False, "wrong"] == 0
    assert tally[True, "right"] >= 0.98 * edits
