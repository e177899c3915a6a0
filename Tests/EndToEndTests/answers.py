"""What the providers' answers look like: one JSON and one streamed form per dialect, all saying the same words.

An `Answer` holds what is to be said and what it cost; the dialects' files turn that into the provider's bytes.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Callable, Dict, List, Tuple

# The streamed forms send one event per piece; the joined pieces are what a client must end up with.
PIECES = ["Leo ", "relays ", "every ", "byte, ", "ü and ", "emoji 🦁 ", "too."]
TEXT = "".join(PIECES)


@dataclasses.dataclass(frozen=True)
class Used:
    """What an answer cost, in one meaning for all: cached and cache-write tokens are parts of the input, reasoning
    tokens are part of the output. The dialects' files say it as each provider does."""

    input: int = 11
    output: int = 7
    cached: int = 0
    cache_write: int = 0
    long_cache_write: int = 0
    reasoning: int = 0

    @property
    def total(self) -> int:
        return self.input + self.output

    @property
    def fresh(self) -> int:
        """The input that no cache had a part in."""
        return self.input - self.cached - self.cache_write - self.long_cache_write

    @staticmethod
    def parse(text: str) -> Used:
        """ "input=100 output=20 cached=30"."""
        return Used(**{name: int(number) for name, number in (pair.split("=") for pair in text.split())})

    def __str__(self) -> str:
        return " ".join(f"{name}={number}" for name, number in dataclasses.asdict(self).items())


@dataclasses.dataclass
class Answer:
    """What the provider says to one request."""

    dialect: str
    # The request's document, for what the answer depends on; empty when it was none.
    asked: Dict[str, Any] = dataclasses.field(default_factory=dict)
    pieces: List[str] = dataclasses.field(default_factory=lambda: PIECES)
    used: Used = Used()
    # Takes the place of the usage, whatever it is; LEFT_OUT leaves it out, ORDINARY is `used`.
    usage: Any = dataclasses.field(default_factory=lambda: ORDINARY)
    model: str = "test"
    # Whose flavour of the dialect: "groq", "deepseek", "mistral", "openrouter", or "" for the dialect's owner's.
    flavour: str = ""
    # A tool call in the place of text.
    calls_tool: bool = False
    # Whether the JSON has no blanks, as most providers write it.
    compact: bool = False
    # Whether the members that come with include_usage stand before the choices, not at the end.
    usage_first: bool = False
    # Which answer of a test this is, where answers are to differ; it shows in every id and in the first piece of text.
    turn: int = 0
    # What else than a text it is, see answers_forms.py.
    form: str = ""

    def name(self, name: str) -> str:
        """An id, which is another one in each turn."""
        return f"{name}-turn-{self.turn}" if self.turn else name

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def deltas(self) -> List[str]:
        """What the events of a stream carry: the pieces, or those of a tool call's arguments."""
        if not self.calls_tool:
            return self.pieces
        return ['{"what": "', *self.pieces, '"}']

    @property
    def arguments(self) -> str:
        return "".join(self.deltas)

    def json(self, value: Any) -> bytes:
        separators = (",", ":") if self.compact else None
        return json.dumps(value, ensure_ascii=False, separators=separators).encode()

    def data(self, value: Any) -> bytes:
        return b"data: " + self.json(value) + b"\n\n"

    def named(self, name: str, value: Dict[str, Any]) -> bytes:
        return f"event: {name}\n".encode() + self.data({"type": name, **value})

    def with_usage(self, value: Dict[str, Any], key: str, usage: Any) -> Dict[str, Any]:
        """The document with its usage, or with what stands in the usage's place."""
        if self.usage is LEFT_OUT:
            return value
        return {**value, key: usage if self.usage is ORDINARY else self.usage}

    def whole(self) -> bytes:
        """The answer in one JSON document."""
        build = FORMED_WHOLE.get((self.dialect, self.form)) or WHOLE.get(self.dialect)
        return self.json(build(self) if build else {"text": self.text})

    def events(self) -> List[bytes]:
        """The streamed answer, one wire event per element; the first already carries text the client can see, and
        where the usage comes by itself the last carries it."""
        build = FORMED_EVENTS.get((self.dialect, self.form)) or EVENTS.get(self.dialect)
        return build(self) if build else [self.data({"text": piece}) for piece in self.pieces]

    @property
    def streamed(self) -> bool:
        return self.dialect in STREAMED_BY_PATH or bool(self.asked.get("stream"))

    @property
    def content_type(self) -> str:
        if self.dialect in ("bedrock-stream", "bedrock-invoke-stream"):
            return "application/vnd.amazon.eventstream"
        if self.dialect == "gemini-array" or not self.streamed:
            return "application/json"
        return "text/event-stream; charset=utf-8"


