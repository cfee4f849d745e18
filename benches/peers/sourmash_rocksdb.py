"""sourmash DiskRevIndex: FracMinHash sketches in an inverted index on RocksDB (Rust, driven from Python)."""

import shutil
from importlib.metadata import version

from .job import Clock, Result, best, folder_bytes
from .words import grams

TITLE = "sourmash RocksDB"
LENGTH = 8
# One hash in `SCALED` is kept. sourmash's own default of 1000 is for genomes; a text of 300 words would keep none.
SCALED, FRIENDLY = 16, 4
THRESHOLD = 0.5
# A label that the format demands for sketches of any hashes; it changes nothing here.
KSIZE = 21


def sketches(job, which, clock, scaled):
    """A FracMinHash sketch of each text; None where no hash was kept, which sourmash cannot search for."""
    import xxhash
    from sourmash import MinHash

    hashed = lambda text: [xxhash.xxh3_64_intdigest(gram.encode()) for gram in grams(text, LENGTH)]
    for hashes in clock.prepared([hashed(text) for text in batch] for batch in job.batches(which)):
        for each in hashes:
            sketch = MinHash(n=0, ksize=KSIZE, scaled=scaled)
            sketch.add_many(each)
            yield sketch if sketch else None


def build(job, clock, scaled, path):
    """The index, and how many registered outputs keep no hash."""
    from sourmash import SourmashSignature
    from sourmash.index.revindex import DiskRevIndex

    made = list(sketches(job, "registered", clock, scaled))
    signatures = [SourmashSignature(each, name=str(row)) for row, each in enumerate(made) if each]
    return DiskRevIndex.create_from_sigs(signatures, str(path)), len(made) - len(signatures)


def ask(index, job, clock, scaled):
    """The largest share of a registered output's hashes that each case has; and of either side's."""
    from sourmash import SourmashSignature

    output, either = [0.0] * job.rows("cases"), [0.0] * job.rows("cases")
    for row, sketch in enumerate(sketches(job, "cases", clock, scaled)):
        if sketch is None:
            continue
        for hit in index.prefetch(SourmashSignature(sketch), threshold_bp=0):
            registered = hit.signature.minhash
            share = registered.contained_by(sketch)
            best(output, row, min(1.0, share))
            best(either, row, min(1.0, max(share, sketch.contained_by(registered))))
    return output, either


def run(job):
    from sourmash.index.revindex import DiskRevIndex

    with Clock() as register:
        index, missing = build(job, register, SCALED, job.work / "index")
    size = folder_bytes(job.work / "index")
    del index
    with Clock() as query:
        index = DiskRevIndex(str(job.work / "index"))
        output, _ = ask(index, job, query, SCALED)
    del index
    friendly = job.work / "friendly"
    with Clock() as uncounted:
        index, _ = build(job, uncounted, FRIENDLY, friendly)
        _, more = ask(index, job, uncounted, FRIENDLY)
    del index
    shutil.rmtree(friendly)
    return Result(
        peer="sourmash_rocksdb", version=version("sourmash"), register=register.phase, query=query.phase,
        index_bytes=size, index_where="disk",
        how=f"DiskRevIndex over xxh3 of word {LENGTH}-grams, scaled={SCALED}, `prefetch` with threshold 0; flagged: a case "
            f"has at least {THRESHOLD} of a registered output's hashes. Score: that share",
        flagged=[row for row, share in enumerate(output) if share >= THRESHOLD],
        curves={"sourmash": output, f"sourmash, either side, scaled {FRIENDLY}": more},
        commands=["MinHash(n=0, ksize=21, scaled=16).add_many(hashes); DiskRevIndex.create_from_sigs; DiskRevIndex.prefetch"],
        notes=[f"{missing} registered outputs keep no hash and cannot be found"],
    )
