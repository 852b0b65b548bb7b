"""`python -m move37.faces.mcp`: the server in a process of its own. People write `move37 mcp`."""

import argparse
import os
import sys
from pathlib import Path

from move37.core.errors import Move37Error


def main() -> int:
    """Serve until the client leaves. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="move37 mcp")
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--http", action="store_true")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--sandbox")
    asked = parser.parse_args()
    # Our matrices are small: threads would spin longer than they compute, beside busy workers.
    for library in ("OPENBLAS", "OMP", "MKL", "VECLIB_MAXIMUM"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    try:
        _serve(asked.root, http=asked.http, port=asked.port, sandbox=asked.sandbox)
    except Move37Error as error:
        sys.stderr.write(f"move37: {error}\n")
        return 2
    except KeyboardInterrupt:
        return 3
    return 0


def _serve(root: Path, *, http: bool, port: int, sandbox: str | None) -> None:
    from move37.app.secrets import VARIABLE, mcp_token
    from move37.faces.mcp.server import make_server, serve_http, serve_stdio

    server = make_server(root, sandbox=sandbox)
    if not http:
        serve_stdio(server)
        return
    token = mcp_token(root)
    where = VARIABLE if VARIABLE in os.environ else ".move37/mcp-token"
    serve_http(server, port=port, token=token, path_of_token=where)


if __name__ == "__main__":
    sys.exit(main())
