"""Server-sent events, as far as models use them: `data:` lines, an event at each empty line.

Holds no more than one event; whoever feeds it bounds that.
"""

from collections.abc import Iterable, Iterator


def events(chunks: Iterable[bytes]) -> Iterator[str]:
    """The data of each event, as soon as it is there."""
    data: list[str] = []
    for line in _lines(chunks):
        if not line:
            if data:
                yield "\n".join(data)
            data = []
        elif line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" ").decode(errors="replace"))
    # Servers that end without an empty line are common, and what they said last counts.
    if data:
        yield "\n".join(data)


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = bytearray()
    for chunk in chunks:
        seen = len(rest)
        rest += chunk
        start = 0
        while (end := rest.find(b"\n", max(start, seen))) >= 0:
            yield bytes(rest[start:end]).removesuffix(b"\r")
            start = end + 1
        del rest[:start]
    if rest:
        yield bytes(rest).removesuffix(b"\r")
