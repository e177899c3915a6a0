"""More requests with two readings, by what they play with; the rows read as those of smuggling_cases.py."""

from __future__ import annotations

from typing import List

from smuggling_cases import BODY, CHUNKED, HIDDEN, SIZED, Case, framed

LENGTH = b"Content-Length: 13"
CODING = b"Transfer-Encoding: chunked"
START = b"POST {PATH} HTTP/1.1\r\nHost: {HOST}\r\n"
GET = b"GET {PATH} HTTP/1.1\r\nHost: {HOST}\r\n\r\n"
END = b"0\r\n\r\n"


def twins() -> List[Case]:
    """A second field whose name is Content-Length or Transfer-Encoding to some readers and something else to others."""
    names = {
        "underscore": (b"Content_Length", b"Transfer_Encoding"),
        "joined": (b"ContentLength", b"TransferEncoding"),
        "dot": (b"Content.Length", b"Transfer.Encoding"),
        "two-dashes": (b"Content--Length", b"Transfer--Encoding"),
        "dash-last": (b"Content-Length-", b"Transfer-Encoding-"),
        "dash-first": (b"-Content-Length", b"-Transfer-Encoding"),
        "tilde": (b"Content~Length", b"Transfer~Encoding"),
        "plus": (b"Content+Length", b"Transfer+Encoding"),
        "star": (b"Content-Length*", b"Transfer-Encoding*"),
        "apostrophe": (b"Content-Length'", b"'Transfer-Encoding'"),
        "percent-dash": (b"Content%2DLength", b"Transfer%2dEncoding"),
        "percent-letter": (b"%43ontent-Length", b"Transfer-%45ncoding"),
        "backslash": (b"Content\\-Length", b"Transfer\\-Encoding"),
        "space": (b"Content Length", b"Transfer Encoding"),
        "nul": (b"Content-Length\x00", b"Transfer-Encoding\x00"),
        "nul-first": (b"\x00Content-Length", b"\x00Transfer-Encoding"),
        "del": (b"Content-Length\x7f", b"Transfer-Encoding\x7f"),
        "quoted": (b'"Content-Length"', b'"Transfer-Encoding"'),
        "brackets": (b"[Content-Length]", b"(Transfer-Encoding)"),
        "no-break-space": (b"Content-Length\xa0", b"Transfer-Encoding\xc2\xa0"),
        "soft-hyphen": (b"Content\xadLength", b"Transfer\xc2\xadEncoding"),
        "kelvin": ("Content-Length\u212a".encode(), "Transfer-Encod\u0131ng".encode()),
        "colon-first": (b":Content-Length", b":Transfer-Encoding"),
        "vertical-tab": (b"Content-Length\x0b", b"\x0bTransfer-Encoding"),
        "backspace": (b"XX\x08\x08Content-Length", b"XX\x08\x08Transfer-Encoding"),
    }
    cases = []
    for name, (length, coding) in names.items():
        cases.append(Case(f"twin-length-{name}", framed(LENGTH, length + b": 0"), "reject"))
        cases.append(Case(f"twin-coding-{name}", framed(LENGTH, coding + b": chunked"), "reject"))
    # Names that merely contain one are other fields, and pass with the request they are in.
    for name in (b"X-Content-Length", b"Content-Length-Hint", b"X-Transfer-Encoding", b"Content-Lengths", b"TE-"):
        label = name.decode().lower().strip("-")
        cases.append(Case(f"twin-other-{label}", framed(LENGTH, name + b": 0"), "accept"))
    return cases


