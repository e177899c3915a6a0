"""HTTP/1.1 on both sides: keep-alive, pooling, pipelining, expectations, interim answers, trailers, no body at all."""

from __future__ import annotations

import json
import threading

import pytest

from harness import wait_until
from wires import chunk, fields_of, head

POST = "/v1/chat/completions"


def raw_post(test_id: str, *lines: str, body: bytes = b"{}", version: str = "1.1") -> bytes:
    fields = [("Host", "api.openai.com"), ("x-test-id", test_id), ("Content-Length", str(len(body)))]
    fields += [tuple(line.split(": ", 1)) for line in lines]
    return head(f"POST {POST} HTTP/{version}", fields_of(fields)) + body


# MARK: Connections


def test_client_and_upstream_connections_are_reused(leo, provider, test_id):
    with leo.client().intercepted() as client:
        for _ in range(5):
            assert client.exchange("POST", POST, [("x-test-id", test_id)], b"{}").status == 200
        lines = leo.lines_of(client, 5)
    assert len({exchange.connection for exchange in provider.of(test_id)}) == 1
    assert len({line["connection"] for line in lines}) == 1
    assert [line["reused"] for line in lines[1:]] == [True] * 4
    assert [line["attempts"] for line in lines] == [1] * 5
    assert len({line["id"] for line in lines}) == 5
    for line in lines[1:]:
        assert "connect" not in line["ms"] or line["ms"]["connect"] == 0


def test_another_client_gets_the_pooled_upstream_connection(leo_with, provider, test_id):
    leo = leo_with({"listen": {"workers": 1}})
    for _ in range(3):
        with leo.client().intercepted() as client:
            assert client.exchange("POST", POST, [("x-test-id", test_id)], b"{}").status == 200
    assert len({exchange.connection for exchange in provider.of(test_id)}) == 1


def test_upstream_connections_of_different_hosts_are_never_mixed(leo_with, provider, test_id):
    """Both names lead to the same address; the certificate was verified for one of them only."""
    leo = leo_with({"listen": {"workers": 1}})
    for host in ("api.openai.com", "api.groq.com", "api.openai.com", "api.groq.com"):
        with leo.client().intercepted(host) as client:
            assert client.exchange("POST", POST, [("x-test-id", test_id)], b"{}", host=host).status == 200
    by_host = {}
    for exchange in provider.of(test_id):
        by_host.setdefault(exchange.request.first("host"), set()).add(exchange.connection)
    assert not by_host["api.openai.com"] & by_host["api.groq.com"]


@pytest.mark.parametrize("how", ["fin", "notify", "reset"])
def test_a_pooled_connection_that_the_provider_closed_meanwhile_is_not_used(leo_with, provider, test_id, how):
    leo = leo_with({"listen": {"workers": 1}, "upstream": {"pool_idle_timeout": "10m"}})

    def answer_then_close(exchange):
        exchange.read_body()
        exchange.reply(200, [], b"{}")
        exchange.end(how)

    provider.scripts[test_id] = answer_then_close
    for number in range(5):
        with leo.client().intercepted() as client:
            assert client.exchange("POST", POST, [("x-test-id", test_id)], b"{}").status == 200
            line = leo.line_of(client)
            assert line["reused"] is False and "error" not in line
        assert provider.of(test_id)[number].over.wait(20)
    exchanges = provider.of(test_id)
    assert len(exchanges) == 5, "no request was sent twice"
    assert len({exchange.connection for exchange in exchanges}) == 5


def test_a_connection_that_dies_under_a_request_does_not_repeat_it(leo_with, provider, test_id):
    """The provider reads the second request of a connection and closes: once written, a request is not sent again."""
    leo = leo_with({"listen": {"workers": 1}})
    seen = []

    def script(exchange):
        exchange.read_body()
        seen.append(exchange.connection)
        if seen.count(exchange.connection) > 1:
            exchange.end("fin")
        else:
            exchange.reply(200, [], b"{}")

    provider.scripts[test_id] = script
    with leo.client().intercepted() as client:
        assert client.exchange("POST", POST, [("x-test-id", test_id)], b"{}").status == 200
        answer = client.exchange("POST", POST, [("x-test-id", test_id)], b"{}")
        assert (answer.status, answer.first("x-leo-error")) == (502, "upstream_closed")
        line = leo.lines_of(client, 2)[1]
        assert (line["reused"], line["attempts"], line["error"]) == (True, 1, "upstream_closed")
    assert len(provider.of(test_id)) == 2


