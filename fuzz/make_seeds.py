"""Writes the seeds that are made, not found: `.venv/bin/python fuzz/make_seeds.py`.

Seeds that a finding left behind have names of their own and are not touched.
"""

import gzip
import io
import json
import struct
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

HERE = Path(__file__).parent
ROOT = HERE.parent
SEEDS = HERE / "seeds"


def put(target, name, *parts):
    folder = SEEDS / target
    folder.mkdir(parents=True, exist_ok=True)
    data = b"".join(part.encode() if isinstance(part, str) else part for part in parts)
    (folder / name).write_bytes(data)


def piece(text):
    raw = text.encode()
    return bytes([len(raw)]) + raw


# --- rows: format, limits, ways of reading, file -------------------------------------------------

CHAT = '{"messages":[{"role":"user","content":"why?"},{"role":"assistant","content":"because"}]}'
JSONL = "\n".join([
    '{"id":1,"text":"a plain row"}',
    CHAT,
    '{"text":' + json.dumps(CHAT) + '}',
    '{"text":' + json.dumps('{"a":["x","y"]}') + ',"n":[1,2,3]}',
    "",
    '{"broken": ',
    '{"twice":1,"twice":2}',
    '"alone"',
    '[["deep"],{"\u00e9":"\U0001f999"}]',
    '{"input_ids":[5,6,7],"mask":[0,1]}',
])
put("rows", "jsonl", "j\x00\xff", JSONL)
put("rows", "jsonl-small", b"j\x1f\xf7", JSONL)
put("rows", "jsonl-long", b"j\x08\x05", '{"t":"' + "x" * 100 + '"}\r\n{"t":"y"}\r\n')
put("rows", "jsonl-bom", b"j\x06\x07", b"\xef\xbb\xbf", '{"t":"y"}\n \t\n1\n')
put("rows", "jsonl-not-utf8", b"j\x00\x07", b'{"t":"\xff"}\n{"t":"y"}\n')
put("rows", "jsonl-escapes", b"j\x00\x07", r'{"t":"\ud83e\udd99 \u0041"}' + "\n" + r'{"t":"\ud83e"}')
put("rows", "jsonl-deep", b"j\x00\x03", "[" * 126 + "\"x\"" + "]" * 126 + "\n" + "[" * 130 + "]" * 130)
put("rows", "json-array", b"a\x01\x2f", '[{"t":"a"} ,\n{"t":"b"}, "c", 4.5e3]')
put("rows", "json-values", b"a\x02\x2f", '{"t":"a"}\n{"t":\n"b"}{"t":"c"} 7 true "d"')
put("rows", "json-cut", b"a\x00\x07", '[{"t":"a"},{"t":')
put("rows", "csv", b"c\x01\x37", 'id,text\r\n1,"x\ny"\r\n2,"z,"""\r\n3,plain\n4\n')
put("rows", "csv-semicolon", b"c\x02\x17", 'id;text\n1;"{""a"": ""inner""}"\n\n2;b\n')
put("rows", "csv-unclosed", b"c\x00\x07", 'a,b\n1,"never closed\n2,3\n')
put("rows", "tsv", b"t\x01\x57", "a\tb\n1\tx y\n2\t\"q\tq\"\n")
put("rows", "text", b"x\x00\x2f", "One document,\nof two lines. \U0001f999\n")
put("rows", "text-not-utf8", b"x\x00\x07", b"abc\xc3")

# --- packed --------------------------------------------------------------------------------------

SMALL = b'{"t":"a row"}\n{"t":"another row"}\n'
put("packed", "gzip-made", b"g\x00", struct.pack(">HHB", 20, 9, 3), SMALL)
put("packed", "zstd-made", b"z\x03", struct.pack(">HHB", 11, 17, 6), SMALL * 20)
put("packed", "gzip", b"G\x00", gzip.compress(SMALL, mtime=0))
put("packed", "gzip-members", b"G\x05", gzip.compress(SMALL, mtime=0) + gzip.compress(SMALL, mtime=0))
put("packed", "gzip-bomb", b"G\x00", gzip.compress(b"\n" * (3 << 20), mtime=0))
put("packed", "zstd", b"Z\x00", pa.compress(SMALL, codec="zstd", asbytes=True))
put("packed", "zstd-bomb", b"Z\x00", pa.compress(b"\n" * (3 << 20), codec="zstd", asbytes=True))
put("packed", "zstd-skippable", b"Z\x00", struct.pack("<II", 0x184D2A50, 3), b"abc",
    pa.compress(SMALL, codec="zstd", asbytes=True))