CODINGS = [
    Case(f"coding-{name}", framed(*lines, body=CHUNKED), expect)
    for name, lines, expect in [
        ("mixed-case", (b"Transfer-Encoding: cHuNkEd",), "accept"),
        ("gzip-chunked", (b"Transfer-Encoding: gzip, chunked",), "reject"),
        ("gzip-then-chunked", (b"Transfer-Encoding: gzip", CODING), "reject"),
        ("chunked-gzip", (b"Transfer-Encoding: chunked, gzip",), "reject"),
        ("chunked-chunked", (b"Transfer-Encoding: chunked, chunked",), "reject"),
        ("identity", (b"Transfer-Encoding: identity",), "reject"),
        ("identity-and-length", (b"Transfer-Encoding: identity", LENGTH), "reject"),
        ("trailing-semicolon", (b"Transfer-Encoding: chunked;",), "reject"),
        ("leading-semicolon", (b"Transfer-Encoding: ;chunked",), "reject"),
        ("comma-alone", (b"Transfer-Encoding: ,",), "reject"),
        ("prefix", (b"Transfer-Encoding: chunke",), "reject"),
        ("suffix", (b"Transfer-Encoding: chunkedx",), "reject"),
        ("space-inside", (b"Transfer-Encoding: chun ked",), "reject"),
        ("tab-inside", (b"Transfer-Encoding: chun\tked",), "reject"),
        ("delete", (b"Transfer-Encoding: chunked\x7f",), "reject"),
        ("backspace", (b"Transfer-Encoding: xchunked\x08",), "reject"),
        ("fullwidth", ("Transfer-Encoding: ｃhunked".encode(),), "reject"),
        ("kelvin", ("Transfer-Encoding: chun\u212aed".encode(),), "reject"),
        ("brackets", (b"Transfer-Encoding: [chunked]",), "reject"),
        ("percent", (b"Transfer-Encoding: %63hunked",), "reject"),
        ("number", (b"Transfer-Encoding: 13",), "reject"),
        ("colon-twice", (b"Transfer-Encoding:: chunked",), "reject"),
        ("equals", (b"Transfer-Encoding=chunked", LENGTH), "reject"),
        ("between-lengths", (LENGTH, CODING, LENGTH), "reject"),
        ("folded-before", (b"X-A: b", b" Transfer-Encoding: chunked", LENGTH), "reject"),
        ("folded-inside", (b"Transfer-Encoding: chu", b"\tnked", LENGTH), "reject"),
        ("folded-empty", (b"Transfer-Encoding: chunked", b" ", LENGTH), "reject"),
        ("after-empty-fold", (b" ", CODING), "reject"),
        ("te-trailers", (b"TE: trailers", CODING), "accept"),
        ("te-chunked", (b"TE: chunked", CODING), "safe"),
        ("te-chunked-and-length", (b"TE: chunked",), "safe"),
        ("te-garbage", (b"TE: \x7f", CODING), "reject"),
        ("trailer-announces-length", (b"Trailer: Content-Length", CODING), "safe"),
        ("trailer-announces-coding", (b"Trailer: Transfer-Encoding", CODING), "safe"),
    ]
]

LENGTHS = [
    Case(f"length-{name}", framed(*lines), expect)
    for name, lines, expect in [
        ("three", (LENGTH,) * 3, "reject"),
        ("far-apart", (LENGTH, b"X-A: b", b"X-B: c", b"content-LENGTH: 12"), "reject"),
        ("octal", (b"Content-Length: 0o15",), "reject"),
        ("binary", (b"Content-Length: 0b1101",), "reject"),
        ("hex-digits", (b"Content-Length: d",), "reject"),
        ("hex-suffix", (b"Content-Length: 13h",), "reject"),
        ("underscore-inside", (b"Content-Length: 1_3",), "reject"),
        ("comma-inside", (b"Content-Length: 1,3",), "reject"),
        ("comma-last", (b"Content-Length: 13,",), "reject"),
        ("comma-first", (b"Content-Length: ,13",), "reject"),
        ("semicolon", (b"Content-Length: 13;q=1",), "reject"),
        ("bytes-unit", (b"Content-Length: 13B",), "reject"),
        ("minus-zero", (b"Content-Length: -0",), "reject"),
        ("plus-space", (b"Content-Length: + 13",), "reject"),
        ("bracketed", (b"Content-Length: (13)",), "reject"),
        ("arabic-digits", ("Content-Length: \u0661\u0663".encode(),), "reject"),
        ("superscript", ("Content-Length: 1\u00b3".encode("latin-1"),), "reject"),
        ("mathematical-digits", ("Content-Length: \U0001d7cf\U0001d7d1".encode(),), "reject"),
        ("no-break-space", (b"Content-Length:\xa013",), "reject"),
        ("zero-width-space", ("Content-Length: \u200b13".encode(),), "reject"),
        ("byte-order-mark", ("Content-Length: \ufeff13".encode(),), "reject"),
        ("form-feed", (b"Content-Length: 13\x0c",), "reject"),
        ("bare-cr-after", (b"Content-Length: 13\r",), "reject"),
        ("bare-lf-second", (b"Content-Length: 13\nContent-Length: 0",), "reject"),
        ("wraps-32", (b"Content-Length: 4294967309",), "safe"),
        ("wraps-53", (b"Content-Length: 9007199254741005",), "safe"),
        ("wraps-128", (b"Content-Length: 340282366920938463463374607431768211469",), "reject"),
        ("infinity", (b"Content-Length: inf",), "reject"),
        ("not-a-number", (b"Content-Length: nan",), "reject"),
        ("null", (b"Content-Length: null",), "reject"),
        ("thousand-zeros", (b"Content-Length: " + b"0" * 1000 + b"13",), "safe"),
        ("folded-number", (b"Content-Length: 1", b" 3"), "reject"),
        ("folded-tab", (b"Content-Length:", b"\t13"), "reject"),
        ("in-connection", (LENGTH, b"Connection: close, content-length"), "reject"),
        ("in-trailer-field", (LENGTH, b"Trailer: Content-Length"), "safe"),
        ("no-colon", (b"Content-Length 13",), "reject"),
        ("equals", (b"Content-Length=13",), "reject"),
        ("get-zero-then-body", (b"Content-Length: 0",), "safe"),
    ]
]

