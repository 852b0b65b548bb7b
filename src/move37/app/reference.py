"""Every setting there is, read from the code that reads it: for the documentation, which cannot fall behind."""

import ast
import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from textwrap import dedent
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    name: str
    default: str
    """In TOML or in words; empty where there is none."""
    doc: str
    example: str = ""
    """In TOML; empty where the default is one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SettingTable:
    title: str
    """In Markdown, such as the name of a table."""
    settings: tuple[Setting, ...]


_TITLES: Mapping[str, str] = {
    "": "At the top",
    "stage": "`[[evaluate.stage]]`",
    "check": "A table in `[checks]`",
    "proposer": "`[[proposer]]`",
}
_ANY_NAME: Mapping[str, Setting] = {
    "checks": Setting(
        name="NAME",
        default="",
        example='"pytest -q"',
        doc="Any number of them: a command that must exit with 0, or a table.",
    ),
    "limits": Setting(
        name="METRIC",
        default="",
        example='"<= 4096"',
        doc='Any number of them: a bound, with `<=`, `<`, `>=` or `>`, or a list of two; also `"<= 1.05x baseline"`.',
    ),
    "also": Setting(
        name="METRIC",
        default="",
        example='"minimize"',
        doc="Any number of them: a secondary metric, `minimize` or `maximize`.",
    ),
}
_POLISH = Setting(
    name="polish",
    default="0.3",
    doc="At most this share of the experiments goes on tuning the numbers of what it wrote; 0: none.",
)

ENVIRONMENT: tuple[Setting, ...] = (
    Setting(
        name="MOVE37_MODEL",
        default="",
        doc="The model of `move37 init`, where `--model` names none.",
    ),
    Setting(
        name="MOVE37_MCP_TOKEN",
        default="one that is made and kept in the study",
        doc="What clients of `move37 mcp --http` must show.",
    ),
    Setting(
        name="MOVE37_REMEMBER",
        default="1",
        doc="`0`, `no` or `off`: the policies of your studies tell each other nothing.",
    ),
    Setting(
        name="MOVE37_PEERS",
        default="~/.cache/move37/peers",
        doc="Where `move37 bench peers` installs the other engines.",
    ),
    Setting(
        name="OPENAI_API_KEY, ANTHROPIC_API_KEY",
        default="",
        doc="Keys of `llm`, unless its `key` names another variable. No evaluation ever sees them.",
    ),
    Setting(
        name="OPENAI_BASE_URL, ANTHROPIC_BASE_URL",
        default="the providers' own",
        doc="Where their APIs are, unless `base_url` says so.",
    ),
    Setting(
        name="XDG_DATA_HOME",
        default="~/.local/share",
        doc="What policies learned lies in `move37/policy` there.",
    ),
    Setting(name="NO_COLOR", default="", doc="Set to anything: no colours on a terminal."),
)
"""What is read from the environment of whoever calls `move37`."""


def task_tables() -> Sequence[SettingTable]:
    """All of `move37.toml`, table by table, but for the options of proposers."""
    from move37.tasks.keys import SECTIONS

    return [
        SettingTable(
            title=_TITLES.get(section, f"`[{section}]`"),
            settings=(
                *(
                    Setting(name=key.name, default=key.default, doc=key.doc, example=key.example)
                    for key in keys
                ),
                *([_ANY_NAME[section]] if section in _ANY_NAME else []),
            ),
        )
        for section, keys in SECTIONS.items()
    ]


def proposer_tables() -> Sequence[SettingTable]:
    """The options of each kind of proposer, from its frozen settings."""
    from move37.proposers.agent.settings import AgentSettings
    from move37.proposers.llm.settings import LlmSettings
    from move37.proposers.queue import QueueSettings
    from move37.proposers.tune.tune import TuneSettings

    return [
        SettingTable(title=f'`kind = "{kind}"`', settings=(*_settings(read), *more))
        for kind, read, more in (
            ("tune", TuneSettings, ()),
            ("llm", LlmSettings, (_POLISH,)),
            ("agent", AgentSettings, (_POLISH,)),
            ("queue", QueueSettings, ()),
        )
    ]


def _settings(read: type[Any]) -> Iterator[Setting]:
    docs = attribute_docs(read)
    for field in fields(read):
        default = "" if field.default is MISSING else _in_toml(field.default)
        yield Setting(
            name=field.name, default=default, doc=docs[field.name].replace("`None`:", "Left out:")
        )


def attribute_docs(documented: type[Any]) -> Mapping[str, str]:
    """The string below each attribute of a class, as one line."""
    (found,) = ast.parse(dedent(inspect.getsource(documented))).body
    assert isinstance(found, ast.ClassDef)
    return dict(_pairs(found.body))


def _pairs(body: Iterable[ast.stmt]) -> Iterator[tuple[str, str]]:
    name = None
    for statement in body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=id)):
                name = id
            case ast.Expr(value=ast.Constant(value=str(doc))) if name is not None:
                yield name, " ".join(doc.split())
                name = None
            case _:
                name = None


def _in_toml(default: object) -> str:
    match default:
        case None:
            return ""
        case bool():
            return "true" if default else "false"
        case float():
            return f"{default:g}"
        case str():
            return f'"{default}"'
        case ():
            return "[]"
        case _:
            return repr(default)