# --- Parquet and Arrow ---------------------------------------------------------------------------

WORDS = ["alpha", "a longer text that does not fit into a view", None, "", "\u00e9\U0001f999", CHAT]


def tables():
    yield "strings", pa.table({"id": range(6), "text": WORDS})
    yield "large", pa.table({"text": pa.array(WORDS, pa.large_string())})
    yield "view", pa.table({"text": pa.array(WORDS, pa.string_view())})
    yield "dictionary", pa.table({"text": pa.array(WORDS * 2).dictionary_encode()})
    yield "list", pa.table({"tags": [["a", None, "b"], [], None, ["c"]]})
    yield "chat", pa.table({"messages": [
        [{"role": "user", "content": "why?"}, {"role": "assistant", "content": "because"}], []]})
    yield "map", pa.table({"m": pa.array([[("k", "v")], None], pa.map_(pa.string(), pa.string()))})
    yield "binary", pa.table({"raw": [b"text", b"\xff\xfe", None]})
    yield "tokens", pa.table({"input_ids": [[1, 2, 3], [4]], "text": ["x", "y"]})
    yield "empty", pa.table({"text": pa.array([], pa.string())})


PARQUET = {
    "plain": dict(compression="none", use_dictionary=False),
    "snappy": dict(compression="snappy", row_group_size=2),
    "zstd": dict(compression="zstd", data_page_version="2.0", write_page_checksum=True),
    "lz4": dict(compression="lz4", data_page_size=16, write_batch_size=1),
    "brotli": dict(compression="brotli", use_dictionary=False),
    "delta": dict(compression="none", use_dictionary=False, column_encoding="DELTA_BYTE_ARRAY"),
}
for number, (name, table) in enumerate(tables()):
    options = list(PARQUET.items())
    for which, option in [options[number % 6], options[(number + 1) % 6]]:
        out = io.BytesIO()
        if which == "delta" and name not in ("strings", "large"):
            option = dict(compression="gzip")
            which = "gzip"
        if which == "delta":
            option = dict(option, column_encoding={"text": "DELTA_BYTE_ARRAY"})
        pq.write_table(table, out, **option)
        put("parquet", f"{name}-{which}", bytes([7 + (number << 3 & 0x78), number % 4]), out.getvalue())
    for stream in (False, True):
        out = io.BytesIO()
        codec = [None, "lz4", "zstd"][number % 3]
        new = ipc.new_stream if stream else ipc.new_file
        with new(out, table.schema, options=ipc.IpcWriteOptions(compression=codec)) as writer:
            writer.write_table(table, max_chunksize=3)
        kind = "stream" if stream else "file"
        asked = (0x80 if stream else 0) | 7 | (number << 3 & 0x78)
        put("arrow", f"{name}-{kind}", bytes([asked, number % 4]), out.getvalue())

# --- text and fingerprint ------------------------------------------------------------------------

TEXTS = {
    "plain": "The quick brown fox jumps over the lazy dog, 42 times. " * 6,
    "markup": "<p>Fish &amp; <b>chips</b> &lt;i&gt;&#x41;&amp;amp; caf\\u00e9 \\n \\\"quoted\\\" </p>",
    "accents": "Stra\u00dfe \u00c9COLE na\u00efve \ufb01 \u2460 \u01c5 \u0130stanbul A\u030a \u0391\u0301",
    "hidden": "zero\u200bwidth so\u00adft \u202eover\u202c \U000e0041 \u0430pple p\u0430ypal",
    "scripts": "\u4e00\u4e8c\u4e09 \u30ab\u3099\u30ac \ud55c\uae00 \u1112\u1161\u11ab \u0915\u094d\u0937 \u0e01\u0e33 \u0627\u064e\u0644",
    "chat": "<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\nBecause.<|im_end|>\n",
    "llama": "<s>[INST] <<SYS>>\nBe kind.\n<</SYS>>\n\nWhy? [/INST] Because. </s>",
    "headers": "<|start_header_id|>assistant<|end_header_id|>\n\nBecause.<|eot_id|>",
    "lines": "Human: Why?\n\nAssistant: Because.\n### Response:\nYes.",
    "cut": b"\xf0\x9f\xa6",
}
for name, text in TEXTS.items():
    put("text", name, text)