CHUNKS = [
    Case(f"chunk-{name}", framed(CODING, body=body), expect)
    for name, body, expect in [
        ("in-pieces", b"1\r\n{\r\nc\r\n" + BODY[1:] + b"\r\n" + END, "accept"),
        ("mixed-case-hex", b"00D\r\n" + BODY + b"\r\n" + END, "accept"),
        ("quoted-crlf-escape", b'd;a="\\r\\n0\\r\\n"\r\n' + BODY + b"\r\n" + END, "accept"),
        ("many-zeros", b"0" * 14 + b"0d\r\n" + BODY + b"\r\n" + END, "accept"),
        ("too-many-zeros", b"0" * 40 + b"d\r\n" + BODY + b"\r\n" + END, "reject"),
        ("last-many-zeros", b"d\r\n" + BODY + b"\r\n0000000000000000\r\n\r\n", "safe"),
        ("last-extension", b"d\r\n" + BODY + b"\r\n0;a=b\r\n\r\n", "accept"),
        ("last-space", b"d\r\n" + BODY + b"\r\n0 \r\n\r\n", "safe"),
        ("last-minus", b"d\r\n" + BODY + b"\r\n-0\r\n\r\n", "reject"),
        ("last-plus", b"d\r\n" + BODY + b"\r\n+0\r\n\r\n", "reject"),
        ("last-0x0", b"d\r\n" + BODY + b"\r\n0x0\r\n\r\n", "reject"),
        ("last-twice", b"d\r\n" + BODY + b"\r\n" + END + END, "safe"),
        ("last-without-blank", b"d\r\n" + BODY + b"\r\n0\r\n" + HIDDEN, "reject"),
        ("last-first", END + b"d\r\n" + BODY + b"\r\n" + END, "safe"),
        ("last-lf-cr", b"d\r\n" + BODY + b"\r\n0\n\r\n\r", "reject"),
        ("last-cr-only", b"d\r\n" + BODY + b"\r\n0\r\r\n\r\n", "reject"),
        ("last-nul", b"d\r\n" + BODY + b"\r\n0\x00\r\n\r\n", "reject"),
        ("size-comma", b"d,d\r\n" + BODY + b"\r\n" + END, "reject"),
        ("size-decimal-point", b"d.0\r\n" + BODY + b"\r\n" + END, "reject"),
        ("size-exponent", b"1e1\r\n" + BODY + b"\r\n" + END, "reject"),
        ("size-h-suffix", b"dh\r\n" + BODY + b"\r\n" + END, "reject"),
        ("size-dollar", b"$d\r\n" + BODY + b"\r\n" + END, "reject"),
        ("size-hash", b"#d\r\n" + BODY + b"\r\n" + END, "reject"),
        ("size-quoted", b'"d"\r\n' + BODY + b"\r\n" + END, "reject"),
        ("size-fullwidth", "ｄ\r\n".encode() + BODY + b"\r\n" + END, "reject"),
        ("size-arabic", "\u0661\u0663\r\n".encode() + BODY + b"\r\n" + END, "reject"),
        ("size-no-break-space", b"d\xa0\r\n" + BODY + b"\r\n" + END, "reject"),
        ("size-vertical-tab", b"d\x0b\r\n" + BODY + b"\r\n" + END, "reject"),
        ("size-two-numbers", b"d 0\r\n" + BODY + b"\r\n" + END, "reject"),
        ("size-folded", b"d\r\n \r\n" + BODY + b"\r\n" + END, "reject"),
        ("size-max", b"ffffffffffffffff\r\n" + BODY + b"\r\n" + END, "reject"),
        ("size-wraps-to-zero", b"10000000000000000\r\n" + BODY + b"\r\n" + END, "reject"),
        ("size-sixteen-digits", b"000000000000000d\r\n" + BODY + b"\r\n" + END, "accept"),
        ("extension-space-before", b"d ;a=b\r\n" + BODY + b"\r\n" + END, "safe"),
        ("extension-empty", b"d;\r\n" + BODY + b"\r\n" + END, "safe"),
        ("extension-many-semicolons", b"d;;;\r\n" + BODY + b"\r\n" + END, "safe"),
        ("extension-no-value", b"d;a=\r\n" + BODY + b"\r\n" + END, "safe"),
        ("extension-no-name", b"d;=b\r\n" + BODY + b"\r\n" + END, "safe"),
        ("extension-nul", b"d;a\x00\r\n" + BODY + b"\r\n" + END, "reject"),
        ("extension-control", b"d;a=\x01\r\n" + BODY + b"\r\n" + END, "reject"),
        ("extension-open-quote", b'd;a="b\r\n' + BODY + b"\r\n" + END, "reject"),
        ("extension-quote-spans-lines", b'd;a="\r\n' + BODY + b'\r\n"\r\n' + END, "reject"),
        ("extension-quote-cr", b'd;a="\rx"\r\n' + BODY + b"\r\n" + END, "reject"),
        ("extension-quote-lf", b'd;a="\nx"\r\n' + BODY + b"\r\n" + END, "reject"),
        ("extension-lf-only", b"d;\n" + BODY + b"\r\n" + END, "reject"),
        ("extension-cr-cr-lf", b"d;a\r\r\n" + BODY + b"\r\n" + END, "reject"),
        ("extension-bare-text", b"d a=b\r\n" + BODY + b"\r\n" + END, "reject"),
        ("extension-obs-text", b"d;a=\xff\r\n" + BODY + b"\r\n" + END, "safe"),
        ("extensions-many", b"1;a\r\n{\r\nc" + b";a" * 400 + b"\r\n" + BODY[1:] + b"\r\n" + END, "safe"),
        ("crlf-missing-at-end", b"d\r\n" + BODY + b"0\r\n\r\n", "reject"),
        ("cr-after-data", b"d\r\n" + BODY + b"\r0\r\n\r\n", "reject"),
        ("two-crlf-after-data", b"d\r\n" + BODY + b"\r\n\r\n" + END, "reject"),
        ("space-after-data", b"d\r\n" + BODY + b" \r\n" + END, "reject"),
        ("one-byte-more", b"d\r\n" + BODY + b"x\r\n" + END, "reject"),
        ("none-at-all", b"\r\n", "reject"),
        ("crlf-first", b"\r\n" + CHUNKED, "reject"),
    ]
]

