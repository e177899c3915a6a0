"""What the tests of the cache share: files with one, requests that may be answered from it, and what a label must say.

Answers vary: the stand-in says in each which one of its test it is (`x-test-vary`), in its ids and where its text
begins, so that an answer that was kept can be told from one that was made for this request.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import re
import socket
import threading
from decimal import Decimal
from typing import Any, Callable, Dict, Iterator, List, Optional

from h2client import H2Client
from harness import Leo, wait_until
from limiting import (
    ANTHROPIC, ASKS, BEDROCK, COHERE, GEMINI, GEMINI_PATH, NAMES, OPENAI, RESPONSES, Ask, ask_over, metric,
)  # fmt: skip
from provider import Exchange, Provider, answer_as_asked
from test_authentication import make_hash, with_credentials
from wires import Message

# MARK: Requests


def credential(kind: Ask, key: str = "one") -> Dict[str, str]:
    """A key that stays the same, where this provider wants it."""
    if kind.sdk == "anthropic":
        return {"x-api-key": f"sk-ant-test-{key}-0123456789"}
    if kind.sdk == "gemini":
        return {"x-goog-api-key": f"AIza-test-{key}-0123456789"}
    return {"authorization": f"Bearer {'ABSK' if kind.sdk == 'bedrock' else 'sk-test-'}{key}-0123456789"}


EMBEDDINGS = Ask(
    "openai", OPENAI, "/v1/embeddings", "/v1/embeddings", "gpt-test", ("none",), "openai-embeddings",
    ("embeddings", "embeddings"),
)  # fmt: skip
MODERATIONS = Ask(
    "openai", OPENAI, "/v1/moderations", "/v1/moderations", "gpt-test", ("none",), "openai-moderations",
    ("moderations", "moderations"),
)  # fmt: skip
COUNT = Ask(
    "anthropic", ANTHROPIC, "/v1/messages/count_tokens", "/v1/messages/count_tokens", "claude-test", ("none",),
    "anthropic-messages", ("count_tokens", "count_tokens"),
)  # fmt: skip
GEMINI_COUNT = Ask(
    "gemini", GEMINI, GEMINI_PATH + "countTokens", GEMINI_PATH + "countTokens", "gemini-test", ("none",),
    "gemini-generate", ("countTokens", "countTokens"),
)  # fmt: skip
GEMINI_EMBED = Ask(
    "gemini", GEMINI, GEMINI_PATH + "embedContent", GEMINI_PATH + "embedContent", "gemini-test", ("none",),
    "gemini-embed", ("embedContent", "embedContent"),
)  # fmt: skip
COHERE_EMBED = Ask(
    "cohere", COHERE, "/v2/embed", "/v2/embed", "embed-test", ("none",), "cohere-embed", ("embed", "embed")
)
COHERE_RERANK = Ask(
    "cohere", COHERE, "/v2/rerank", "/v2/rerank", "rerank-test", ("none",), "cohere-rerank", ("rerank", "rerank")
)
INVOKE = Ask(
    "bedrock", BEDROCK, "/model/MODEL/invoke", "/model/MODEL/invoke-with-response-stream", "anthropic.claude-test-v1:0",
    ("max_tokens",), "bedrock-invoke", ("invoke", "invoke-with-response-stream"),
)  # fmt: skip
# What needs no temperature to be the same each time, and has one form.
FLAT = [EMBEDDINGS, MODERATIONS, COUNT, GEMINI_COUNT, GEMINI_EMBED, COHERE_EMBED, COHERE_RERANK]
FLAT_NAMES = ["embeddings", "moderations", "count", "gemini-count", "gemini-embed", "cohere-embed", "cohere-rerank"]

# The kinds that have both forms, without the second spelling of Gemini's stream.
TEXTS = [kind for kind, name in zip(ASKS, NAMES) if name != "gemini-array"]
TEXT_NAMES = [name for name in NAMES if name != "gemini-array"]


def document(kind: Ask, stream: bool = False, content: str = "Say something, schön.", **members: Any) -> Dict[str, Any]:
    """What an application sends that wants its answer to be one that may be kept."""
    value: Dict[str, Any]
    if kind is COHERE_EMBED:
        value = {
            "model": kind.model, "texts": [content], "input_type": "search_query", "embedding_types": ["float"],
        }  # fmt: skip
    elif kind is COHERE_RERANK:
        value = {"model": kind.model, "query": content, "documents": [content]}
    elif kind is MODERATIONS:
        value = {"model": kind.model, "input": content}
    elif kind is COUNT:
        value = {"model": kind.model, "messages": [{"role": "user", "content": content}]}
    elif kind is GEMINI_EMBED:
        value = {"content": {"parts": [{"text": content}]}}
    elif kind is INVOKE:
        value = {
            "anthropic_version": "bedrock-2023-05-31", "max_tokens": 64,
            "messages": [{"role": "user", "content": content}],
        }  # fmt: skip
    else:
        value = kind.document(stream, content=content)
    if kind is RESPONSES:
        value["store"] = False
    if stream and kind.path.endswith("completions"):
        # Without it the stream would lack what a document has to have.
        value["stream_options"] = {"include_usage": True}
    for name, member in members.items():
        if member is LEFT_OUT:
            value.pop(name, None)
        else:
            value[name] = member
    return value


LEFT_OUT: Any = object()


def temperature(kind: Ask, text: str) -> bytes:
    """The body with this literal as its temperature, where the dialect has it."""
    mark = "@temperature@"
    if kind.sdk == "gemini":
        value = document(kind, generationConfig={"temperature": mark})
    elif kind.sdk == "bedrock":
        value = document(kind, inferenceConfig={"temperature": mark})
    else:
        value = document(kind, temperature=mark)
    return body_of(value).replace(f'"{mark}"'.encode(), text.encode())


def body_of(value: Any) -> bytes:
    """With blanks and line ends as people write them, so that a rewrite would show."""
    return json.dumps(value, ensure_ascii=False, indent=1).encode()


class Asker:
    """One application: its requests through a leo, all of one test."""

    def __init__(
        self,
        leo: Leo,
        provider: Provider,
        test_id: str,
        kind: Ask,
        user: Optional[str] = None,
        key: str = "one",
        fields: Dict[str, Any] = {},
    ) -> None:
        """`user` is the proxy user whose password is "pw", `key` tells one provider key from another."""
        self.leo, self.provider, self.test_id, self.kind = leo, provider, test_id, kind
        self.user = user
        self.fields = {"x-test-vary": "1", **credential(kind, key), **fields}

    def connect(self):
        """A connection to the provider's host, ready for requests."""
        client = self.leo.client()
        target = f"{self.kind.host}:443"
        answer = client.connect(target, fields=with_credentials(self.user, "pw", target) if self.user else ())
        assert answer.status == 200, answer
        client.start_tls(self.kind.host)
        return client

    def ask(self, stream: bool = False, fields: Dict[str, Any] = {}, body: Optional[bytes] = None, **members) -> Seen:
        """One request over a connection of its own, once its line is written: what is to be kept is kept by then.
        `members` go into the document; a field of None is left out."""
        with self.connect() as client:
            answer = self.over(client, stream, fields, body, **members)
            return Seen(answer, self.leo.line_of(client))

    def over(self, client, stream: bool = False, fields: Dict[str, Any] = {}, body: Optional[bytes] = None, **members):
        """The same over this client of HTTP/1 or HTTP/2. `begun=True`: only its head is read."""
        begun = members.pop("begun", False)
        if body is None:
            body = body_of(document(self.kind, stream, **members))
        every = {name: value for name, value in {**self.fields, **fields}.items() if value is not None}
        return ask_over(client, self.kind, self.test_id, stream, every, begun=begun, body=body)

    @property
    def calls(self) -> List[Exchange]:
        """What has reached the provider."""
        return self.provider.of(self.test_id)


