"""The tools that are measured beside herdbook, one module each, doing the same job on the same files.

Each module has

- `TITLE`: the column of the table,
- `run(job) -> Result`: registers `registered.parquet`, queries `cases.parquet`, and returns what was
  flagged, a score per case where the tool gives one, and what both phases cost.

`job.py` has what they share: inputs, clocks, peak memory. Every peer runs in a process of its own on
one core, so that its memory and time are its own.
"""

# In the order of the columns; herdbook stays first, its columns are compared with.
NAMES = "herdbook decon datasketch_lsh datasketch_ensemble rensa_lsh sourmash_rocksdb coverage".split()
