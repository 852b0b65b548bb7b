"""The coding agents that move37 can drive, as data: how each is called, told, read and kept harmless.

Nothing is run here. What each printed when it was last driven through a real edit is in `docs/agents.md`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from move37.proposers.agent.output import Format


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """What a client's configuration is made from."""

    environment: Mapping[str, str]
    """What it is given of the user's variables."""
    model: str | None
    turns: int | None


def _nothing(given: Given) -> Mapping[str, str]:
    del given
    return {}


@dataclass(frozen=True, kw_only=True, slots=True)
class Client:
    """One coding agent."""

    name: str
    title: str
    install: str
    """A command that installs it."""
    arguments: tuple[str, ...]
    """After its executable, which is called like the client. It works without asking anybody."""
    channel: Literal["stdin", "argument"]
    """How it is told what to do; an argument comes last."""
    format: Format
    help: tuple[str, ...] = ("--help",)
    needs: tuple[str, ...] = ()
    """Flags that its help must name."""
    model: tuple[str, ...] = ("--model", "{model}")
    turns: tuple[str, ...] = ()
    """Flags that limit its turns, with `{turns}`; where there are none, they are counted."""
    usd: tuple[str, ...] = ()
    """The same for dollars, with `{usd}`."""
    keys: tuple[str, ...] = ()
    """Variables that hold its key; the first one that is set is handed on, and no other."""
    providers: Mapping[str, str] = field(default_factory=dict[str, str])
    """For one that speaks to several: the variable of the key, by what its `model` begins with."""
    addresses: tuple[str, ...] = ()
    """Variables that say where its model is."""
    vendor: str = ""
    """Of its models, where it does not tell what they cost: see `prices.py`."""
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    """What it finds in its environment besides."""
    leave_out: tuple[str, ...] = ()
    """Names in the repository that could start programs or change its settings: hooks, plugins, servers of
    tools. They are not copied into its workspace, wherever they lie."""
    home: Callable[[Given], Mapping[str, str]] = _nothing
    """Files of its private home."""


def _codex_home(given: Given) -> Mapping[str, str]:
    address = given.environment.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"
    key = "OPENAI_API_KEY" if "OPENAI_API_KEY" in given.environment else "CODEX_API_KEY"
    config = f"""\
model_provider = "move37"
check_for_update_on_startup = false
[model_providers.move37]
name = "OpenAI"
base_url = {json.dumps(address)}
env_key = "{key}"
wire_api = "responses"
[analytics]
enabled = false
[features]
hooks = false
plugins = false
apps = false
"""
    return {".codex/config.toml": config}


def _opencode_home(given: Given) -> Mapping[str, str]:
    provider, _, model = (given.model or "").partition("/")
    addresses = {
        "openai": given.environment.get("OPENAI_BASE_URL"),
        "anthropic": _versioned(given.environment.get("ANTHROPIC_BASE_URL")),
    }
    config: dict[str, object] = {
        "share": "disabled",
        "autoupdate": False,
        "permission": "allow",
        "provider": {
            name: {
                "options": {"baseURL": address},
                "models": {model: {}} if name == provider and model else {},
            }
            for name, address in addresses.items()
            if address
        },
    }
    if given.turns is not None:
        config["agent"] = {"build": {"steps": given.turns}}
    return {".config/opencode/opencode.json": json.dumps(config, indent=1)}


def _versioned(address: str | None) -> str | None:
    """Its Anthropic address ends in the version, the variable that others read does not."""
    if not address or address.rstrip("/").endswith("/v1"):
        return address
    return f"{address.rstrip('/')}/v1"


def _gemini_home(given: Given) -> Mapping[str, str]:
    settings: dict[str, object] = {
        "security": {"auth": {"selectedType": "gemini-api-key"}},
        "privacy": {"usageStatisticsEnabled": False},
        "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False},
        "hooksConfig": {"enabled": False},
        "mcp": {"allowed": []},
    }
    if given.turns is not None:
        settings["model"] = {"maxSessionTurns": given.turns}
    return {".gemini/settings.json": json.dumps(settings, indent=1)}


def _pi_home(given: Given) -> Mapping[str, str]:
    addresses = {
        "openai": given.environment.get("OPENAI_BASE_URL"),
        "anthropic": given.environment.get("ANTHROPIC_BASE_URL"),
    }
    providers = {name: {"baseUrl": address} for name, address in addresses.items() if address}
    return {".pi/agent/models.json": json.dumps({"providers": providers}, indent=1)}


_PROVIDERS: Final = {
    "anthropic": "ANTHROPIC_API_KEY",
    "deepseek": "DEEPSEEK_API_KEY",
    "google": "GEMINI_API_KEY",
    "groq": "GROQ_API_KEY",
    "mistral": "MISTRAL_API_KEY",
    "openai": "OPENAI_API_KEY",
    "opencode": "OPENCODE_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
    "xai": "XAI_API_KEY",
}

