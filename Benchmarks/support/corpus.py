"""Texts of many kinds from what a Debian machine carries, and generated ones, to estimate tokens of.

Prose of other languages comes from message catalogs and manual pages, code from the installed languages. What a machine
does not have is left out. Each text has the name of its file, so that one can fit on some files and test on others.
"""

from __future__ import annotations

import base64
import csv
import datetime
import difflib
import gettext
import gzip
import html
import io
import json
import random
import re
import sysconfig
import uuid
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Tuple

Text = Tuple[str, str]

# Where a kind's files may be, as patterns below a folder.
SHARE = Path("/usr/share")
PYTHON = Path(sysconfig.get_paths()["stdlib"])
FILE_COUNT_MAX = 60
FILE_BYTES_MAX = 400_000

LANGUAGES = {
    "German": "de", "French": "fr", "Spanish": "es", "Polish": "pl", "Turkish": "tr", "Vietnamese": "vi", "Russian": "ru",
    "Ukrainian": "uk", "Greek": "el", "Hebrew": "he", "Arabic": "ar", "Hindi": "hi", "Thai": "th", "Chinese": "zh_CN",
    "Japanese": "ja", "Korean": "ko",
}  # fmt: skip


def read(path: Path) -> str:
    raw = gzip.open(path).read() if path.suffix == ".gz" else path.read_bytes()
    return raw[:FILE_BYTES_MAX].decode("utf-8", "ignore")


def files(folder: Path, patterns: List[str], edit: Callable[[str], str] = str) -> Iterator[Text]:
    """A fixed choice of the files that match, the same on every run."""
    found: List[Path] = []
    for pattern in patterns:
        found += folder.glob(pattern)
    found = sorted({path for path in found if not path.is_symlink() and path.is_file()})
    random.Random(5).shuffle(found)
    count = 0
    for path in found:
        try:
            text = edit(read(path))
        except (OSError, EOFError):
            continue
        if len(text) >= 1000:
            yield str(path), text
            count += 1
        if count == FILE_COUNT_MAX:
            return


def catalogs(language: str) -> Iterator[Text]:
    """The longer messages of each catalog, one to a line, without the places for values and the keyboard marks."""
    folder = SHARE / "locale" / language / "LC_MESSAGES"
    for path in sorted(folder.glob("*.mo")):
        try:
            with path.open("rb") as file:
                messages = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
        except (OSError, ValueError, UnicodeDecodeError):
            continue
        lines = []
        for key, value in messages.items():
            # Untranslated messages are English.
            if isinstance(key, str) and isinstance(value, str) and key and value != key and len(value) >= 30:
                lines.append(re.sub(r"\s+", " ", re.sub(r"%[-0-9.$]*l*[a-zA-Z]|[_&](?=\w)", "", value)).strip())
        if sum(map(len, lines)) >= 1000:
            yield str(path), "\n".join(lines)


def plain(text: str) -> str:
    """A web page as its text."""
    text = re.sub(r"(?s)<(script|style)\b.*?</\1>", "", text)
    return re.sub(r"\n\s*\n+", "\n\n", html.unescape(re.sub(r"<[^>]+>", "", text)))


def manual(text: str) -> str:
    """A manual page's prose: no requests, no fonts."""
    lines = [line for line in text.splitlines() if line and line[0] not in ".'"]
    return re.sub(r"\\f.|\\&|\\-", lambda match: "-" if match[0] == "\\-" else "", "\n".join(lines))


# MARK: Generated


def logs(rng: random.Random) -> str:
    lines = []
    moment = datetime.datetime(2026, 3, 1)
    words = ["accepted", "closed", "timeout", "retrying request", "cache miss", "GET /v1/models", "POST /api/items", "ready"]
    for _ in range(400):
        moment += datetime.timedelta(milliseconds=rng.randrange(1, 90_000))
        address = ".".join(str(rng.randrange(1, 255)) for _ in range(4))
        level = rng.choice(["INFO", "WARN", "ERROR", "DEBUG"])
        lines.append(
            f"{moment.isoformat(timespec='milliseconds')}Z {level} [worker-{rng.randrange(16)}] {address}:{rng.randrange(65536)} "
            f"{rng.choice(words)} status={rng.choice([200, 201, 404, 500])} ms={rng.random() * 900:.1f} bytes={rng.randrange(10**6)}"
        )
    return "\n".join(lines)


def table(rng: random.Random) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["id", "date", "region", "units", "price", "note"])
    for number in range(500):
        day = datetime.date(2025, 1, 1) + datetime.timedelta(days=rng.randrange(600))
        region = rng.choice(["north", "south", "EMEA", "APAC"])
        writer.writerow([number, day, region, rng.randrange(1000), f"{rng.random() * 500:.2f}", rng.choice(["", "late", "ok, paid"])])
    return out.getvalue()


def identifiers(rng: random.Random) -> str:
    lines = []
    for _ in range(200):
        number = rng.getrandbits(256)
        lines.append(rng.choice([str(uuid.UUID(int=number >> 128)), f"{number:064x}", f"sha1:{number >> 96:040x}", f"req_{number >> 160:024x}"]))
    return rng.choice(["\n", " ", ","]).join(lines)


def encoded(rng: random.Random) -> str:
    return base64.b64encode(rng.randbytes(12_000)).decode()


