"""HTTP/2 conformance through CONNECT: frames by hand against the real binary (h2cases.py has the table)."""

from __future__ import annotations

import pytest

from h2cases import CASES, DEVIATIONS, Case
from h2raw import PREFACE, RawH2, settings
from wires import Broken

HOST = "good.leo-test.example"
# A stream id above those of the cases, for a request that shows whether the connection still serves.
PROBE = 1001


def outcome(client: RawH2, case: Case) -> str:
    """What became of the case's stream and of the connection; a probe behind the case tells whether it goes on."""
    client.until(
        lambda: (
            client.goaway
            or (PROBE in client.statuses and (result(client, case) != "nothing" or "alive" in case.expect))
        ),
        seconds=15,
    )
    if client.goaway:
        # After a connection error the connection has to end, too.
        assert client.wire.wait_end(15) is not None, "GOAWAY, but the connection stays open"
        return f"connection {client.goaway}"
    if client.over:
        # The probe was served, and a second later the connection was idle: nothing came of the case.
        return "alive" if PROBE in client.statuses else "closed"
    return result(client, case)


def result(client: RawH2, case: Case) -> str:
    if case.stream in client.resets and case.stream not in client.statuses:
        return f"stream {client.resets[case.stream]}"
    if case.stream in client.statuses:
        return str(client.statuses[case.stream])
    return "nothing"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_http2_conformance(hasty, provider, test_id, case):
    with RawH2(hasty.client(), HOST, test_id) as client:
        if case.raw:
            client.send(case.bytes(client))
        else:
            client.send(PREFACE + settings() + case.bytes(client))
        client.test_id = test_id + "-probe"
        if not case.raw:
            client.send(client.request(PROBE))
        found = outcome(client, case)
    allowed = set(case.expect)
    if case.name in DEVIATIONS:
        allowed.add(DEVIATIONS[case.name][0])
    if found not in allowed and "alive" in allowed and not found.startswith(("connection", "closed", "stream")):
        found = "alive"
    assert found in allowed, f"{found}, expected one of {sorted(allowed)}"
    for exchange in provider.of(test_id):
        exchange.received.wait(5) or exchange.over.wait(10)
        assert not exchange.request.violations
        assert exchange.request.target != "/smuggled"
        if not case.reaches:
            assert not exchange.request.complete, f"{found}, but the provider got {exchange.request}"


def test_every_deviation_is_one_of_a_case_and_has_a_reason():
    names = {case.name for case in CASES}
    assert len(names) == len(CASES) >= 80
    for name, (found, reason) in DEVIATIONS.items():
        assert name in names and found and len(reason) > 20


def test_settings_and_ping_are_acknowledged(leo):
    """SETTINGS by leo come first, and bound what it will take."""
    with RawH2(leo.client(), HOST) as client:
        client.start((4, 100_000))
        assert client.ping(b"12345678") and client.pongs == [b"12345678"]
        assert client.until(lambda: client.settings_acks == 1)
        assert 1 <= client.settings_seen[3] <= 1000, "SETTINGS_MAX_CONCURRENT_STREAMS"
        assert client.settings_seen.get(6, 0) > 0, "SETTINGS_MAX_HEADER_LIST_SIZE"
        assert client.settings_seen.get(8) == 1, "SETTINGS_ENABLE_CONNECT_PROTOCOL"


def test_the_preface_may_come_byte_by_byte(leo, test_id):
    with RawH2(leo.client(), HOST, test_id) as client:
        for byte in PREFACE + settings() + client.request():
            client.send(bytes([byte]))
        assert client.until(lambda: 1 in client.statuses) and client.statuses[1] == 200


def test_the_last_stream_id_can_be_used_and_nothing_after_it(leo, test_id):
    with RawH2(leo.client(), HOST, test_id) as client:
        client.start()
        last = (1 << 31) - 1
        client.send(client.request(last))
        assert client.until(lambda: last in client.statuses) and client.statuses[last] == 200
        client.send(client.request(last - 2))
        assert not client.ping() or last - 2 not in client.statuses
        assert client.goaway in (None, 1, 5)


def test_data_beyond_the_window_is_a_flow_control_error(leo, provider, test_id):
    """The provider does not read, so the window is not opened again; going on all the same is an error."""
    provider.scripts[test_id] = lambda exchange: exchange.wait_client_gone(30)
    with RawH2(leo.client(), "h2.leo-test.example", test_id) as client:
        client.start()
        client.send(client.request(end=False, method="POST"))
        assert client.ping()
        flooded = b"".join(b"\x00\x40\x00\x00\x00\x00\x00\x00\x01" + bytes(16384) for _ in range(4))
        for _ in range(64):
            if not client.send(flooded):
                break
            try:
                while client.wire.pending(0) and client.read(1):
                    pass
            except (OSError, Broken):
                break
            if client.goaway or client.resets:
                break
        client.until(lambda: client.goaway or 1 in client.resets)
        assert client.goaway == 3 or client.resets.get(1) == 3


def test_a_head_over_the_limit_is_refused_and_the_connection_goes_on(leo, provider, test_id):
    with RawH2(leo.client(), HOST, test_id) as client:
        client.start()
        fields = client.fields_for(extra=[("x-big", "v" * 8000)] * 10)
        from h2raw import CONTINUATION, END_HEADERS, END_STREAM, HEADERS, block, frame

        whole = block(fields)
        pieces = [whole[at : at + 16000] for at in range(0, len(whole), 16000)]
        client.send(frame(HEADERS, END_STREAM, 1, pieces[0]))
        for number, piece in enumerate(pieces[1:], 2):
            client.send(frame(CONTINUATION, END_HEADERS if number == len(pieces) else 0, 1, piece))
        client.test_id = test_id + "-probe"
        client.send(client.request(3))
        assert client.until(lambda: 3 in client.statuses and (1 in client.statuses or 1 in client.resets))
        assert client.statuses[3] == 200
        assert client.statuses.get(1) == 431 or 1 in client.resets
    assert provider.of(test_id) == []


def test_the_compression_state_lives_across_requests(h2, leo, provider, test_id):
    """hpack's encoder indexes: the second request is mostly indexes into what the first one left in leo's table."""
    client = h2(leo, HOST)
    for number in range(50):
        name = f"{test_id}-{number % 3}"
        fields = [
            ("x-test-id", name),
            ("x-token", "t" * 900),
            ("x-count", str(number)),
            (f"x-name-{number % 7}", "v" * 700),
        ]
        assert client.exchange("GET", "/v1/models", fields).status == 200
        assert provider.of(name)[-1].request.fields[-3:] == [
            (key.encode(), value.encode()) for key, value in fields[1:]
        ]
