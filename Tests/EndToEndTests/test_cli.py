"""The command line: exit codes, messages that help, and `leo env` in every form."""

from __future__ import annotations

import json
import os
import shlex
import socket
import stat
import subprocess
from pathlib import Path

import pytest

import harness
from harness import assignments, merged, toml
from harness import leo as run


@pytest.fixture
def write(tmp_path, settings):
    """write(changes): a configuration file with these changes."""

    def make(changes={}, text: str = "") -> Path:
        path = tmp_path / "leo.toml"
        path.write_text(text or toml(merged(settings, changes)), encoding="utf-8")
        return path

    return make


def test_version_and_help():
    done = run("--version")
    assert done.returncode == 0 and done.stdout.strip()
    done = run("--help")
    assert done.returncode == 0
    for command in ("serve", "check", "explain", "ca", "env", "run", "doctor", "cache"):
        assert command in done.stdout
        assert run(command, "--help").returncode == 0
    for command in ("stats", "purge", "key"):
        assert command in run("cache", "--help").stdout
        assert run("cache", command, "--help").returncode == 0


@pytest.mark.parametrize("arguments", [["no-such-command"], ["serve", "--no-such-option"], ["env", "--shell", "tcsh"]])
def test_wrong_usage_is_64(arguments):
    done = run(*arguments)
    assert done.returncode == 64 and done.stderr.strip()


def test_check_accepts_a_good_file(write):
    done = run("check", write())
    assert done.returncode == 0, done.stdout + done.stderr


def test_explain_says_without_sending_what_would_become_of_a_request(write, tmp_path):
    body = tmp_path / "request.json"
    body.write_text('{"model": "gpt-4o", "max_tokens": 20, "messages": [{"role": "user", "content": "private words"}]}')
    file = write({"defaults": {"limits": {"models": ["gpt-*"], "requests": "9/min"}}})
    done = run("explain", body, "--config", file)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "chat.completions" in done.stdout and done.stdout.endswith("verdict    goes out\n")
    assert "private" not in done.stdout
    done = run("explain", body, "--config", file, "--provider", "anthropic", "--operation", "/v1/messages")
    assert done.returncode == 0 and "dialect anthropic-messages" in done.stdout
    body.write_text('{"model": "claude-x"}')
    done = run("explain", body, "--config", file)
    assert done.returncode == 1 and 'verdict    refused: "claude-x" is none of them' in done.stdout
    assert run("explain", body, "--config", file, "--tenant", "nobody").returncode == 2
    assert run("explain", "--config", file).returncode == 64


def test_explain_effective_names_the_line_of_each_value(write):
    file = write(text='[defaults.limits]\nrequests = "9/min"\n[listen]\nworkers = 2\n')
    done = run("explain", "--effective", file)
    assert done.returncode == 0
    lines = {line.split("#")[0].strip(): line.split("#")[-1].strip() for line in done.stdout.splitlines()}
    assert lines["workers = 2"] == "line 4"
    assert lines['requests = "9/min"'] == "line 2"
    assert lines['unmetered = "refuse"'] == "default"
    assert run("check", file).returncode == 0


def test_check_names_every_mistake_with_its_place_and_the_likely_meant_key(write):
    file = write(
        text='[listen]\nprxy = "127.0.0.1:1"\nidle_timeout = "5 parsecs"\nworkers = -1\n\n[upstrem]\n[[provider]]\n'
    )
    done = run("check", file)
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert f"{file}:2:" in said and "proxy" in said
    assert f"{file}:3:" in said and f"{file}:4:" in said
    assert f"{file}:6:" in said and "upstream" in said
    assert f"{file}:7:" in said


