"""The test provider against the real SDKs, with nothing between them: what it says must mean to them what is meant."""

from __future__ import annotations

import json
import os
from typing import Any, Callable, Dict, List

import pytest

import codings
import programs
from answers import TEXT, Answer, Used
from answers_forms import FORMS
from answers_others import frames
from rawclient import RawClient, trusting

USED = Used(input=100, output=40, cached=30, cache_write=20, reasoning=10)


@pytest.fixture
def direct(provider, upstreams, certificates, tmp_path, test_id) -> Callable[..., List[Any]]:
    """direct(sdk, calls): the SDK's calls straight to the provider."""
    port = upstreams["api.openai.com:443"].port
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    env.update({name: str(certificates.ca) for name in ("SSL_CERT_FILE", "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE")})

    def make(sdk: str, *wanted: Dict[str, Any], **plan) -> List[Any]:
        return programs.calls(sdk, test_id, env, list(wanted), base_url=f"https://localhost:{port}", **plan)

    return make


@pytest.mark.parametrize(
    "sdk, wanted",
    [
        ("openai", ["chat", "completions", "responses"]),
        ("anthropic", ["messages", "messages-stream"]),
        ("gemini", ["generate", "generate-stream"]),
        ("cohere", ["chat", "chat-stream"]),
        ("bedrock", ["converse", "converse-stream", "invoke", "invoke-stream"]),
    ],
)
def test_every_sdk_reads_text_and_usage(direct, sdk, wanted):
    found = direct(sdk, *({"mode": mode} for mode in wanted), fields={"x-test-used": str(USED)})
    for mode, call in zip(wanted, found):
        assert call.get("text") == TEXT, (mode, call)
        assert flattened(call["usage"]) >= EXPECTED[sdk, mode].items(), (mode, call["usage"])


# By SDK and call: what USED is in the provider's own words.
CHAT = {"prompt_tokens": 100, "completion_tokens": 40, "total_tokens": 140, "cached_tokens": 30, "reasoning_tokens": 10}
RESPONSES = {"input_tokens": 100, "output_tokens": 40, "cached_tokens": 30, "reasoning_tokens": 10}
CLAUDE = {
    "input_tokens": 50, "cache_read_input_tokens": 30, "cache_creation_input_tokens": 20, "output_tokens": 40,
}  # fmt: skip
GEMINI = {
    "prompt_token_count": 100, "cached_content_token_count": 30, "candidates_token_count": 30,
    "thoughts_token_count": 10,
}  # fmt: skip
CONVERSE = {"inputTokens": 50, "cacheReadInputTokens": 30, "cacheWriteInputTokens": 20, "outputTokens": 40}
EXPECTED: Dict[Any, Dict[str, int]] = {
    ("openai", "chat"): CHAT, ("openai", "completions"): CHAT, ("openai", "responses"): RESPONSES,
    ("anthropic", "messages"): CLAUDE, ("anthropic", "messages-stream"): CLAUDE,
    ("gemini", "generate"): GEMINI, ("gemini", "generate-stream"): GEMINI,
    ("cohere", "chat"): {"input_tokens": 100, "output_tokens": 40},
    ("cohere", "chat-stream"): {"input_tokens": 100, "output_tokens": 40},
    ("bedrock", "converse"): CONVERSE, ("bedrock", "converse-stream"): CONVERSE,
    ("bedrock", "invoke"): CLAUDE, ("bedrock", "invoke-stream"): CLAUDE,
}  # fmt: skip


def flattened(value: Any) -> Any:
    """All numbers by their names, of a name that occurs twice the first."""
    found: Dict[str, int] = {}

    def walk(part: Any) -> None:
        for name, inner in part.items():
            if isinstance(inner, dict):
                walk(inner)
            elif isinstance(inner, (int, float)):
                found.setdefault(name, int(inner))

    walk(value)
    return found.items()


def test_usage_of_openai_streams_comes_to_those_who_ask(direct):
    asking = {"stream_options": {"include_usage": True}}
    refusing = {"stream_options": {"include_usage": False}}
    plain, asked, refused = direct(
        "openai", {"mode": "chat-stream"}, {"mode": "chat-stream", **asking}, {"mode": "chat-stream", **refusing},
        fields={"x-test-used": str(USED)},
    )  # fmt: skip
    assert plain == refused and plain["usage"] is None and plain["empty"] == 0
    assert flattened(asked["usage"]) >= CHAT.items()
    assert (asked["text"], asked["chunks"], asked["empty"]) == (TEXT, plain["chunks"] + 1, 1)


def test_the_streams_of_openai_differ_by_the_added_members_alone():
    """What leo has to take out again is exactly what asking adds."""
    for settings in ({}, {"compact": True}, {"usage_first": True, "compact": True}):
        for dialect in ("openai-chat", "openai-completions"):
            plain = Answer(dialect, {"stream": True}, **settings).events()
            asked = Answer(dialect, {"stream": True, "stream_options": {"include_usage": True}}, **settings).events()
            members = (b', "usage": null', b',"usage":null')
            for member in members:
                asked = [event.replace(member, b"") for event in asked]
            assert asked[-1].endswith(b"data: [DONE]\n\n") and asked[-1].count(b"data: ") == 2
            assert asked[:-2] == plain[:-1]
            assert asked[-2] + b"data: [DONE]\n\n" == plain[-1]


