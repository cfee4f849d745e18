"""datasketch MinHashLSH: near-duplicates by the Jaccard similarity of whole documents."""

from importlib.metadata import version

from .job import Clock, Result, best
from .minhash import LENGTH, PERMUTATIONS, THRESHOLD, every, sketched

TITLE = "datasketch LSH"
# A second index that lets more candidates through; its curve only, its time is not counted.
FRIENDLY = 0.2


def make(sets):
    from datasketch import MinHash

    return MinHash.generator(([gram.encode() for gram in each] for each in sets), num_perm=PERMUTATIONS)


def indexed(sketches, threshold):
    from datasketch import MinHashLSH

    lsh = MinHashLSH(threshold=threshold, num_perm=PERMUTATIONS)
    for row, sketch in every(sketches):
        lsh.insert(row, sketch)
    return lsh


def curve(cases, registered, found):
    scores = [0.0] * len(cases)
    for row, keys in found:
        for key in keys:
            best(scores, row, cases[row].jaccard(registered[key]))
    return scores


def run(job):
    import datasketch  # noqa: F401  (loaded before the clocks start)

    with Clock() as register:
        registered, _ = sketched(job, "registered", register, make)
        lsh = indexed(registered, THRESHOLD)
    size = register.grown()
    with Clock() as query:
        cases, _ = sketched(job, "cases", query, make)
        found = [(row, lsh.query(sketch)) for row, sketch in every(cases)]
    friendly = indexed(registered, FRIENDLY)
    return Result(
        peer="datasketch_lsh", version=version("datasketch"), register=register.phase, query=query.phase,
        index_bytes=size, index_where="memory (grown by)",
        how=f"MinHashLSH(threshold={THRESHOLD}, num_perm={PERMUTATIONS}) over sets of word {LENGTH}-grams; flagged: any "
            "candidate. Score: the largest estimated Jaccard similarity of a candidate",
        flagged=sorted(row for row, keys in found if keys),
        curves={
            "datasketch LSH": curve(cases, registered, found),
            f"datasketch LSH, threshold {FRIENDLY}":
                curve(cases, registered, [(row, friendly.query(sketch)) for row, sketch in every(cases)]),
        },
        commands=["MinHash.generator(sets, num_perm=128); MinHashLSH.insert; MinHashLSH.query"],
    )