class Seen:
    """An answer and its line."""

    def __init__(self, message: Message, line: Dict[str, Any]) -> None:
        self.message, self.line = message, line

    @property
    def status(self) -> int:
        return self.message.status

    @property
    def body(self) -> bytes:
        return self.message.body

    @property
    def cache(self) -> Optional[str]:
        """What the answer says of the cache, which must be what the line says."""
        label = self.message.first("x-leo-cache")
        assert label == self.line.get("cache"), (label, self.line)
        return label

    @property
    def reason(self) -> Optional[str]:
        return self.line.get("cache_reason")

    @property
    def turn(self) -> int:
        """Which answer of the test this is."""
        return turn_of(self.message.body)

    @property
    def age(self) -> int:
        value = self.message.first("age", "")
        assert re.fullmatch(r"\d+", value or ""), self.message.fields
        return int(value or "")

    def __repr__(self) -> str:
        return f"{self.message!r} {self.message.fields} {self.message.body[:300]!r} {self.line}"


def turn_of(body: bytes) -> int:
    """By the ids and the first words of an answer, all of which must agree; 0 for one that does not say."""
    # An embedding or a count has no id: its number is the turn.
    found = {int(number) for number in re.findall(rb"turn-(\d+)", body)}
    found = found or {int(number) - 1 for number in re.findall(rb"-0\.5, (\d+)\.0\]", body)}
    found = found or {int(number) - 11 for number in re.findall(rb'"(?:input_tokens|totalTokens)": (\d+)}', body)}
    assert len(found) <= 1, body
    return found.pop() if found else 0


