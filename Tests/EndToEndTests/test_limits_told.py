"""What operators are told of limits: /v1/tenants, metrics, and leo explain."""

from __future__ import annotations

from typing import Any, Dict

import harness
from harness import merged, wait_until
from limiting import CHAT, ask, ask_over, at_once, limited, price_file, tenants


def test_tenants_are_told_with_limit_use_and_remainder(leo_with, tmp_path, test_id):
    settings = {
        **limited(requests="10/day burst 10", tokens=at_once(5000), budget="1 USD/day", concurrent=4),
        "prices": {"file": price_file(tmp_path)},
    }
    leo = leo_with(settings)
    assert ask(leo, CHAT, test_id, fields={"x-test-used": "input=1000 output=400"}, output=500).status == 200
    leo.line_of_test(test_id)
    (tenant,) = tenants(leo)["tenants"]
    assert tenant["name"] == "default"
    found = {rule["kind"]: rule for rule in tenant["limits"]}
    assert set(found) == {"requests", "tokens", "budget", "concurrent"}
    assert (float(found["requests"]["used"]), float(found["requests"]["remaining"])) == (1, 9)
    assert 1395 <= float(found["tokens"]["used"]) <= 1400
    assert (float(found["budget"]["used"]), float(found["budget"]["remaining"])) == (0.009, 0.991)
    assert (float(found["concurrent"]["used"]), float(found["concurrent"]["limit"])) == (0, 4)


def tokens_rule(leo) -> Dict[str, Any]:
    (tenant,) = tenants(leo)["tenants"]
    (rule,) = [rule for rule in tenant["limits"] if rule["kind"] == "tokens"]
    return rule


def test_metrics_of_tenants_count_exchanges_tokens_money_and_refusals(leo_with, tmp_path, test_id):
    limits = limited(requests="2/day burst 2", tokens=at_once(5000))
    leo = leo_with({**limits, "prices": {"file": price_file(tmp_path)}})
    for _ in range(3):
        ask(leo, CHAT, test_id, fields={"x-test-used": "input=100 output=40 cached=10"}, output=50)
    wait_until(lambda: len(leo.lines()) == 3, "the lines")
    found = dict(line.rsplit(" ", 1) for line in leo.get("/metrics")[1].splitlines() if 'tenant="default"' in line)
    for name, number in (
        ("leo_tenant_exchanges_total", "3"),
        ("leo_tenant_refusals_total", "1"),
        ("leo_tenant_limit_remaining", "0"),
        ("leo_tenant_limit_capacity", "2"),
        # 90 × 3 + 10 × 0.3 + 40 × 15, twice.
        ("leo_tenant_cost_usd_total", "0.001746"),
    ):
        mine = [value for key, value in found.items() if key.startswith(name + "{") and "tokens" not in key]
        assert [float(value) for value in mine] == [float(number)], (name, found)
    tokens = {key.split('kind="')[1][:-2]: value for key, value in found.items() if "tenant_tokens_total" in key}
    assert tokens == {"input": "200", "output": "80", "cached": "20"}


def test_what_was_not_reserved_is_told(leo_with, provider, test_id):
    """What exchanges were charged less what was held for them, which is what a limit may be overshot by."""
    leo = leo_with(limited(tokens=at_once(100_000)))
    fields = {"x-test-gate": test_id, "x-test-used": "input=600 output=300"}
    with leo.client().intercepted() as client:
        message = ask_over(client, CHAT, test_id, True, fields, begun=True, output=100)
        reserved = float(tokens_rule(leo)["used"])
        assert reserved >= 100 and float(tokens_rule(leo)["charged"]) == 0
        provider.gate(test_id).set()
        client.reader.body(message)
    leo.line_of_test(test_id)
    rule = tokens_rule(leo)
    assert float(rule["charged"]) == 900
    # What flowed off between the two looks is less than a token.
    assert abs(float(rule["corrected"]) - (900 - reserved)) <= 2


def test_explain_says_what_would_apply_without_sending(tmp_path, provider, settings, test_id):
    path = tmp_path / "leo.toml"
    path.write_text(harness.toml(merged(settings, limited(tokens=at_once(1000), models=["gpt-*"]))), encoding="utf-8")
    request = tmp_path / "request.json"
    request.write_bytes(CHAT.body(output=100))
    done = harness.leo("explain", "--tenant", "default", request, "--config", path)
    assert done.returncode == 0, done.stdout + done.stderr
    for word in ("default", "openai-chat", "gpt-test", "tokens"):
        assert word in done.stdout, done.stdout
    assert "Say something" not in done.stdout
    assert provider.of(test_id) == []
