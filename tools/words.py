#!/usr/bin/env python3
"""Finds words that the house does not use: unsafe calls in code, and clocks outside net/clock.c."""
import pathlib
import re
import sys

# A word, where it may stand all the same, and what to use in its place.
BANNED = [
    (r"\b(strcpy|strcat|sprintf|vsprintf|strtok|gets|alloca)\s*\(", (), "a bounded call"),
    (r"\b(gmtime|localtime|ctime|asctime)\s*\(", (), "the _r form"),
    (r"\b(malloc|calloc|realloc|free|strdup|strndup)\s*\(", ("src/base/mem.c",), "base/mem.h"),
    (r"\bclock_gettime\s*\(|\btime\s*\(NULL\)|\bgettimeofday\s*\(",
     ("src/net/clock.c", "src/base/log.c"), "net/clock.h"),
    (r"\b(TODO|FIXME|XXX|HACK)\b", (), "the work itself, or a sentence about what is"),
]
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\])*\"", re.S)


def code_only(text):
    """The text with comments and strings blanked out, lines kept."""
    return COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def main(root):
    root = pathlib.Path(root)
    faults = []
    for path in sorted(p for p in (root / "src").rglob("*") if p.suffix in (".c", ".h", ".def")):
        name = path.relative_to(root).as_posix()
        text = path.read_text()
        if path.suffix != ".def" and "SPDX-License-Identifier: MIT" not in text:
            faults.append(f"{name}:1: the SPDX line is missing")
        stripped = code_only(text)
        for pattern, allowed, instead in BANNED:
            looked_at = text if "TODO" in pattern else stripped
            for match in re.finditer(pattern, looked_at):
                if name not in allowed:
                    line = looked_at.count("\n", 0, match.start()) + 1
                    faults.append(f"{name}:{line}: {match.group().strip()}: use {instead}")
    print("\n".join(faults) or "words: none of the banned ones")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "."))
