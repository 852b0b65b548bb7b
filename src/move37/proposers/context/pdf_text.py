"""Reads the text of one PDF and prints it, page by page, as JSON. Run as a process of its own.

A PDF may be broken or made to do harm: whatever reading it does, it does here, within limits of time
and memory, and not in the engine.
"""

import json
import sys

_MOST_PAGES = 2_000
_MOST_CHARACTERS = 5_000_000
_MEMORY_BYTES = 2 * 1024**3
_CPU_SECONDS = 120


def main(path: str) -> int:
    _limit()
    import logging

    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    logging.disable(logging.CRITICAL)
    left = _MOST_CHARACTERS
    pages: list[str] = []
    try:
        for page in PdfReader(path).pages[:_MOST_PAGES]:
            pages.append(page.extract_text()[:left])
            left -= len(pages[-1])
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        if not pages:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201
            return 1
    sys.stdout.write(json.dumps(pages))
    return 0


def _limit() -> None:
    import resource

    for kind, most in (
        (resource.RLIMIT_AS, _MEMORY_BYTES),
        (resource.RLIMIT_CPU, _CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (bound, hard))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
