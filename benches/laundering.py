"""Copies of registered outputs made hard to recognise on purpose: which forms are found, which are limits.

    python benches/laundering.py REGISTERED.parquet [--herdbook PATH] [--markdown FILE] [--texts N]

Registers every row of REGISTERED, changes N of its texts (with at least 50 words, the same ones on
every run) in every way below, checks them all in one command against a Mistral target under a
strict policy, and counts. `benches/README.md` says which columns the file needs.

The forms that the normal form undoes must be found without exception; the others are listed so that
nobody takes them for covered.
"""

import argparse
import base64
import codecs
import html
import json
import random
import shutil
import tempfile
import urllib.parse
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from accuracy import POLICY, levels_of, run
from labelled import TARGET_MODEL, default_binary, table, wilson

LOOK_ALIKES = str.maketrans("aceopxyijsABCEHKMOPTXYSIJ", "асеорхуіјѕАВСЕНКМОРТХУЅІЈ")
FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
LEET = str.maketrans("aeiostAEIOST", "431057431057")
BOLD = {ord("a") + at: 0x1D41A + at for at in range(26)} | {ord("A") + at: 0x1D400 + at for at in range(26)}


def between(mark, every):
    """Puts a mark behind every n-th character."""
    return lambda text, rng: "".join(c + (mark if at % every == 0 else "") for at, c in enumerate(text))


def some(change, share):
    """Changes a share of the words."""
    return lambda text, rng: " ".join(change(word) if rng.random() < share else word for word in text.split(" "))


# Name, what it does, whether the normal form is meant to undo it.
FORMS = [
    ("look-alike letters, all", lambda text, rng: text.translate(LOOK_ALIKES), True),
    ("look-alike letters, a third of the words", some(lambda word: word.translate(LOOK_ALIKES), 0.33), True),
    ("full-width letters", lambda text, rng: text.translate(FULL_WIDTH), True),
    ("mathematical bold letters", lambda text, rng: text.translate(BOLD), True),
    ("zero-width space after every third letter", between("\u200b", 3), True),
    ("zero-width joiner after every letter", between("\u200d", 1), True),
    ("soft hyphen after every fourth letter", between("\u00ad", 4), True),
    ("bidi embedding around every fifth letter", between("\u202a\u202c", 5), True),
    ("bidi isolates after every seventh letter", between("\u2066\u2069", 7), True),
    ("variation selector after every letter", between("\ufe0f", 1), True),
    ("combining accent after every second letter", between("\u0301", 2), True),
    ("HTML entities, named", lambda text, rng: html.escape(text), True),
    ("HTML entities, every character by number", lambda text, rng: "".join(f"&#{ord(c)};" for c in text), True),
    ("HTML entities, escaped twice", lambda text, rng: html.escape(html.escape(text)), True),
    ("JSON escapes, every letter", lambda text, rng: "".join(
        f"\\u{unit:04x}" for c in text for unit in memoryview(c.encode("utf-16-le")).cast("H")), True),
    ("letter spacing", lambda text, rng: " ".join(text), True),
    ("letters apart by dots and lines", lambda text, rng: ".\n".join(text), True),
    ("tags between words", lambda text, rng: "<b></b>".join(text.split(" ")), True),
    ("leet digits, all", lambda text, rng: text.translate(LEET), False),
    ("leet digits, a tenth of the words", some(lambda word: word.translate(LEET), 0.1), False),
    ("percent escapes", lambda text, rng: urllib.parse.quote(text), False),
    ("base64", lambda text, rng: base64.b64encode(text.encode()).decode(), False),
    ("hexadecimal", lambda text, rng: text.encode().hex(), False),
    ("rot13", lambda text, rng: codecs.encode(text, "rot13"), False),
    ("words in reverse order", lambda text, rng: " ".join(reversed(text.split(" "))), False),
    ("letters in reverse order", lambda text, rng: text[::-1], False),
]


def cases(texts):
    """Every text in every form."""
    rng = random.Random(13)
    for form, (name, change, _) in enumerate(FORMS):
        for text in texts:
            yield {"text": change(text, rng), "form": form}


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("registered", type=Path)
    arguments.add_argument("--herdbook", type=Path, help="the binary; default: the release build")
    arguments.add_argument("--markdown", type=Path, help="also write the table here")
    arguments.add_argument("--texts", type=int, default=200, help="how many texts to change")
    asked = arguments.parse_args()
    herdbook = (asked.herdbook or default_binary()).resolve()
    work = Path(tempfile.mkdtemp(prefix="herdbook-laundering-"))
    try:
        at = ["--index", str(work / "index")]
        run([herdbook, "init", *at], [0])
        run(
            [herdbook, "register", asked.registered, *at, "--source", "registered", "--text-column", "text",
             "--prompt-column", "prompt", "--model-column", "model"], [0],
        )
        long = [text for text in pq.read_table(asked.registered, columns=["text"])["text"].to_pylist()
                if len(text.split()) >= 50]
        texts = random.Random(7).sample(long, min(asked.texts, len(long)))
        rows = list(cases(texts))
        pq.write_table(pa.Table.from_pylist(rows), work / "cases.parquet")
        (work / "policy.toml").write_text(POLICY, encoding="utf-8")
        run(
            [herdbook, "check", work / "cases.parquet", *at, "--target-model", TARGET_MODEL, "--text-column", "text",
             "--policy", work / "policy.toml", "--report", work / "out.json"], [0, 1],
        )
        levels = levels_of(json.loads((work / "out.json").read_text(encoding="utf-8")))
        text = outcome(rows, levels)
        print(text)
        if asked.markdown:
            asked.markdown.write_text(text, encoding="utf-8")
    finally:
        shutil.rmtree(work)


def outcome(rows, levels):
    lines = []
    for form, (name, _, covered) in enumerate(FORMS):
        places = [place for place, row in enumerate(rows) if row["form"] == form]
        share = lambda wanted: part(sum(1 for place in places if levels.get(place) in wanted), len(places))
        lines.append([name, "yes" if covered else "**no: a limit**", share({"flag", "block"}), share({"block"})])
    return table(
        "Copies disguised on purpose", ["form", "undone by the normal form", "found", "blocked"], lines,
        "Whole registered outputs of at least 50 words, changed throughout.",
    )


def part(hits, of):
    low, high = wilson(hits, of)
    return f"{100 * hits / of:.1f} % ({hits}/{of}; {100 * low:.1f}–{100 * high:.1f})"


if __name__ == "__main__":
    main()
