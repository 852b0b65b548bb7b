"""The packages of others that some formats need: imported only when such a format is written."""

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from move37.core.errors import Move37Error


def client(module: str, package: str, wanted: str) -> Any:
    """The module, imported now. Raises `Move37Error` where its package is not installed."""
    try:
        return import_module(module)
    except ImportError as error:
        raise Move37Error(
            f"{wanted} needs the package {package}, which is not installed; install move37 with its "
            "extra `export`, as in `pip install 'move37[export]'`"
        ) from error


@contextmanager
def environment(values: Mapping[str, str]) -> Generator[None]:
    """These variables are set meanwhile: some clients are told in no other way to stay silent."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