TRAILERS = [
    Case(f"trailer-{name}", framed(CODING, body=b"d\r\n" + BODY + b"\r\n0\r\n" + lines + b"\r\n"), expect)
    for name, lines, expect in [
        ("two", b"X-One: 1\r\nX-Two: 2\r\n", "accept"),
        ("connection", b"Connection: close\r\n", "safe"),
        ("te", b"TE: chunked\r\n", "safe"),
        ("upgrade", b"Upgrade: h2c\r\n", "safe"),
        ("trailer", b"Trailer: X\r\n", "safe"),
        ("authorization", b"Authorization: Bearer other\r\n", "safe"),
        ("cookie", b"Cookie: a=b\r\n", "safe"),
        ("length-underscore", b"Content_Length: 5\r\n", "safe"),
        ("coding-cased", b"tRANSFER-eNCODING: chunked\r\n", "safe"),
        ("expect", b"Expect: 100-continue\r\n", "safe"),
        ("space-before-colon", b"X : y\r\n", "reject"),
        ("empty-name", b": y\r\n", "reject"),
        ("nul", b"X: a\x00b\r\n", "reject"),
        ("bare-cr", b"X: a\rb\r\n", "reject"),
        ("space-first", b" X: y\r\n", "reject"),
        ("pseudo", b":path: /smuggled\r\n", "reject"),
        ("request-line", b"GET /smuggled HTTP/1.1\r\nHost: {HOST}\r\n", "reject"),
        ("high-byte-name", b"X\xe9: y\r\n", "reject"),
    ]
]

