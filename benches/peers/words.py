"""Words and word n-grams for the tools that leave them to their caller."""

import re

# Letters and digits of one word, or one letter of a script that is written without spaces.
CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
WORD = re.compile(f"[{CJK}]|[^\\W_{CJK}]+")


def words(text):
    return WORD.findall(text.lower())


def grams(text, length):
    """The set of word n-grams. A text of fewer words is one gram, so that it is not lost; none has none."""
    found = words(text)
    if len(found) <= length:
        return {" ".join(found)} if found else set()
    return {" ".join(found[at : at + length]) for at in range(len(found) - length + 1)}
