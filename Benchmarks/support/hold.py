"""Opens TLS connections to api.openai.com, makes one request on each, and holds them until its input ends.

hold.py COUNT PORT CA_FILE [connect]
"""

import resource
import socket
import ssl
import sys

count, port, authority = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
context = ssl.create_default_context(cafile=authority)
held = []
for _ in range(count):
    plain = socket.create_connection(("127.0.0.1", port))
    if len(sys.argv) > 4:
        plain.sendall(b"CONNECT api.openai.com:443 HTTP/1.1\r\nHost: api.openai.com:443\r\n\r\n")
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += plain.recv(4096)
        assert answer.startswith(b"HTTP/1.1 200"), answer
    secure = context.wrap_socket(plain, server_hostname="api.openai.com")
    secure.sendall(b"GET /r.json HTTP/1.1\r\nHost: api.openai.com\r\n\r\n")
    head = b""
    while b"\r\n\r\n" not in head:
        head += secure.recv(65536)
    assert head.startswith(b"HTTP/1.1 200"), head
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    body = head.split(b"\r\n\r\n", 1)[1]
    while len(body) < length:
        body += secure.recv(65536)
    held.append(secure)
print("held", flush=True)
sys.stdin.read()
