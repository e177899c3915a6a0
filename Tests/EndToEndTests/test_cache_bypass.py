"""Requests that the cache has nothing to do with: they go to the provider as they came, and the label and the line say
why."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Tuple

import pytest

import codings
from caching import (
    EMBEDDINGS, INVOKE, LEFT_OUT, Asker, Seen, assert_bypass, assert_hit, assert_miss, body_of, cached, document, turns,
)  # fmt: skip
from harness import wait_until
from limiting import CHAT, COHERE_CHAT, COMPLETIONS, CONVERSE, GENERATE, MESSAGES, RESPONSES, Ask


def chat_with(*parts: Dict[str, Any]) -> Dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, *parts]}]}


def contents_with(*parts: Dict[str, Any]) -> Dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": "What is it?"}, *parts]}]}


PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
FUNCTION = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}

# What a request has, and the words by which its line may say why it is not for the cache.
STORED, STATE, SERVER, MEDIA = ("stored",), ("state",), ("server_tools",), ("url_media",)
BYPASSES: List[Tuple[str, Ask, Dict[str, Any], Tuple[str, ...]]] = [
    # What the provider keeps, or looks up by itself.
    ("chat-store", CHAT, {"store": True}, STORED),
    ("responses-default", RESPONSES, {"store": LEFT_OUT}, STORED),
    ("responses-null", RESPONSES, {"store": None}, STORED),
    ("responses-store", RESPONSES, {"store": True}, STORED),
    ("responses-word", RESPONSES, {"store": "false"}, STORED),
    ("responses-previous", RESPONSES, {"previous_response_id": "resp_0"}, STATE),
    ("responses-conversation", RESPONSES, {"conversation": "conv_1"}, STATE),
    ("responses-prompt", RESPONSES, {"prompt": {"id": "pmpt_1"}}, STATE),
    ("responses-reference", RESPONSES, {"input": [{"type": "item_reference", "id": "msg_0"}]}, STATE),
    ("responses-background", RESPONSES, {"background": True}, ("background",)),
    ("responses-file", RESPONSES, {"input": [
        {"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}]}, STATE + MEDIA),
    ("messages-container", MESSAGES, {"container": "container_1"}, STATE + SERVER),
    ("messages-file", MESSAGES, {"messages": [
        {"role": "user", "content": [{"type": "document", "source": {"type": "file", "file_id": "file_1"}}]}]},
     STATE + MEDIA),
    ("gemini-file", GENERATE, contents_with(
        {"fileData": {"mimeType": "image/png", "fileUri": "https://generativelanguage.googleapis.com/v1beta/files/a"}}),
     STATE + MEDIA),
    ("cohere-conversation", COHERE_CHAT, {"conversation_id": "c"}, STATE),
    # What runs on the provider's side and need not say the same again.
    ("chat-search", CHAT, {"web_search_options": {}}, SERVER),
    ("chat-search-parameters", CHAT, {"search_parameters": {"mode": "auto"}}, SERVER),
    ("chat-plugins", CHAT, {"plugins": [{"id": "web"}]}, SERVER),
    ("chat-online", CHAT, {"model": "openai/gpt-test:online"}, SERVER),
    ("chat-search-model", CHAT, {"model": "gpt-test-search-preview"}, SERVER),
    ("chat-other-tool", CHAT, {"tools": [FUNCTION, {"type": "web_search"}]}, SERVER),
    ("responses-search", RESPONSES, {"tools": [{"type": "web_search"}]}, SERVER),
    ("responses-files", RESPONSES, {"tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}]},
     SERVER + STATE),
    ("responses-code", RESPONSES, {"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]}, SERVER),
    ("responses-mcp", RESPONSES, {"tools": [{"type": "mcp", "server_label": "a", "server_url": "https://a/"}]}, SERVER),
    ("messages-search", MESSAGES, {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, SERVER),
    ("messages-code", MESSAGES, {"tools": [{"type": "code_execution_20250825", "name": "code_execution"}]}, SERVER),
    ("messages-mcp", MESSAGES, {"mcp_servers": [{"type": "url", "url": "https://a/", "name": "a"}]}, SERVER),
    ("gemini-search", GENERATE, {"tools": [{"googleSearch": {}}]}, SERVER),
    ("gemini-search-snake", GENERATE, {"tools": [{"google_search": {}}]}, SERVER),
    ("gemini-code", GENERATE, {"tools": [{"functionDeclarations": []}, {"codeExecution": {}}]}, SERVER),
    ("gemini-url", GENERATE, {"tools": [{"urlContext": {}}]}, SERVER),
    ("cohere-connectors", COHERE_CHAT, {"connectors": [{"id": "web-search"}]}, SERVER),
    ("converse-system-tool", CONVERSE, {"toolConfig": {"tools": [{"systemTool": {"name": "nova_grounding"}}]}}, SERVER),
    # What lies where it may change.
    ("chat-image", CHAT, chat_with({"type": "image_url", "image_url": {"url": "https://a.example/a.png"}}), MEDIA),
    ("responses-image", RESPONSES, {"input": [{"role": "user", "content": [
        {"type": "input_image", "image_url": "https://a.example/a.png"}]}]}, MEDIA),
    ("messages-image", MESSAGES, {"messages": [{"role": "user", "content": [
        {"type": "image", "source": {"type": "url", "url": "https://a.example/a.png"}}]}]}, MEDIA),
    ("gemini-bucket", GENERATE, contents_with({"fileData": {"mimeType": "image/png", "fileUri": "gs://a/a.png"}}),
     MEDIA),
    ("converse-bucket", CONVERSE, {"messages": [{"role": "user", "content": [
        {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://a/a.png"}}}}]}]}, MEDIA),
    # Answers that are no text.
    ("chat-audio", CHAT, {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}}, ("audio",)),
    ("gemini-image", GENERATE, {"generationConfig": {"responseModalities": ["TEXT", "IMAGE"]}}, ("audio",)),
]  # fmt: skip


@pytest.mark.parametrize("kind, members, reasons", [row[1:] for row in BYPASSES], ids=[row[0] for row in BYPASSES])
def test_what_a_replay_could_not_stand_for_goes_to_the_provider(keeping, provider, test_id, kind, members, reasons):
    asker = Asker(keeping, provider, test_id, kind)
    body = body_of(document(kind, **members))
    for turn in (1, 2):
        seen = asker.ask(body=body)
        assert_bypass(seen, turn, *reasons)
        # The line says it of these as well.
        assert seen.line["model"] == members.get("model", kind.model)
    assert [each.request.body for each in asker.calls] == [body, body]


def test_the_line_of_a_request_that_breaks_off_says_its_model(leo_with, provider, test_id):
    leo = leo_with(cached())
    asker = Asker(leo, provider, test_id, CHAT)
    body = body_of({"model": CHAT.model, "messages": [{"role": "user", "content": "x" * 50_000}]})
    with asker.connect() as client:
        head = f"POST {CHAT.path} HTTP/1.1\r\nHost: {CHAT.host}\r\nContent-Type: application/json\r\n"
        client.send(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:20_000])
        client.close()
        line = leo.line_of(client)
    assert (line["error"], line["model"]) == ("client_gone", CHAT.model)
    assert asker.calls == []


# Beside them, what looks alike and has nothing of the kind.
KEPT: List[Tuple[str, Ask, Dict[str, Any]]] = [
    ("chat-null", CHAT, {"store": None, "web_search_options": None, "plugins": None, "audio": None}),
    ("chat-false", CHAT, {"store": False}),
    ("chat-text", CHAT, {"modalities": ["text"]}),
    ("chat-tools", CHAT, {"tools": [FUNCTION]}),
    ("chat-custom-tool", CHAT, {"tools": [{"type": "custom", "custom": {"name": "c"}}]}),
    ("chat-data", CHAT, chat_with({"type": "image_url", "image_url": {"url": "data:image/png;base64," + PIXEL}})),
    ("chat-says-url", CHAT, {"content": 'See https://a.example/a.png and {"file_id": "file-1"}.'}),
    ("responses-null", RESPONSES, {"previous_response_id": None, "conversation": None, "prompt": None,
                                   "background": False}),
    ("responses-tools", RESPONSES, {"tools": [{"type": "function", "name": "f", "parameters": {}, "strict": True}]}),
    ("responses-data", RESPONSES, {"input": [{"role": "user", "content": [
        {"type": "input_image", "image_url": "data:image/png;base64," + PIXEL}]}]}),
    ("messages-tools", MESSAGES, {"tools": [{"name": "f", "input_schema": {"type": "object"}},
                                            {"type": "custom", "name": "g", "input_schema": {"type": "object"}}]}),
    ("messages-data", MESSAGES, {"messages": [{"role": "user", "content": [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}]}]}),
    ("messages-null", MESSAGES, {"container": None, "mcp_servers": []}),
    ("gemini-tools", GENERATE, {"tools": [{"functionDeclarations": [{"name": "f"}]}]}),
    ("gemini-inline", GENERATE, contents_with({"inlineData": {"mimeType": "image/png", "data": PIXEL}})),
    ("gemini-text", GENERATE, {"generationConfig": {"responseModalities": ["TEXT"]}}),
    ("converse-tools", CONVERSE, {"toolConfig": {"tools": [
        {"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}}]}}),
    ("converse-bytes", CONVERSE, {"messages": [{"role": "user", "content": [
        {"text": "What is it?"}, {"image": {"format": "png", "source": {"bytes": PIXEL}}}]}]}),
]  # fmt: skip


@pytest.mark.parametrize("kind, members", [row[1:] for row in KEPT], ids=[row[0] for row in KEPT])
def test_what_only_looks_alike_is_kept(keeping, provider, test_id, kind, members):
    asker = Asker(keeping, provider, test_id, kind)
    body = body_of(document(kind, **members))
    assert_miss(asker.ask(body=body), 1)
    assert_hit(asker.ask(body=body), 1)


# MARK: Bodies that cannot be keyed

ODD_BODIES: List[Tuple[str, bytes, Tuple[str, ...]]] = [
    ("no-json", b"model=gpt-test&prompt=x", ("not_json", "unreadable")),
    ("empty", b"", ("not_json", "unreadable")),
    ("list", b'[{"model": "gpt-test"}]', ("not_json",)),
    ("string", b'"gpt-test"', ("not_json",)),
    ("two-documents", b'{"model": "gpt-test", "messages": []} {}', ("not_json",)),
    ("trailing-comma", b'{"model": "gpt-test", "messages": [],}', ("not_json",)),
    ("truncated", b'{"model": "gpt-test", "messages": [{"role": "user", "content": "x', ("not_json",)),
    ("comment", b'{"model": "gpt-test" /* a */, "messages": []}', ("not_json",)),
    ("byte-order-mark", b'\xef\xbb\xbf{"model": "gpt-test", "messages": []}', ("not_json",)),
    ("key-twice", b'{"model": "gpt-test", "messages": [], "model": "gpt-test"}', ("duplicate_keys",)),
    ("key-twice-escaped", b'{"model": "gpt-test", "messages": [], "m\\u006fdel": "x"}', ("duplicate_keys",)),
    ("key-twice-deep", b'{"model": "gpt-test", "messages": [{"role": "user", "role": "system"}]}', ("duplicate_keys",)),
    ("bad-utf8", b'{"model": "gpt-test", "messages": [{"role": "user", "content": "\xff\xfe"}]}', ("not_json",)),
    ("overlong-utf8", b'{"model": "gpt-test", "messages": [{"role": "user", "content": "\xc0\xaf"}]}', ("not_json",)),
    ("lone-surrogate", b'{"model": "gpt-test", "messages": [{"role": "user", "content": "\\ud83e"}]}', ("not_json",)),
    ("surrogate-utf8", b'{"model": "gpt-test", "messages": [{"role": "user", "content": "\xed\xa0\xbe"}]}',
     ("not_json",)),
    ("control", b'{"model": "gpt-test", "messages": [{"role": "user", "content": "a\nb"}]}', ("not_json",)),
    ("deep", b'{"model": "gpt-test", "messages": [], "x": ' + b"[" * 5000 + b"]" * 5000 + b"}",
     ("too_intricate", "not_json")),
]  # fmt: skip


@pytest.mark.parametrize("body, reasons", [row[1:] for row in ODD_BODIES], ids=[row[0] for row in ODD_BODIES])
def test_a_body_that_has_no_one_meaning_goes_to_the_provider(keeping, provider, test_id, body, reasons):
    """Two parsers may read it in two ways, so no answer to it is an answer to it again."""
    asker = Asker(keeping, provider, test_id, CHAT)
    turns(provider, test_id, {})
    for turn in (1, 2):
        assert_bypass(asker.ask(body=body), turn, *reasons)
    assert [each.request.body for each in asker.calls] == [body, body]


@pytest.mark.parametrize("encoding, body", [
    ("gzip", b"this is no gzip"), ("gzip", codings.encoded("gzip", b'{"model": "gpt-test"}')[:-9]),
    ("compress", b"\x1f\x9d"), ("gzip, br", b"x"), ("br", b"\xff\xff\xff\xff"),
], ids=["garbage", "cut", "unknown", "twice", "no-brotli"])  # fmt: skip
def test_a_body_that_cannot_be_decoded_goes_to_the_provider(keeping, provider, test_id, encoding, body):
    asker = Asker(keeping, provider, test_id, CHAT)
    for turn in (1, 2):
        assert_bypass(asker.ask(fields={"content-encoding": encoding}, body=body), turn, "unreadable")
    assert [each.request.body for each in asker.calls] == [body, body]


@pytest.mark.parametrize("name", ["gzip", "zstd", "br"])
def test_a_small_body_that_is_huge_inside_is_not_unpacked(leo_with, provider, test_id, name):
    leo = leo_with({**cached(), "intercept": {"body_limit": "1MB"}})
    asker = Asker(leo, provider, test_id, CHAT)
    body = codings.encoded(name, body_of(document(CHAT, content="x" * 20_000_000)))
    assert len(body) < 200_000
    for turn in (1, 2):
        assert_bypass(asker.ask(fields={"content-encoding": name}, body=body), turn, "too_large", "unreadable")
    assert leo.alive() and len(asker.calls) == 2


def test_a_body_above_the_limit_streams_past_the_cache(leo_with, provider, test_id):
    leo = leo_with({**cached(), "intercept": {"body_limit": "64KB"}})
    asker = Asker(leo, provider, test_id, CHAT)
    body = body_of(document(CHAT, content="x" * 300_000))
    for turn in (1, 2):
        seen = asker.ask(body=body)
        assert_bypass(seen, turn, "too_large")
        assert seen.line["model"] == CHAT.model
    assert [each.request.sha256 for each in asker.calls] == [asker.calls[0].request.sha256] * 2
    # Without a length it is found out on the way.
    fields = {"content-type": "application/json", "x-test-id": test_id, **asker.fields}
    with asker.connect() as client:
        pieces = [body[at : at + 10_000] for at in range(0, len(body), 10_000)]
        client.request("POST", CHAT.path, fields, pieces=pieces)
        seen = Seen(client.answer(), leo.line_of(client))
        assert_bypass(seen, 3, "too_large")
        assert seen.line["model"] == CHAT.model
    assert asker.calls[2].request.body == body
    small = document(CHAT, content="x" * 10_000)
    assert_miss(asker.ask(body=body_of(small)), 4)
    assert_hit(asker.ask(body=body_of(small)), 4)


# MARK: Other operations, methods and forms


@pytest.mark.parametrize(
    "method, path, body",
    [
        ("GET", "/v1/models", None),
        ("POST", "/v1/audio/speech", b'{"model": "tts", "input": "x", "voice": "alloy"}'),
        ("POST", "/v1/images/generations", b'{"model": "img", "prompt": "x"}'),
        ("POST", "/v1/batches", b'{"input_file_id": "file-1", "endpoint": "/v1/responses"}'),
        ("POST", "/v1/files", b"x"),
        ("DELETE", "/v1/responses/resp_1", None),
        ("GET", "/v1/responses/resp_1", None),
        ("POST", "/v1/nobody/knows", b"{}"),
    ],
    ids=lambda value: None if isinstance(value, bytes) else str(value),
)
def test_other_operations_are_left_alone(keeping, provider, test_id, method, path, body):
    asker = Asker(keeping, provider, test_id, CHAT)
    for turn in (1, 2):
        with asker.connect() as client:
            answer = client.exchange(method, path, {"x-test-id": test_id, **asker.fields}, body)
            line = keeping.line_of(client)
        assert answer.status == 200 and answer.complete
        assert answer.first("x-leo-cache") in (None, "bypass") and line.get("cache") in (None, "bypass"), line
        assert line.get("cache_reason") in (None, "operation")
        assert len(asker.calls) == turn


def test_a_head_or_get_of_a_kept_path_is_left_alone(keeping, provider, test_id):
    asker = Asker(keeping, provider, test_id, CHAT)
    assert_miss(asker.ask(), 1)
    for turn, method in enumerate(("GET", "HEAD", "PUT"), 2):
        with asker.connect() as client:
            body = body_of(document(CHAT)) if method == "PUT" else None
            answer = client.exchange(method, CHAT.path, {"x-test-id": test_id, **asker.fields}, body)
            assert answer.status == 200 and answer.first("x-leo-cache") in (None, "bypass")
        assert len(asker.calls) == turn


def test_streams_of_invoke_are_not_kept(keeping, provider, test_id):
    """What is in them is the model's own, in as many ways as there are models."""
    asker = Asker(keeping, provider, test_id, INVOKE)
    for count in (1, 2):
        seen = asker.ask(True)
        assert (seen.cache, seen.reason, len(asker.calls)) == ("bypass", "dialect", count), seen


