"""The plain baseline: how much of the best single registered output a case covers, by word 8-grams.

Not a tool but the rule that a tool must beat, written here in Python over one sorted table of (gram,
registered output). No gram is left out however common, and no order is looked at.
"""

from importlib.metadata import version

from .job import Clock, Result, best
from .words import grams

TITLE = "8-gram coverage"
LENGTH, THRESHOLD = 8, 0.5


def hashed(job, which, clock):
    """Sorted 64-bit hashes of the grams of each text."""
    import numpy
    import xxhash

    for sets in clock.prepared([grams(text, LENGTH) for text in batch] for batch in job.batches(which)):
        for each in sets:
            yield numpy.fromiter((xxhash.xxh3_64_intdigest(gram.encode()) for gram in each), numpy.uint64, len(each))


def run(job):
    import numpy

    with Clock() as register:
        parts = list(hashed(job, "registered", register))
        sizes = numpy.array([len(part) for part in parts])
        owners = numpy.repeat(numpy.arange(len(parts), dtype=numpy.uint32), sizes)
        table = numpy.concatenate(parts)
        order = numpy.argsort(table, kind="stable")
        table, owners = table[order], owners[order]
        del parts, order
    size = register.grown()
    with Clock() as query:
        shares, weighed = [0.0] * job.rows("cases"), [0.0] * job.rows("cases")
        for row, part in enumerate(hashed(job, "cases", query)):
            first, last = numpy.searchsorted(table, part, "left"), numpy.searchsorted(table, part, "right")
            hits = [owners[low:high] for low, high in zip(first, last) if low < high]
            if hits:
                who, shared = numpy.unique(numpy.concatenate(hits), return_counts=True)
                share = shared / numpy.minimum(sizes[who], len(part))
                best(shares, row, share.max())
                best(weighed, row, (shared * share).max())
    return Result(
        peer="coverage", version=f"numpy {version('numpy')}, xxhash {version('xxhash')}", register=register.phase,
        query=query.phase, index_bytes=size, index_where="memory (grown by)",
        how=f"our own few lines: share of the best single registered output's word {LENGTH}-grams that the case has, or "
            f"of the case's that the output has, whichever is larger; flagged from {THRESHOLD}. Score: that share",
        flagged=[row for row, share in enumerate(shares) if share >= THRESHOLD],
        # The second tells a whole page from a whole line, which a share cannot.
        curves={"8-gram coverage": shares, "8-gram coverage × shared grams": weighed},
        commands=["numpy.searchsorted over xxh3 of word 8-grams"],
    )