def assert_miss(seen: Seen, turn: int) -> None:
    assert (seen.status, seen.cache, seen.turn) == (200, "miss", turn), seen
    assert seen.message.first("age") is None, seen
    assert "saved_tokens" not in seen.line and "saved_cost" not in seen.line, seen
    assert seen.line["upstream_status"] == 200 and seen.line["attempts"] >= 1, seen


def assert_hit(seen: Seen, turn: int, label: str = "hit") -> None:
    """An answer that was kept: whole, labelled, and with nothing about an upstream in its line."""
    assert (seen.status, seen.cache, seen.turn) == (200, label, turn), seen
    assert seen.message.complete and not seen.message.violations, seen
    assert seen.age >= 0 and seen.message.first("content-encoding") is None, seen
    assert "error" not in seen.line and "cost" not in seen.line, seen
    if label == "hit":
        assert "upstream_status" not in seen.line and "attempts" not in seen.line, seen


def assert_bypass(seen: Seen, turn: int, *reasons: str) -> None:
    assert (seen.status, seen.cache, seen.turn) == (200, "bypass", turn), seen
    assert seen.message.first("age") is None, seen
    assert seen.reason in reasons, (seen.reason, reasons)


def saved_cost(seen: Seen) -> Decimal:
    return Decimal(repr(seen.line["saved_cost"]))


# MARK: Files


def cached(**more: Any) -> Dict[str, Any]:
    """Settings by which the one tenant there is has a cache."""
    return {"defaults": {"cache": {"mode": "enforce", "when": "always", **more}}}


def people(*names: str, **tables: Any) -> Dict[str, Any]:
    """Tenants that are proxy users, all with the password "pw"."""
    global _hash
    _hash = _hash or make_hash("pw")
    return {
        "tenants": {name: {"match": [{"proxy_user": name, "password_hash": _hash}], **tables} for name in names}
    }  # fmt: skip


_hash: Optional[str] = None


# MARK: The provider


def turns(provider: Provider, test_id: str, *knobs: Dict[str, str]) -> None:
    """The requests of a test are answered as these knobs say, one after another; the last are those of all further
    requests. What the provider does differs, and what it was sent does not."""

    def script(exchange: Exchange) -> None:
        exchange.turned = {"vary": "1", **knobs[min(exchange.turn, len(knobs)) - 1]}
        answer_as_asked(exchange)

    provider.scripts[test_id] = script


def altered(provider: Provider, test_id: str, *changes: Optional[Callable[[bytes], bytes]]) -> None:
    """The texts of the answers are changed so, one after another; those after the last are the ordinary ones."""

    def script(exchange: Exchange) -> None:
        exchange.turned = {"vary": "1"}
        exchange.alter = changes[exchange.turn - 1] if exchange.turn <= len(changes) else None
        answer_as_asked(exchange)

    provider.scripts[test_id] = script


def replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """A change that must find something to change."""

    def change(data: bytes) -> bytes:
        assert old in data, (old, data)
        return data.replace(old, new)

    return change


# MARK: What is seen


def lines_of(leo: Leo, test_id: str, count: int, seconds: float = 20.0) -> List[Dict[str, Any]]:
    """The access-log lines of a test, in their order."""
    mine = lambda line: line.get("labels", {}).get("x-test-id") == test_id  # noqa: E731
    wait_until(lambda: len(leo.lines(mine)) >= count or not leo.alive(), f"{count} lines", seconds)
    found = leo.lines(mine)
    assert len(found) == count, found
    return found


def statistics(leo: Leo) -> Dict[str, Any]:
    status, text = leo.get("/v1/cache")
    assert status == 200, text
    return json.loads(text)


# MARK: Several at once


class Reading:
    """A request under way in a thread of its own."""

    def __init__(self, asker: Asker, stream: bool = False, client: Any = None, **more: Any) -> None:
        """Over this client, or over a connection of its own; `more` is as for `Asker.over`."""
        self.asker = asker
        self.client = client or asker.connect()
        # Set once the head is here, and once so much of the body.
        self.begun, self.reached = threading.Event(), threading.Event()
        self.message: Optional[Message] = None
        self.error: Optional[BaseException] = None
        self.stream: Any = None
        self._until = more.pop("until", b"")
        self._more = {"stream": stream, **more}
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        seen = bytearray()

        def note(data: bytes) -> None:
            if self.reached.is_set():
                return
            seen.extend(data)
            if self._until in seen:
                self.reached.set()

        try:
            begun = self.asker.over(self.client, begun=True, **self._more)
            if isinstance(self.client, H2Client):
                self.stream = begun
                begun.head(60)
                self.begun.set()
                self.message = begun.body(note, 60)
            else:
                self.begun.set()
                self.client.reader.on_data = note
                self.client.reader.body(begun)
                self.message = begun
        except Exception as error:  # noqa: BLE001 — the one who asked for the answer is told
            self.error = error

    def answer(self, seconds: float = 60.0) -> Message:
        """The answer, once it is over: whole, or cut."""
        self._thread.join(seconds)
        assert not self._thread.is_alive(), "an answer does not end"
        if self.message is None:
            raise AssertionError(f"no answer: {self.error!r}")
        return self.message

    def leave(self, how: str) -> None:
        """Goes away without waiting for the rest: "close", "reset", and over HTTP/2 "rst"."""
        if how == "rst":
            wait_until(lambda: self.stream, "the stream")
            self.stream.reset()
        elif how == "close":
            # Closing a socket that a thread waits for neither wakes that thread nor tells the peer.
            wire = self.client.raw.wire if isinstance(self.client, H2Client) else self.client.wire
            wire.sock.shutdown(socket.SHUT_RDWR)
        elif isinstance(self.client, H2Client):
            self.client.reset()
        else:
            # The same; connect(2) to no address at all resets the connection and wakes the thread.
            ctypes.CDLL(None).connect(self.client.wire.sock.fileno(), bytes(16), 16)
        self._thread.join(20)

    def close(self) -> None:
        self.client.close()


@contextlib.contextmanager
def crowd(asker: Asker, count: int, stream: bool = False, **more: Any) -> Iterator[List[Reading]]:
    """So many readers of the same, each over a connection of its own, all connected before the first asks."""
    clients = [asker.connect() for _ in range(count)]
    try:
        yield [Reading(asker, stream, client, **more) for client in clients]
    finally:
        for client in clients:
            client.close()


def wait_open(leo: Leo, count: int) -> None:
    """Waits until so many exchanges are under way."""
    wait_until(lambda: metric(leo, "leo_exchanges_open") >= count, f"{count} exchanges under way")


def labels_of(answers: List[Message]) -> List[Optional[str]]:
    return [answer.first("x-leo-cache") for answer in answers]


def assert_whole(answers: List[Message], turn: int) -> None:
    """Every one has the whole of this answer."""
    for answer in answers:
        assert answer.status == 200 and answer.complete and not answer.violations, answer
        assert turn_of(answer.body) == turn, answer.body[:300]
