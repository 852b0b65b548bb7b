"""Output of any length, kept within bounds."""

import os

from hypothesis import given
from hypothesis import strategies as st

from move37.sandbox.output import HEAD_BYTES, TAIL_BYTES, Capture

KEPT = HEAD_BYTES + TAIL_BYTES


@given(sizes=st.lists(st.integers(0, 150_000), max_size=12))
def test_both_ends_are_kept_and_the_gap_is_counted(sizes: list[int]) -> None:
    capture, printed = Capture(), b""
    for number, size in enumerate(sizes):
        chunk = bytes([number + 1]) * size
        capture.add(chunk)
        printed += chunk
    text = capture.text()
    if len(printed) <= KEPT:
        assert text == printed
    else:
        line = b"\n[move37: %d bytes left out here]\n" % (len(printed) - KEPT)
        assert text == printed[:HEAD_BYTES] + line + printed[-TAIL_BYTES:]


def test_draining_an_empty_pipe_does_not_wait() -> None:
    read, write = os.pipe()
    os.set_blocking(read, False)
    capture = Capture()
    assert capture.drain(read)
    os.write(write, b"hello")
    os.close(write)
    assert not capture.drain(read)
    assert capture.text() == b"hello"
    os.close(read)
