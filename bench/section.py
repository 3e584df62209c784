#!/usr/bin/env python3
"""Puts a section of Markdown, read from standard input, into a page in place of the one of its name.

    section.py PAGE.md < SECTION.md      the first line says the name: ## Name
"""
import pathlib
import re
import sys


def main(page):
    section = sys.stdin.read().rstrip("\n") + "\n"
    head = section.split("\n", 1)[0]
    if not head.startswith("## "):
        sys.exit("the section does not begin with '## '")
    text = page.read_text()
    found = re.search(rf"^{re.escape(head)}\n.*?(?=^## |\Z)", text, re.M | re.S)
    if found:
        text = text[:found.start()] + section + ("\n" if found.end() < len(text) else "") \
            + text[found.end():]
    else:
        text = text.rstrip("\n") + "\n\n" + section
    page.write_text(text)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
