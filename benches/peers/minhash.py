"""What the MinHash peers have in common: sets of word 5-grams, and candidates to scores."""

from .words import grams

# Length of the word n-grams, permutations and threshold. Cited: usual settings for near-duplicate search of
# web text (5-grams, 128 permutations); 0.5 instead of datasketch's default of 0.9, in favour of recall.
LENGTH, PERMUTATIONS, THRESHOLD = 5, 128, 0.5
SEED = 42


def sketched(job, which, clock, make):
    """Sketches of the texts and the sizes of their sets; None and 0 for a text without words.

    `make(list of sets)` returns the sketches of sets that are not empty; only that is the tool's own time.
    """
    sketches, sizes = [], []
    for sets in clock.prepared([grams(text, LENGTH) for text in batch] for batch in job.batches(which)):
        made = iter(make([each for each in sets if each]))
        sketches += [next(made) if each else None for each in sets]
        sizes += map(len, sets)
    return sketches, sizes


def every(sketches):
    """Row and sketch of the texts that have one."""
    return [(row, sketch) for row, sketch in enumerate(sketches) if sketch is not None]
