"""Limits as the providers' own SDKs meet them: the right exception, the right wait, and no retry where none can help.

Attempts are counted twice: by leo's access log, and by what reached the provider.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List

import pytest

import programs
from answers import TEXT
from harness import wait_until
from limiting import at_once, limited, price_file

# By SDK: a call, the same streamed, its ways to bound the answer, and its exceptions for 429, 403, 400 and 413.
CALLS: Dict[str, Dict[Any, Any]] = {
    "openai": {
        "mode": "chat", "stream": "chat-stream", "output": {"max_completion_tokens": 20},
        429: "RateLimitError", 403: "PermissionDeniedError", 400: "BadRequestError", 413: "APIStatusError",
    },
    "anthropic": {
        "mode": "messages", "stream": "messages-stream", "output": {"max_tokens": 20},
        429: "RateLimitError", 403: "PermissionDeniedError", 400: "BadRequestError", 413: "APIStatusError",
    },
    "gemini": {
        "mode": "generate", "stream": "generate-stream", "output": {"config": {"max_output_tokens": 20}},
        429: "ClientError", 403: "ClientError", 400: "ClientError", 413: "ClientError",
    },
    "cohere": {
        "mode": "chat", "stream": "chat-stream", "output": {"max_tokens": 20},
        429: "TooManyRequestsError", 403: "ForbiddenError", 400: "BadRequestError", 413: "ApiError",
    },
    "bedrock": {
        "mode": "converse", "stream": "converse-stream", "output": {"inferenceConfig": {"maxTokens": 20}},
        429: "ThrottlingException", 403: "AccessDeniedException", 400: "ValidationException", 413: "ClientError",
    },
}  # fmt: skip
SDKS = list(CALLS)
# These read retry-after-ms and x-should-retry, and by default try twice more.
STAINLESS = ["openai", "anthropic"]


@pytest.fixture
def through(leo_with, provider, tmp_path, test_id) -> Callable[..., Any]:
    """through(settings): a leo with them, and call(sdk, *calls): what the SDK tells, through that leo."""

    def begin(settings: Dict[str, Any]):
        leo = leo_with(settings)
        env = leo.client_environment(tmp_path / "home")

        def call(sdk: str, *wanted: Dict[str, Any], **plan) -> List[Any]:
            return programs.calls(sdk, test_id, env, list(wanted), **plan)

        return leo, call

    return begin


def plain(sdk: str, stream: bool = False, **fields: str) -> Dict[str, Any]:
    """An ordinary call."""
    return {"mode": CALLS[sdk]["stream" if stream else "mode"], **CALLS[sdk]["output"], "fields": fields}


def lines_of(leo, test_id: str, count: int) -> List[Dict[str, Any]]:
    """The access-log lines of a test, in their order."""
    mine = lambda line: line.get("labels", {}).get("x-test-id") == test_id  # noqa: E731
    wait_until(lambda: len(leo.lines(mine)) >= count, f"{count} lines")
    found = leo.lines(mine)
    assert len(found) == count, found
    return found


# MARK: Rates


@pytest.mark.parametrize("sdk", SDKS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_rate_of_requests_is_the_sdks_own_rate_limit_error(through, provider, test_id, sdk, stream):
    leo, call = through(limited(requests="2/day burst 2"))
    one, two, three = call(sdk, *[plain(sdk, stream)] * 3)
    assert (one.get("text"), two.get("text")) == (TEXT, TEXT), (one, two)
    assert CALLS[sdk][429] in three["error"] and three["status"] == 429, three
    assert three["fields"]["x-leo-error"] == "rate_limited"
    assert int(three["fields"]["retry-after"]) > 3600, "two a day: the next in half a day"
    assert len(provider.of(test_id)) == 2
    refused = lines_of(leo, test_id, 3)[2]
    assert (refused["status"], refused["error"]) == (429, "rate_limited")
    assert "upstream_status" not in refused and "attempts" not in refused


@pytest.mark.parametrize("sdk", SDKS)
def test_a_rate_of_tokens_is_the_sdks_own_rate_limit_error(through, provider, test_id, sdk):
    leo, call = through(limited(tokens=at_once(2000)))
    one, two = call(sdk, plain(sdk, **{"x-test-used": "input=1200 output=790"}), plain(sdk))
    assert one.get("text") == TEXT, one
    assert CALLS[sdk][429] in two["error"] and two["status"] == 429, two
    assert two["fields"]["x-leo-error"] == "rate_limited" and "token" in two["message"], two
    assert len(provider.of(test_id)) == 1
    first, refused = lines_of(leo, test_id, 2)
    assert (first["tokens"]["in"], first["tokens"]["out"], first["usage_source"]) == (1200, 790, "provider")
    assert refused["error"] == "rate_limited" and "cost" not in refused and "tokens" not in refused


@pytest.mark.parametrize("sdk", STAINLESS + ["cohere"])
def test_the_sdk_waits_as_long_as_it_is_told_and_succeeds(through, provider, test_id, sdk):
    """One more request every 2.4 s: the SDK's own pauses of 0.5 s and 1 s would all be too short."""
    leo, call = through(limited(requests="25/min burst 1"))
    one, two = call(sdk, plain(sdk), plain(sdk), retries=2)
    assert (one.get("text"), two.get("text")) == (TEXT, TEXT), two
    assert [line["status"] for line in lines_of(leo, test_id, 3)] == [200, 429, 200]
    assert len(provider.of(test_id)) == 2