CLIENTS: Final[Mapping[str, Client]] = {
    client.name: client
    for client in (
        Client(
            name="claude",
            title="Claude Code",
            install="npm install -g @anthropic-ai/claude-code",
            arguments=(
                "--print",
                *("--output-format", "stream-json", "--verbose"),
                "--dangerously-skip-permissions",
                *("--setting-sources", "user", "--strict-mcp-config"),
                "--no-session-persistence",
            ),
            channel="stdin",
            format="claude",
            needs=(
                "--print",
                "--output-format",
                "--dangerously-skip-permissions",
                "--setting-sources",
                "--strict-mcp-config",
                "--no-session-persistence",
                "--max-budget-usd",
                "--model",
            ),
            turns=("--max-turns", "{turns}"),
            usd=("--max-budget-usd", "{usd}"),
            keys=("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"),
            addresses=("ANTHROPIC_BASE_URL",),
            variables={
                "IS_SANDBOX": "1",  # or it refuses to work where it is root
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
                "DISABLE_AUTOUPDATER": "1",
            },
            leave_out=(".claude", ".mcp.json"),
        ),
        Client(
            name="codex",
            title="Codex CLI",
            install="npm install -g @openai/codex",
            arguments=(
                *("exec", "--json", "--skip-git-repo-check", "--ephemeral", "--ignore-rules"),
                "--dangerously-bypass-approvals-and-sandbox",  # it is in ours
                "-",
            ),
            channel="stdin",
            format="codex",
            help=("exec", "--help"),
            needs=(
                "--json",
                "--skip-git-repo-check",
                "--ephemeral",
                "--ignore-rules",
                "--dangerously-bypass-approvals-and-sandbox",
                "--model",
            ),
            keys=("OPENAI_API_KEY", "CODEX_API_KEY"),
            addresses=("OPENAI_BASE_URL",),
            vendor="openai",
            leave_out=(".codex",),
            home=_codex_home,
        ),
        Client(
            name="opencode",
            title="OpenCode",
            install="npm install -g opencode-ai",
            arguments=("run", "--format", "json", "--pure", "--auto"),
            channel="argument",
            format="opencode",
            help=("run", "--help"),
            needs=("--format", "--pure", "--auto", "--model"),
            keys=tuple(_PROVIDERS.values()),
            providers=_PROVIDERS,
            addresses=("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL"),
            variables={
                "OPENCODE_DISABLE_PROJECT_CONFIG": "1",
                "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1",
                "OPENCODE_DISABLE_AUTOUPDATE": "1",
                "OPENCODE_DISABLE_SHARE": "1",
                "OPENCODE_DISABLE_CLAUDE_CODE": "1",
            },
            leave_out=(".opencode", "opencode.json", "opencode.jsonc", ".claude"),
            home=_opencode_home,
        ),
        Client(
            name="gemini",
            title="Gemini CLI",
            install="npm install -g @google/gemini-cli",
            arguments=(
                *("--output-format", "stream-json", "--approval-mode", "yolo", "--skip-trust"),
                *("--extensions", "none"),
                *("--prompt", "Do what is written above."),  # it follows what comes by stdin
            ),
            channel="stdin",
            format="gemini",
            needs=(
                "--output-format",
                "--approval-mode",
                "--skip-trust",
                "--extensions",
                "--prompt",
                "--model",
            ),
            keys=("GEMINI_API_KEY",),
            addresses=("GOOGLE_GEMINI_BASE_URL",),
            variables={"GEMINI_CLI_NO_RELAUNCH": "true"},
            leave_out=(".gemini", ".env"),
            home=_gemini_home,
        ),
        Client(
            name="pi",
            title="pi",
            install="npm install -g @earendil-works/pi-coding-agent",
            arguments=(
                *("--print", "--mode", "json", "--no-session", "--offline"),
                *("--no-extensions", "--no-skills", "--no-prompt-templates", "--no-themes"),
            ),
            channel="stdin",
            format="pi",
            needs=(
                "--print",
                "--mode",
                "--no-session",
                "--offline",
                "--no-extensions",
                "--no-skills",
                "--no-prompt-templates",
                "--no-themes",
                "--model",
            ),
            keys=tuple(_PROVIDERS.values()),
            providers=_PROVIDERS,
            addresses=("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL"),
            variables={"PI_OFFLINE": "1", "PI_TELEMETRY": "0"},
            leave_out=(".pi",),
            home=_pi_home,
        ),
    )
}


def wanted_keys(client: Client, model: str | None) -> tuple[str, ...]:
    """Variables that may hold the key of a client for this model, the preferred one first."""
    provider = (model or "").partition("/")[0]
    if provider in client.providers:
        return (client.providers[provider],)
    return client.keys
