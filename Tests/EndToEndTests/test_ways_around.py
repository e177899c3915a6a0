"""Limits and guards of models against requests that hide their model."""

from __future__ import annotations

import pytest

from harness import wait_until
from limiting import CHAT, ask, at_once, error_of, limited


# MARK: Limits of a model


AROUND = [
    ("keys twice", b'{"model":"gpt-pro","model":"gpt-pro","messages":[]}', {}),
    ("no JSON", b'{"model":"gpt-pro","messages":[]}}', {}),
    ("large", b'{"model":"gpt-pro","messages":[],"user":"' + b"x" * 17_000_000 + b'"}', {}),
    ("coded", b'{"model":"gpt-pro","messages":[]}', {"content-encoding": "cow"}),
    ("no model", b'{"messages":[]}', {}),
]


@pytest.mark.parametrize("kind", ["requests", "tokens"])
@pytest.mark.parametrize("body, fields", [row[1:] for row in AROUND], ids=[row[0] for row in AROUND])
def test_a_request_whose_model_is_not_known_is_no_way_around_the_limits_of_a_model(
    leo_with, provider, test_id, body, fields, kind
):
    """What cannot be read may be for that model: providers are more lenient than leo. It must not go on for ever."""
    leo = leo_with(limited(model={"gpt-pro": {kind: "2/day burst 2" if kind == "requests" else at_once(100)}}))
    statuses = [ask(leo, CHAT, test_id, fields=fields, body=body).status for _ in range(4)]
    if b'"model"' in body:
        assert statuses[2:] != [200, 200], statuses


# MARK: Guards


@pytest.mark.parametrize(
    "method, path, body",
    [
        ("POST", "/v1/images/generations", b'{"model":"other","prompt":"a lion"}'),
        ("POST", "/v1/audio/speech", b'{"model":"other","input":"hello","voice":"alloy"}'),
        ("POST", "/v1/something-new", b'{"model":"other"}'),
        ("POST", "/v1/batches", b'{"input_file_id":"file-1"}'),
        ("GET", "/v1/realtime?model=other", None),
    ],
)
def test_promise_6_an_operation_whose_model_leo_does_not_read_is_no_way_around(leo_with, provider, test_id, method, path, body):
    leo = leo_with(limited(models=["listed"]))
    fields = [("x-test-id", test_id), ("content-type", "application/json")]
    if body is None:
        fields += [
            ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ]  # fmt: skip
    with leo.client().intercepted() as client:
        answer = client.exchange(method, path, fields, body)
    assert answer.status in (400, 403), answer
    assert error_of(answer) in ("model_refused", "uninspectable", "unmetered")
    assert provider.of(test_id) == []


def test_refused_lines_name_their_limit(leo_with, test_id):
    model = {"gpt-*-pro": {"requests": "1/day burst 1"}}
    leo = leo_with(limited(requests="3/day burst 3", model=model))
    statuses = [ask(leo, CHAT, test_id, model=name).status for name in ("gpt-5-pro", "gpt-5-pro", "o9", "o9", "o9")]
    assert statuses == [200, 429, 200, 200, 429]
    refused = lambda line: line["status"] == 429  # noqa: E731
    wait_until(lambda: len(leo.lines(refused)) == 2, "the lines")
    assert [line["limit"] for line in leo.lines(refused)] == ["requests/day gpt-*-pro", "requests/day"]