def test_coheres_first_api_streams_past_the_cache(keeping, provider, test_id):
    asker = Asker(keeping, provider, test_id, COHERE_CHAT)
    body = b'{"model": "command-test", "message": "Say something.", "stream": true}'
    for count in (1, 2):
        with asker.connect() as client:
            fields = {"content-type": "application/json", "x-test-id": test_id, **asker.fields}
            answer = client.exchange("POST", "/v1/chat", fields, body, host=COHERE_CHAT.host)
            line = keeping.line_of(client)
        assert answer.status == 200 and (line["cache"], line["cache_reason"]) == ("bypass", "dialect"), line
        assert len(asker.calls) == count


@pytest.mark.parametrize(
    "name, value",
    [
        ("authorization", "AWS4-HMAC-SHA256 Credential=AKIATEST/20260101/us-east-1/bedrock/aws4_request, "
                          "SignedHeaders=host, Signature=" + "0" * 64),
        ("authorization", "Bearer ya29.a0AfH6SMBx-0123456789"),
        ("authorization", "Bearer eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjF9.c2lnbmF0dXJl"),
        ("authorization", "Bearer bedrock-api-key-YmVkcm9jaw=="),
        ("authorization", "Basic dXNlcjpwdw=="),
    ],
    ids=["sigv4", "google", "jwt", "bedrock", "basic"],
)  # fmt: skip
def test_a_credential_that_changes_tells_nobody_apart(keeping, provider, test_id, name, value):
    """Whose answer it would be cannot be told by it; a tenant that proves who it is may share them, see tenants."""
    for kind in (CHAT, CONVERSE):
        asker = Asker(keeping, provider, f"{test_id}-{kind.sdk}", kind, fields={name: value})
        for turn in (1, 2):
            assert_bypass(asker.ask(), turn, "credential")


