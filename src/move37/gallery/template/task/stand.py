"""Where a version of the library is tried: one process, one version. Fixed; started by `prepare.py score`.

    python -P stand.py DIRECTORY     imports `pystache` from there, renders what stdin asks for

A request is a line of JSON, `{"partials": …, "renders": [[template, context], …]}`; the answer is the list
of texts, a line too. What goes wrong is answered as `{"failed": …}`.
"""

import json
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # whatever the library prints is no answer
    os.dup2(nowhere, 2)
    sys.path.insert(0, str(HERE))
    from fence import shut_in

    sys.path[0] = sys.argv[1]
    library = os.path.join(sys.argv[1], "pystache")
    places = [library, sys.prefix, sys.base_prefix, "/usr", "/lib", "/lib64", os.devnull]
    is_shut_in = shut_in(places, listable=sys.argv[1])
    try:
        from pystache import Renderer
    except BaseException as error:
        answer(answers, {"failed": f"`import pystache` raised {said(error)}"})
        return
    answer(answers, {"ready": is_shut_in})
    for line in requests:
        request = json.loads(line)
        try:
            render = Renderer(partials=request["partials"]).render
            texts = [render(template, context) for template, context in request["renders"]]
            answer(answers, texts)
        except BaseException as error:
            answer(answers, {"failed": f"rendering raised {said(error)}"})
            return


def answer(answers, content) -> None:
    answers.write(json.dumps(content).encode() + b"\n")
    answers.flush()


def said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:300]


if __name__ == "__main__":
    main()
