"""What a program prints, kept within bounds: the beginning and the end."""

import os
from collections import deque
from collections.abc import Callable
from typing import Final

HEAD_BYTES: Final = 64 * 1024
TAIL_BYTES: Final = 192 * 1024
_READ_BYTES: Final = 256 * 1024
_READS_AT_ONCE: Final = 16


class Capture:
    """Takes any amount of output and remembers at most `HEAD_BYTES + TAIL_BYTES` of it."""

    def __init__(self, tell: Callable[[bytes], None] | None = None) -> None:
        """tell: handed every piece as it comes."""
        self._tell = tell
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0
        self._total = 0

    def add(self, data: bytes) -> None:
        if self._tell is not None:
            self._tell(data)
        self._total += len(data)
        if room := HEAD_BYTES - len(self._head):
            self._head += data[:room]
            data = data[room:]
        if data:
            self._tail.append(data[-TAIL_BYTES:])
            self._tail_bytes += len(self._tail[-1])
        while self._tail and self._tail_bytes - len(self._tail[0]) >= TAIL_BYTES:
            self._tail_bytes -= len(self._tail.popleft())

    def text(self) -> bytes:
        """All of it, or both ends with a line between that says how much is left out."""
        tail = b"".join(self._tail)[-TAIL_BYTES:]
        left_out = self._total - len(self._head) - len(tail)
        if not left_out:
            return bytes(self._head) + tail
        return bytes(self._head) + b"\n[move37: %d bytes left out here]\n" % left_out + tail

    def drain(self, descriptor: int) -> bool:
        """Take what is there to read, but not for ever; `False` once the other end is closed."""
        for _ in range(_READS_AT_ONCE):
            try:
                data = os.read(descriptor, _READ_BYTES)
            except BlockingIOError:
                return True
            if not data:
                return False
            self.add(data)
        return True