def test_connection_close_of_the_client_is_honoured(leo, provider, test_id):
    with leo.client().intercepted() as client:
        answer = client.exchange("POST", POST, [("x-test-id", test_id), ("Connection", "close")], b"{}")
        assert answer.status == 200 and answer.first("connection", "").lower() == "close"
        assert client.wire.wait_end(20) == "notify"


def test_connection_close_of_the_upstream_ends_only_the_upstream_connection(leo, provider, test_id):
    def script(exchange):
        exchange.read_body()
        exchange.reply(200, [("Connection", "close")], b"{}")
        exchange.end("notify")

    provider.scripts[test_id] = script
    with leo.client().intercepted() as client:
        for _ in range(3):
            assert client.exchange("POST", POST, [("x-test-id", test_id)], b"{}").status == 200
        assert [line["reused"] for line in leo.lines_of(client, 3)[1:]] == [False] * 2


def test_an_http_1_0_client_gets_an_answer_it_can_read(leo, provider, test_id):
    with leo.client().intercepted() as client:
        client.send(raw_post(test_id, version="1.0", body=b'{"stream":true}'))
        client.expect_answer_to("POST")
        answer = client.answer()
        assert answer.status == 200 and answer.complete
        # 1.0 knows no chunks: the end of the connection is the end of the body.
        assert answer.framing in ("close", "length")
        assert answer.body.endswith(b"data: [DONE]\n\n")
        assert answer.end == "notify" or client.wire.wait_end(20) == "notify"
    assert provider.of(test_id)[0].request.version == "HTTP/1.1"


def test_promise_2_an_http_1_0_client_sees_a_cut_as_a_missing_close_notify(leo, provider, test_id):
    with leo.client().intercepted() as client:
        client.send(raw_post(test_id, "x-test-cut: 3", version="1.0", body=b'{"stream":true}'))
        client.expect_answer_to("POST")
        answer = client.answer()
        assert answer.status == 200 and not answer.complete and answer.end in ("fin", "reset")


def test_an_http_1_0_upstream_is_understood(leo, provider, test_id):
    def script(exchange):
        exchange.read_body()
        exchange.send(b"HTTP/1.0 200 OK\r\nX-Old: 1\r\n\r\nuntil the end")
        exchange.end("notify")

    provider.scripts[test_id] = script
    with leo.client().intercepted() as client:
        for _ in range(2):
            answer = client.exchange("POST", POST, [("x-test-id", test_id)], b"{}")
            assert answer.status == 200 and answer.complete and answer.body == b"until the end"


# MARK: Pipelining


def test_pipelined_requests_are_answered_in_order(leo, provider, test_id):
    """The first answer is the slowest; the others wait for their turn."""
    count = 8
    names = [f"{test_id}-{number}" for number in range(count)]
    slow = threading.Event()

    def script(exchange):
        exchange.read_body()
        if exchange.id == names[0]:
            slow.wait(20)
        exchange.reply(200, [], exchange.id.encode())

    for name in names:
        provider.scripts[name] = script
    with leo.client().intercepted() as client:
        client.send(b"".join(raw_post(name, body=b"x" * 1000) for name in names))
        for _ in names:
            client.expect_answer_to("POST")
        provider.wait(names[0])
        slow.set()
        assert [client.answer().body.decode() for _ in names] == names
    assert all(len(provider.of(name)) == 1 for name in names)


# MARK: Expectations, interim answers, early answers


def test_expect_100_continue_is_answered_by_leo(leo, provider, test_id):
    """Before the upstream has said anything, and whatever it may think of expectations."""
    with leo.client().intercepted() as client:
        request = raw_post(test_id, "Expect: 100-continue", body=b"x" * 100_000)
        at = request.index(b"\r\n\r\n") + 4
        client.send(request[:at])
        client.expect_answer_to("POST")
        interim = client.reader.head()
        assert interim is not None and interim.status == 100
        client.send(request[at:])
        assert client.answer().status == 200
    exchange = provider.of(test_id)[0]
    assert exchange.request.body_size == 100_000 and exchange.request.first("expect") is None


def test_a_103_is_relayed_before_the_answer(leo, provider, test_id):
    with leo.client().intercepted() as client:
        answer = client.exchange("POST", POST, [("x-test-id", test_id), ("x-test-interim", "103")], b"{}")
        assert answer.status == 200
        assert [message.status for message in answer.interim] == [103]
        assert answer.interim[0].end_to_end == [(b"Link", b"</style.css>; rel=preload"), (b"X-Hint", b"1")]
        assert leo.line_of(client)["status"] == 200


