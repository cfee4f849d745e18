"""datasketch MinHashLSHEnsemble: which sets *contain* a given set.

It answers "which indexed sets hold at least this share of the query". The question here is which cases
hold a registered output, so the cases are indexed and every registered output is a query; the other
way round it would measure the share of the case. Registration is therefore only the sketching, and all
of the index is built with the query.
"""

from importlib.metadata import version

from .datasketch_lsh import make
from .job import Clock, Result, best
from .minhash import LENGTH, PERMUTATIONS, THRESHOLD, every, sketched

TITLE = "datasketch Ensemble"
PARTITIONS = 16


def found_by(cases, case_sizes, registered, sizes):
    """Pairs of (case, registered output) for which the ensemble says that the case holds it."""
    from datasketch import MinHashLSHEnsemble

    ensemble = MinHashLSHEnsemble(threshold=THRESHOLD, num_perm=PERMUTATIONS, num_part=PARTITIONS)
    ensemble.index([(row, sketch, case_sizes[row]) for row, sketch in every(cases)])
    for key, sketch in every(registered):
        for row in ensemble.query(sketch, sizes[key]):
            yield row, key


def curve(pairs, cases, case_sizes, registered, sizes):
    """Containment from the estimated Jaccard similarity j and both sizes: j (a + b) / ((1 + j) a)."""
    scores = [0.0] * len(cases)
    for row, key in pairs:
        similar = cases[row].jaccard(registered[key])
        best(scores, row, min(1.0, similar * (sizes[key] + case_sizes[row]) / ((1 + similar) * sizes[key])))
    return scores


def run(job):
    import datasketch  # noqa: F401  (loaded before the clocks start)

    with Clock() as register:
        registered, sizes = sketched(job, "registered", register, make)
    grown = register.grown()
    with Clock() as query:
        cases, case_sizes = sketched(job, "cases", query, make)
        both = cases, case_sizes, registered, sizes
        pairs = list(found_by(*both))
        scores = curve(pairs, *both)
    return Result(
        peer="datasketch_ensemble", version=version("datasketch"), register=register.phase, query=query.phase,
        index_bytes=grown, index_where="memory (grown by)",
        how=f"MinHashLSHEnsemble(threshold={THRESHOLD}, num_perm={PERMUTATIONS}, num_part={PARTITIONS}) over sets of word "
            f"{LENGTH}-grams; the cases are indexed, the registered outputs are the queries. Registration is sketching "
            f"alone. Flagged: an answer of which at least {THRESHOLD} is estimated to be held. Score: the largest estimated "
            "share of a registered output",
        flagged=[row for row, share in enumerate(scores) if share >= THRESHOLD],
        # A lower threshold than 0.5 was tried: up to 10 % of false alarms its curve is the same.
        curves={"datasketch Ensemble": scores},
        commands=["MinHashLSHEnsemble.index(cases); MinHashLSHEnsemble.query(registered output, its size)"],
        notes=[f"as it answers, without looking at the estimate, it flags {len({row for row, _ in pairs}):,} cases"],
    )