for name in ["plain", "markup", "accents", "scripts"]:
    text = (TEXTS[name] + " " + "".join(chr(97 + i * i % 26) for i in range(150))) * 2
    put("fingerprint", name, struct.pack(">BBBHBBBQ", 3, 9, 0, 17, 5, 30, 7, 1 << 40), text)
    put("fingerprint", name + "-default", struct.pack(">BBBHBBBQ", 0, 0, 1, 200, 40, 2, 9, 77), text)

# --- configurations ------------------------------------------------------------------------------

put("configs", "target", "t", '''[model]
name = "acme-chat-7b"
base = ["mistralai/Mistral-7B-v0.3"]
kind = "llm"
availability = "weights"
folder = "out"
[use]
stage = "train"
purpose = "commercial"
[[inputs]]
path = "*"
of_outputs = "text"
acquisition = "self-generated"
[[models_used]]
model = "meta-llama/Meta-Llama-3-70B-Instruct"
of_outputs = "labels"
''')
put("configs", "target-scratch", "t", '[model]\nname = "x"\nbase = "scratch"\n')
put("configs", "target-wrong", "t", '[model]\nname = "x"\nbase = "scratch"\nkind = "llmm"\n')
for path in sorted((ROOT / "fixtures" / "policy").glob("*.toml")):
    text = path.read_text()
    kind = {"target": "t", "organization": "o"}.get(path.stem.split("-")[0], "p")
    if len(text) < 8000:
        put("configs", f"fixture-{path.stem}", kind, text)
put("configs", "policy", "p", '''name = "strict"
strict = true
findings_max = 10
required_sign_offs = ["llama-3"]
''')
put("configs", "policy-name", "p", 'name = "a\\nstrict = true"\n')
put("configs", "organization", "o", '''[organization]
name = "Acme"
''')
put("configs", "duties", "d", '''format = "herdbook-duties/1"
[[duty]]
id = "name-prefix"
license = "llama-3"
text = "Put the name first"
clause = "1.b.i"
target_file = "t.toml"
since = "2026-11-22"
snapshot = 3
snapshot_digest = "ab"
policy_digest = "cd"
models = ["meta-llama/Meta-Llama-3-8B"]
sources = ["s"]
inputs_total = 1
inputs = ["a.jsonl"]
inputs_sha256 = [""]
enforced = true
''')
put("configs", "catalog", "c", '''[[model]]
key = "x"
family = "X"
match = ["own/*"]
llama = "llama-2"
''')
put("configs", "model-id", "m", "us.meta.llama3-1-70b-instruct-v1:0")
put("configs", "model-path", "m", "TheBloke/Llama-2-7B-Chat-GGUF@main")
put("configs", "json", "j", '{"_name_or_path":"meta-llama/Llama-2-7b-hf","model_type":"llama","architectures":["LlamaForCausalLM"]}')
put("configs", "card", "k", "---\nbase_model: meta-llama/Meta-Llama-3-8B\nlicense: llama3\n---\n# Card\n")
put("configs", "notice", "n", "Llama 2 is licensed under the LLAMA 2 Community License, Copyright (c) Meta Platforms, Inc.")


def gguf(*pairs):
    def text(value):
        return struct.pack("<Q", len(value)) + value.encode()
    out = b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs))
    for key, value in pairs:
        out += text(key) + struct.pack("<I", 8) + text(value)
    return out


put("configs", "gguf", "g", gguf(("general.name", "Llama"), ("general.base_model.0.name", "Llama 3")))

# --- trainers ------------------------------------------------------------------------------------

for path in sorted((ROOT / "fixtures" / "trainer").iterdir()):
    kind = {"dataset_info.json": "d", "card.md": "r"}.get(path.name)
    kind = kind or ("j" if path.suffix == ".json" else "y")
    put("trainer", path.stem, kind, path.read_bytes())
put("trainer", "config", "c", '{"_name_or_path":"meta-llama/Llama-2-7b-hf","model_type":"llama"}')
put("trainer", "adapter", "a", '{"base_model_name_or_path":"meta-llama/Llama-2-7b-hf","peft_type":"LORA"}')
put("trainer", "anchors", "y", "base_model: &b x/y\nhub_model_id: *b\ndatasets:\n  - path: a/b\n")

# --- codecs: the layout, then its bytes ----------------------------------------------------------

