"""rensa: MinHash and LSH in Rust, driven from Python."""

from importlib.metadata import version

from .job import Clock, Result, best
from .minhash import LENGTH, PERMUTATIONS, SEED, THRESHOLD, every, sketched

TITLE = "rensa LSH"
# Bands of the index; a pair of similarity j meets in one with probability 1 - (1 - j^(128/bands))^bands.
# 32 bands have their steepest point near 0.42, as datasketch chooses for a threshold of 0.5; 64 near 0.13.
BANDS, FRIENDLY_BANDS = 32, 64


def make(sets):
    from rensa import RMinHash

    return RMinHash.from_token_sets([list(each) for each in sets], num_perm=PERMUTATIONS, seed=SEED)


def indexed(sketches, bands):
    from rensa import RMinHashLSH

    lsh = RMinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS, num_bands=bands)
    lsh.insert_pairs(every(sketches))
    return lsh


def answers(lsh, cases):
    rows = every(cases)
    return list(zip((row for row, _ in rows), lsh.query_all([sketch for _, sketch in rows])))


def curve(cases, registered, found):
    scores = [0.0] * len(cases)
    for row, keys in found:
        for key in keys:
            best(scores, row, cases[row].jaccard(registered[key]))
    return scores


def run(job):
    import rensa  # noqa: F401  (loaded before the clocks start)

    with Clock() as register:
        registered, _ = sketched(job, "registered", register, make)
        lsh = indexed(registered, BANDS)
    size = register.grown()
    with Clock() as query:
        cases, _ = sketched(job, "cases", query, make)
        found = answers(lsh, cases)
    return Result(
        peer="rensa_lsh", version=version("rensa"), register=register.phase, query=query.phase,
        index_bytes=size, index_where="memory (grown by)",
        how=f"RMinHash and RMinHashLSH(threshold={THRESHOLD}, num_perm={PERMUTATIONS}, num_bands={BANDS}) over sets of word "
            f"{LENGTH}-grams; flagged: any candidate. Score: the largest estimated Jaccard similarity of a candidate",
        flagged=sorted(row for row, keys in found if keys),
        curves={
            "rensa LSH": curve(cases, registered, found),
            f"rensa LSH, {FRIENDLY_BANDS} bands":
                curve(cases, registered, answers(indexed(registered, FRIENDLY_BANDS), cases)),
        },
        commands=["RMinHash.from_token_sets(sets, num_perm=128, seed=42); RMinHashLSH.insert_pairs; RMinHashLSH.query_all"],
    )