HOSTS = [
    Case(f"host-{name}", b"POST {PATH} HTTP/1.1\r\n" + lines + b"\r\n" + SIZED, expect)
    for name, lines, expect in [
        ("port-443", b"Host: {HOST}:443", "safe"),
        ("port-80", b"Host: {HOST}:80", "reject"),
        ("port-empty", b"Host: {HOST}:", "safe"),
        ("port-word", b"Host: {HOST}:https", "reject"),
        ("port-huge", b"Host: {HOST}:65979", "reject"),
        ("port-twice", b"Host: {HOST}:443:443", "reject"),
        ("dot-last", b"Host: {HOST}.", "safe"),
        ("upper", b"Host: API.OPENAI.COM", "safe"),
        ("space-last", b"Host: {HOST} evil.example", "reject"),
        ("tab-inside", b"Host: {HOST}\tevil.example", "reject"),
        ("query", b"Host: {HOST}?x", "reject"),
        ("fragment", b"Host: {HOST}#x", "reject"),
        ("backslash", b"Host: {HOST}\\x", "reject"),
        ("scheme", b"Host: https://{HOST}", "reject"),
        ("nul", b"Host: {HOST}\x00.evil.example", "reject"),
        ("percent", b"Host: %61pi.openai.com", "reject"),
        ("fullwidth-dot", "Host: api．openai.com".encode(), "reject"),
        ("prefix", b"Host: x{HOST}", "reject"),
        ("suffix", b"Host: {HOST}.evil.example", "reject"),
        ("address", b"Host: 127.0.0.1", "reject"),
        ("address-6", b"Host: [::1]", "reject"),
        ("twice-cased", b"HOST: {HOST}\r\nhost: {HOST}", "reject"),
        ("twice-empty", b"Host: {HOST}\r\nHost:", "reject"),
        ("folded", b"Host:\r\n {HOST}", "reject"),
        ("space-before-colon", b"Host : {HOST}", "reject"),
        ("bare-lf", b"Host: {HOST}\nHost: evil.example", "reject"),
        ("forwarded", b"Host: {HOST}\r\nX-Forwarded-Host: evil.example", "accept"),
    ]
]

