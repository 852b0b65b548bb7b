"""Step 5. Believe the number? Measure, repeat, judge, check, certify."""

from move37.referee.certify import claim_level, conclude, open_certification, wanted_trials
from move37.referee.seeds import search_trial, trial_seed
from move37.referee.wants import Referee

__all__ = [
    "Referee",
    "claim_level",
    "conclude",
    "open_certification",
    "search_trial",
    "trial_seed",
    "wanted_trials",
]
