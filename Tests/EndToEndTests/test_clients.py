"""Real clients, with nothing but the environment of `leo env`: the answer is right, the provider saw exactly what the
client sent, once, and the access log has one line about it. Streams arrive while the provider is still sending."""

from __future__ import annotations

import json
import subprocess
from typing import Any, Callable, Dict, List

import pytest

import programs
from answers import PIECES, TEXT, whole
from programs import CLIENTS, Run, colon_fields
from wires import Reader

HOSTS = {
    "openai_client.py": ("api.openai.com", "openai", "openai"),
    "anthropic_client.py": ("api.anthropic.com", "anthropic", "anthropic"),
    "gemini_client.py": ("generativelanguage.googleapis.com", "gemini", "gemini"),
    "bedrock_client.py": ("bedrock-runtime.us-east-1.amazonaws.com", "bedrock", "bedrock"),
    "http_client.py": ("api.openai.com", "openai", "openai"),
}
OPENAI = HOSTS["openai_client.py"]


@pytest.fixture
def env(leo, environments) -> Dict[str, str]:
    return environments(leo)


class Bytes:
    """Bytes that were recorded, readable like a wire."""

    tls = None
    end = "fin"

    def __init__(self, data: bytes) -> None:
        self.data = data

    def receive(self) -> bytes:
        data, self.data = self.data, b""
        return data


def sent_requests(run: Run) -> List[Any]:
    """The requests in the bytes that a tapped client wrote."""
    found = []
    for data in run.sent:
        reader = Reader(Bytes(data))  # type: ignore[arg-type]
        while True:
            message = reader.head()
            if message is None:
                break
            reader.frame(message)
            reader.body(message)
            found.append(message)
    return found


def check_line(line: Dict[str, Any], exchange: Any, host: str, provider: str, api: str, streamed: bool) -> None:
    """The access-log line against what the provider saw."""
    request = exchange.request
    assert line["kind"] == "exchange"
    assert line["host"] == f"{host}:443"
    assert (line["provider"], line["api"], line["sni"]) == (provider, api, host)
    assert line["method"] == request.method
    assert line["path"] == request.target.split("?", 1)[0]
    assert (line["status"], line["upstream_status"]) == (200, 200)
    assert bool(line.get("stream")) == streamed
    assert "error" not in line
    assert line["attempts"] == 1
    assert line.get("user_agent") == request.first("user-agent")
    assert line["request_id"] == "req-" + exchange.id
    assert line["client"].startswith("127.0.0.1:")
    assert "1.3" in line["tls"] or "1.2" in line["tls"]
    assert line["request_bytes"] >= request.body_size
    assert line["response_bytes"] > 0
    assert 0 <= line["ms"]["ttfb"] <= line["ms"]["total"]
    assert "policy" not in line
    for secret in ("sk-test", "sk-ant-test", "AIza-test", "schön"):
        assert secret not in json.dumps(line, ensure_ascii=False)


def check(leo, provider, test_id: str, where, streamed: bool) -> Any:
    """Exactly one request and one line; returns the exchange at the provider."""
    line = leo.line_of_test(test_id)
    exchanges = provider.of(test_id)
    assert len(exchanges) == 1
    assert exchanges[0].request.complete and not exchanges[0].request.violations
    check_line(line, exchanges[0], *where, streamed)
    return exchanges[0]


def check_bytes(run: Run, exchange: Any) -> None:
    """Promise 1 with the client's own bytes: head and body as they left it."""
    mine = [request for request in sent_requests(run) if request.first("x-test-id") == exchange.id]
    assert len(mine) == 1
    assert mine[0].first_line == exchange.request.first_line
    assert mine[0].end_to_end == exchange.request.end_to_end
    assert (mine[0].body_size, mine[0].sha256) == (exchange.request.body_size, exchange.request.sha256)