def test_two_different_keys_are_nobodys(keeping, provider, test_id):
    asker = Asker(keeping, provider, test_id, CHAT, fields={"x-api-key": "sk-another-0123456789"})
    for turn in (1, 2):
        assert_bypass(asker.ask(), turn, "credential")


# MARK: Limits of size


def test_an_answer_that_is_too_large_is_relayed_and_not_kept(leo_with, provider, test_id):
    leo = leo_with({**cached(), "cache": {"memory": "4MB", "entry_max": "64KB"}})
    for stream in (False, True):
        large = Asker(leo, provider, f"{test_id}-{stream}", CHAT, fields={"x-test-size": "200000"})
        for turn in (1, 2):
            seen = large.ask(stream)
            assert_miss(seen, turn)
            assert seen.message.complete and len(seen.body) > 200_000 and seen.reason in ("too_large", None), seen
    small = Asker(leo, provider, test_id, CHAT)
    assert_miss(small.ask(), 1)
    assert_hit(small.ask(), 1)


def test_what_is_kept_stays_within_the_memory(leo_with, provider, test_id):
    """300 answers of 20 KB do not fit in 1 MB; those asked for again and again stay."""
    leo = leo_with({**cached(), "cache": {"memory": "1MB", "entry_max": "64KB"}})
    asker = Asker(leo, provider, test_id, CHAT, fields={"x-test-size": "20000"})
    with asker.connect() as client:
        for number in range(300):
            assert asker.over(client, content=f"Once {number}").status == 200
            if number % 10 == 0:
                assert asker.over(client, content="Again and again").status == 200
        wait_until(lambda: len(leo.all_lines_of(client)) == 330, "the lines")
        again = [line["cache"] for line in leo.lines_of(client, 330)][1::11]
    assert again[0] == "miss" and again[-1] == "hit" and again.count("hit") >= 15, again
    status = json.loads(leo.get("/v1/cache")[1])
    assert 0 < status["bytes"] <= 1024 * 1024 and status["entries"] < 60, status


