"""Agents that are shell scripts, in the real sandbox: what they may do, and what comes of what they try."""

import os
import socket
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from agents import Desk, levels, make_desk

from move37.core.errors import TaskError, Unreadable
from move37.core.protocols import Request
from move37.core.records import Answer
from move37.testing.sandbox import CALL, port, python

KEY = "sk-own-key-0123456789"
OTHER_KEY = "sk-other-key-0123456789"
EDIT = "sed -i s/0.01/0.5/ program.py"
EDITED = b"rate = 0.5\nwidth = 64\n"


@pytest.fixture(params=levels())
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Desk:
    environment = {"PATH": os.environ["PATH"], "OWN_API_KEY": KEY, "OTHER_API_KEY": OTHER_KEY}
    return make_desk(tmp_path, request.param, environment)


def notes(answer: Answer) -> str:
    return "\n".join(answer.detail["notes"])


def test_what_it_changed_in_editable_files_is_the_proposal(desk: Desk) -> None:
    answer = desk.ask(
        f"cat > said.txt; {EDIT}; mkdir new; echo 'x = 1' > new/more.py; rm notes.py; "
        "echo 'A larger rate learns faster. More words.'"
    )
    assert answer.failed == ""
    assert answer.changes == {
        "program.py": EDITED,
        "new/more.py": b"x = 1\n",
        "notes.py": None,
    }
    assert answer.text == "A larger rate learns faster. More words."
    assert notes(answer) == "made 'said.txt', which [files] edit does not name: discarded"


def test_it_is_told_on_stdin_in_a_file_or_where_the_command_says(desk: Desk) -> None:
    assert "Lower the loss." in desk.ask("cat").text
    assert "Lower the loss." in desk.ask("cat {prompt_file}").text
    assert "Lower the loss." in desk.ask("printf %s {prompt}").text
    assert "Lower the loss." in desk.ask("cat MOVE37.md").text


def test_it_says_why_at_the_end_or_in_a_file_or_in_its_first_sentence(desk: Desk) -> None:
    agent = desk.agent(command="true")
    said = desk.ask(
        f"{EDIT}; printf 'Done.\\n**Hypothesis:** faster steps\\nPREDICTED EFFECT: -0.49\\n'"
    )
    written = desk.ask(f"{EDIT}; printf 'HYPOTHESIS: fewer steps\\n' > HYPOTHESIS.txt; echo Done.")
    plain = desk.ask(f"{EDIT}; echo 'I raised the rate. It was low.'")
    request = _request(desk)
    proposals = [agent.read(request, [answer]) for answer in (said, written, plain)]
    hypotheses = [proposal.hypothesis for proposal in proposals]
    assert hypotheses == ["faster steps", "fewer steps", "I raised the rate."]
    assert (
        proposals[0].predicted_effect == 0.49
    )  # the loss is to go down: on the score, it is a gain
    assert proposals[1].predicted_effect is None
    assert notes(written) == ""


def test_what_it_wrote_down_of_its_reasons_is_no_part_of_the_program(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, "user", {"PATH": os.environ["PATH"]}, edit=["program.py", "*.txt"])
    answer = desk.ask(f"{EDIT}; echo 'HYPOTHESIS: fewer steps' > HYPOTHESIS.txt")
    assert answer.changes == {"program.py": EDITED}
    assert answer.detail["hypothesis"] == "HYPOTHESIS: fewer steps"


def test_changes_elsewhere_are_discarded_and_noted(desk: Desk) -> None:
    answer = desk.ask(f"{EDIT}; echo 'echo loss: 0' > evaluate.sh; echo x > /tmp/x; rm MOVE37.md")
    assert answer.changes == {"program.py": EDITED}
    assert notes(answer) == "changed 'evaluate.sh', which [files] edit does not name: discarded"


def test_keys_hidden_files_the_store_and_the_home_are_not_there(desk: Desk) -> None:
    home = Path.home()
    answer = desk.ask(
        f"env; cat {desk.root}/secret/answers.csv secret/answers.csv {desk.study}/study.db "
        f".move37/study.db {home}/.ssh/* {home}/.bash_history /etc/shadow; cat ~/.ssh/id_ed25519; "
        f"cat /proc/*/environ; ls -a {desk.root} {home}; "
        f"grep -rs 'hidden answers' /trial /home /root /etc /tmp; {EDIT}",
        env=["OWN_API_KEY"],
    )
    assert answer.changes == {"program.py": EDITED}
    for kept in (KEY, OTHER_KEY, "the hidden answers", "the store", "daemon:"):
        assert kept not in answer.text, answer.text
        assert kept not in str(answer.detail)
    told = notes(answer)
    assert "opened ~/.ssh/id_ed25519, a lure" in told
    assert "named '.move37/', which it cannot see" in told
    assert "named 'secret', which it cannot see" in told
    assert ".ssh/" in told