TARGETS = [
    Case(f"target-{name}", b"GET " + target + b" HTTP/1.1\r\nHost: {HOST}\r\n\r\n", expect)
    for name, target, expect in [
        ("absolute-port", b"https://{HOST}:443{PATH}", "accept"),
        ("absolute-upper", b"HTTPS://API.OPENAI.COM{PATH}", "accept"),
        ("absolute-http", b"http://{HOST}{PATH}", "safe"),
        ("absolute-ftp", b"ftp://{HOST}{PATH}", "reject"),
        ("absolute-userinfo", b"https://evil@{HOST}{PATH}", "reject"),
        ("absolute-host-as-userinfo", b"https://{HOST}@evil.example{PATH}", "reject"),
        ("absolute-no-authority", b"https://{PATH}", "reject"),
        ("absolute-three-slashes", b"https:///{PATH}", "reject"),
        ("absolute-one-slash", b"https:/{HOST}{PATH}", "reject"),
        ("absolute-backslash", b"https:\\\\{HOST}{PATH}", "reject"),
        ("absolute-inside", b"https://{HOST}https://evil.example{PATH}", "reject"),
        ("absolute-other-port", b"https://{HOST}:8443{PATH}", "reject"),
        ("no-scheme", b"//evil.example{PATH}", "safe"),
        ("authority-form", b"{HOST}:443", "reject"),
        ("asterisk-get", b"*", "reject"),
        ("empty", b"", "reject"),
        ("relative", b"v1/models", "reject"),
        ("fragment", b"{PATH}#x", "reject"),
        ("space", b"{PATH} /smuggled", "reject"),
        ("encoded-space-and-version", b"{PATH}%20HTTP/1.1%0d%0aX:%20y", "accept"),
        ("high-byte", b"{PATH}\xff", "reject"),
        ("unicode", "{PATH}/ü".encode(), "reject"),
        ("delete", b"{PATH}\x7f", "reject"),
        ("bare-cr", b"{PATH}\r", "reject"),
        ("tab", b"{PATH}\tx", "reject"),
    ]
]

