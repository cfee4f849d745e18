"""What the MinHash peers have in common: sets of word 5-grams, and candidates to scores."""

from .job import batches
from .words import grams

# Length of the word n-grams, permutations and threshold. Cited: usual settings for near-duplicate search of
# web text (5-grams, 128 permutations); 0.5 instead of datasketch's default of 0.9, in favour of recall.
LENGTH, PERMUTATIONS, THRESHOLD = 5, 128, 0.5
SEED = 42


def sketched(texts, clock, make):
    """Sketches of the texts and the sizes of their sets; None and 0 for a text without words.

    `make(list of sets)` returns the sketches of sets that are not empty; only that is the tool's own time.
    """
    sketches, sizes = [None] * len(texts), [0] * len(texts)
    for start, batch in batches(texts):
        with clock.prepare():
            sets = [grams(text, LENGTH) for text in batch]
            rows = [row for row, each in enumerate(sets) if each]
            full = [sets[row] for row in rows]
        for row, sketch in zip(rows, make(full)):
            sketches[start + row], sizes[start + row] = sketch, len(sets[row])
    return sketches, sizes


def every(sketches):
    """Row and sketch of the texts that have one."""
    return [(row, sketch) for row, sketch in enumerate(sketches) if sketch is not None]