LEFT_OUT: Any = object()
ORDINARY: Any = object()

WHOLE: Dict[str, Callable[[Answer], Dict[str, Any]]] = {}
EVENTS: Dict[str, Callable[[Answer], List[bytes]]] = {}
# The same by dialect and form.
FORMED_WHOLE: Dict[Tuple[str, str], Callable[[Answer], Dict[str, Any]]] = {}
FORMED_EVENTS: Dict[Tuple[str, str], Callable[[Answer], List[bytes]]] = {}
STREAMED_BY_PATH = ("gemini-stream", "gemini-array", "bedrock-stream", "bedrock-invoke-stream")


def dialect_of(target: str) -> str:
    """The dialect by the path, and for Gemini's two ways of streaming by the query."""
    path, _, query = target.partition("?")
    for ending, dialect in (
        ("/chat/completions", "openai-chat"),
        ("/completions", "openai-completions"),
        ("/responses", "openai-responses"),
        ("/embeddings", "openai-embeddings"),
        ("/moderations", "openai-moderations"),
        ("/v1/models", "openai-models"),
        ("/messages/count_tokens", "anthropic-count"),
        ("/v1/messages", "anthropic-messages"),
        (":generateContent", "gemini-generate"),
        (":streamGenerateContent", "gemini-stream" if "alt=sse" in query else "gemini-array"),
        (":embedContent", "gemini-embed"),
        (":countTokens", "gemini-count"),
        ("/converse", "bedrock-converse"),
        ("/converse-stream", "bedrock-stream"),
        ("/invoke", "bedrock-invoke"),
        ("/invoke-with-response-stream", "bedrock-invoke-stream"),
        ("/v2/chat", "cohere-chat"),
        ("/v2/embed", "cohere-embed"),
        ("/v2/rerank", "cohere-rerank"),
    ):
        if path.endswith(ending):
            return dialect
    return "none"


def flavour_of(host: str) -> str:
    """Whose OpenAI it is, by the host."""
    for name in ("groq", "deepseek", "mistral", "openrouter"):
        if name in host:
            return name
    return ""


def document(body: bytes) -> Dict[str, Any]:
    """The request's JSON, or nothing when it is something else."""
    try:
        value = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def whole(dialect: str, body: bytes, padding: str = "") -> bytes:
    """The ordinary answer in one JSON document; `padding` makes it as big as a test wants."""
    return Answer(dialect, document(body), PIECES + [padding]).whole()


def error(dialect: str, status: int) -> bytes:
    """An error as the provider itself would word it."""
    message = f"the test provider was asked to answer {status}"
    value: Dict[str, Any]
    if dialect.startswith("anthropic"):
        kind = {429: "rate_limit_error", 529: "overloaded_error"}.get(status, "api_error")
        value = {"type": "error", "error": {"type": kind, "message": message}}
    elif dialect.startswith("gemini"):
        value = {"error": {"code": status, "message": message, "status": "UNAVAILABLE"}}
        if status == 429:
            wait = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s"}
            value["error"].update(status="RESOURCE_EXHAUSTED", details=[wait])
    elif dialect.startswith(("bedrock", "cohere")):
        value = {"message": message}
    else:
        kind = "requests" if status == 429 else "server_error"
        code = "rate_limit_exceeded" if status == 429 else None
        value = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    return json.dumps(value).encode()


def native_fields(dialect: str, remaining: int, reset_seconds: int) -> Dict[str, str]:
    """The fields by which a provider says how much of its own limits is left."""
    if dialect.startswith("anthropic"):
        at = "2026-01-01T00:00:%02dZ" % (reset_seconds % 60)
        kinds = ("requests", "tokens", "input-tokens", "output-tokens")
        return {
            f"anthropic-ratelimit-{kind}-{word}": value
            for kind in kinds
            for word, value in (("limit", "1000"), ("remaining", str(remaining)), ("reset", at))
        }
    if dialect.startswith("openai"):
        return {
            f"x-ratelimit-{word}-{kind}": value
            for kind in ("requests", "tokens")
            for word, value in (("limit", "1000"), ("remaining", str(remaining)), ("reset", f"{reset_seconds}s"))
        }
    return {}


# The dialects enter themselves into the tables above.
import answers_forms  # noqa: E402, F401
import answers_openai  # noqa: E402, F401
import answers_others  # noqa: E402, F401