def test_its_own_key_is_handed_on_and_never_stored(desk: Desk) -> None:
    given = desk.ask(f'test -n "$OWN_API_KEY" && {EDIT}; echo $OWN_API_KEY', env=["OWN_API_KEY"])
    assert given.changes == {"program.py": EDITED}
    assert given.text == "[key]"
    for leak in ("echo $OWN_API_KEY >> program.py", "mkdir new; : > new/$OWN_API_KEY.py"):
        leaked = desk.ask(leak, env=["OWN_API_KEY"])
        assert leaked.changes == {}
        assert leaked.failed == "its change holds the key that it was given, and is thrown away"


def test_of_a_key_not_even_a_part_is_stored(desk: Desk) -> None:
    """What is cut to a line is cut after the key was taken out of it."""
    said = f"echo {'x' * 190}$OWN_API_KEY >&2"  # a line of 200 is kept
    answer = desk.ask(f"{said}; exit 1", env=["OWN_API_KEY"])
    assert answer.failed.endswith("x[key]")


def test_what_it_leaves_behind_dies_and_is_reported(desk: Desk) -> None:
    mark = "97531"
    answer = desk.ask(
        f"setsid nohup sleep {mark} > /dev/null 2>&1 & "
        f"until grep -qa ^sleep /proc/$!/cmdline; do sleep 0.01; done; {EDIT}"
    )
    assert answer.changes == {"program.py": EDITED}
    assert f"left a process behind, which was ended: sleep {mark}" in notes(answer)
    assert not _runs(f"sleep\0{mark}")


def test_one_that_hangs_is_ended_in_time(desk: Desk) -> None:
    idle = desk.ask("trap '' TERM; sleep 600", timeout="1s")
    assert idle.failed.endswith("was ended at its limit of 1 seconds")
    busy = desk.ask(f"{EDIT}; sleep 600", timeout="1s")
    assert busy.changes == {"program.py": EDITED}
    assert "what it had changed by then is measured" in notes(busy)


def test_one_that_is_not_waited_for_any_more_is_ended(desk: Desk) -> None:
    began = time.monotonic()
    agent = desk.agent(command="sleep 600")
    answer = agent.ask(desk.question(), stop=lambda: time.monotonic() - began > 0.5)
    assert answer.failed == "sleep was stopped"


def test_one_that_fails_says_why(desk: Desk) -> None:
    answer = desk.ask("echo 'no such model' >&2; exit 3")
    assert answer.failed == "echo failed with exit status 3: no such model"
    assert "127" in desk.ask("no-such-agent").failed


def test_one_that_changes_nothing_is_asked_again(desk: Desk) -> None:
    answer = desk.ask("echo 'It is perfect as it is.'")
    assert (answer.failed, answer.changes) == ("", {})
    with pytest.raises(Unreadable, match="no file that"):
        desk.agent(command="true").read(_request(desk), [answer])


def test_links_pipes_and_huge_files_are_no_proposal(desk: Desk) -> None:
    answer = desk.ask(
        "rm program.py; ln -s /etc/passwd program.py; mkdir new; mkfifo new/pipe.py; "
        "ln -s / new/root.py; mknod new/disk.py b 7 0; head -c 20000000 /dev/zero > notes.py"
    )
    assert answer.changes == {}
    told = notes(answer)
    assert "made 'program.py' a symbolic link: discarded" in told
    assert "made 'notes.py' 19 MB big: discarded" in told


def test_files_that_are_too_much_together_are_no_proposal(desk: Desk) -> None:
    answer = desk.ask("mkdir new; for i in 1 2 3 4 5 6 7 8 9; do truncate -s 16M new/$i.py; done")
    assert answer.changes is not None
    assert list(answer.changes) == [f"new/{i}.py" for i in (1, 2, 3, 4)]
    assert sum(len(data or b"") for data in answer.changes.values()) == 64 * 1024**2
    assert "made 'new/5.py' 16 MB big: discarded" in notes(answer)
    assert "made 2 more files what no program is: discarded" in notes(answer)


@pytest.mark.slow
def test_among_very_many_files_those_of_the_parent_are_not_taken_for_removed(desk: Desk) -> None:
    answer = desk.ask(
        f"{EDIT}; for i in 1 2 3; do mkdir -p junk/$i; (cd junk/$i; seq 40000 | xargs touch); done"
    )
    assert answer.changes == {"program.py": EDITED}


def test_one_that_deletes_everything_has_deleted_what_it_may(desk: Desk) -> None:
    answer = desk.ask("rm -rf -- * .[a-z]* / 2>/dev/null; true")
    assert answer.changes == {"program.py": None, "notes.py": None}
    assert "removed '.claude/settings.json', 'evaluate.sh'" in notes(answer)
    assert (desk.root / "program.py").exists()


@pytest.mark.slow
def test_a_gigabyte_of_output_is_no_burden(desk: Desk) -> None:
    answer = desk.ask(f"head -c 1000000000 /dev/zero; echo; echo The end.; {EDIT}")
    assert answer.changes == {"program.py": EDITED}
    assert answer.text.endswith("The end.")
    assert len(answer.text) <= 200_000


