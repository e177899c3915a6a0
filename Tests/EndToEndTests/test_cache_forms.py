"""One entry, every form: what the real SDKs read from a kept answer is what they read from the provider.

Each answer is asked for twice with the providers' own SDKs, by each of their ways to read one: as a document, as
events, and with their accumulators. The first comes from the stand-in, the second from the cache.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import pytest

import harness
import programs
from answers_forms import FORMS
from caching import Asker, cached, people
from harness import Leo, merged
from limiting import CHAT, GENERATE_ARRAY
from test_stand_in import MEANINGS, USED

# By SDK, the API of each call and its ways.
WAYS: List[Tuple[str, str, str]] = [
    (dialect, first, second)
    for dialect, (_, _, ways) in MEANINGS.items()
    for first in ways
    for second in ways
    if (first, second) != ("helper", "helper")
]


@pytest.fixture(scope="module")
def shared_rendering(start) -> Leo:
    # boto3 signs its requests: only a tenant that says who it is may keep such answers.
    return start("rendering", merged(cached(scope="tenant"), people("app")))


@pytest.fixture
def rendering(shared_rendering) -> Iterator[Leo]:
    yield shared_rendering
    assert shared_rendering.alive()


@pytest.fixture
def through(rendering, environments, test_id) -> Callable[..., List[Any]]:
    """through(sdk, *calls): what the SDK made of each answer, through a leo with a cache."""
    env = dict(environments(rendering))
    for name in list(env):
        if name.lower().endswith("_proxy") and name.lower() != "no_proxy":
            env[name] = env[name].replace("://", "://app:pw@", 1)

    def call(sdk: str, *wanted: Dict[str, Any], **plan) -> List[Any]:
        return programs.calls(sdk, test_id, env, list(wanted), client="meaning.py", **plan)

    return call


def calls_of(dialect: str, *ways: str, **more: Any) -> Tuple[str, List[Dict[str, Any]]]:
    sdk, api, _ = MEANINGS[dialect]
    return sdk, [{"api": api, "way": way, **more} for way in ways]


def assert_same(first: Any, second: Any) -> None:
    """The second is the first once more, and says so."""
    assert "meaning" in first and "meaning" in second, (first, second)
    assert (first["cache"], second["cache"]) == ("miss", "hit"), (first["cache"], second["cache"])
    assert second["age"] is not None and second["request_ids"] == first["request_ids"] != []
    assert second["meaning"] == first["meaning"]


def knobs(form: str) -> Dict[str, str]:
    fields = {"x-test-vary": "1", "x-test-used": str(USED)}
    return {**fields, "x-test-form": form} if form else fields


# MARK: Text, tools, thoughts, choices


@pytest.mark.parametrize("dialect, first, second", WAYS, ids=["-".join(row) for row in WAYS])
def test_a_kept_answer_means_what_it_meant(through, provider, test_id, dialect, first, second):
    """Every form of answer of the dialect, filled in one way and read in another."""
    forms = ["", *FORMS[dialect][0]]
    sdk, pair = calls_of(dialect, first, second)
    # Each form is another question.
    calls = [{**call, "fields": knobs(form)} for form in forms for call in pair]
    found = through(sdk, *calls)
    for form, one, two in zip(forms, found[::2], found[1::2]):
        if form == "logprobs" and two.get("cache") == "miss":
            # Pieces of text and their logarithms belong together: leo may leave such answers alone.
            assert two["meaning"]["id"] != one["meaning"]["id"]
            continue
        assert_same(one, two)
        assert "turn-" in json.dumps(two["meaning"], ensure_ascii=False)
    # One call for each form and no more, but for what was not kept.
    assert len(provider.of(test_id)) <= len(FORMS[dialect][0]) + 2


@pytest.mark.parametrize("way", ["whole", "stream"])
def test_openais_older_completions(through, provider, test_id, way):
    other = "stream" if way == "whole" else "whole"
    calls = [{"api": "completions", "way": each} for each in (way, other)]
    assert_same(*through("openai", *calls, fields=knobs("")))
    assert len(provider.of(test_id)) == 1


def test_openais_embeddings(through, provider, test_id):
    """As its SDK asks for them: in base64, which it decodes."""
    assert_same(*through("openai", *[{"api": "embeddings", "way": "whole"}] * 2, fields=knobs("")))
    assert len(provider.of(test_id)) == 1


@pytest.mark.parametrize("first", ["whole", "stream"])
def test_usage_comes_to_those_who_ask_alone(through, provider, test_id, first):
    plain = {"api": "chat", "way": "stream", "stream_options": {"include_usage": False}}
    asking = {"api": "chat", "way": "stream"}
    _, without, with_it = through("openai", {"api": "chat", "way": first}, plain, asking, fields=knobs(""))
    assert (without["cache"], with_it["cache"]) == ("hit", "hit"), (without, with_it)
    assert without["meaning"]["usage"] is None
    assert with_it["meaning"]["usage"]["total_tokens"] == USED.total
    assert without["meaning"]["choices"] == with_it["meaning"]["choices"]
    assert len(provider.of(test_id)) == 1


def test_a_stream_without_usage_makes_no_document(through, provider, test_id):
    """Whoever asked first did not want to know; who wants a document must not go without."""
    plain = {"api": "chat", "way": "stream", "stream_options": {"include_usage": False}}
    _, again = through("openai", plain, {"api": "chat", "way": "stream", "stream_options": {"include_usage": False}},
                       fields=knobs(""))  # fmt: skip
    assert again["cache"] == "hit" and again["meaning"]["usage"] is None
    (whole,) = through("openai", {"api": "chat", "way": "whole"}, fields=knobs(""))
    assert whole["cache"] == "miss" and whole["meaning"]["usage"]["total_tokens"] == USED.total


@pytest.mark.parametrize("way", ["stream", "whole"])
def test_text_of_every_kind_survives(through, provider, test_id, way):
    """Characters of four bytes, combining ones, line separators, escapes and what looks like the protocol."""
    text = (
        'turn-1 "quoted" \\ back / slash \t tab \r\n data: [DONE]\n\n event: x é e\u0301 \u2028 \u2029 '
        "\u0085 \u0000 \u001f \ufeff "
        "日本語 العربية 👩‍👩‍👧‍👦 🦁 \U0001f1e8\U0001f1ed " + "ü" * 200 + "🦁" * 200 + "x" * 5000
    )

    def script(exchange) -> None:
        exchange.read_body()
        answered.append(exchange.turn)
        made = exchange.answer
        made.pieces = [text[at : at + 7] for at in range(0, len(text), 7)]
        body = b"".join(made.events()) if made.streamed else made.whole()
        kind = made.content_type
        exchange.reply(200, [("Content-Type", kind), ("x-request-id", "req-1"), ("request-id", "req-1")], body)

    answered: List[int] = []
    provider.scripts[test_id] = script
    for dialect in ("openai-chat", "openai-responses", "anthropic-messages", "gemini-generate"):
        ways = MEANINGS[dialect][2]
        sdk, calls = calls_of(dialect, way, *ways)
        found = through(sdk, *calls)
        assert [each.get("cache") for each in found] == ["miss"] + ["hit"] * len(ways), found
        for each in found:
            said = json.dumps(each["meaning"], ensure_ascii=False)
            assert json.dumps(text, ensure_ascii=False)[1:-1] in said, (dialect, said[:300])
    assert len(answered) == 4


# MARK: What the wire looks like


def deltas_of(events: List[bytes]) -> List[Dict[str, Any]]:
    """Those of the chunks of a chat."""
    chunks = [json.loads(each[len(b"data: ") :]) for each in events]
    return [choice["delta"] for chunk in chunks for choice in chunk["choices"]]


def test_a_rendered_stream_is_cut_into_pieces_of_whole_characters(keeping, provider, test_id):
    """Every event is JSON by itself; no piece is large, none is empty, and none splits a character."""
    text = "ü🦁" * 500

    def script(exchange) -> None:
        exchange.read_body()
        value = json.loads(exchange.answer.whole())
        value["choices"][0]["message"]["content"] = text
        body = json.dumps(value, ensure_ascii=False).encode()
        exchange.reply(200, [("Content-Type", "application/json")], body)

    provider.scripts[test_id] = script
    asker = Asker(keeping, provider, test_id, CHAT)
    asker.ask()
    seen = asker.ask(True)
    assert seen.cache == "hit", seen
    events = [each for each in seen.body.split(b"\n\n") if each]
    assert events[-1] == b"data: [DONE]"
    deltas = deltas_of(events[:-1])
    pieces = [delta["content"] for delta in deltas if delta.get("content")]
    assert "".join(pieces) == text and len(pieces) >= 20
    assert max(len(piece.encode()) for piece in pieces) <= 1024
    assert deltas[0]["role"] == "assistant"


def test_the_rendered_events_of_geminis_array_are_one_array(keeping, provider, test_id):
    asker = Asker(keeping, provider, test_id, GENERATE_ARRAY)
    asker.ask()
    seen = asker.ask(True)
    assert seen.cache == "hit" and (seen.message.first("content-type") or "").startswith("application/json")
    values = json.loads(seen.body)
    said = "".join(part["text"] for value in values for part in value["candidates"][0]["content"]["parts"])
    assert said.startswith("turn-1: Leo") and values[-1]["candidates"][0]["finishReason"] == "STOP"


def test_a_paced_replay_takes_its_time_and_says_the_same(leo_with, provider, test_id):
    leo = leo_with(cached(replay_interval="50ms"))
    asker = Asker(leo, provider, test_id, CHAT, fields={"x-test-words": "40x60"})
    first = asker.ask(True)
    second = asker.ask(True)
    assert (first.cache, second.cache) == ("miss", "hit")
    # Some ten events at the least; the document is not paced.
    assert second.line["ms"]["total"] >= 300, second.line["ms"]
    document = asker.ask()
    assert document.cache == "hit" and document.line["ms"]["total"] < second.line["ms"]["total"]
    events = [each for each in second.body.split(b"\n\n") if each and b"[DONE]" not in each]
    text = "".join(delta.get("content") or "" for delta in deltas_of(events))
    assert text == json.loads(document.body)["choices"][0]["message"]["content"]


# MARK: The corpus

CORPUS = harness.ROOT / "Tests/Corpus/forms"

def fixtures(dialect: str) -> Dict[str, Path]:
    """Answers as the providers gave them."""
    folder = CORPUS / dialect
    return {path.name: path for path in [*sorted(folder.glob("*.sse")), *sorted(folder.glob("*.json"))]}


@pytest.mark.parametrize("dialect", MEANINGS)
def test_the_answers_of_the_corpus_mean_what_they_meant(through, provider, test_id, dialect):
    """From the form that each has to every form there is."""
    found = fixtures(dialect)

    def script(exchange) -> None:
        exchange.read_body()
        path = found[exchange.request.first("x-test-fixture")]
        is_stream = path.suffix == ".sse"
        if exchange.answer.streamed != is_stream:
            # Nobody has recorded the other form: the cache must do without it.
            exchange.reply(503, [("Content-Type", "application/json")], b'{"error": {"message": "not recorded"}}')
            return
        kind = "text/event-stream" if is_stream else "application/json"
        fields = [("Content-Type", kind), ("x-request-id", "req-1"), ("request-id", "req-1")]
        exchange.reply(200, fields, path.read_bytes())

    provider.scripts[test_id] = script
    calls, counts = [], []
    for name in found:
        ways = ["stream" if name.endswith(".sse") else "whole", *MEANINGS[dialect][2]]
        sdk, made = calls_of(dialect, *ways, fields={"x-test-fixture": name})
        calls += made
        counts.append(len(made))
    if not calls:
        pytest.skip("the corpus has nothing that the SDK reads")
    answers = through(MEANINGS[dialect][0], *calls)
    wrong, hits = [], 0
    for name, count in zip(found, counts):
        (original, *others), answers = answers[:count], answers[count:]
        for way, each in zip(MEANINGS[dialect][2], others):
            # What is not kept is the provider's own, which one of the SDK's ways may read otherwise than another; and
            # what the SDK cannot read from its provider it need not read from leo.
            hits += each["cache"] == "hit"
            if each["cache"] == "hit" and "meaning" in original and each.get("meaning") != original["meaning"]:
                wrong.append((name, way, original, each))
    assert not wrong, f"{len(wrong)}: {json.dumps(wrong[:3])[:6000]}"
    assert hits >= len(found), f"{hits} of {len(calls)}"
