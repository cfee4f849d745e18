"""Writes the Parquet that the journeys read: another writer's files, not herdbook's own.

    parquet.py convert ROWS.jsonl OUT.parquet    one plain file
    parquet.py shapes ROWS.jsonl OUT_DIR         the same rows in every shape; their names on stdout

Rows of `shapes`: {"text": str, "notes": [str], "meta": {"title": str, "parts": [{"body": str}]},
"messages": [{"role": str, "content": str}], "number": int}; any value may be null.
"""

import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq


def rows_of(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def schema(string, listed):
    """The schema of `shapes` with these types for strings and lists."""
    turn = pa.struct([("role", string), ("content", string)])
    part = pa.struct([("body", string)])
    return pa.schema(
        [
            ("text", string),
            ("notes", listed(string)),
            ("meta", pa.struct([("title", string), ("parts", listed(part))])),
            ("messages", listed(turn)),
            ("number", pa.int64()),
        ]
    )


def shapes(rows, out):
    plain = pa.Table.from_pylist(rows, schema=schema(pa.string(), pa.list_))
    large = pa.Table.from_pylist(rows, schema=schema(pa.large_string(), pa.large_list))

    def dictionary(table):
        column = table.column("text").combine_chunks().dictionary_encode()
        return table.set_column(0, "text", column)

    def views(table):
        return table.set_column(0, "text", table.column("text").cast(pa.string_view()))

    def save(name, table, **options):
        options = {"compression": "none", "row_group_size": 7} | options
        pq.write_table(table, out / f"{name}.parquet", **options)

    save("plain", plain)
    for codec in ["zstd", "snappy", "gzip", "lz4", "brotli"]:
        save(f"codec_{codec}", plain, compression=codec)
    save("one_row_group", plain, row_group_size=10_000)
    save("row_by_row", plain, row_group_size=1)
    save("no_dictionary_pages", plain, use_dictionary=False)
    save("small_pages_v2", plain, data_page_version="2.0", data_page_size=64, compression="zstd")
    save("delta_strings", plain, use_dictionary=False, column_encoding={"text": "DELTA_BYTE_ARRAY"})
    save("without_arrow_schema", plain, store_schema=False)
    save("large", large, compression="zstd")
    save("dictionary", dictionary(plain), compression="snappy")
    save("views", views(plain), compression="zstd")
    with pa.OSFile(str(out / "file.arrow"), "wb") as sink:
        with pa.ipc.new_file(sink, large.schema) as writer:
            writer.write_table(large, max_chunksize=7)
    with pa.OSFile(str(out / "stream.arrows"), "wb") as sink:
        with pa.ipc.new_stream(sink, plain.schema) as writer:
            writer.write_table(plain, max_chunksize=7)
    feather.write_feather(views(plain), str(out / "views.feather"), compression="zstd")


def main():
    command, source, out = sys.argv[1:]
    if command == "convert":
        pq.write_table(pa.Table.from_pylist(rows_of(source)), out, compression="zstd")
    else:
        Path(out).mkdir(parents=True, exist_ok=True)
        shapes(rows_of(source), Path(out))


if __name__ == "__main__":
    main()
