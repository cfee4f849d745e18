"""Writes small files that decode to far more than they hold.

    bombs.py page OUT.parquet          one page of 200 MB
    bombs.py dictionary OUT.parquet    100,000 rows of one string of a megabyte
    bombs.py gzip OUT.jsonl.gz         2 GB of rows that all say the same
"""

import gzip
import sys

import pyarrow as pa
import pyarrow.parquet as pq

kind, out = sys.argv[1:]
if kind == "gzip":
    rows = b'{"text": "again and again"}\n' * (1 << 16)
    # The same member over and over: the program that writes it need not compress 2 GB.
    member = gzip.compress(rows, 9)
    with open(out, "wb") as file:
        for _ in range((2 << 30) // len(rows)):
            file.write(member)
    sys.exit()
if kind == "page":
    text = pa.array(["x" * (200 << 20)], pa.large_string())
    options = {"use_dictionary": False, "data_page_size": 1 << 30}
else:
    words = " ".join(f"word{i * i}" for i in range(100_000))[: 1 << 20]
    rows = pa.array([0] * 100_000, pa.int32())
    text = pa.DictionaryArray.from_arrays(rows, pa.array([words]))
    options = {"dictionary_pagesize_limit": 1 << 24}
pq.write_table(
    pa.table({"text": text}), out, compression="zstd", write_statistics=False, **options
)