@pytest.mark.parametrize("sdk", STAINLESS)
def test_the_sdk_waits_for_tokens_too(through, provider, test_id, sdk):
    """The second request needs what comes back within 2 s; the first had used up everything."""
    leo, call = through(limited(tokens="6000/min burst 400"))
    used = {"x-test-used": "input=300 output=100"}
    one, two = call(sdk, plain(sdk, **used), plain(sdk, **used), retries=2)
    assert (one.get("text"), two.get("text")) == (TEXT, TEXT), two
    assert [line["status"] for line in lines_of(leo, test_id, 3)] == [200, 429, 200]
    assert len(provider.of(test_id)) == 2


@pytest.mark.parametrize("sdk", STAINLESS)
def test_the_providers_native_fields_say_what_is_left(through, test_id, sdk):
    _, call = through(limited(requests="2/day burst 2", tokens=at_once(100_000)))
    mode = CALLS[sdk]["mode"]
    one, _, three = call(sdk, *[{"mode": mode, **CALLS[sdk]["output"]}] * 3)
    assert one["fields"].get("x-leo-limit"), one["fields"]
    if sdk == "openai":
        assert three["fields"]["x-ratelimit-limit-requests"] == "2"
        assert three["fields"]["x-ratelimit-remaining-requests"] == "0"
        assert three["fields"]["x-ratelimit-reset-requests"].endswith("s")
    else:
        assert three["fields"]["anthropic-ratelimit-requests-limit"] == "2"
        assert three["fields"]["anthropic-ratelimit-requests-remaining"] == "0"
        assert three["fields"]["anthropic-ratelimit-requests-reset"].endswith("Z")


# MARK: Concurrency


@pytest.mark.parametrize("sdk", STAINLESS)
def test_concurrency_is_a_rate_limit_error_until_the_stream_has_ended(through, provider, test_id, sdk):
    leo, call = through(limited(concurrent=1))
    found: List[Any] = []

    def meanwhile() -> None:
        # The first stream has begun and waits.
        found.extend(call(sdk, plain(sdk)))
        provider.gate(test_id).set()

    (one,) = call(sdk, plain(sdk, True, **{"x-test-gate": test_id}), first=meanwhile)
    assert one.get("text") == TEXT, one
    assert CALLS[sdk][429] in found[0]["error"] and found[0]["fields"]["x-leo-error"] == "concurrency_limited"
    (two,) = call(sdk, plain(sdk))
    assert two.get("text") == TEXT, two
    assert len(provider.of(test_id)) == 2


