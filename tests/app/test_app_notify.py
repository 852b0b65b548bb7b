"""Notifications, sent to real servers on this machine: a mailbox, a webhook, and one that never answers."""

import json
import socket
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any

import pytest
from app_tasks import MakeTask

from move37 import app
from move37.app.notify import VARIABLE, NotifySettings, read_notify
from move37.app.notifying import Notifier, send_by_apprise
from move37.core.errors import Move37Error
from move37.core.events import Event, Remarked
from move37.faces.cli.main import run_command
from move37.report.notices import Notice, Notices
from move37.testing.histories import MadeUpStudy, made_up_task

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
"""Of Python 3.11, by Apprise."""

SECRET = "s3cretTokenOfMine"


class Webhook(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        self.got: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.server_port}/{SECRET}"


class _Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert isinstance(self.server, Webhook)
        self.server.got.append(json.loads(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


class Mailbox(ThreadingTCPServer):
    """As much SMTP as a letter needs."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Postman)
        self.got: list[str] = []

    @property
    def url(self) -> str:
        port = self.server_address[1]
        return f"mailto://127.0.0.1:{port}?from=study@example.org&to=ada@example.org&mode=insecure"


class _Postman(StreamRequestHandler):
    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                letter = iter(self.rfile.readline, b".\r\n")
                assert isinstance(self.server, Mailbox)
                self.server.got.append(b"".join(letter).decode())
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")


@contextmanager
def serving(server: Any) -> Generator[Any]:
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with serving(Webhook()) as server:
        yield server


def test_a_run_tells_its_end_and_the_live_view_never_the_address(
    make_task: MakeTask, webhook: Webhook
) -> None:
    events: list[Event] = []
    settings = app.RunSettings(experiments=2, workers=1, certify=False, check=False)
    app.run(make_task(), settings, watch=events.append, notify=NotifySettings(urls=(webhook.url,)))
    [told] = webhook.got
    assert told["title"].startswith("move37: ")
    assert "the run ended: the budget is spent; 2 experiments in all" in told["message"]
    assert "nothing is certified to be an improvement" in told["message"]
    assert [event.text for event in events if isinstance(event, Remarked)] == [
        "notification (end) by json sent"
    ]
    assert SECRET not in repr(events)


def test_a_letter_arrives() -> None:
    with serving(Mailbox()) as mailbox:
        [sent] = app.try_notify(NotifySettings(urls=(mailbox.url,)))
        assert (sent.service, sent.failure) == ("mailto", "")
        [letter] = mailbox.got
    assert "Subject: move37: a test" in letter
    assert "To: ada@example.org" in letter


def test_a_claim_has_its_effect_and_interval() -> None:
    [notice] = notices_of(claim)
    assert notice.kind == "claim"
    assert "x1 is certified against x0, on fresh seeds: 0.2" in notice.text
    assert "lower val_bpb, 95 % interval" in notice.text


def claim(study: MadeUpStudy) -> None:
    study.experiment(3.0)
    study.certificate(1, effect=0.2, margin=0.05, base=3.25)


def test_ten_failures_in_a_row_are_told_once() -> None:
    def fail(study: MadeUpStudy) -> None:
        study.experiment(3.2)
        for _ in range(25):
            study.failure(reason="it exited with 1\x1b[2J")

    [notice] = notices_of(fail)
    assert notice.kind == "failures"
    assert "10 failures in a row; the latest, x11, run: it exited with 1" in notice.text
    assert "\x1b" not in notice.text


def test_standing_still_is_told_once() -> None:
    def wait(study: MadeUpStudy) -> None:
        study.experiment(3.0)
        for _ in range(60):
            study.experiment(3.3)

    [notice] = notices_of(wait)
    assert notice.kind == "stagnation"
    assert "no better program is believed since 32 experiments" in notice.text


def notices_of(play: Callable[[MadeUpStudy], None]) -> list[Notice]:
    study = MadeUpStudy(made_up_task())
    study.baseline(3.25, 3.25)
    told: list[Notice] = []
    fold = Notices(
        study.task,
        study.history,
        study.beliefs,
        kinds=frozenset({"claim", "failures", "stagnation"}),
        tell=told.append,
    )
    study._folds = (*study._folds, fold)  # pyright: ignore[reportPrivateUsage]
    play(study)
    return told


def test_of_a_kind_one_is_sent_in_a_while_and_the_rest_counted() -> None:
    now, sent = [0.0], list[str]()

    def send(url: str, notice: Notice) -> str:
        sent.append(notice.text)
        return ""

    settings = NotifySettings(urls=("json://127.0.0.1",), every_minutes=10)
    with Notifier(settings, lambda text: None, send=send, clock=lambda: now[0]) as notifier:
        for minute in (0, 1, 2, 11):
            now[0] = 60.0 * minute
            notifier.tell(Notice(kind="claim", title="t", text=f"at {minute}"))
        notifier.tell(Notice(kind="end", title="t", text="end"))
        notifier.tell(Notice(kind="end", title="t", text="end again"))
    assert sent == ["at 0", "at 11\n(2 more of this kind since the one before)", "end", "end again"]


def test_a_network_that_never_answers_delays_nothing(make_task: MakeTask) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as deaf:  # takes calls, never speaks
        url = f"json://127.0.0.1:{deaf.getsockname()[1]}/{SECRET}?rto=3600&cto=3600"
        remarks: list[str] = []
        settings = NotifySettings(urls=(url,))
        with Notifier(settings, remarks.append, leave_seconds=0.2) as notifier:
            began = time.thread_time()
            for _ in range(1000):
                notifier.tell(Notice(kind="end", title="t", text="x"))
            assert time.thread_time() - began < 1.0
        assert remarks in ([], ["notifications did not leave within 0.2 s"])
    with closing(socket.create_server(("127.0.0.1", 0))) as gone:
        port = gone.getsockname()[1]
    failure = send_by_apprise(
        f"json://127.0.0.1:{port}/{SECRET}", Notice(kind="end", title="t", text="x")
    )
    assert failure == "it did not answer, or said no"


def test_settings_are_read_strictly_and_their_addresses_stay_secret(tmp_path: Path) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path), "HOME": "/nowhere"}
    assert read_notify(environment) == NotifySettings()
    path = tmp_path / "move37" / "notify.toml"
    path.parent.mkdir()

    def write(text: str, mode: int = 0o600) -> None:
        path.write_text(text)
        path.chmod(mode)

    write(f'urls = ["json://127.0.0.1/{SECRET}"]\non = ["end"]\nevery_minutes = 0\n')
    found = read_notify(environment)
    assert found.services == ("json",)
    assert (found.on, found.every_minutes) == (frozenset({"end"}), 0.0)
    assert SECRET not in repr(found)
    environment[VARIABLE] = f"discord://a/{SECRET} slack://b"
    assert read_notify(environment).services == ("json", "discord", "slack")
    assert VARIABLE not in environment, "nothing that is started inherits it"
    environment[VARIABLE] = ""
    assert read_notify(environment).urls == ()
    for text, words in (
        ('url = ["x"]', "unknown key 'url'; the known ones are urls, on, every_minutes"),
        (
            'on = ["claims"]',
            "unknown 'claims'; the known ones are claim, stagnation, failures, end",
        ),
        ("every_minutes = true", "every_minutes is True"),
        ("urls = 3", "urls is no list of strings"),
        (f'urls = ["{SECRET}"]', "has no service"),
        (f'urls = ["{SECRET}', "is no TOML"),
    ):
        write(text)
        with pytest.raises(Move37Error, match=words.replace("[", r"\[")) as raised:
            read_notify(environment)
        assert SECRET not in str(raised.value)
    write("urls = []", mode=0o644)
    with pytest.raises(Move37Error, match="chmod 600"):
        read_notify(environment)


def test_the_command_sends_a_test_and_says_what_came_of_it(
    webhook: Webhook,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv(VARIABLE, f"{webhook.url} nonsense://{SECRET}")
    assert run_command(["notify", "--test"]) == 1
    told = capsys.readouterr()
    assert told.out == "json: sent\nnonsense: not sent: its address is none that Apprise knows\n"
    assert SECRET not in told.out + told.err
    assert webhook.got[0]["title"] == "move37: a test"
    monkeypatch.setenv(VARIABLE, "")
    assert run_command(["notify", "--test"]) == 2
    assert "nobody is to be notified" in capsys.readouterr().err
