"""Which client talks to which endpoint."""

from move37.core.errors import TaskError
from move37.proposers.llm.models import Api
from move37.proposers.llm.settings import Endpoint


def make_api(endpoint: Endpoint, timeout_seconds: float) -> Api:
    """The client for an endpoint. Imports it: that takes a while."""
    if endpoint.provider == "anthropic":
        from move37.proposers.llm.anthropic_model import AnthropicApi

        return AnthropicApi(endpoint, timeout_seconds)
    from move37.proposers.llm.openai_model import OpenAiApi

    return OpenAiApi(endpoint, timeout_seconds)


def load_client(endpoint: Endpoint) -> None:
    """Import the official client now: it takes up to a second, which nobody need wait for later."""
    from contextlib import suppress
    from importlib import import_module

    with suppress(ImportError):  # whoever asks says so
        # What it loads when it is first used for chat comes with this, too.
        import_module("anthropic" if endpoint.provider == "anthropic" else "openai.resources.chat")


def need_client(endpoint: Endpoint) -> None:
    """Raise `TaskError` when the official client is not installed."""
    from importlib.util import find_spec

    package = "anthropic" if endpoint.provider == "anthropic" else "openai"
    if find_spec(package) is None:
        raise TaskError(
            f"proposer 'llm': {endpoint.model} needs the package {package}, which is not installed; "
            "install move37 with its extra `llm`, as in `pip install 'move37[llm]'`"
        )
