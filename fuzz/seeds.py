#!/usr/bin/env python3
"""Makes what the fuzz targets start from: `corpus/` from the library, the examples and the tests' corpora, and
`vpipe.dict` with the words of the language. Usage: fuzz/seeds.py"""

import hashlib
import pathlib
import re

root = pathlib.Path(__file__).resolve().parent.parent
fuzz = root / "fuzz"


def texts():
    """Every file of the library and the examples, and every case of the tests' corpora without what it expects."""
    for folder in ("stdlib", "examples"):
        for file in sorted((root / folder).rglob("*.vpipe")):
            yield file.read_text()
    for file in sorted((root / "tests/corpus").rglob("*.vpipe")):
        text = file.read_text()
        for case in re.split(r"^--- .*---\n", text, flags=re.MULTILINE)[1:] or [text]:
            lines = case.splitlines(keepends=True)
            yield "".join(line for line in lines if not re.match(r"//(@|\s*\^|\s+(help|fix|see)\b)", line))


def words():
    """What the grammar quotes, and every name of the library and of the built-in functions."""
    grammar = (root / "grammar/vpipe.pest").read_text()
    yield from re.findall(r'"((?:[^"\\\n]|\\.)+)"', grammar)
    for file in sorted((root / "stdlib").rglob("*.vpipe")):
        yield from re.findall(r"\b[A-Za-z_]\w{2,24}\b", re.sub(r"//.*", "", file.read_text()))
    for file in ("builtins", "actions"):
        yield from re.findall(r'"(\w+)"', (root / f"src/check/{file}.rs").read_text())
    yield from ("20GiB", "15m", "1h30m", "12.5%", '"${', '"""', "${stage}", "10.0.0.0/16", "0.0.0.0/0", "stdlib", "//", "///", "/*")


def main():
    seeds = list(texts())
    for target in ("parse", "check", "fmt"):
        folder = fuzz / "corpus" / target
        folder.mkdir(parents=True, exist_ok=True)
        for text in seeds:
            (folder / hashlib.sha1(text.encode()).hexdigest()).write_text(text)
    entries = dict.fromkeys(word.encode().decode("unicode_escape") for word in words() if word.isascii())
    escaped = (re.sub(r'[\\"]', r"\\\g<0>", word).replace("\n", "\\x0A") for word in entries)
    (fuzz / "vpipe.dict").write_text("".join(f'"{word}"\n' for word in escaped))
    print(f"{len(seeds)} seeds, {len(entries)} words")


main()
