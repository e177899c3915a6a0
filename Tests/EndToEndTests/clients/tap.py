"""What every Python client here shares: a copy of the plain bytes it gave to TLS, and the form in which it reports.

A client prints "first" as soon as the first piece of a stream is in its hands, and at its end one JSON line:
{"text": …} or {"error": …}, with `sent`: per connection, in base64, all bytes it wrote into TLS.
"""

import base64
import json
import ssl
import sys

_sent = {}


def _note(connection, data, count):
    if count:
        # The object itself is kept, so that its id cannot be given to another one.
        _sent.setdefault(id(connection), (connection, bytearray()))[1].extend(bytes(data)[:count])


_send = ssl.SSLSocket.send
_write = ssl.SSLObject.write


def _tapped_send(self, data, flags=0):
    count = _send(self, data, flags)
    _note(self, data, count)
    return count


def _tapped_write(self, data):
    count = _write(self, data)
    _note(self, data, count)
    return count


ssl.SSLSocket.send = _tapped_send
ssl.SSLObject.write = _tapped_write


def first():
    print("first", flush=True)


def report(**values):
    values["sent"] = [base64.b64encode(data).decode() for _, data in _sent.values()]
    print(json.dumps(values), flush=True)


def run(modes):
    """argv: MODE TEST_ID [FIELD=VALUE …]; the fields become request headers. modes[MODE](headers) gives the text."""
    mode, test_id = sys.argv[1:3]
    headers = {"x-test-id": test_id}
    headers.update(pair.split("=", 1) for pair in sys.argv[3:])
    try:
        result = modes[mode](headers)
    except Exception as error:  # noqa: BLE001 — which exception it is, is what the test asks
        report(error=f"{type(error).__name__}: {error}", status=getattr(error, "status_code", None))
    else:
        report(text=result)
