"""`leo cache` and the pages behind it: what is refused, what is told, and how the commands end."""

from __future__ import annotations

import hashlib
import http.client
import json
from typing import Any, Dict, Tuple

import pytest

import harness
from caching import Asker, cached, statistics
from harness import Leo
from limiting import CHAT


def command(leo: Leo, *words: Any):
    host, port = leo.admin
    return harness.leo("cache", *words, "--admin", f"{host}:{port}", binary=leo.binary)


def purge(leo: Leo, query: str = "", proved: bool = True) -> Tuple[int, str]:
    digest = hashlib.sha256(leo.file.read_bytes()).hexdigest()
    connection = http.client.HTTPConnection(*leo.admin, timeout=20)
    connection.request("POST", f"/v1/cache/purge{query}", headers={"x-leo-config-digest": digest} if proved else {})
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


@pytest.fixture
def filled(leo_with, provider, test_id) -> Leo:
    """A leo that keeps one answer."""
    leo = leo_with(cached())
    assert Asker(leo, provider, test_id, CHAT).ask().cache == "miss"
    assert statistics(leo)["entries"] == 1
    return leo


def test_stats_are_the_page_as_text_or_as_it_is(filled):
    done = command(filled, "stats", filled.file, "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, statistics(filled))
    done = command(filled, "stats", filled.file)
    lines = dict(line.split(None, 1) for line in done.stdout.splitlines())
    assert lines["answers"] == "1" and lines["memory"].endswith("of 64 MB, the largest answer may have 1 MB"), lines
    assert lines["requests"] == "0 hit, 1 miss, 0 coalesced, 0 stale, 0 bypass"
    assert lines["tenant"].startswith("default (enforce): 1 answers, ")
    status, text = filled.get("/v1/cache?as=text")
    assert (status, text) == (200, done.stdout)
    for query in ("as=xml", "as=", "as", "sa=text", "as=text&as=text"):
        assert filled.get(f"/v1/cache?{query}")[0] == 400, query


@pytest.mark.parametrize(
    "query", ["tennant=default", "tenant=", "tenant", "tenant=a&tenant=b", "model=%zz", "tenant=default&x=1", ""],
)
def test_what_is_not_understood_drops_nothing(filled, query):
    status, text = purge(filled, f"?{query}")
    assert status == 400 and text.strip(), text
    assert statistics(filled)["entries"] == 1


def test_a_purge_without_proof_drops_nothing(filled, tmp_path):
    assert purge(filled, proved=False)[0] == 403
    other = tmp_path / "other.toml"
    other.write_text(filled.file.read_text() + "\n# another file\n")
    done = command(filled, "purge", other)
    assert done.returncode == 2 and "another file" in done.stderr, done
    assert statistics(filled)["entries"] == 1
    # A file that was edited and not read yet is proof enough, for it is still leo's.
    filled.file.write_text(filled.file.read_text() + "\n# edited\n")
    assert command(filled, "purge", filled.file).returncode == 0
    assert statistics(filled)["entries"] == 0


def test_a_purge_says_what_was_dropped(filled):
    done = command(filled, "purge", filled.file, "--tenant", "nobody")
    assert (done.returncode, done.stderr) == (0, 'note: the file has no tenant "nobody"\n'), done
    assert done.stdout == '0 answers of tenant "nobody", 0 B, were dropped\n'
    odd = "arn:aws:bedrock:us-east-1:1:inference-profile/a b&c=d%2F?#é"
    done = command(filled, "purge", filled.file, "--model", odd)
    assert done.returncode == 0 and done.stdout == f'0 answers of model "{odd}", 0 B, were dropped\n', done
    done = command(filled, "purge", filled.file, "--tenant", "default", "--model", CHAT.model)
    assert done.returncode == 0 and done.stdout.startswith('1 answers of tenant "default" of model '), done
    assert f"leo: cache: {done.stdout.strip()} on request\n" in filled.errors()
    assert statistics(filled)["entries"] == 0
    for words in (["--tenant", ""], ["--model", "x" * 600]):
        assert command(filled, "purge", filled.file, *words).returncode == 64


# MARK: leo cache key


def key(tmp_path, value: Any, *words: str):
    request = tmp_path / "request.json"
    request.write_text(value if isinstance(value, str) else json.dumps(value))
    return harness.leo("cache", "key", request, "--json", *words)


def test_headers_are_in_the_key_unless_they_are_bookkeeping(tmp_path):
    request: Dict[str, Any] = {"model": "gpt-4o", "messages": []}
    bare = json.loads(key(tmp_path, request).stdout)
    assert bare["headers"] == [] and len(bare["key"]) == 64 and not bare["deterministic"]
    words = ("--header", "x-team: one", "--header", "User-Agent: two", "--header", "Authorization: Bearer three")
    found = json.loads(key(tmp_path, request, *words).stdout)
    assert {header["name"]: header["side"] for header in found["headers"]} == {
        "x-team": "key", "user-agent": "ignored", "authorization": "ignored",
    }  # fmt: skip
    assert found["key"] != bare["key"]
    assert json.loads(key(tmp_path, request, *words[2:]).stdout)["key"] == bare["key"]


def test_a_request_that_the_cache_leaves_alone_has_no_key(tmp_path):
    done = key(tmp_path, {"model": "gpt-4o", "messages": [], "store": True, "secret": "words"})
    found = json.loads(done.stdout)
    assert (done.returncode, found["bypass"]) == (1, "stored") and "key" not in found
    assert {part["field"] for part in found["fields"]} == {"model", "messages", "store", "secret"}
    assert "words" not in done.stdout
    for words in (["--host", "nobody.example"], ["--header", "no colon"], ["--operation", "chat"]):
        done = key(tmp_path, {}, *words)
        assert done.returncode == 2 and done.stderr.startswith("leo: "), done


def test_the_hosts_of_the_file_are_known(tmp_path):
    file = tmp_path / "leo.toml"
    file.write_text('[[provider]]\nname = "mine"\nhosts = ["llm.example.com:8443"]\napi = "openai"\n')
    words = ("--host", "llm.example.com:8443", "--operation", "/v1/embeddings")
    assert key(tmp_path, {"model": "e", "input": "x"}, *words).returncode == 2
    done = key(tmp_path, {"model": "e", "input": "x"}, *words, "--config", str(file))
    assert done.returncode == 0 and json.loads(done.stdout)["deterministic"] is True, done