WHOLE = [
    ("openai_client.py", "chat", TEXT),
    ("openai_client.py", "async-chat", TEXT),
    ("openai_client.py", "responses", TEXT),
    ("openai_client.py", "embeddings", repr([0.25, -0.5, 1.0])),
    ("openai_client.py", "models", "test"),
    ("anthropic_client.py", "messages", TEXT),
    ("anthropic_client.py", "async-messages", TEXT),
    ("gemini_client.py", "generate", TEXT),
    ("gemini_client.py", "async-generate", TEXT),
    ("bedrock_client.py", "converse", TEXT),
    ("http_client.py", "requests", whole("openai-chat", b"").decode()),
    ("http_client.py", "requests-upload", whole("openai-chat", b"").decode()),
    ("http_client.py", "httpx", whole("openai-chat", b"").decode()),
    ("http_client.py", "aiohttp", whole("openai-chat", b"").decode()),
]
STREAMED = [
    ("openai_client.py", "chat-stream"),
    ("openai_client.py", "async-chat-stream"),
    ("openai_client.py", "responses-stream"),
    ("anthropic_client.py", "messages-stream"),
    ("anthropic_client.py", "async-messages-stream"),
    ("gemini_client.py", "generate-stream"),
    ("gemini_client.py", "async-generate-stream"),
    ("bedrock_client.py", "converse-stream"),
    ("http_client.py", "requests-stream"),
    ("http_client.py", "httpx-stream"),
    ("http_client.py", "aiohttp-stream"),
]


@pytest.mark.parametrize("client, mode, text", WHOLE, ids=lambda value: value if len(value) < 30 else "")
def test_a_python_client_gets_its_answer(leo, provider, env, test_id, client, mode, text):
    run = programs.python(client, mode, test_id, {}, env)
    assert run.result.get("text") == text, run.result
    check_bytes(run, check(leo, provider, test_id, HOSTS[client], streamed=False))


def opener(provider, test_id: str) -> Callable[[], None]:
    """Opens the provider's gate once the client has the first piece; the stream must not be over by then."""

    def first() -> None:
        exchange = provider.of(test_id)[0]
        assert not exchange.over.is_set() and not provider.gate(test_id).is_set()
        provider.gate(test_id).set()

    return first


@pytest.mark.parametrize("client, mode", STREAMED)
def test_a_python_client_gets_the_first_piece_while_the_provider_is_still_sending(
    leo, provider, env, test_id, client, mode
):
    run = programs.python(client, mode, test_id, {"x-test-gate": test_id}, env, first=opener(provider, test_id))
    text = run.result.get("text", "")
    assert provider.gate(test_id).is_set(), run.result
    if client == "http_client.py":
        assert [piece in text for piece in PIECES] and text.endswith("data: [DONE]\n\n"), run.result
    else:
        assert text == TEXT, run.result
    check_bytes(run, check(leo, provider, test_id, HOSTS[client], streamed=True))


def test_sequential_calls_of_one_sdk_client_share_the_tunnel_and_the_upstream_connection(leo, provider, env, test_id):
    run = programs.python("openai_client.py", "twice", test_id, {}, env)
    assert run.result.get("text") == TEXT * 2, run.result
    assert len(run.sent) == 1
    exchanges = provider.wait(test_id, 2)
    lines = leo.lines(lambda line: line.get("labels", {}).get("x-test-id") == test_id)
    assert len(exchanges) == len(lines) == 2
    assert exchanges[0].connection == exchanges[1].connection
    assert lines[0]["connection"] == lines[1]["connection"]
    assert lines[1]["reused"] is True


@pytest.mark.parametrize("status", [400, 401, 429, 500, 529])
def test_an_error_of_the_provider_reaches_the_sdk_as_it_is(leo, provider, env, test_id, status):
    run = programs.python("openai_client.py", "chat", test_id, {"x-test-status": str(status)}, env)
    assert run.result.get("status") == status, run.result
    assert f"was asked to answer {status}" in run.result["error"]
    line = leo.line_of_test(test_id)
    assert (line["status"], line["upstream_status"]) == (status, status)
    assert "error" not in line