# MARK: What waiting does not help


@pytest.mark.parametrize("sdk", SDKS)
def test_a_spent_budget_is_not_retried(through, provider, tmp_path, test_id, sdk):
    """0.0063 dollars of 0.006 are spent by the first answer; the second is refused once and for all."""
    prices = {"file": price_file(tmp_path)}
    leo, call = through({**limited(budget="0.006 USD/day"), "prices": prices})
    # (100 × 3 + 400 × 15) / 1,000,000
    # Google's SDK, if it is to retry, retries whatever has that status; as it comes it does not.
    retries = 0 if sdk == "gemini" else 2
    one, two = call(sdk, plain(sdk, **{"x-test-used": "input=100 output=400"}), plain(sdk), retries=retries)
    assert one.get("text") == TEXT, one
    # Amazon and Cohere have no 429 of the quota kind.
    status = {"bedrock": 400, "cohere": 402}.get(sdk, 429)
    assert two["status"] == status, two
    assert two["fields"]["x-leo-error"] == "budget_exhausted"
    assert two["fields"]["x-should-retry"] == "false"
    if sdk == "openai":
        assert "RateLimitError" in two["error"] and two["code"] == "insufficient_quota", two
    if sdk == "anthropic":
        assert "RateLimitError" in two["error"], two
    first, refused = lines_of(leo, test_id, 2)
    assert (first["status"], first["cost"]) == (200, 0.0063)
    assert (refused["status"], refused["error"]) == (status, "budget_exhausted")
    assert len(provider.of(test_id)) == 1


@pytest.mark.parametrize("sdk", SDKS)
def test_a_model_that_is_not_allowed_is_refused_once(through, provider, test_id, sdk):
    leo, call = through(limited(models=["other-*"]))
    (one,) = call(sdk, plain(sdk), retries=2)
    assert one["status"] == 403 and CALLS[sdk][403] in one["error"], one
    assert one["fields"]["x-leo-error"] == "model_refused" and one["fields"]["x-should-retry"] == "false"
    (line,) = lines_of(leo, test_id, 1)
    assert line["error"] == "model_refused" and "attempts" not in line
    assert provider.of(test_id) == []


@pytest.mark.parametrize("sdk", SDKS)
def test_a_request_above_the_burst_is_a_bad_request_and_no_eternal_429(through, provider, test_id, sdk):
    leo, call = through(limited(tokens="1M/min burst 10"))
    (one,) = call(sdk, plain(sdk), retries=2)
    assert one["status"] == 400 and CALLS[sdk][400] in one["error"], one
    assert one["fields"]["x-leo-error"] == "limit_unreachable" and one["fields"]["x-should-retry"] == "false"
    assert "retry-after" not in one["fields"] and "retry-after-ms" not in one["fields"]
    assert lines_of(leo, test_id, 1)[0]["error"] == "limit_unreachable"
    assert provider.of(test_id) == []


@pytest.mark.parametrize("sdk", SDKS)
def test_a_body_above_max_body_is_too_large_once(through, provider, test_id, sdk):
    leo, call = through(limited(max_body="1KB"))
    key = {"gemini": "contents"}.get(sdk)
    content = "x" * 5000
    if key is None:
        key = "messages"
    value: Any = content
    if key == "messages":
        value = [{"role": "user", "content": [{"text": content}] if sdk == "bedrock" else content}]
    (one,) = call(sdk, {**plain(sdk), key: value}, retries=2)
    assert one["status"] == 413 and CALLS[sdk][413] in one["error"], one
    assert one["fields"]["x-leo-error"] == "body_too_large"
    assert lines_of(leo, test_id, 1)[0]["error"] == "body_too_large"
    assert provider.of(test_id) == []


# MARK: In the middle of an answer