def agent(rng: random.Random, sources: List[Text], prose: List[Text]) -> str:
    """A transcript: thoughts, commands, listings with line numbers, errors."""
    out = []
    while sum(map(len, out)) < 20_000:
        path, source = rng.choice(sources)
        lines = source.splitlines()
        start = rng.randrange(max(1, len(lines) - 40))
        _, thought = rng.choice(prose)
        cut = rng.randrange(max(1, len(thought) - 300))
        out.append("Thought: " + " ".join(thought[cut : cut + 300].split()))
        out.append(f"$ sed -n '{start},{start + 30}p' {path}")
        out.append("\n".join(f"{start + i:6}\t{line}" for i, line in enumerate(lines[start : start + 30])))
        out.append(
            f'Traceback (most recent call last):\n  File "{path}", line {start}, in main\n    {lines[start].strip()}\n'
            f"ValueError: expected {rng.randrange(9)} values, got {rng.randrange(9)}"
        )
    return "\n".join(out)


def tool_calls(rng: random.Random) -> str:
    """Results and schemas of tools, compact and pretty."""
    rows = []
    for number in range(60):
        rows.append({
            "id": f"item_{rng.getrandbits(64):x}", "type": rng.choice(["order", "refund", "shipment"]), "quantity": rng.randrange(20),
            "unit_price": round(rng.random() * 200, 2), "is_active": rng.random() < 0.5, "parent": None,
            "tags": rng.sample(["urgent", "fragile", "gift", "export", "bulk"], 2),
            "customer": {"name": rng.choice(["Ada Lovelace", "Alan Turing"]), "email": f"user{number}@example.com"},
        })  # fmt: skip
    return json.dumps(rows, indent=rng.choice([None, 2, 4]))


def difference(rng: random.Random, sources: List[Text]) -> str:
    path, source = rng.choice(sources)
    before = source.splitlines()[:600]
    after = [line.replace("self", "this") if rng.random() < 0.06 else line for line in before if rng.random() > 0.03]
    return "\n".join(difflib.unified_diff(before, after, f"a{path}", f"b{path}", lineterm=""))


def emoji(rng: random.Random, prose: List[Text]) -> str:
    """Short messages as people chat."""
    signs = "😀😂🥰👍🙏🎉🔥💯✨🤔😭🚀❤👀"
    out = []
    while sum(map(len, out)) < 8000:
        _, text = rng.choice(prose)
        cut = rng.randrange(max(1, len(text) - 80))
        out.append(" ".join(text[cut : cut + 60].lower().split()) + " " + rng.choice(signs) * rng.randrange(1, 4))
    return "\n".join(out)


def generated(name: str, make: Callable[[random.Random], str], count: int = 24) -> List[Text]:
    return [(f"{name} {seed}", make(random.Random(seed))) for seed in range(count)]


def kinds() -> Dict[str, List[Text]]:
    """Each kind of text with what there is of it."""
    root = Path("/")
    found: Dict[str, List[Text]] = {
        "English manuals": list(files(SHARE / "man", ["man[1578]/*.gz"], manual)),
        "English documents": list(files(SHARE / "doc", ["*/README*", "*/NEWS*", "*/*.txt", "*/*.txt.gz", "*/FAQ*", "*/changelog.gz"])),
        "web pages as text": list(files(SHARE / "doc", ["**/*.html"], plain)),
        "web pages": list(files(SHARE / "doc", ["**/*.html"])),
        "Markdown": list(files(root, ["usr/share/doc/**/*.md", "usr/share/doc/**/*.md.gz", "usr/share/nodejs/**/*.md", "usr/lib/node_modules/**/*.md"])),
        "Python": list(files(PYTHON, ["*.py", "*/*.py"])),
        "C": list(files(root, ["usr/include/*.h", "usr/include/*/*.h", "usr/lib/gcc/*/*/include/*.h"])),
        "JavaScript": list(files(root, ["usr/share/nodejs/**/*.js", "usr/lib/node_modules/**/*.js", "usr/share/javascript/**/*.js"])),
        "Go": list(files(root, ["usr/share/go-*/src/*/*.go", "usr/lib/go-*/src/*/*.go"])),
        "Perl": list(files(SHARE, ["perl/**/*.pm", "perl5/**/*.pm"])),
        "shell": list(files(root, ["etc/init.d/*", "usr/share/bash-completion/completions/*", "var/lib/dpkg/info/*.postinst"])),
        "JSON files": list(files(root, ["usr/share/**/*.json", "usr/lib/node_modules/**/package.json"])),
        "configuration": list(files(root, ["etc/*.conf", "etc/**/*.conf", "usr/lib/systemd/system/*.service", "usr/share/**/*.yaml", "usr/share/**/*.yml"])),
    }  # fmt: skip
    for language, code in LANGUAGES.items():
        texts = list(catalogs(code))
        random.Random(5).shuffle(texts)
        found[language] = texts[:FILE_COUNT_MAX]
    python, prose = found["Python"], found["English documents"] or found["English manuals"]
    found["logs"] = generated("logs", logs)
    found["tables"] = generated("tables", table)
    found["identifiers"] = generated("identifiers", identifiers)
    found["base64"] = generated("base64", encoded)
    found["tool results"] = generated("tool results", tool_calls)
    if python and prose:
        found["agent transcripts"] = generated("agent transcripts", lambda rng: agent(rng, python, prose))
        found["patches"] = generated("patches", lambda rng: difference(rng, python))
        found["chat with emoji"] = generated("chat with emoji", lambda rng: emoji(rng, prose))
    return {name: texts for name, texts in found.items() if texts}
