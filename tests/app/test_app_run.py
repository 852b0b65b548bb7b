from pathlib import Path

import pytest
from app_tasks import MakeTask

from move37 import app
from move37.app.study import read_study
from move37.core.errors import StudyError, TaskError
from move37.core.events import Event, Recorded, Stop
from move37.core.facts import Fact, SessionEnded, Tried
from move37.core.journal import Journal
from move37.store.sqlite import SqliteStore
from move37.testing.timeless import timeless


def settings(experiments: int = 6, **others: object) -> app.RunSettings:
    given: dict[str, object] = {"check": False, **others}  # see test_app_checking.py
    return app.RunSettings(experiments=experiments, workers=1, **given)  # pyright: ignore[reportArgumentType]


def facts(task: Path) -> list[Fact]:
    store = SqliteStore.open(task / app.STUDY, write=False)
    try:
        return [row.fact for row in Journal(store).store.rows()]
    finally:
        store.close()


def test_a_run_spends_its_budget_and_certifies_the_champion(make_task: MakeTask) -> None:
    task = make_task()
    result = app.run(task, settings(12))
    assert result.halt == "budget"
    assert result.status.spent.experiments == 12
    assert result.certified is not None
    assert result.certified.claim
    assert result.certified.effect is not None
    assert result.certified.effect > 0
    assert app.verify(task).mismatches == ()


def test_running_again_with_a_spent_budget_opens_nothing(make_task: MakeTask) -> None:
    task = make_task()
    app.run(task, settings(4))
    before = timeless(facts(task))
    again = app.run(task, settings(4))
    assert again.halt == "budget"
    assert timeless(facts(task)) == before


def test_a_study_goes_on_where_a_smaller_budget_ended(make_task: MakeTask) -> None:
    in_one_go, in_two = make_task(name="one/task"), make_task(name="two/task")
    app.run(in_one_go, settings(8, certify=False))
    app.run(in_two, settings(3, certify=False))
    app.run(in_two, settings(8, certify=False))
    assert timeless(facts(in_two)) == timeless(facts(in_one_go))


def test_the_seed_of_a_study_decides_what_is_tried(make_task: MakeTask) -> None:
    one, same, other = (make_task(name=f"{name}/task") for name in ("one", "same", "other"))
    app.run(one, settings(seed=1, certify=False))
    app.run(same, settings(seed=1, certify=False))
    app.run(other, settings(seed=2, certify=False))
    assert timeless(facts(one)) == timeless(facts(same))
    assert timeless(facts(one)) != timeless(facts(other))


def test_a_change_of_the_evaluation_begins_a_new_epoch(make_task: MakeTask) -> None:
    task = make_task()
    app.run(task, settings(2, certify=False))
    evaluate = task / "evaluate.sh"
    evaluate.write_text(evaluate.read_text().replace("4 *", "5 *"))
    result = app.run(task, settings(2, certify=False))
    assert result.status.epoch == 1
    assert result.status.spent.experiments == 2
    assert result.status.baseline.experiment == 3


def test_a_file_that_comes_later_changes_nothing(make_task: MakeTask) -> None:
    task = make_task()
    app.run(task, settings(2, certify=False))
    (task / "run.log").write_text("a note")
    assert app.run(task, settings(3, certify=False)).status.epoch == 0
    (task / "evaluate.sh").write_text("cat run.log; echo loss: 1")
    assert app.run(task, settings(1, certify=False)).status.epoch == 1
    (task / "run.log").write_text("another note")
    assert app.run(task, settings(1, certify=False)).status.epoch == 2


def test_an_edit_of_the_program_goes_on_with_the_study(make_task: MakeTask) -> None:
    task = make_task()
    app.run(task, settings(2, certify=False))
    app.apply(task, 1)
    assert app.run(task, settings(3, certify=False)).status.epoch == 0


def test_an_edit_by_hand_is_tried_like_any_other_proposal(make_task: MakeTask) -> None:
    task = make_task()
    app.run(task, settings(2, certify=False))
    program = task / "program.py"
    program.write_text(program.read_text().replace("0.01", "0.135"))
    result = app.run(task, settings(3, certify=False))
    assert result.status.epoch == 0
    mine = app.show(task, 3)
    assert mine.summary.proposer == "yours"
    assert mine.summary.effect is not None
    assert mine.summary.effect.effect > 5


def test_a_task_that_was_broken_and_is_mended_begins_again(make_task: MakeTask) -> None:
    task = make_task(
        program="learning_rate = oops\n", evaluate="grep -q oops program.py && exit 1\necho loss: 1"
    )
    assert app.run(task, settings(1)).halt == "baseline"
    (task / "program.py").write_text("learning_rate = 0.1\n")
    result = app.run(task, settings(1, certify=False))
    assert (result.halt, result.status.epoch) == ("budget", 1)


def test_asked_to_stop_it_ends_and_the_next_run_goes_on(make_task: MakeTask) -> None:
    task, stop = make_task(), Stop()
    stop.request()
    assert app.run(task, settings(4), stop=stop).halt == "stopped"
    assert isinstance(facts(task)[-1], SessionEnded)
    assert app.run(task, settings(4)).halt == "budget"


