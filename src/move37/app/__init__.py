"""Wiring: settings to objects; one function per command, each returning a frozen record."""

from move37.app.ablating import ablate
from move37.app.benches import bench, benches
from move37.app.board import board, claim, post, retract, search_board, thread
from move37.app.brief import brief, program
from move37.app.bundling import bundle
from move37.app.checking import check
from move37.app.exporting import EXPORT_FORMATS, export
from move37.app.following import Followed, Following, News
from move37.app.home import apply, branch, has_task, init, patch
from move37.app.letters import Change
from move37.app.look import (
    best,
    conversation,
    diff,
    list_experiments,
    results,
    show,
    status,
)
from move37.app.lookout import Lookout
from move37.app.measuring import certify, demo, demos, run
from move37.app.notify import NotifySettings, read_notify
from move37.app.notifying import try_notify
from move37.app.queue import come_of, propose, wait
from move37.app.reporting import pull_request, report
from move37.app.reproducing import reproduce, verify_bundle
from move37.app.settings import RunSettings
from move37.app.skill import CLIENTS, install_skill, skill_text
from move37.app.steering import (
    hold,
    order,
    pause,
    pin,
    program_text,
    queue_idea,
    resume,
    save_program,
    set_budget,
    steering,
    stop,
    veto,
)
from move37.app.studies import known_studies, remember_study
from move37.app.study import STUDY, find_root, is_working
from move37.app.verify import verify

__all__ = [
    "CLIENTS",
    "EXPORT_FORMATS",
    "STUDY",
    "Change",
    "Followed",
    "Following",
    "Lookout",
    "News",
    "NotifySettings",
    "RunSettings",
    "ablate",
    "apply",
    "bench",
    "benches",
    "best",
    "board",
    "branch",
    "brief",
    "bundle",
    "certify",
    "check",
    "claim",
    "come_of",
    "conversation",
    "demo",
    "demos",
    "diff",
    "export",
    "find_root",
    "has_task",
    "hold",
    "init",
    "install_skill",
    "is_working",
    "known_studies",
    "list_experiments",
    "order",
    "patch",
    "pause",
    "pin",
    "post",
    "program",
    "program_text",
    "propose",
    "pull_request",
    "queue_idea",
    "read_notify",
    "remember_study",
    "report",
    "reproduce",
    "results",
    "resume",
    "retract",
    "run",
    "save_program",
    "search_board",
    "set_budget",
    "show",
    "skill_text",
    "status",
    "steering",
    "stop",
    "thread",
    "try_notify",
    "verify",
    "verify_bundle",
    "veto",
    "wait",
]