FORMAT = b"HERDBOOK" + struct.pack(">II", 2, 240) + b"\1" * 16 + struct.pack(">H", 2) + b"r3" + struct.pack(">H", 6) + b"18.0.0"
put("codecs", "varint", bytes([0, 30]), struct.pack(">Q", 1 << 40), b"\xac\x02rest")
put("codecs", "format", bytes([1]), FORMAT)
put("codecs", "state", bytes([2]), struct.pack(">QQIIIQQ", 3, 99, 2, 1, 2, 100, 120), b"\7" * 32,
    struct.pack(">BIH", 2, 1, 20), b"2026-11-22T00:00:00Z")
put("codecs", "segment", bytes([3]), struct.pack(">BQQQQQ", 9, 0, 10, 20, 3000, 400), b"\1" * 32)
put("codecs", "intent", bytes([4]), struct.pack(">IIQ", 1, 2, 3))
put("codecs", "text", bytes([5]), b"\2" * 16, bytes([30, 4, 1, 0, 200, 3]))
put("codecs", "claims", bytes([6]), bytes([0, 5, 1, 0, 0, 0x80, 1, 1, 3]))
put("codecs", "keys", bytes([7]), struct.pack(">QQIIB", 5, 6, 7, 8, 9), bytes([3, 0, 0, 0, 1]))
put("codecs", "filter-head", bytes([8]), b"HBLINE16", struct.pack(">IIIQ", 2, 0, 1, 5), struct.pack(">QQ", 1, 5))
SOURCE = dict(name="s", digest="ab", files=[dict(path="a", sha256="cd", rows=1, bytes=2)], models=["m"],
              columns=["c"], access=None, acquisition="found", records=1, new_texts=1, text_bytes=9,
              index_bytes=4, registered_at="2026-01-01T00:00:00Z", withdrawn_at=None)
put("codecs", "source", bytes([9]), json.dumps(SOURCE))
put("codecs", "source-made", bytes([10]), b"\0\0\0\1", piece("name"), piece("digest"), bytes([1]), piece("p\n\""),
    piece("ff"), bytes([64]) + b"\xff" * 8, bytes(range(40)))
put("codecs", "bits", bytes([11]), bytes((i * 37 + 11) % 256 for i in range(160)))
put("codecs", "bucket-made", bytes([12, 9]), bytes((i * 73 + 5) % 256 for i in range(300)))
put("codecs", "bucket", bytes([13, 0, 0, 0, 0, 0]), b"\0" * 9, bytes([1, 4, 0xE6, 2, 0, 0, 0, 0, 0, 0]))

# --- bundles -------------------------------------------------------------------------------------

put("bundles", "unsigned", bytes([0]), b"HERDBNDL", struct.pack(">II", 1, 2), b"{}", bytes(64))
put("bundles", "manifest", bytes([1]), struct.pack(">H", 2), "{}")
put("bundles", "block", bytes([2, 0, 1, 1]), bytes(16), bytes([30, 5, 4, 1]), b"gram--", bytes([1, 0, 0, 7, 0, 1]))
put("bundles", "made", bytes([3, 2]), bytes((i * 37 + 11) % 256 for i in range(220)))
put("bundles", "made-and-cut", bytes([3, 0, 0, 9]), bytes((i * 91 + 5) % 256 for i in range(160)))

# --- signed --------------------------------------------------------------------------------------

ROOT_HASH = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
NOTE = f"example.com/herdbook\n0\n{ROOT_HASH}\n\n\u2014 example.com/herdbook " + "A" * 92 + "\n"
put("signed", "note", bytes([0]), NOTE)
put("signed", "checkpoint-text", bytes([0]), f"example.com/herdbook\n0\n{ROOT_HASH}\n")
put("signed", "receipt-text", bytes([0]), f"c2sp.org/tlog-proof@v1\nindex 0\n{ROOT_HASH}\n\n{NOTE}")
for number, name in enumerate(["note-changed", "checkpoint", "receipt", "proofs"], 1):
    body = bytes((i * 91 + 17 * number) % 256 for i in range(64))
    put("signed", name, bytes([number]), piece("some text\nof two lines") if number == 1 else b"", body)
