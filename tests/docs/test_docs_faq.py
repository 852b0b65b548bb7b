"""The messages that the page of questions explains are those of the code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import move37

PAGE = (Path(__file__).parents[2] / "docs" / "faq.md").read_text(encoding="utf-8")


def texts() -> Iterator[str]:
    """Every text in the source, with `…` for what is filled in."""
    for path in Path(move37.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Constant(value=str(text)):
                    yield text
                case ast.JoinedStr(values=parts):
                    yield "".join(
                        str(part.value) if isinstance(part, ast.Constant) else "…" for part in parts
                    )
                case _:
                    pass


def test_every_message_on_the_page_is_said_somewhere_in_the_source() -> None:
    said = "\n".join(texts())
    messages = re.findall(r"^```text\n(.+)\n```$", PAGE, re.MULTILINE)
    assert len(messages) > 20
    assert [message for message in messages if message not in said] == []


def test_every_message_on_the_page_is_followed_by_what_to_do() -> None:
    assert re.findall(r"^```text\n.+\n```\n\n", PAGE, re.MULTILINE) == []
