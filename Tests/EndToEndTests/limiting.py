"""What the tests of limits share: requests in every dialect, files with limits and prices, what refusals must say."""

from __future__ import annotations

import dataclasses
import json
import re
import signal
from decimal import Decimal
from pathlib import Path
from typing import Any, Dict, Optional, Tuple

from answers import dialect_of
from harness import Leo, wait_until
from h2client import H2Client
from wires import Message

CONTENT = "Say something, schön."


@dataclasses.dataclass(frozen=True)
class Ask:
    """A kind of request. `limit` is the path of the member that bounds its output; `model` one that has a price."""

    sdk: str
    host: str
    path: str
    stream_path: str
    model: str
    limit: Tuple[str, ...]
    # How the access log calls it, whole and streamed.
    dialect: str
    operation: Tuple[str, str]

    def target(self, stream: bool = False, model: Optional[str] = None) -> str:
        return (self.stream_path if stream else self.path).replace("MODEL", (model or self.model).replace(":", "%3A"))

    def document(
        self, stream: bool = False, model: Optional[str] = None, output: Optional[int] = None, content: str = CONTENT
    ) -> Dict[str, Any]:
        """What an application sends; `output` bounds the answer."""
        value: Dict[str, Any]
        if self.sdk == "gemini":
            value = {"contents": [{"role": "user", "parts": [{"text": content}]}]}
        elif self.sdk == "bedrock":
            value = {"messages": [{"role": "user", "content": [{"text": content}]}]}
        else:
            value = {"model": model or self.model}
            if self.path.endswith("/responses"):
                value["input"] = content
            elif self.path.endswith("/chat/completions") or self.sdk != "openai":
                value["messages"] = [{"role": "user", "content": content}]
            elif self.path.endswith("/embeddings"):
                value["input"] = content
            else:
                value["prompt"] = content
            if stream:
                value["stream"] = True
        if output is not None:
            inner = value
            for name in self.limit[:-1]:
                inner = inner.setdefault(name, {})
            inner[self.limit[-1]] = output
        elif self.sdk == "anthropic":
            value["max_tokens"] = 64
        return value

    def body(self, *arguments, **more) -> bytes:
        """The document with blanks and line ends as people write them, so that a rewrite would show."""
        return json.dumps(self.document(*arguments, **more), ensure_ascii=False, indent=1).encode()

    def answered_as(self, stream: bool = False) -> str:
        """The provider's dialect, see answers.py."""
        return dialect_of(self.target(stream))


OPENAI, ANTHROPIC = "api.openai.com", "api.anthropic.com"
GEMINI, COHERE = "generativelanguage.googleapis.com", "api.cohere.com"
BEDROCK = "bedrock-runtime.us-east-1.amazonaws.com"
GEMINI_PATH = "/v1beta/models/MODEL:"

CHAT = Ask(
    "openai", OPENAI, "/v1/chat/completions", "/v1/chat/completions", "gpt-test", ("max_completion_tokens",),
    "openai-chat", ("chat.completions", "chat.completions"),
)  # fmt: skip
COMPLETIONS = Ask(
    "openai", OPENAI, "/v1/completions", "/v1/completions", "gpt-test", ("max_tokens",), "openai-completions",
    ("completions", "completions"),
)  # fmt: skip
RESPONSES = Ask(
    "openai", OPENAI, "/v1/responses", "/v1/responses", "gpt-test", ("max_output_tokens",), "openai-responses",
    ("responses", "responses"),
)  # fmt: skip
MESSAGES = Ask(
    "anthropic", ANTHROPIC, "/v1/messages", "/v1/messages", "claude-test", ("max_tokens",), "anthropic-messages",
    ("messages", "messages"),
)  # fmt: skip
GENERATE = Ask(
    "gemini", GEMINI, GEMINI_PATH + "generateContent", GEMINI_PATH + "streamGenerateContent?alt=sse", "gemini-test",
    ("generationConfig", "maxOutputTokens"), "gemini-generate", ("generateContent", "streamGenerateContent"),
)  # fmt: skip
GENERATE_ARRAY = dataclasses.replace(GENERATE, stream_path=GEMINI_PATH + "streamGenerateContent")
COHERE_CHAT = Ask(
    "cohere", COHERE, "/v2/chat", "/v2/chat", "command-test", ("max_tokens",), "cohere-chat", ("chat", "chat")
)
CONVERSE = Ask(
    "bedrock", BEDROCK, "/model/MODEL/converse", "/model/MODEL/converse-stream", "anthropic.claude-test-v1:0",
    ("inferenceConfig", "maxTokens"), "bedrock-converse", ("converse", "converse-stream"),
)  # fmt: skip

# Those that stream text and say at the end what it cost.
ASKS = [CHAT, COMPLETIONS, RESPONSES, MESSAGES, GENERATE, GENERATE_ARRAY, COHERE_CHAT, CONVERSE]
NAMES = ["chat", "completions", "responses", "messages", "gemini", "gemini-array", "cohere", "converse"]


