"""Texts and a chat body to measure with, made of the Python library that runs this: nothing is downloaded or kept."""

from __future__ import annotations

import json
import random
import sysconfig
from pathlib import Path


def sources(count: int, seed: int) -> list[str]:
    """`count` files of Python's library."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    files = sorted(path for path in folder.glob("*.py") if path.stat().st_size > 5000)
    return [path.read_text("utf-8", "replace") for path in random.Random(seed).sample(files, count)]


PROSE = (
    "Please review the attached change and tell me whether the retry logic can lose a message when the connection is "
    "closed between the acknowledgement and the commit. I have read the documentation twice and I'm still not sure what "
    "“at least once” means here – the café example on page 12 doesn't help. 谢谢！ "
)


def chat_body(size: int) -> bytes:
    """A chat request of about `size` bytes as SDKs send it: a system prompt, tools, turns, and files as tool results."""
    messages = [{"role": "system", "content": "You are a careful reviewer.\n\n" + PROSE * 8}]
    tool = {
        "type": "function",
        "function": {
            "name": "read_file",
            "description": "Reads a file of the repository and returns its text with line numbers.",
            "parameters": {
                "type": "object",
                "properties": {"path": {"type": "string"}, "lines": {"type": "integer", "minimum": 1}},
                "required": ["path"],
            },
        },
    }
    body = {"model": "gpt-4o", "temperature": 0.2, "stream": True, "messages": messages, "tools": [tool] * 12}
    texts = sources(40, seed=1)
    turn = 0
    while len(encode(body)) < size:
        text = texts[turn % len(texts)]
        call = {"id": f"call_{turn:024x}", "type": "function"}
        call["function"] = {"name": "read_file", "arguments": json.dumps({"path": f"lib/file{turn}.py", "lines": 200})}
        messages.append({"role": "user", "content": PROSE * (1 + turn % 4)})
        messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
        messages.append({"role": "tool", "tool_call_id": call["id"], "content": text[: 4000 + 1000 * (turn % 5)]})
        turn += 1
    return encode(body)


def encode(value: object) -> bytes:
    """JSON as httpx writes it for the SDKs."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
