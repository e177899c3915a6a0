"""Real clients over HTTP/2, towards a provider of HTTP/1.1 and one of HTTP/2: what test_clients.py asks, and what only
HTTP/2 has: many streams on one connection, one of which may end without the others."""

from __future__ import annotations

import json
import sys
from typing import Any, Callable, Dict, List

import pytest

from answers import whole
from programs import CLIENTS, Run, colon_fields
from test_clients import OPENAI, check, opener

CLIENTS_H2 = ["httpx", "curl", "node", "go", "java"]


@pytest.fixture(scope="module")
def leos(shared_leo, start, upstreams) -> Dict[str, Any]:
    """By what api.openai.com speaks."""
    address = upstreams["both.leo-test.example:443"].address
    return {"h2": start("h2-upstream", {"upstream": {"resolve": {"api.openai.com:443": address}}})}


@pytest.fixture(params=["h1", "h2"])
def upstream(request) -> str:
    return request.param


@pytest.fixture
def through(leos, leo, upstream):
    """The leo whose api.openai.com speaks this protocol."""
    return leo if upstream == "h1" else leos["h2"]


@pytest.fixture
def env(through, environments) -> Dict[str, str]:
    return dict(environments(through), PYTHONDONTWRITEBYTECODE="1", PYTHONPATH=str(CLIENTS))


@pytest.fixture
def ask(program, built, env, test_id) -> Callable[..., Dict[str, Any]]:
    """ask(client, body, fields): what the client says of its answer."""

    def run(name: str, body, fields: Dict[str, str] = {}, first=None) -> Dict[str, Any]:
        pairs = colon_fields(test_id, fields)
        if name == "httpx":
            mode = "stream" if '"stream": true' in body.read_text() else "whole"
            arguments = [sys.executable, CLIENTS / "httpx_h2.py", mode, test_id]
            return Run(arguments + [f"{key}={value}" for key, value in fields.items()], env, first).result
        if name == "curl":
            return curl(program("curl"), env, body, pairs, first)
        if name == "node":
            command: List[Any] = [program("node"), CLIENTS / "node_http2.js", "one"]
        elif name == "go":
            command = built(program("go"), "goclient.go")
        else:
            command = [*built(program("javac"), "JavaClient.java"), "default"]
        result = Run([*command, body, *pairs], env, first).result
        assert "error" in result or result["version"] == "2", result
        return result

    return run


def curl(path: str, env: Dict[str, str], body, pairs: List[str], first) -> Dict[str, Any]:
    command = [path, "--http2", "-sS", "-N", "--max-time", "60", "-H", "content-type: application/json"]
    for pair in pairs:
        command += ["-H", pair]
    command += ["-w", "\nversion %{http_version}", "--data-binary", f"@{body}"]
    command += ["https://api.openai.com/v1/chat/completions"]
    run = Run(command, dict(env, HOME="/nonexistent"), first, lambda line: line.startswith("data:"))
    if run.code != 0:
        return {"error": f"{run.code}: {run.errors}"}
    text, _, version = run.text_output.rpartition("\nversion ")
    assert version == "2", run.text_output
    return {"text": text}


@pytest.mark.parametrize("name", CLIENTS_H2)
def test_a_client_gets_its_answer_over_http_2(through, provider, ask, test_id, body_file, upstream, name):
    body = body_file(stream=False)
    result = ask(name, body)
    assert result.get("text", result) == whole("openai-chat", b"").decode()
    exchange = check(through, provider, test_id, OPENAI, streamed=False)
    if name != "httpx":
        assert exchange.request.body == body.read_bytes()
    assert exchange.request.version == ("HTTP/1.1" if upstream == "h1" else "HTTP/2")


@pytest.mark.parametrize("name", CLIENTS_H2)
def test_a_client_gets_the_first_piece_over_http_2_while_the_provider_is_still_sending(
    through, provider, ask, test_id, body_file, upstream, name
):
    result = ask(name, body_file(stream=True), {"x-test-gate": test_id}, opener(provider, test_id))
    assert provider.gate(test_id).is_set(), result
    assert result["text"].rstrip("\n").endswith("data: [DONE]")
    check(through, provider, test_id, OPENAI, streamed=True)


