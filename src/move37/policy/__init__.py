"""Step 2'. Learned hints: a prior over moves, a value for a change.

`traits.py` says what a change is like, `policy.py` what to expect of it (a fold over the facts, on
`regression.py`), `gate.py` what to make of that, `lore.py` what studies of one user tell each other.
"""

from move37.policy.policy import Lesson, Policy
from move37.policy.traits import traits_of

__all__ = ["Lesson", "Policy", "traits_of"]