def test_a_check_that_fails_keeps_an_experiment_from_being_champion(make_task: MakeTask) -> None:
    # The loss wants a momentum of 0.9; the check forbids any but the original.
    task = make_task()
    toml = task / "move37.toml"
    toml.write_text(
        toml.read_text() + "\n[checks]\nfixed = \"grep -q 'momentum = 0.5' program.py\"\n"
    )
    result = app.run(task, settings(12))
    assert result.status.champion is not None
    champion = app.show(task, result.status.champion.experiment)
    assert champion.checks == {"fixed": True}
    assert "-momentum" not in app.diff(task).text


def test_several_workers_run_the_same_number_of_experiments(make_task: MakeTask) -> None:
    result = app.run(make_task(), app.RunSettings(experiments=7, workers=3, certify=False))
    assert result.status.spent.experiments == 7
    assert result.status.running == 0


def test_no_program_runs_twice_and_the_seed_is_never_touched(make_task: MakeTask) -> None:
    program = "seed = 3  # of all randomness\nrate = 2\nuse_bias = True\n"
    task = make_task(
        program=program, evaluate="awk -F' = ' '/rate/ {print \"loss:\", $2}' program.py"
    )
    app.run(task, settings(25, certify=False))
    with read_study(task) as study:
        programs = [
            study.store.code.read(experiment.commit, "program.py").split(b"\n")
            for experiment in study.history.experiments
            if experiment.commit is not None
        ]
    assert len({b"\n".join(lines) for lines in programs}) == len(programs) > 5
    assert {lines[0] for lines in programs} == {b"seed = 3  # of all randomness"}


def test_a_look_shows_the_budget_that_was_worked_with(make_task: MakeTask) -> None:
    task = make_task(extra="[budget]\nexperiments = 9")
    app.run(task, settings(2, hours=3.5, certify=False))
    spent = app.status(task).spent
    assert (spent.max_experiments, spent.max_hours) == (2, 3.5)


@pytest.mark.parametrize("hours", [float("nan"), float("inf")])
def test_a_budget_without_end_is_left_out_instead(make_task: MakeTask, hours: float) -> None:
    with pytest.raises(TaskError, match="hours"):
        app.run(make_task(), settings(2, hours=hours))


def test_certify_begins_nothing(make_task: MakeTask) -> None:
    task = make_task()
    app.run(task, settings(2, certify=False))
    before = timeless(facts(task))
    (task / "evaluate.sh").write_text("echo loss: 0\n")
    with pytest.raises(StudyError, match="has changed since"):
        app.certify(task, 1)
    assert timeless(facts(task)) == before


def test_a_certified_experiment_stays_champion_until_another_is_clearly_better(
    make_task: MakeTask,
) -> None:
    noisy = "awk -v seed=$MOVE37_SEED -F ' = ' '/learning_rate/ { x = (log($2) + 2) ^ 2 }"
    noisy += ' END { srand(seed + 1000 * x); print "loss:", x + rand() / 10 }\' program.py'
    task = make_task(evaluate=noisy)
    first = app.run(task, settings(10)).certified
    assert first is not None
    assert first.claim
    assert app.best(task).summary.experiment == first.experiment
    app.run(task, settings(14, certify=False))
    with read_study(task) as study:
        kept, rival = study.champion, study.contender
        assert kept is not None
        assert rival is not None
        lead = study.believer.difference(rival, first.experiment)
    credible = lead is not None and lead.mean > 3.0 * lead.sd
    assert kept == (rival if credible else first.experiment)


@pytest.mark.parametrize("stopped_after", [1, 5, 11])
def test_a_certification_that_was_interrupted_ends_as_it_would_have(
    make_task: MakeTask, stopped_after: int
) -> None:
    in_one_go, interrupted = make_task(name="one/task"), make_task(name="two/task")
    app.run(in_one_go, settings(7))
    stop, fresh = Stop(), iter(range(100))

    def watch(event: Event) -> None:
        match event:
            case Recorded(fact=Tried(trial=trial)) if trial.purpose == "certify":
                if next(fresh) == stopped_after:
                    stop.request()
            case _:
                pass

    assert app.run(interrupted, settings(7), watch=watch, stop=stop).halt == "stopped"
    app.run(interrupted, settings(7))
    assert timeless(facts(interrupted)) == timeless(facts(in_one_go))


def test_certify_says_what_there_is_to_certify(make_task: MakeTask) -> None:
    task = make_task(evaluate='echo "loss: 1"')
    app.run(task, settings(2, certify=False))
    with pytest.raises(StudyError, match="baseline"):
        app.certify(task, 0)


def test_looking_at_nothing_says_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="move37 run"):
        app.status(tmp_path)


def test_an_unknown_sandbox_or_search_names_the_known_ones(make_task: MakeTask) -> None:
    with pytest.raises(TaskError, match="auto, root, user or plain"):
        app.run(make_task(name="a"), settings(sandbox="chroot"))
    with pytest.raises(TaskError, match="lineage"):
        app.run(make_task(name="b"), settings(search="guess"))