@pytest.mark.parametrize("name", CLIENTS_H2)
@pytest.mark.parametrize(
    "upstream, how", [("h1", "fin"), ("h1", "reset"), ("h2", "rst"), ("h2", "fin")], indirect=["upstream"]
)
def test_promise_2_a_cut_stream_is_an_error_in_every_client_of_http_2(
    through, provider, ask, test_id, body_file, upstream, name, how
):
    result = ask(name, body_file(stream=True), {"x-test-cut": "3", "x-test-end": how})
    assert "error" in result, result
    assert through.line_of_test(test_id)["error"] == "upstream_cut"


@pytest.mark.parametrize("name", CLIENTS_H2)
def test_twenty_streams_share_a_connection_and_one_may_be_given_up(
    through, provider, program, built, env, test_id, body_file, upstream, name
):
    """Every stream waits behind its first event until the one that was given up is gone; then the others go on."""
    count, given_up = 20, 7
    fields = {"x-test-gate": test_id}
    body = body_file(stream=True)

    def begun() -> None:
        if name != "httpx":
            # httpx forgets a stream that is given up without telling the server.
            assert through.line_of_test(f"{test_id}-{given_up}")["error"] == "client_gone"
            if upstream == "h2":
                gone = provider.of(f"{test_id}-{given_up}")[0]
                gone.link.wait(lambda: gone.stream.reset_code is not None, "the provider's stream to be cancelled")
        provider.gate(test_id).set()

    if name == "httpx":
        command: List[Any] = [sys.executable, CLIENTS / "httpx_h2.py", "many", test_id, f"x-test-gate={test_id}"]
        result = json.loads(Run(command, env, begun).result["text"])
    elif name == "curl":
        provider.gate(test_id).set()
        given_up = -1
        result = curl_many(program("curl"), env, body, test_id, count)
    else:
        if name == "node":
            command = [program("node"), CLIENTS / "node_http2.js", "many"]
        elif name == "go":
            command = built(program("go"), "gomany.go")
        else:
            command = built(program("javac"), "JavaMany.java")
        result = Run([*command, body, *colon_fields(test_id, fields)], env, begun).result
    texts = {int(number): text for number, text in result["texts"].items()}
    others = [number for number in range(count) if number != given_up]
    assert sorted(texts) == others, result["errors"]
    assert all(text.rstrip("\n").endswith("data: [DONE]") for text in texts.values())
    lines = [through.line_of_test(f"{test_id}-{number}") for number in others]
    assert len({line["connection"] for line in lines}) == 1, "the client opened more than one connection"
    assert not [line for line in lines if "error" in line]
    seen = [provider.of(f"{test_id}-{number}")[0] for number in others]
    if upstream == "h2":
        assert len({exchange.connection for exchange in seen}) == 1, "leo did not multiplex"


def curl_many(path: str, env: Dict[str, str], body, test_id: str, count: int) -> Dict[str, Any]:
    """One run of curl with a transfer per stream; --next begins another one's options."""
    command = [path, "--parallel", "--parallel-max", str(count)]
    folder = body.parent
    for number in range(count):
        command += ["--next"] if number else []
        command += ["--http2", "-sS", "--max-time", "60", "-H", f"x-test-id: {test_id}-{number}"]
        command += ["-H", f"x-test-gate: {test_id}", "--data-binary", f"@{body}", "-o", folder / f"answer-{number}"]
        command += ["https://api.openai.com/v1/chat/completions"]
    run = Run(command, dict(env, HOME="/nonexistent"))
    files = {number: folder / f"answer-{number}" for number in range(count)}
    assert run.code == 0, run.errors
    return {"texts": {number: file.read_text() for number, file in files.items()}, "errors": run.errors}