# MARK: Files


def limited(intercept: Optional[Dict[str, Any]] = None, **limits: Any) -> Dict[str, Any]:
    """Settings by which the one tenant there is has these limits."""
    changes: Dict[str, Any] = {"defaults": {"limits": limits}}
    if intercept:
        changes["intercept"] = intercept
    return changes


def at_once(amount: int) -> str:
    """A limit that lets so much through at once, and next to nothing more in the time that a test takes."""
    return f"{amount}/day burst {amount}"


# Dollars per million tokens, chosen so that every kind of token shows in a sum.
PRICES = """
[[price]]
provider = "{provider}"
models = ["{model}"]
input = 3.00
output = 15.00
cached_input = 0.30
cache_write = 3.75
cache_write_1h = 6.00
source = "https://prices.leo-test.example/"
date = "2026-01-01"
"""
PRICED = [
    ("openai", "gpt-test*"), ("anthropic", "claude-test*"), ("gemini", "gemini-test*"), ("cohere", "command-test*"),
    ("bedrock", "anthropic.claude-test*"), ("groq", "gpt-test*"), ("deepseek", "gpt-test*"),
    ("mistral", "gpt-test*"), ("openrouter", "gpt-test*"),
]  # fmt: skip


def price_file(folder: Path) -> str:
    path = folder / "prices.toml"
    path.write_text("".join(PRICES.format(provider=provider, model=model) for provider, model in PRICED))
    return str(path)


# MARK: Requests


def ask(leo: Leo, kind: Ask, test_id: str, stream: bool = False, fields: Dict[str, Any] = {}, **more) -> Message:
    """One request over a connection of its own. `body` takes the place of the document."""
    with leo.client().intercepted(kind.host) as client:
        return ask_over(client, kind, test_id, stream, fields, **more)


def ask_over(
    client, kind: Ask, test_id: str, stream: bool = False, fields: Dict[str, Any] = {}, begun: bool = False, **more
):
    """One request over this client of HTTP/1 or HTTP/2; `begun`: only its head is read."""
    body = more.pop("body", None)
    if body is None:
        body = kind.body(stream, **more)
    every = {"content-type": "application/json", "x-test-id": test_id, **fields}
    lines = [(name, str(value)) for name, value in every.items()]
    target = kind.target(stream, more.get("model"))
    if isinstance(client, H2Client):
        return client.request("POST", target, lines, body) if begun else client.exchange("POST", target, lines, body)
    client.request("POST", target, lines, body, host=kind.host)
    return client.answer_head() if begun else client.answer()


# MARK: What is seen


def error_of(message: Message) -> Optional[str]:
    return message.first("x-leo-error")


def assert_refused(message: Message, status: int, word: str, retryable: bool) -> Dict[str, Any]:
    """A refusal with everything by which an SDK knows what to do about it; returns its JSON."""
    assert (message.status, error_of(message)) == (status, word), (message, message.body)
    if retryable:
        seconds, milliseconds = message.first("retry-after"), message.first("retry-after-ms")
        assert seconds is not None and milliseconds is not None, message.fields
        assert int(seconds) >= 1 and int(milliseconds) > 0
        assert (int(seconds) - 1) * 1000 <= int(milliseconds) <= int(seconds) * 1000
        # Nobody waits longer than a minute for one request, and some SDKs would then not wait at all.
        assert (message.first("x-should-retry") == "false") == (int(milliseconds) > 60_000)
    else:
        assert message.first("x-should-retry") == "false", message.fields
    return json.loads(message.body)


def cost_of(line: Dict[str, Any]) -> Decimal:
    return Decimal(repr(line["cost"]))


def tenants(leo: Leo) -> Dict[str, Any]:
    status, text = leo.get("/v1/tenants")
    assert status == 200, text
    return json.loads(text)


def metric(leo: Leo, name: str) -> float:
    """The sum of all of this name."""
    found = re.findall(r"^" + name + r"(?:\{[^}]*\})? ([-+.0-9eE]+)$", leo.get("/metrics")[1], re.MULTILINE)
    return sum(map(float, found))


def used_of(leo: Leo, kind: str = "tokens") -> float:
    """How much of the one limit there is, or of the tightest, is used: what leo adds to the answer of a request that
    uses nothing but a request."""
    with leo.client().intercepted() as client:
        told = client.exchange("GET", "/v1/models").first("x-leo-limit", "") or ""
    found = re.fullmatch(kind + r"(?:/\w+)?; limit=([0-9.]+); remaining=([0-9.]+)(?:; reset=\d+)?", told)
    assert found, told
    return float(found.group(1)) - float(found.group(2))


def reload(leo: Leo, text: str, settled: str) -> None:
    """Gives leo another file and waits until it has said what it makes of it: this many lines more with `settled`."""
    before = leo.errors().count(settled)
    leo.file.write_text(text, encoding="utf-8")
    leo.signal(signal.SIGHUP)
    wait_until(lambda: leo.errors().count(settled) > before, f"leo to say {settled!r}")