@pytest.mark.parametrize(
    "changes",
    [
        {"listen": {"proxy": "0.0.0.0:8889"}},
        {"listen": {"admin": "0.0.0.0:8890"}},
        {"listen": {"workers": 100000}},
        {"listen": {"proxy": "localhost"}},
        {"upstream": {"connect_timeout": "0s"}},
        {"upstream": {"resolve": {"api.openai.com:443": "nonsense"}}},
        {"upstream": {"resolve": {"metadata.leo-other.example:80": "169.254.169.254:80"}}},
        {"intercept": {"other_hosts": "maybe"}},
        {"intercept": {"providers": ["no-such-provider"]}},
        {"redact": {"mode": "enforce"}},
        {"access_log": {"labels": ["a", "b", "c", "d", "e", "f", "g", "h", "i"]}},
    ],
    ids=json.dumps,
)
def test_a_mistake_in_the_file_stops_check_and_serve(write, changes):
    file = write(changes)
    for command in ("check", "serve"):
        done = run(command, file)
        assert done.returncode == 1, (command, done.stdout, done.stderr)
        assert str(file) + ":" in done.stdout + done.stderr


def test_a_file_that_cannot_be_read_is_2(tmp_path):
    for command in ("check", "serve"):
        done = run(command, tmp_path / "missing.toml")
        assert done.returncode == 2 and "missing.toml" in done.stderr


def test_an_address_that_is_taken_is_2(write):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("serve", write({"listen": {"proxy": "127.0.0.1:%d" % taken.getsockname()[1]}}))
    assert done.returncode == 2 and "127.0.0.1:" in done.stderr


def test_a_missing_ca_is_2_and_says_what_to_do(write, tmp_path):
    ca = {name: str(tmp_path / file) for name, file in (("certificate", "a.pem"), ("key", "a.key"), ("root", "r.pem"))}
    done = run("serve", write({"ca": ca}))
    assert done.returncode == 2 and "ca init" in done.stderr


def own_ca(folder: Path) -> dict:
    names = {"certificate": "leo-ca.pem", "key": "leo-ca.key", "root": "leo-root.pem"}
    return {name: str(folder / file) for name, file in names.items()}


def test_ca_init_makes_a_ca_and_never_overwrites_one(write, tmp_path):
    file = write({"ca": own_ca(tmp_path / "certs")})
    assert run("ca", "init", file).returncode == 0
    key = tmp_path / "certs" / "leo-ca.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = key.read_bytes()
    again = run("ca", "init", file)
    assert key.read_bytes() == before
    assert again.returncode in (0, 2)
    shown = run("ca", "show", file)
    assert shown.returncode == 0 and "openai.com" in shown.stdout
    # No private key of the root is left behind, and nothing of a key is ever printed.
    assert [path.name for path in (tmp_path / "certs").iterdir() if b"PRIVATE KEY" in path.read_bytes()] == [
        "leo-ca.key"
    ]
    assert "PRIVATE" not in shown.stdout + again.stdout


def test_ca_rotate_makes_a_new_intermediate(write, tmp_path, start):
    file = write({"ca": own_ca(tmp_path / "certs")})
    root_key = tmp_path / "root.key"
    assert run("ca", "init", file, "--keep-root", root_key).returncode == 0
    root, certificate = tmp_path / "certs" / "leo-root.pem", tmp_path / "certs" / "leo-ca.pem"
    before = root.read_bytes(), certificate.read_bytes()
    done = run("ca", "rotate", file, "--keep-root", root_key)
    assert done.returncode == 0, done.stderr
    assert certificate.read_bytes() != before[1]
    assert root.read_bytes() == before[0], "clients need not learn a new root"


def test_ca_bundle_is_the_system_roots_and_leos(write, settings, tmp_path):
    bundle = tmp_path / "out" / "bundle.pem"
    bundle.parent.mkdir()
    done = run("ca", "bundle", write(), "--output", bundle)
    assert done.returncode == 0, done.stderr
    root = Path(settings["ca"]["root"]).read_text()
    ours = root[root.index("-----BEGIN") : root.index("-----END")]
    assert ours in bundle.read_text()
    assert (bundle.parent / "leo-truststore.p12").stat().st_size > 0