# 600 pieces of 40 bytes are some thousands of tokens; the limit lets one thousand through.
LONG = {"x-test-words": "600x40", "x-test-used": "input=20 output=6000"}
LONG_TEXT = "".join(("word%d " % place * 40)[:40] for place in range(600))
# By SDK: the call, the error of a stream that leo ended with one, and the word for an answer that became too long.
ENDINGS = [
    ("openai", "chat-stream", "APIError", "length"),
    ("openai", "completions-stream", "APIError", "length"),
    ("openai", "responses-stream", "APIError", "max_output_tokens"),
    ("anthropic", "messages-stream", "APIError", "max_tokens"),
    ("gemini", "generate-stream", "APIError", "MAX_TOKENS"),
    ("cohere", "chat-stream", "Exception", "MAX_TOKENS"),
    ("bedrock", "converse-stream", "EventStreamError", "max_tokens"),
]


def long_call(sdk: str, mode: str, **fields: str) -> Dict[str, Any]:
    call = {**CALLS[sdk]["output"], "mode": mode, "fields": {**LONG, **fields}}
    if mode == "completions-stream":
        call["max_tokens"] = call.pop("max_completion_tokens")
    if mode == "responses-stream":
        call["max_output_tokens"] = call.pop("max_completion_tokens")
    return call


@pytest.mark.parametrize("sdk, mode, error, word", ENDINGS)
def test_an_answer_that_outgrows_its_limit_may_finish(through, test_id, sdk, mode, error, word):
    leo, call = through(limited(tokens=at_once(1000)))
    one, two = call(sdk, long_call(sdk, mode), long_call(sdk, mode))
    assert one.get("text") == LONG_TEXT, one
    assert two["status"] == 429, two
    line = lines_of(leo, test_id, 2)[0]
    assert "error" not in line and line["tokens"]["out"] > 1000


@pytest.mark.parametrize("sdk, mode, error, word", ENDINGS)
def test_an_answer_that_outgrows_its_limit_ends_with_an_error(through, provider, test_id, sdk, mode, error, word):
    leo, call = through(limited(tokens=at_once(1000), on_exhausted="error"))
    (one,) = call(sdk, long_call(sdk, mode))
    assert "error" in one and error in one["error"], one
    line = lines_of(leo, test_id, 1)[0]
    assert (line["error"], line["upstream_status"]) == ("budget_cut", 200)
    # What passed until then is charged: more than was left, less than the whole.
    assert line["usage_source"] == "metered" and 500 < line["tokens"]["out"] < 6000
    assert len(provider.of(test_id)) == 1


@pytest.mark.parametrize("sdk, mode, error, word", ENDINGS)
def test_an_answer_that_outgrows_its_limit_ends_as_one_that_is_too_long(through, test_id, sdk, mode, error, word):
    leo, call = through(limited(tokens=at_once(1000), on_exhausted="finish"))
    (one,) = call(sdk, long_call(sdk, mode))
    assert LONG_TEXT.startswith(one.get("text", "none")) and one["text"] != LONG_TEXT, one
    assert len(one["text"]) > 1000
    if sdk == "openai" and mode == "responses-stream":
        assert one["events"][-1] == "response.incomplete" and one["ending"]["reason"] == word, one
    else:
        assert one["finish"] == word, one
    line = lines_of(leo, test_id, 1)[0]
    assert (line["error"], line["status"]) == ("budget_cut", 200)
    assert line["usage_source"] == "metered"


@pytest.mark.parametrize("sdk, mode, error, word", [row for row in ENDINGS if "completions" not in row[1]])
def test_an_open_tool_call_is_never_finished(through, test_id, sdk, mode, error, word):
    """Half of a tool call's arguments must not look like a whole one."""
    leo, call = through(limited(tokens=at_once(1000), on_exhausted="finish"))
    (one,) = call(sdk, long_call(sdk, mode, **{"x-test-tool": "1"}))
    if sdk == "gemini":
        # Each of Gemini's events has whole calls in it.
        assert lines_of(leo, test_id, 1)[0]["error"] == "budget_cut"
        return
    assert "error" in one and error in one["error"], one
    assert lines_of(leo, test_id, 1)[0]["error"] == "budget_cut"
