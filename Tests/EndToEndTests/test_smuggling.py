"""Request smuggling: judged by the bytes that the provider received.

More cases may be given in a file, one JSON object per line with `id`, `raw` (latin-1, {HOST} and {PATH}), `expect`
(accept, safe, reject, incomplete) and optionally `n` (answers) and `shut`: LEO_SMUGGLING_CASES=FILE.
"""

from __future__ import annotations

import itertools
import json
import os
from typing import List, Optional
from urllib.parse import unquote_to_bytes

import pytest

import smuggling_variants
from harness import wait_until
from smuggling_cases import ASIDE, BODY, CASES, Case
from wires import Broken, Message, head

HOST = "api.openai.com"
numbers = itertools.count(1)


def more_cases() -> List[Case]:
    path = os.environ.get("LEO_SMUGGLING_CASES")
    if not path:
        return []
    cases = []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            # Letters beyond latin-1 can only be UTF-8; everything else is a byte per letter.
            raw = row["raw"].encode("latin-1" if max(row["raw"], default="") <= "\xff" else "utf-8")
            expect = "reject" if row["expect"] == "incomplete" else row["expect"]
            cases.append(Case("given-" + row["id"], raw, expect, row.get("n", 1), bool(row.get("shut"))))
    return cases


def answers_to(client, case: Case, count: int) -> List[Message]:
    """All final answers, until the connection ends or `count` are there and nothing more comes."""
    found: List[Message] = []
    while True:
        # An answer that must come is waited for; whether another one follows shows in a moment or not at all.
        if not client.reader.buffer and not client.wire.pending(5.0 if len(found) < count else 0.15):
            return found
        try:
            answer = client.answer()
        except (Broken, OSError):
            return found
        if not answer.complete:
            return found
        found.append(answer)
        if client.wire.end is not None:
            return found


@pytest.mark.parametrize("case", CASES + smuggling_variants.CASES + more_cases(), ids=lambda case: case.name)
def test_what_has_two_readings_does_not_reach_the_provider(hasty, provider, case):
    path = f"/v1/smuggling/{next(numbers)}"
    first = len(provider.exchanges)
    raw = case.raw.replace(b"{HOST}", HOST.encode()).replace(b"{PATH}", path.encode())
    with hasty.client() as client:
        client.intercepted(HOST)
        try:
            client.send(raw)
            if case.shut:
                client.wire.half_close()
        except OSError:
            pass
        client.expect_answer_to("POST")
        # A case that waits for more bytes ends with the client leaving: what is half must stay half.
        answers = answers_to(client, case, case.answers)
        client.close()
        line = hasty.all_lines_of(client)
    served = [answer for answer in answers if answer.first("x-leo-error") is None]
    refusals = [answer for answer in answers if answer.first("x-leo-error") is not None]
    assert all(400 <= answer.status < 600 for answer in refusals), refusals
    assert len(refusals) <= 1
    seen = provider.exchanges[first:]
    for exchange in seen:
        wait_until(lambda each=exchange: each.received.is_set() or each.over.is_set(), "the provider")
    complete = [exchange for exchange in seen if exchange.request.complete]
    context = f"{raw[:300]!r} → {answers} provider: {[exchange.request for exchange in seen]} log: {line}"
    for exchange in seen:
        # Whatever passes is canonical: one framing, clean fields, nothing that a second reader could take otherwise.
        assert not exchange.request.violations, context
        assert exchange.request.target != "/smuggled", context
        assert (exchange.request.first("host") or "").lower() in (HOST, HOST + ":443", HOST + "."), context
        assert canonical(exchange.request) is None, f"{canonical(exchange.request)}: {context}"
        # The cases are about a few bodies; any other one was made by a reader that lost its place.
        if exchange.request.complete and not case.name.startswith("given-"):
            assert exchange.request.body in (BODY, BODY[:12], ASIDE, b""), context
            assert case.expect != "accept" or exchange.request.method != "POST" or exchange.request.body == BODY, (
                context
            )
    assert len(complete) == len(served), context
    if case.expect == "accept":
        assert len(served) == case.answers and not refusals, context
    elif case.expect == "reject":
        assert not complete, context


def canonical(request: Message) -> Optional[str]:
    """What a reader that is less strict than ours could take for something else in a forwarded head."""
    meaning = {b"transferencoding": b"transfer-encoding", b"contentlength": b"content-length", b"host": b"host"}
    seen = set()
    for name, value in request.fields:
        # Lenient readers drop or translate marks in names, and some undo escapes.
        letters = bytes(byte for byte in unquote_to_bytes(name.lower()) if chr(byte).isalnum() and byte < 0x80)
        wanted = meaning.get(letters)
        if wanted is None:
            continue
        if name.lower() != wanted or wanted in seen:
            return f"{name!r}: {value!r}"
        if wanted == b"transfer-encoding" and value != b"chunked":
            return f"{name!r}: {value!r}"
        if wanted == b"content-length" and (not value.isdigit() or value != b"%d" % int(value)):
            return f"{name!r}: {value!r}"
        seen.add(wanted)
    if {b"transfer-encoding", b"content-length"} <= seen:
        return "two framings"
    if not request.first_line.endswith(b" HTTP/1.1") or request.first_line.count(b" ") != 2:
        return repr(request.first_line)
    return None


@pytest.mark.parametrize("first", ["accept", "refuse"])
def test_nothing_of_a_refused_request_becomes_the_next_one(hasty, provider, test_id, first):
    """The bytes behind a refusal are dropped with the connection, never read as a request."""
    before = len(provider.exchanges)
    bad = head("POST /v1/x HTTP/1.1", [(b"Host", HOST.encode()), (b"Content-Length", b"3"), (b"Content-Length", b"4")])
    hidden = head("GET /smuggled HTTP/1.1", [(b"Host", HOST.encode())])
    with hasty.client() as client:
        client.intercepted(HOST)
        if first == "accept":
            assert client.exchange("POST", "/v1/x", [("x-test-id", test_id)], b"{}").status == 200
        client.send(bad + hidden * 3)
        client.expect_answer_to("POST")
        assert client.answer().status == 400
        assert client.wire.wait_end(20) is not None and not client.reader.buffer
    assert [exchange.request.target for exchange in provider.exchanges[before:]] == ["/v1/x"] * (first == "accept")