def test_without_memory_nothing_is_kept(leo_with, provider, test_id):
    leo = leo_with({**cached(), "cache": {"memory": "0B"}})
    asker = Asker(leo, provider, test_id, CHAT)
    for turn in (1, 2):
        seen = asker.ask()
        assert (seen.status, seen.turn, len(asker.calls)) == (200, turn, turn), seen
        assert seen.cache in ("miss", "bypass"), seen
    assert asker.ask(fields={"cache-control": "only-if-cached"}).status == 504
    assert len(asker.calls) == 2


def test_embeddings_of_many_texts_are_one_answer(keeping, provider, test_id):
    asker = Asker(keeping, provider, test_id, EMBEDDINGS)
    many = {"input": [f"Text {number}" for number in range(100)]}
    assert_miss(asker.ask(**many), 1)
    assert_hit(asker.ask(**many), 1)
    assert_miss(asker.ask(input=many["input"][::-1]), 2)


def test_completions_with_several_prompts_are_one_answer(keeping, provider, test_id):
    asker = Asker(keeping, provider, test_id, COMPLETIONS)
    assert_miss(asker.ask(prompt=["a", "b"]), 1)
    assert_miss(asker.ask(prompt=["b", "a"]), 2)
    assert_hit(asker.ask(prompt=["a", "b"]), 1)