@pytest.mark.parametrize("sdk, mode", [("openai", "chat"), ("anthropic", "messages"), ("cohere", "chat")])
def test_a_limit_of_the_provider_is_waited_for_by_its_sdk(direct, provider, test_id, sdk, mode):
    fields = {"x-test-fail": "429x1", "x-test-wait-ms": "1700"}
    (call,) = direct(sdk, {"mode": mode, "fields": fields}, retries=1)
    assert call.get("text") == TEXT, call
    assert len(provider.of(test_id)) == 2


@pytest.mark.parametrize(
    "sdk, mode, name",
    [
        ("openai", "chat-stream", "RateLimitError"),
        ("anthropic", "messages-stream", "RateLimitError"),
        ("gemini", "generate-stream", "ClientError"),
        ("cohere", "chat-stream", "TooManyRequestsError"),
        ("bedrock", "converse-stream", "ThrottlingException"),
    ],
)
def test_a_limit_of_the_provider_is_that_error_in_its_sdk(direct, sdk, mode, name):
    (call,) = direct(sdk, {"mode": mode, "fields": {"x-test-fail": "429x9", "x-test-native": "0"}})
    assert name in call["error"] and call["status"] == 429, call


def test_frames_of_amazon_have_the_sums_that_the_sdk_checks(direct):
    """boto3 refuses a frame with a wrong sum; that it took these says that they are right."""
    data = b"".join(Answer("bedrock-stream").events())
    assert [fields[":event-type"] for fields, _ in frames(data)][-2:] == ["messageStop", "metadata"]
    broken = bytearray(data)
    broken[20] ^= 1
    with pytest.raises(AssertionError, match="CRC"):
        frames(bytes(broken))


def test_gemini_without_sse_is_one_array(provider, upstreams, certificates, test_id):
    with RawClient(("127.0.0.1", upstreams["api.openai.com:443"].port), certificates.ca) as client:
        client.wire.start_tls(trusting(certificates.ca), "generativelanguage.googleapis.com")
        path = "/v1beta/models/gemini-test:streamGenerateContent"
        answer = client.exchange("POST", path, [("x-test-id", test_id)], b"{}")
    values = json.loads(answer.body)
    assert "".join(each["candidates"][0]["content"]["parts"][0]["text"] for each in values) == TEXT
    counts = [each["usageMetadata"]["candidatesTokenCount"] for each in values]
    assert counts == sorted(counts) and counts[-1] == Used().output


# The SDK's HTTP library knows zstd with another package than the tests use.
@pytest.mark.parametrize("name", [name for name in codings.NAMES if name != "zstd"])
def test_encoded_streams_reach_the_sdk(direct, name):
    (call,) = direct("openai", {"mode": "chat-stream", "fields": {"x-test-encoding": name}})
    assert call.get("text") == TEXT, call


# MARK: Answers that are more than a text

# By SDK and the dialect of its answers: its APIs, and its ways to read them.
MEANINGS = {
    "openai-chat": ("openai", "chat", ["whole", "stream", "helper"]),
    "openai-responses": ("openai", "responses", ["whole", "stream", "helper"]),
    "anthropic-messages": ("anthropic", "messages", ["whole", "stream", "helper"]),
    "gemini-generate": ("gemini", "generate", ["whole", "stream"]),
    "cohere-chat": ("cohere", "chat", ["whole", "stream"]),
    "bedrock-converse": ("bedrock", "converse", ["whole", "stream"]),
}


@pytest.mark.parametrize("dialect, form", [(name, form) for name, row in FORMS.items() for form in ["", *row[0]]])
def test_the_two_forms_of_an_answer_mean_the_same_to_its_sdk(direct, dialect, form):
    """What the tests of the cache stand on: to the SDK the stand-in's stream says what its document says."""
    sdk, api, ways = MEANINGS[dialect]
    fields = {"x-test-form": form, "x-test-used": str(USED)} if form else {"x-test-used": str(USED)}
    found = direct(sdk, *({"api": api, "way": way} for way in ways), fields=fields, client="meaning.py")
    for way, call in zip(ways, found):
        assert "meaning" in call, (way, call)
        assert call["meaning"] == found[0]["meaning"], way


def test_answers_can_say_which_one_they_are(direct, provider, test_id):
    calls = [{"api": "chat", "way": "whole"}] * 2
    one, two = direct("openai", *calls, fields={"x-test-vary": "1"}, client="meaning.py")
    assert [one["meaning"]["id"], two["meaning"]["id"]] == ["chatcmpl-1-turn-1", "chatcmpl-1-turn-2"]
    assert two["meaning"]["choices"][0]["content"] == "turn-2: " + TEXT
    assert two["request_ids"] == [f"req-{test_id}-2"]