EXPECTED = [
    "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
    "AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "NODE_USE_ENV_PROXY", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "CODEX_CA_CERTIFICATE", "JAVA_TOOL_OPTIONS",
]  # fmt: skip


@pytest.mark.parametrize("shell", ["sh", "fish", "systemd", "docker", "k8s"])
def test_env_names_every_variable_in_every_form(write, shell):
    done = run("env", write({"listen": {"proxy": "127.0.0.1:18889"}}), "--shell", shell)
    assert done.returncode == 0, done.stderr
    for name in EXPECTED:
        assert name in done.stdout, name
    assert "http://127.0.0.1:18889" in done.stdout


def test_env_for_sh_is_read_by_a_real_shell_and_by_nothing_else(write):
    done = run("env", write({"listen": {"proxy": "127.0.0.1:18889"}}), "--shell", "sh")
    ours = assignments(done.stdout)
    shell = subprocess.run(
        ["sh", "-c", f"eval {shlex.quote(done.stdout)}; env -0"], env={"PATH": os.environ["PATH"]},
        capture_output=True, text=True, timeout=20,
    )  # fmt: skip
    theirs = dict(entry.split("=", 1) for entry in shell.stdout.split("\0") if "=" in entry)
    for name in EXPECTED:
        assert theirs[name] == ours[name]
    for host in ("localhost", "127.0.0.1", "169.254.169.254"):
        assert host in ours["NO_PROXY"].split(",")
    bundle = Path(ours["SSL_CERT_FILE"]).read_text()
    assert bundle.count("BEGIN CERTIFICATE") >= 1


def test_run_starts_a_command_with_the_environment_and_passes_its_exit_code_on(write, tmp_path):
    file = write({"listen": {"proxy": "127.0.0.1:18889"}})
    env = dict(harness.environment(), MINE="kept")
    done = subprocess.run(
        [str(harness.BINARY), "run", "--config", str(file), "--", "sh", "-c", 'echo "$HTTPS_PROXY $MINE"; exit 7'],
        env=env, capture_output=True, text=True, timeout=60, cwd=tmp_path,
    )  # fmt: skip
    assert done.stdout.split() == ["http://127.0.0.1:18889", "kept"], done.stderr
    assert done.returncode == 7


def test_promise_3_no_core_dump_and_no_debugger_can_take_the_key(leo):
    """RLIMIT_CORE is 0 and the process is not dumpable, so its /proc entries belong to root."""
    limits = Path(f"/proc/{leo.process.pid}/limits").read_text()
    core = [line for line in limits.splitlines() if line.startswith("Max core file size")][0]
    assert core.split()[4] == "0"


def test_doctor_says_what_is_well_and_which_variable_is_missing(leo, tmp_path, program):
    """With curl alone on the PATH: well with the variables of `leo env`, not well without them."""
    only_curl = tmp_path / "bin"
    only_curl.mkdir()
    (only_curl / "curl").symlink_to(program("curl"))
    proxy = "%s:%d" % leo.proxy
    env = dict(leo.client_environment(tmp_path / "home"), PATH=str(only_curl))
    well = run("doctor", leo.file, "--proxy", proxy, env=env)
    assert "curl" in well.stdout, well.stdout + well.stderr
    assert not [line for line in well.stdout.splitlines() if line.startswith("FAIL") and "curl" in line], well.stdout
    for missing in ("CURL_CA_BUNDLE", "HTTPS_PROXY"):
        less = {name: value for name, value in env.items() if name.lower() != missing.lower()}
        # curl would find leo's CA here, too.
        if missing == "CURL_CA_BUNDLE":
            del less["SSL_CERT_FILE"]
        done = run("doctor", leo.file, "--proxy", proxy, env=less)
        assert done.returncode == 1, done.stdout
        assert missing in done.stdout + done.stderr
