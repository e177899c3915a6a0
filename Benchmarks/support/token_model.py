"""The definition of leo's token estimate, slow and plain: what Sources/Wire/Tokens computes, and how its weights are fitted.

A text is a row of symbols: ASCII characters, and one symbol for each script beyond ASCII. Each symbol adds weights that
depend on it and on what stands before it, so the estimate is a linear function of the features counted here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Dict, List, Tuple

WEIGHTS = Path(__file__).resolve().parents[2] / "Sources/Wire/Tokens/TokenWeights.swift"
# Weights are whole numbers of this part of a token, so that every sum is exact.
SCALE = 1024

SCRIPTS = [
    "latin", "greek", "russian", "cyrillic", "hebrew", "arabic", "indic", "southEastAsian", "kana", "cjk", "hangul",
    "emoji", "other",
]  # fmt: skip
# What may stand before a symbol.
BEFORE = ["start", "newline", "blank", "blanks", "digit", "mark", "letter"] + SCRIPTS
# The same for a symbol beyond ASCII, where any other script is one.
BEFORE_SCRIPT = ["start", "newline", "blank", "blanks", "digit", "mark", "letter", "script"]
LETTERS = "abcdefghijklmnopqrstuvwxyz"

# The features in the order of the weights: each name with how many there are of it.
LAYOUT: List[Tuple[str, int]] = [
    ("word", len(BEFORE)),  # a letter that begins a word, by what stands before it; a small letter: camelCase
    ("firstLetter", 26),  # by letter, either case
    ("letterPair", 26 * 26),  # a further letter, by the one before and itself
    ("capital", 1),  # a capital that begins a word
    ("capitalRun", 1),  # a capital behind a capital
    ("longWord", 3),  # a letter beyond the fourth, the eighth and the twelfth of its word
    ("number", len(BEFORE)),  # a digit that begins a number
    ("digit", 2),  # the first, fourth, seventh … digit of a number, and every other one
    ("newline", len(BEFORE)),  # a line feed
    ("blankRun", 4),  # the second blank in a row in front of a line, or elsewhere; every further one; a tab or CR
    ("mark", len(BEFORE)),  # any other character, unless it follows another of these
    ("firstMark", 128),  # the same by character
    ("furtherMark", 128),  # one that follows another, by character
    ("sameMark", 1),  # one that follows itself
    ("script", len(SCRIPTS)),  # a character beyond ASCII, by script
    ("scriptStart", len(SCRIPTS) * len(BEFORE_SCRIPT)),  # one that does not follow its own script
]
OFFSETS: Dict[str, int] = {}
COUNT = 0
for name, size in LAYOUT:
    OFFSETS[name] = COUNT
    COUNT += size


def script(value: int) -> str:
    """The script of a character beyond ASCII, by ranges of the Unicode blocks."""
    if value < 0x250 or 0x1E00 <= value < 0x1F00:
        return "latin"
    if value < 0x400 or 0x1F00 <= value < 0x2000:
        return "greek"
    if 0x410 <= value < 0x450 or value in (0x401, 0x451):
        return "russian"
    if value < 0x590:
        return "cyrillic"
    if value < 0x600:
        return "hebrew"
    if value < 0x900 or 0xFB50 <= value < 0xFE00 or 0xFE70 <= value < 0xFF00:
        return "arabic"
    if value < 0xE00:
        return "indic"
    if value < 0x1100:
        return "southEastAsian"
    if 0x3040 <= value < 0x3100:
        return "kana"
    if 0x2E80 <= value < 0xA000 or 0xF900 <= value < 0xFB00 or 0x20000 <= value < 0x30000:
        return "cjk"
    if 0xAC00 <= value < 0xD7B0 or value < 0x1200:
        return "hangul"
    return "emoji" if value >= 0x1F000 else "other"


def features(text: str) -> Dict[int, int]:
    """How often each feature occurs; features that do not are left out."""
    counts: Dict[int, int] = {}

    def add(name: str, index: int = 0) -> None:
        place = OFFSETS[name] + index
        counts[place] = counts.get(place, 0) + 1

    before, last = "start", ""
    length = 0  # of the word, the number, or the run of blanks
    is_indent = False
    for character in text:
        if "a" <= character <= "z" or "A" <= character <= "Z":
            is_capital = character <= "Z"
            letter = LETTERS.index(character.lower())
            if before != "letter" or (is_capital and last >= "a"):
                length = 0
                add("word", BEFORE.index(before))
                add("firstLetter", letter)
                if is_capital:
                    add("capital")
            else:
                add("letterPair", LETTERS.index(last.lower()) * 26 + letter)
                if is_capital and last <= "Z":
                    add("capitalRun")
            length += 1
            for index, limit in enumerate((4, 8, 12)):
                if length > limit:
                    add("longWord", index)
            before = "letter"
        elif "0" <= character <= "9":
            if before != "digit":
                length = 0
                add("number", BEFORE.index(before))
            add("digit", 0 if length % 3 == 0 else 1)
            length += 1
            before = "digit"
        elif character == "\n":
            add("newline", BEFORE.index(before))
            before = "newline"
        elif character in " \t\r":
            if before not in ("blank", "blanks"):
                is_indent = before in ("start", "newline")
                before = "blank"
            else:
                add("blankRun", 2 if before == "blanks" else 0 if is_indent else 1)
                before = "blanks"
            if character != " ":
                add("blankRun", 3)
        elif character < "\x80":
            if before != "mark":
                add("mark", BEFORE.index(before))
                add("firstMark", ord(character))
            elif character == last:
                add("sameMark")
            else:
                add("furtherMark", ord(character))
            before = "mark"
        else:
            kind = script(ord(character))
            index = SCRIPTS.index(kind)
            add("script", index)
            if before != kind:
                place = BEFORE_SCRIPT.index(before if before in BEFORE_SCRIPT else "script")
                add("scriptStart", index * len(BEFORE_SCRIPT) + place)
            before = kind
        last = character
    return counts


def read_weights() -> Dict[str, List[int]]:
    """The weights that leo has, by vocabulary."""
    source = WEIGHTS.read_text()
    found = {}
    for name, body in re.findall(r"static let (\w+): \[Int16\] = \[(.*?)\]", source, re.S):
        found[name] = [int(number) for number in re.findall(r"-?\d+", re.sub(r"//.*", "", body))]
        assert len(found[name]) == COUNT, f"{name} has {len(found[name])} weights instead of {COUNT}"
    return found


def estimate(counts: Dict[int, int], weights: List[int]) -> int:
    """In parts of a token."""
    return sum(count * weights[place] for place, count in counts.items())


def fit(rows: List[Dict[int, int]], tokens: List[int]) -> List[int]:
    """Weights of which none is negative, by least squares of the relative error with a pull towards zero."""
    import numpy
    from scipy import optimize, sparse

    row, column, value = [], [], []
    for index, counts in enumerate(rows):
        for place, count in counts.items():
            row.append(index)
            column.append(place)
            value.append(count / tokens[index])
    matrix = sparse.csr_matrix((value, (row, column)), shape=(len(rows), COUNT))
    pull = numpy.full(COUNT, 0.1)
    # What is rare is pulled harder: single letters, marks and places of scripts.
    for name in ("firstLetter", "letterPair", "firstMark", "furtherMark", "scriptStart"):
        pull[OFFSETS[name] : OFFSETS[name] + dict(LAYOUT)[name]] = 0.3
    pull = pull**2

    def loss(weights: "numpy.ndarray") -> "Tuple[float, numpy.ndarray]":
        rest = matrix @ weights - 1
        return float(rest @ rest + pull @ weights**2), 2 * (matrix.T @ rest + pull * weights)

    found = optimize.minimize(
        loss, numpy.full(COUNT, 0.2), jac=True, method="L-BFGS-B", bounds=[(0, 30)] * COUNT,
        options={"maxiter": 2000, "maxfun": 2500, "ftol": 1e-9},
    )  # fmt: skip
    return [int(round(weight * SCALE)) for weight in found.x]


def write_weights(weights: Dict[str, List[int]]) -> None:
    lines = [
        "// Fitted by Benchmarks/support/token_model.py, which has the layout; `Benchmarks/tokens --fit` fits again, on the texts of",
        "// the machine it runs on, and the expected sums in TokenCounterTests change with it. Not edited by hand.",
        "// swift-format-ignore-file",
        "",
        "/// What each feature of a text adds to the estimate, in 1024ths of a token.",
        "enum TokenWeights {",
    ]
    for number, (model, values) in enumerate(weights.items()):
        if number:
            lines.append("")
        lines.append(f"    static let {model}: [Int16] = [")
        for name, size in LAYOUT:
            lines.append(f"        // {name}")
            part = values[OFFSETS[name] : OFFSETS[name] + size]
            for start in range(0, size, 26):
                lines.append("        " + " ".join(f"{value}," for value in part[start : start + 26]))
        lines.append("    ]")
    lines.append("}")
    WEIGHTS.write_text("\n".join(lines) + "\n")