def test_it_may_run_the_evaluation_on_its_copy_and_that_is_counted(desk: Desk) -> None:
    answer = desk.ask(
        f"./evaluate; {EDIT}; echo 'echo loss: -99' > evaluate.sh; ./evaluate; mkdir new; cd new; ../evaluate; "
        "echo x > ../program.py; ../evaluate; echo status $?",
        evaluations=3,
    )
    first, second = answer.text.split("loss = ")[:2]
    assert (first, second.splitlines()[0]) == ("", "0.99 (minimize)")
    assert "loss = 0.5 (minimize)" in answer.text  # by the real evaluate.sh
    assert "(evaluation 2; 1 left)" in answer.text
    assert "all 3 evaluations of this session were used" in answer.text
    assert answer.text.endswith("status 2")
    assert answer.detail["evaluations"] == 3


def test_an_evaluation_that_fails_tells_why(desk: Desk) -> None:
    answer = desk.ask("echo nothing > program.py; ./evaluate; echo status $?")
    assert "failed: " in answer.text
    assert answer.text.endswith("status 1")


def test_the_channel_of_evaluations_leads_nowhere_else(desk: Desk, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    victim.chmod(0o777)
    answer = desk.ask(
        f"mv .evaluate old; rm -rf .evaluate; ln -s {victim} .evaluate; mkdir -p {victim}/ask; "
        f"rm -rf .evaluate/told; ln -s {victim} .evaluate/told; mkdir -p .evaluate/ask; "
        f"for i in 1-1 2-2 ../../x '3-3;x'; do : > .evaluate/ask/$i; done; sleep 1; {EDIT}"
    )
    assert answer.changes == {"program.py": EDITED}
    assert list(victim.iterdir()) == []


def test_certificates_that_the_environment_names_are_there(desk: Desk, tmp_path: Path) -> None:
    own = tmp_path / "ca.pem"
    own.write_text("a certificate")
    desk.environment = {
        **desk.environment,
        "SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt",
        "NODE_EXTRA_CA_CERTS": str(own),
    }
    assert desk.ask('cat "$NODE_EXTRA_CA_CERTS"; ls "$SSL_CERT_FILE" >&2').text == "a certificate"


def test_it_has_the_network(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert desk.ask(f"{python(CALL, port(server))}; {EDIT}").changes == {"program.py": EDITED}
        server.setblocking(False)
        server.accept()[0].close()


def test_settings_are_strict(desk: Desk) -> None:
    wrong: list[tuple[dict[str, object], str]] = [
        ({}, "name one agent"),
        ({"client": "claude", "command": "x"}, "name one agent"),
        ({"client": "clippy"}, "unknown client 'clippy'; the known ones are claude, codex"),
        ({"command": "x", "speed": 1}, "unknown key 'speed'; the keys are client, command"),
        ({"command": "x", "timeout": "soon"}, "timeout must be a time"),
        ({"command": "x", "usd": 0}, "usd must be a number of dollars above 0, not 0"),
        ({"command": "x", "at_once": True}, "at_once must be a whole number"),
        ({"command": "x", "env": ["A=B"]}, "'A=B' is no name of a variable"),
        ({"command": "x", "read": ["etc"]}, "'etc' must be an absolute path"),
        ({"command": "x", "posts": 1}, "posts must be true or false, not 1"),
        ({"command": "x", "model": "m"}, "write them into the command"),
    ]
    for options, message in wrong:
        with pytest.raises(TaskError, match=message):
            desk.agent(**options)


def test_a_client_that_is_not_installed_or_has_no_key_is_said_in_a_sentence(desk: Desk) -> None:
    with pytest.raises(
        TaskError, match="Codex CLI has no key; set OPENAI_API_KEY or CODEX_API_KEY"
    ):
        desk.agent(client="codex").prepare()
    desk.environment = {"PATH": "/nowhere", "OPENAI_API_KEY": KEY}
    with pytest.raises(TaskError, match=r"no 'codex' on the PATH; install .* `npm install -g"):
        desk.agent(client="codex").prepare()


def test_a_client_whose_flag_is_gone_is_said_in_a_sentence(desk: Desk, tmp_path: Path) -> None:
    fake = tmp_path / "bin" / "codex"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\necho 'codex-cli 9.0.0 --json --model --ephemeral --ignore-rules'\n")
    fake.chmod(0o755)
    path = f"{fake.parent}:{os.environ['PATH']}"
    desk.environment = {"PATH": path, "OPENAI_API_KEY": KEY}
    with pytest.raises(
        TaskError, match="does not know --skip-git-repo-check, --dangerously"
    ) as raised:
        desk.agent(client="codex").prepare()
    assert "codex-cli 9.0.0" in str(raised.value)
    fake.write_text("#!/bin/sh\necho 'libfoo is missing' >&2\nexit 127\n")
    with pytest.raises(TaskError, match=r"does not run here \(exited 127\): libfoo is missing"):
        desk.agent(client="codex").prepare()


def _runs(command: str) -> bool:
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if command in place.read_text(errors="replace"):
                return True
        except OSError:
            continue
    return False


def _request(desk: Desk) -> Request:
    """Of which nothing but the task is read."""
    return SimpleNamespace(task=desk.task)  # pyright: ignore[reportReturnType]
