"""argv: PORT NAME. A TLS handshake with the default trust; prints "accepted" or "refused: why"."""

import os
import socket
import ssl
import sys

port, name = int(sys.argv[1]), sys.argv[2]
context = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
try:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
        with context.wrap_socket(sock, server_hostname=name):
            print("accepted")
except ssl.SSLError as error:
    print(f"refused: {error}")