put("signed", "paths", bytes([5, 0, 20]), struct.pack(">QBQ", 1 << 62, 40, 1 << 60), "tile/1/x001/234.p/7")
put("signed", "bundle-path", bytes([5, 0, 20]), struct.pack(">QBQ", 1 << 62, 40, 1 << 60), "tile/entries/x001/234")
put("signed", "bundle", bytes([6, 2, 0]), struct.pack(">H", 3), b"one", struct.pack(">H", 0))
put("signed", "key", bytes([7, 5]), piece("example.com/log"), bytes(range(60)))
put("signed", "ledger", bytes([8]), '{"format":1,"id":"r-0","kind":"request","signer":"asks","previous":"' + "0" * 64
    + '","payload":{},"signature":"' + "0" * 128 + '"}\n')
put("signed", "ledger-changed", bytes([9]), bytes((i * 53 + 29) % 256 for i in range(40)))
put("signed", "ledger-same", bytes([9, 0, 0, 0, 3, 0]))

# --- attested: what is done, envelope or statement ---------------------------------------------------

HEX = "4e9e84535a8882f7d62b37a37aeeb5813ef845eb4ad786edece6a7de89b06117"
ROWS = {"read": 4, "pass": 4, "flag": 0, "block": 0, "undecided": 0}
FLAGGED = {**ROWS, "pass": 1, "flag": 3}
NO_FINDINGS = {"note": 0, "flag": 0, "undecided": 0, "block": 0}


def statement(verdict, rows=ROWS, kind="check", **more):
    findings = {**NO_FINDINGS, "flag": rows["flag"], "block": int(verdict == "block")}
    predicate = {
        "schema_version": 1, "verdict": verdict, "refused_because": [],
        "target": {"name": None, "base": ["a/b"], "stage": "train", "sha256": HEX},
        "policy": {"name": "default", "digest": HEX, "text_sha256": None},
        "snapshot": {"number": 2, "manifest_sha256": HEX, "sources": 1, "records": 3, "recipe": "r3",
                     "guarantee_bytes": 194},
        "log": {"origin": "herdbook/1", "entry": 7, "tree_size": 8, "root": HEX},
        "tool": {"name": "herdbook", "version": "0.1.0", "sha256": HEX},
        "selection": {"text_columns": [], "exempt_columns": [], "allow_empty": False},
        "coverage": [{"path": "a.jsonl", "sha256": HEX, "format": "jsonl", "bytes": 468, "text_bytes": 408,
                      "text_units": 4, "rows_declared": None, "rows_read": 4, "rows": rows, "columns": [
                          {"path": "text", "use": "scanned", "leaves": 4, "reason": None}]}],
        "rows": rows, "matches": [], "findings": findings, "models": [],
        "canaries": {"planted": 1, "found": 1}, "obligations": [], "stored_duties": [], "limits": ["none"],
        "as_of": "2026-11-22", "started": "2026-11-22T14:20:52Z", "finished": "2026-11-22T14:20:52Z",
        "expires": "2026-12-22", **more,
    }
    return json.dumps({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "a.jsonl", "digest": {"sha256": HEX}}],
        "predicateType": f"https://herdbook.dev/{kind}/v1", "predicate": predicate,
    }, separators=(",", ":"))


ENVELOPE = {"payload": "e30=", "payloadType": "application/vnd.in-toto+json",
            "signatures": [{"keyid": "", "sig": "A" * 86 + "=="}]}
put("attested", "envelope", bytes([0]), json.dumps(ENVELOPE))
put("attested", "envelope-in-bundle", bytes([0]), json.dumps({
    "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "dsseEnvelope": ENVELOPE}))
for number, name in [(1, "envelope-changed"), (2, "bundle-changed")]:
    put("attested", name, bytes([number]), struct.pack(">H", 17), '{"some":"payload"',
        bytes((i * 67 + 11 * number) % 256 for i in range(40)))
    put("attested", f"{name}-long", bytes([number]), struct.pack(">H", 1500), statement("pass"),
        bytes((i * 29 + number) % 256 for i in range(40)))
put("attested", "pass", bytes([3]), statement("pass"))
put("attested", "pass-expired", bytes([3]), statement("pass", expires="2026-11-21"))
put("attested", "flag", bytes([3]), statement("flag", FLAGGED))
put("attested", "flag-as-pass", bytes([3]), statement("pass", FLAGGED))
put("attested", "block", bytes([3]), statement("block", kind="check-refused", refused_because=["a block"]))
put("attested", "block-as-check", bytes([3]), statement("block"))
put("attested", "no-snapshot", bytes([3]), statement("pass", snapshot=None))

total = sum(path.stat().st_size for path in SEEDS.glob("*/*"))
print(f"{len(list(SEEDS.glob('*/*')))} seeds, {total} bytes")