LINES = [
    Case(f"line-{name}", raw, expect)
    for name, raw, expect in [
        ("http-0.9", b"GET {PATH}\r\n", "reject"),
        ("http-0.9-lf", b"GET {PATH}\n\n", "reject"),
        ("version-1.01", b"GET {PATH} HTTP/1.01\r\nHost: {HOST}\r\n\r\n", "reject"),
        ("version-01.1", b"GET {PATH} HTTP/01.1\r\nHost: {HOST}\r\n\r\n", "reject"),
        ("version-1.1.1", b"GET {PATH} HTTP/1.1.1\r\nHost: {HOST}\r\n\r\n", "reject"),
        ("version-2", b"GET {PATH} HTTP/2.0\r\nHost: {HOST}\r\n\r\n", "reject"),
        ("version-2-short", b"GET {PATH} HTTP/2\r\nHost: {HOST}\r\n\r\n", "reject"),
        ("version-minus", b"GET {PATH} HTTP/-1.1\r\nHost: {HOST}\r\n\r\n", "reject"),
        ("version-comma", b"GET {PATH} HTTP/1,1\r\nHost: {HOST}\r\n\r\n", "reject"),
        ("version-space", b"GET {PATH} HTTP /1.1\r\nHost: {HOST}\r\n\r\n", "reject"),
        ("version-other", b"GET {PATH} ICAP/1.0\r\nHost: {HOST}\r\n\r\n", "reject"),
        ("version-tab-after", b"GET {PATH} HTTP/1.1\t\r\nHost: {HOST}\r\n\r\n", "reject"),
        ("preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", "reject"),
        ("method-lower", b"get {PATH} HTTP/1.1\r\nHost: {HOST}\r\n\r\n", "safe"),
        ("method-empty", b" {PATH} HTTP/1.1\r\nHost: {HOST}\r\n\r\n", "reject"),
        ("method-space-first", b" GET {PATH} HTTP/1.1\r\nHost: {HOST}\r\n\r\n", "reject"),
        ("method-nul", b"GET\x00 {PATH} HTTP/1.1\r\nHost: {HOST}\r\n\r\n", "reject"),
        ("method-colon", b"GET: {PATH} HTTP/1.1\r\nHost: {HOST}\r\n\r\n", "reject"),
        ("method-high-byte", b"G\xcbT {PATH} HTTP/1.1\r\nHost: {HOST}\r\n\r\n", "reject"),
        ("method-connect", b"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}\r\n\r\n" + HIDDEN, "reject"),
        ("method-connect-length", b"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}\r\n" + SIZED, "reject"),
        ("method-trace-body", b"TRACE {PATH} HTTP/1.1\r\nHost: {HOST}\r\n" + SIZED, "safe"),
        ("vertical-tab", b"GET\x0b{PATH}\x0bHTTP/1.1\r\nHost: {HOST}\r\n\r\n", "reject"),
        ("cr-lf-cr", b"\r\n\r" + GET, "reject"),
        ("two-blank-lines-first", b"\r\n\r\n" + GET, "safe"),
        ("many-blank-lines-first", b"\r\n" * 100 + GET, "safe"),
        ("answer", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "reject"),
        ("tls-record", b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", "reject"),
        ("proxy-line", b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + GET, "reject"),
        ("byte-order-mark", "\ufeff".encode() + GET, "reject"),
        ("head-blank-lf", START + b"Content-Length: 13\r\n\n" + BODY, "reject"),
        ("head-lf-cr", START + b"Content-Length: 13\n\r\n\r" + BODY, "reject"),
        ("head-cr-cr-lf", START + b"Content-Length: 13\r\r\n\r\n" + BODY, "reject"),
        ("head-space-line", START + b" \r\nContent-Length: 13\r\n\r\n" + BODY, "reject"),
        ("head-value-nul-lf", START + b"X-A: b\x00\nContent-Length: 13\r\n\r\n" + BODY, "reject"),
        ("head-value-delete", START + b"X-A: b\x7f\r\n" + SIZED, "reject"),
        ("head-value-lf-field", START + b"X-A: b\nX-B: c\r\n" + SIZED, "reject"),
        ("head-value-escape", START + b"X-A: \x1b[0m\r\n" + SIZED, "reject"),
        ("head-name-quote", START + b'"X-A": b\r\n' + SIZED, "reject"),
        ("head-name-slash", START + b"X/A: b\r\n" + SIZED, "reject"),
        ("head-name-at", START + b"X@A: b\r\n" + SIZED, "reject"),
        ("head-name-pseudo", START + b":method: GET\r\n" + SIZED, "reject"),
        ("head-two-colons", START + b"X-A:: b\r\n" + SIZED, "accept"),
        ("head-201-fields", START + b"X-A: b\r\n" * 250 + SIZED, "reject"),
        ("head-65-kb", START + b"X-A: " + b"b" * 70_000 + b"\r\n" + SIZED, "reject"),
    ]
]

CONNECTIONS = [
    Case(f"connection-{name}", framed(*lines, body=body), expect, answers)
    for name, lines, body, expect, answers in [
        ("names-authorization", (LENGTH, b"Connection: Authorization", b"Authorization: x"), BODY, "safe", 1),
        ("names-te", (CODING, b"Connection: TE", b"TE: trailers"), CHUNKED, "accept", 1),
        ("names-expect", (LENGTH, b"Connection: Expect"), BODY, "safe", 1),
        ("names-trailer", (CODING, b"Connection: Trailer", b"Trailer: X"), CHUNKED, "safe", 1),
        ("many-options", (LENGTH, b"Connection: " + b"a," * 500), BODY, "safe", 1),
        ("bad-option", (LENGTH, b'Connection: "close'), BODY, "reject", 1),
        ("close-and-keep", (LENGTH, b"Connection: close, keep-alive"), BODY, "accept", 1),
        ("close-then-more", (LENGTH, b"Connection: close"), BODY + HIDDEN, "accept", 1),
        ("upgrade-unknown", (LENGTH, b"Connection: upgrade", b"Upgrade: cow/1"), BODY, "safe", 1),
        ("upgrade-h2c-body", (LENGTH, b"Connection: Upgrade", b"Upgrade: h2c"), BODY + framed(LENGTH), "safe", 2),
        ("upgrade-tls", (LENGTH, b"Connection: Upgrade", b"Upgrade: TLS/1.2"), BODY, "safe", 1),
        ("proxy", (LENGTH, b"Proxy-Connection: close"), BODY, "accept", 1),
        ("keep-alive-max", (LENGTH, b"Keep-Alive: timeout=0, max=0"), BODY, "accept", 1),
        ("http2-settings", (LENGTH, b"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"), BODY, "safe", 1),
    ]
]

EXPECTATIONS = [
    Case(f"expect-{name}", framed(*lines, body=body), expect)
    for name, lines, body, expect in [
        ("upper", (LENGTH, b"EXPECT: 100-CONTINUE"), BODY, "accept"),
        ("chunked", (CODING, b"Expect: 100-continue"), CHUNKED, "accept"),
        ("twice", (LENGTH, b"Expect: 100-continue", b"Expect: 100-continue"), BODY, "safe"),
        ("other", (LENGTH, b"Expect: 200-ok"), BODY, "reject"),
        ("list", (LENGTH, b"Expect: 100-continue, cow"), BODY, "safe"),
        ("parameter", (LENGTH, b"Expect: 100-continue;a=b"), BODY, "safe"),
        ("without-body", (b"Content-Length: 0", b"Expect: 100-continue"), b"", "safe"),
        ("no-length", (b"Expect: 100-continue",), b"", "safe"),
        ("y-prefix", (LENGTH, b"Expect: y 100-continue"), BODY, "reject"),
        ("folded", (LENGTH, b"Expect:", b" 100-continue"), BODY, "reject"),
    ]
]

OLD = b"POST {PATH} HTTP/1.0\r\nHost: {HOST}\r\n"
PIPELINES = [
    Case("pipeline-three", framed(LENGTH) * 3, "accept", 3),
    Case("pipeline-get-between", framed(LENGTH) + GET + framed(CODING, body=CHUNKED), "accept", 3),
    Case("pipeline-crlf-between", framed(LENGTH) + b"\r\n" + framed(LENGTH), "accept", 2),
    Case("pipeline-lf-between", framed(LENGTH) + b"\n" + framed(LENGTH), "safe", 2),
    Case("pipeline-nul-between", framed(LENGTH) + b"\x00" + framed(LENGTH), "safe", 2),
    Case("pipeline-space-between", framed(LENGTH) + b" " + framed(LENGTH), "safe", 2),
    Case("pipeline-after-short-length", framed(b"Content-Length: 12") + framed(LENGTH), "safe", 2),
    Case("pipeline-half-second", framed(LENGTH) + b"GET {PATH} HT", "accept", 1),
    Case("pipeline-bad-chunk-second", framed(LENGTH) + framed(CODING, body=b"xyz\r\n\r\n"), "safe"),
    Case("pipeline-twin-second", framed(LENGTH) + framed(LENGTH, b"Content_Length: 0"), "safe"),
    Case("pipeline-connect-second", framed(LENGTH) + b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n" + HIDDEN, "safe"),
    Case("pipeline-0.9-second", framed(LENGTH) + b"GET /smuggled\r\n\r\n", "safe"),
    Case("pipeline-1.0-closes", OLD + SIZED + HIDDEN, "accept"),
    Case("pipeline-1.0-keep-alive", OLD + b"Connection: keep-alive\r\n" + SIZED + framed(LENGTH), "safe", 2),
    Case("pipeline-trailer-then-second", framed(CODING, body=b"0\r\nX: y\r\n\r\n") + GET, "safe", 2),
    Case("pipeline-chunk-hides-second", framed(CODING, body=b"40\r\n" + HIDDEN[:20]), "reject"),
    Case("old-no-host", b"POST {PATH} HTTP/1.0\r\n" + SIZED, "reject"),
    Case("old-both", OLD + CODING + b"\r\n" + LENGTH + b"\r\n\r\n" + CHUNKED, "reject"),
    Case("old-no-length", OLD + b"\r\n" + BODY, "safe"),
    Case("old-expect", OLD + b"Expect: 100-continue\r\n" + SIZED, "safe"),
    Case("half-a-chunk", framed(CODING, body=b"d\r\n{"), "reject", shut=True),
    Case("half-a-last-chunk", framed(CODING, body=b"d\r\n" + BODY + b"\r\n0\r\n"), "reject", shut=True),
    Case("half-a-trailer", framed(CODING, body=b"d\r\n" + BODY + b"\r\n0\r\nX: y"), "reject", shut=True),
    Case("half-a-size", framed(CODING, body=b"d"), "reject", shut=True),
]

CASES: List[Case] = (
    twins() + CODINGS + LENGTHS + CHUNKS + TRAILERS + HOSTS + TARGETS + LINES + CONNECTIONS + EXPECTATIONS + PIPELINES
)