# MARK: Not Python


def node_fetch_uses_the_environment(node: str) -> bool:
    done = subprocess.run([node, "--help"], capture_output=True, text=True, timeout=60)
    return "--use-env-proxy" in done.stdout


@pytest.fixture
def foreign_command(program, built) -> Callable[[str], List[Any]]:
    """How a client that is not Python is started, without its arguments."""

    def command(name: str) -> List[Any]:
        if name == "curl":
            program("curl")
            return [CLIENTS / "curl_client.sh"]
        if name == "node-https":
            return [program("node"), CLIENTS / "node_https.js"]
        if name == "go":
            return built(program("go"), "goclient.go")
        return [*built(program("javac"), "JavaClient.java"), name.split("-")[1]]

    return command


FOREIGN = ["curl", "node-https", "go", "java-default", "java-1.1"]


def foreign(
    name: str, command: List[Any], body, test_id: str, fields: Dict[str, str], env, first=None
) -> Dict[str, Any]:
    """Runs it; curl prints the answer itself, the others a report."""
    if name == "curl":
        env = dict(env, HOME="/nonexistent")
        run = Run([*command, body, *colon_fields(test_id, fields)], env, first, lambda line: line.startswith("data:"))
        return {"text": run.text_output + "\n"} if run.code == 0 else {"error": f"{run.code}: {run.errors}"}
    return Run([*command, body, *colon_fields(test_id, fields)], env, first).result


@pytest.mark.parametrize("name", FOREIGN)
def test_another_client_gets_its_answer(leo, provider, env, test_id, foreign_command, body_file, name):
    body = body_file(stream=False)
    result = foreign(name, foreign_command(name), body, test_id, {}, env)
    assert result.get("text", result).rstrip("\n") == whole("openai-chat", b"").decode()
    exchange = check(leo, provider, test_id, OPENAI, streamed=False)
    assert exchange.request.body == body.read_bytes()


@pytest.mark.parametrize("name", FOREIGN)
def test_another_client_gets_the_first_piece_while_the_provider_is_still_sending(
    leo, provider, env, test_id, foreign_command, body_file, name
):
    body = body_file(stream=True)
    command = foreign_command(name)
    result = foreign(name, command, body, test_id, {"x-test-gate": test_id}, env, opener(provider, test_id))
    assert provider.gate(test_id).is_set(), result
    assert result["text"].rstrip("\n").endswith("data: [DONE]")
    exchange = check(leo, provider, test_id, OPENAI, streamed=True)
    assert exchange.request.body == body.read_bytes()


def test_node_fetch_goes_through_leo_where_the_runtime_reads_the_environment(
    leo, provider, env, test_id, program, body_file
):
    node = program("node")
    if not node_fetch_uses_the_environment(node):
        # Such a fetch goes past any proxy; it must not be mistaken for a client of leo.
        assert subprocess.run([node, "--version"], capture_output=True, timeout=60).returncode == 0
        return
    body = body_file(stream=True)
    command = [node, CLIENTS / "node_fetch.mjs", body, *colon_fields(test_id, {"x-test-gate": test_id})]
    run = Run(command, env, opener(provider, test_id))
    assert run.result["text"].endswith("data: [DONE]\n\n")
    assert check(leo, provider, test_id, OPENAI, streamed=True).request.body == body.read_bytes()