def test_a_103_is_relayed_while_the_upstream_still_thinks(leo, provider, test_id):
    seen = threading.Event()

    def script(exchange):
        exchange.read_body()
        exchange.send(b"HTTP/1.1 103 Early Hints\r\nX-Hint: 1\r\n\r\n")
        assert seen.wait(20)
        exchange.reply(200, [], b"{}")

    provider.scripts[test_id] = script
    with leo.client().intercepted() as client:
        client.request("POST", POST, [("x-test-id", test_id)], b"{}")
        assert client.reader.head().status == 103
        seen.set()
        assert client.answer().status == 200


def test_an_http_1_0_client_gets_no_interim_answer(leo, provider, test_id):
    with leo.client().intercepted() as client:
        client.send(raw_post(test_id, "x-test-interim: 103", version="1.0"))
        client.expect_answer_to("POST")
        answer = client.answer()
        assert answer.status == 200 and not answer.interim


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_final_answer_that_comes_before_the_upload_ends_is_relayed(leo, provider, test_id, framing):
    """A 413 or 401 after the head: the client must get it while it is still sending."""
    with leo.client().intercepted() as client:
        fields = [("Host", "api.openai.com"), ("x-test-id", test_id), ("x-test-early", "413")]
        fields.append(("Content-Length", "10000000") if framing == "length" else ("Transfer-Encoding", "chunked"))
        client.send(head(f"POST {POST} HTTP/1.1", fields_of(fields)))
        client.send(b"x" * 1000 if framing == "length" else chunk(b"x" * 1000))
        client.expect_answer_to("POST")
        answer = client.answer()
        assert answer.status == 413 and answer.complete
        assert "was asked to answer 413" in json.loads(answer.body)["error"]["message"]
        line = leo.line_of(client)
        assert (line["status"], line["upstream_status"]) == (413, 413)
    assert not provider.of(test_id)[0].request.complete


def test_an_early_answer_does_not_corrupt_what_follows(leo, provider, test_id):
    """Whatever leo does with the rest of the upload, the next request is not made of it."""
    with leo.client().intercepted() as client:
        client.send(
            raw_post(
                test_id, "x-test-early: 401", body=b"GET /smuggled HTTP/1.1\r\nHost: api.openai.com\r\n\r\n" * 2000
            )
        )
        client.expect_answer_to("POST")
        answer = client.answer()
        assert answer.status == 401 and answer.complete
        # The provider ends its connection behind its answer; once leo has seen that, it is nobody's connection.
        assert provider.of(test_id)[0].over.wait(20)
        if answer.first("connection", "").lower() == "close":
            assert client.wire.wait_end(20) is not None and not client.reader.buffer
        else:
            assert client.exchange("POST", POST, [("x-test-id", test_id + "-next")], b"{}").status == 200
    assert not [exchange for exchange in provider.exchanges if exchange.request.target == "/smuggled"]


# MARK: Framing


def test_trailers_pass_in_both_directions(leo, provider, test_id):
    with leo.client().intercepted() as client:
        answer = client.exchange(
            "POST", POST, [("x-test-id", test_id), ("x-test-trailers", "1"), ("TE", "trailers")],
            pieces=[b"{", b"}"], trailers=b"X-Checksum: abc\r\nx-second: 2\r\n",
        )  # fmt: skip
        assert answer.status == 200
        assert answer.trailers == [(b"X-Sum", b"1"), (b"x-Done", b"yes")]
    request = provider.of(test_id)[0].request
    assert request.trailers == [(b"X-Checksum", b"abc"), (b"x-second", b"2")]
    assert request.first("te") == "trailers" and "te" in request.first("connection", "").lower()


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_is_not_waited_on(leo, provider, test_id, status):
    def script(exchange):
        exchange.read_body()
        # RFC 9110 8.6 lets a 304 carry the length that a 200 would have; 204 must not have one.
        length = b"Content-Length: 1234\r\n" if status == 304 else b""
        exchange.send(b'HTTP/1.1 %d Nothing\r\nETag: "x"\r\n%s\r\n' % (status, length))

    provider.scripts[test_id] = script
    with leo.client().intercepted() as client:
        for _ in range(2):
            answer = client.exchange("POST", POST, [("x-test-id", test_id)], b"{}")
            assert answer.status == status and answer.first("etag") == '"x"'
            assert not client.wire.pending(0.05), "no byte may follow the head"
    assert len({exchange.connection for exchange in provider.of(test_id)}) == 1


def test_head_is_answered_without_a_body_and_with_its_length(leo, provider, test_id):
    with leo.client().intercepted() as client:
        for _ in range(2):
            answer = client.exchange("HEAD", "/v1/models", [("x-test-id", test_id)])
            assert answer.status == 200 and int(answer.first("content-length", "0")) > 0
            assert not client.wire.pending(0.05), "no byte may follow the head"
        assert client.exchange("GET", "/v1/models", [("x-test-id", test_id)]).body_size > 0
    assert [exchange.request.method for exchange in provider.of(test_id)] == ["HEAD", "HEAD", "GET"]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
