"""start.py LEO FOLDER TIMES: starts leo so many times and says how long it takes to answer a CONNECT."""

import pathlib
import socket
import statistics
import subprocess
import sys
import time

leo, folder, times = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_once(text, trust):
    port, admin = free_port(), free_port()
    file = folder / "start.toml"
    text = text.replace(":1\"", f":{port}\"", 1).replace(":2\"", f":{admin}\"", 1)
    if trust == "system":
        text = "\n".join(line for line in text.splitlines() if not line.startswith("trust"))
    file.write_text(text)
    begin = time.perf_counter()
    process = subprocess.Popen([leo, "serve", str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                client = socket.create_connection(("127.0.0.1", port))
                break
            except ConnectionRefusedError:
                assert process.poll() is None, "leo ended"
        # The kernel takes connections as soon as the socket listens; only an answer shows that leo does.
        client.sendall(b"CONNECT 169.254.169.254:80 HTTP/1.1\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 403")
        elapsed = time.perf_counter() - begin
        time.sleep(0.2)
        rollup = pathlib.Path(f"/proc/{process.pid}/smaps_rollup").read_text()
        memory = {line.split(":")[0]: int(line.split()[1]) for line in rollup.splitlines()[1:] if "kB" in line}
        return elapsed * 1000, memory["Pss"], memory["Rss"]
    finally:
        process.terminate()
        process.wait()


text = (folder / "leo.toml").read_text()
for trust in ("system", "file"):
    runs = [start_once(text, trust) for _ in range(times)]
    middle = [statistics.median(column) for column in zip(*runs)]
    print(f"upstream.trust = {trust}: first answer after {middle[0]:.1f} ms (median of {times}, "
          f"{min(run[0] for run in runs):.1f} to {max(run[0] for run in runs):.1f}); "
          f"idle: PSS {middle[1] / 1024:.1f} MB, RSS {middle[2] / 1024:.1f} MB")