def test_curl_uploads_more_than_a_megabyte_with_expect_100_continue(leo, provider, env, test_id, program, body_file):
    program("curl")
    body = body_file(stream=False, padding=2_000_000)
    env = dict(env, HOME="/nonexistent")
    command = ["curl", "-sS", "--http1.1", "-v", "--max-time", "60", "--expect100-timeout", "30"]
    for field in [
        "Content-Type: application/json",
        "Expect: 100-continue",
        *colon_fields(test_id, {"x-test-echo": "1"}),
    ]:
        command += ["-H", field]
    run = Run([*command, "--data-binary", f"@{body}", "https://api.openai.com/v1/chat/completions"], env)
    assert run.code == 0, run.errors
    assert "100 Continue" in run.errors
    assert json.loads(run.text_output)["body_bytes"] == body.stat().st_size
    exchange = check(leo, provider, test_id, OPENAI, streamed=False)
    assert exchange.request.body == body.read_bytes()
    # leo answers the expectation itself: it is hop by hop.
    assert exchange.request.first("expect") is None


# MARK: A cut looks cut to every client


CUTS = [
    ("chunked", "fin"),
    ("chunked", "reset"),
    ("chunked", "notify"),
    ("length", "fin"),
    ("length", "reset"),
    ("length", "notify"),
    ("close", "fin"),
]


@pytest.mark.parametrize("framing, how", CUTS)
@pytest.mark.parametrize("mode", ["requests-stream", "httpx-stream", "aiohttp-stream"])
def test_promise_2_a_cut_stream_is_an_error_in_python_libraries(leo, provider, env, test_id, mode, framing, how):
    fields = {"x-test-cut": "3", "x-test-framing": framing, "x-test-end": how}
    run = programs.python("http_client.py", mode, test_id, fields, env)
    assert "error" in run.result, run.result
    assert leo.line_of_test(test_id)["error"] == "upstream_cut"


@pytest.mark.parametrize(
    "client, mode",
    [
        ("openai_client.py", "chat-stream"),
        ("openai_client.py", "async-chat-stream"),
        ("anthropic_client.py", "messages-stream"),
        ("gemini_client.py", "generate-stream"),
        ("bedrock_client.py", "converse-stream"),
    ],
)
def test_promise_2_a_cut_stream_is_an_error_in_every_sdk(leo, provider, env, test_id, client, mode):
    run = programs.python(client, mode, test_id, {"x-test-cut": "3"}, env)
    assert "error" in run.result, run.result
    assert leo.line_of_test(test_id)["error"] == "upstream_cut"


@pytest.mark.parametrize("framing, how", [("chunked", "fin"), ("length", "fin"), ("close", "fin"), ("length", "reset")])
@pytest.mark.parametrize("name", FOREIGN)
def test_promise_2_a_cut_stream_is_an_error_in_other_clients(
    leo, provider, env, test_id, foreign_command, body_file, name, framing, how
):
    command = foreign_command(name)
    fields = {"x-test-cut": "3", "x-test-framing": framing, "x-test-end": how}
    result = foreign(name, command, body_file(stream=True), test_id, fields, env)
    assert "error" in result, result
    assert leo.line_of_test(test_id)["error"] == "upstream_cut"


def test_promise_2_boto3_does_not_take_half_an_answer_for_a_whole_one(leo, provider, env, test_id):
    """boto3 accepts a truncated 200 silently, so leo gathers Bedrock's small answers and turns a cut into a 502."""
    run = programs.python("bedrock_client.py", "converse", test_id, {"x-test-cut": "20"}, env)
    assert "ServiceUnavailable" in run.result.get("error", ""), run.result
    line = leo.line_of_test(test_id)
    assert (line["error"], line["status"], line["upstream_status"]) == ("upstream_cut", 502, 200)


def test_a_certificate_that_leo_refuses_is_a_readable_error_in_the_sdk(
    leo_with, tmp_path, provider, upstreams, test_id
):
    leo = leo_with({"upstream": {"resolve": {"api.openai.com:443": upstreams["expired.leo-test.example:443"].address}}})
    run = programs.python("openai_client.py", "chat", test_id, {}, leo.client_environment(tmp_path / "home"))
    assert run.result.get("status") == 502, run.result
    assert "certificate" in run.result["error"]
    assert provider.of(test_id) == []
    assert leo.line_of_test(test_id)["error"] == "certificate_expired"
