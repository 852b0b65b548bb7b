"""
Our exception hierarchy:

* Move37Error
  x TaskError              the task cannot be used as written; the message says where and what to write
  x StudyError             the study in `.move37/` is missing, broken, or not the one asked about
    - StudyLocked          another process is writing to it
    - Unwritable           the disk is full or the directory read-only
  x SandboxError           the asked-for strength of sandbox is not to be had here
  x ProposalFailed         a proposer's attempt came to nothing; becomes a `Failed("propose")`
    - Unreadable           an answer could not be used; whoever gave it may be asked to mend it
  x NothingToPropose       a proposer has no change left to offer
    - TooDear              its next question might cost more than the budget has left
      + NotYet             … while others are under way; when they are answered, there may be enough
  x Refused                a change that somebody handed in cannot be taken as it is
  x HomeError              `apply` or `branch` would have overwritten the user's own work

A failed experiment is not an exception: see `move37.core.records.Failed`.
Every message is one sentence for a person: what is wrong, where, and what to do instead.
"""


class Move37Error(Exception):
    """Base class for everything move37 raises on purpose."""


class TaskError(Move37Error):
    """The task cannot be used as written."""


class StudyError(Move37Error):
    """The study is missing, broken, or does not hold what was asked for."""


class StudyLocked(StudyError):
    """Another living process is writing to the study."""


class Unwritable(StudyError):
    """The study cannot be written: a full disk, a read-only directory, a wrong owner."""


class SandboxError(Move37Error):
    """No sandbox of the wanted strength can be had on this machine."""


class ProposalFailed(Move37Error):
    """This attempt to propose came to nothing. The loop records it and goes on."""


class Held(ProposalFailed):
    """A person has paused the direction that the proposal is of."""


class Unreadable(ProposalFailed):
    """An answer cannot be used as it stands. The message, one that its author can act on, says why."""


class NothingToPropose(Move37Error):
    """A proposer has no change left to offer; the study ends early, and says so."""


class TooDear(NothingToPropose):
    """The next question to a model or an agent might exceed the budget, so it is not asked."""


class NotYet(TooDear):
    """It might exceed the budget together with the questions that are under way: it can wait for them."""


class Refused(Move37Error):
    """A change that somebody outside handed in cannot be taken as it is."""


class HomeError(Move37Error):
    """Taking a result home would have overwritten the user's own work."""