def test_methods_pass_as_they_are(leo, provider, test_id, method):
    with leo.client().intercepted() as client:
        body = b"{}" if method in ("POST", "PUT", "PATCH") else None
        assert client.exchange(method, "/v1/things/1", [("x-test-id", test_id)], body).status == 200
        assert leo.line_of(client)["method"] == method
    request = provider.of(test_id)[0].request
    assert request.method == method
    # No framing is invented for a request without a body.
    assert request.framing == ("length" if body is not None else "none")


@pytest.mark.parametrize(
    "target, seen",
    [
        ("/v1/models?a=1&b=%2F", None),
        ("/model/anthropic.claude-v1%3A0/converse", None),
        ("//double//slash/../dots/./x", None),
        ("/v1/a%00b%0d%0a", None),
        ("/?", None),
        ("*", None),
        ("https://api.openai.com/v1/models?x=1", "/v1/models?x=1"),
        ("https://api.openai.com", "/"),
        ("https://api.openai.com?x=1", "/?x=1"),
    ],
)
def test_the_target_passes_as_it_is_in_origin_form(leo, provider, test_id, target, seen):
    """SigV4 signs the path as it was spelt: nothing may be normalised."""
    with leo.client().intercepted() as client:
        method = "OPTIONS" if target == "*" else "GET"
        assert client.exchange(method, target, [("x-test-id", test_id)]).status == 200
        path = leo.line_of(client)["path"]
    assert provider.of(test_id)[0].request.target == (seen or target)
    assert "?" not in path


def test_set_cookie_is_never_folded(leo, provider, test_id):
    with leo.client().intercepted() as client:
        answer = client.exchange("POST", POST, [("x-test-id", test_id), ("x-test-cookies", "1")], b"{}")
    ours = [field for field in answer.fields if field[0].lower() in (b"set-cookie", b"x-odd-casing")]
    assert ours == [
        (b"Set-Cookie", b"__cf_bm=one; Path=/; Secure"),
        (b"sEt-cOOkie", b"_cfuvid=two; Expires=Thu, 01 Jan 2032 00:00:00 GMT; Path=/"),
        (b"X-ODD-casing", b"First"),
        (b"x-Odd-CASING", b"second, third"),
        (b"Set-Cookie", b"third=3"),
    ]


def test_a_large_head_below_the_limit_passes(leo, provider, test_id):
    token = "Bearer " + "x" * 40_000
    with leo.client().intercepted() as client:
        assert client.exchange("POST", POST, [("x-test-id", test_id), ("Authorization", token)], b"{}").status == 200
    assert provider.of(test_id)[0].request.first("authorization") == token


def test_what_the_log_says_of_an_exchange(leo, provider, test_id):
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with leo.client().intercepted() as client:
        fields = [("x-test-id", test_id), ("traceparent", traceparent), ("User-Agent", 'odd "agent" \\ ü')]
        assert client.exchange("POST", POST + "?key=secret", fields, b"{}").status == 200
        line = leo.line_of(client)
    assert line["traceparent"] == traceparent
    assert line["path"] == POST
    assert "secret" not in json.dumps(line)
    assert len(line["id"]) == 16 and int(line["id"], 16) >= 0
    assert line["time"].endswith("Z") and "T" in line["time"]
    assert line["labels"] == {"x-test-id": test_id}
    assert line["request_bytes"] == 2 and line["response_bytes"] > 0
    assert isinstance(line["connection"], int)


def test_concurrent_clients_get_their_own_answers(leo, provider, test_id):
    """Many connections at once, several exchanges each: nobody gets another one's answer."""
    wrong = []

    def script(exchange):
        body = exchange.read_body()
        exchange.reply(200, [], body[::-1])

    for number in range(16):
        provider.scripts[f"{test_id}-{number}"] = script

    def one(number: int) -> None:
        try:
            with leo.client(60).intercepted() as client:
                for turn in range(10):
                    body = b"%d/%d;" % (number, turn) * (turn * 500 + 1)
                    answer = client.exchange("POST", POST, [("x-test-id", f"{test_id}-{number}")], body)
                    if answer.body != body[::-1]:
                        wrong.append((number, turn, answer))
        except Exception as error:  # noqa: BLE001 — any of them fails the test
            wrong.append((number, repr(error)))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert not wrong, wrong[:3]
    wait_until(
        lambda: len(leo.lines(lambda line: line.get("labels", {}).get("x-test-id", "").startswith(test_id))) == 160,
        "160 access-log lines",
    )
