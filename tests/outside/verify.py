"""Verifies DSSE envelopes with securesystemslib, and statements with in-toto-attestation.

verify.py PUBLIC_KEY.pem CASES

CASES holds one envelope per line, as base64 of the file's bytes. Prints one line for each: the
SHA-256 of the payload that was verified and whether it is a valid Statement v1 (`statement` or
`no-statement`), or `refused`.
"""

import base64
import hashlib
import json
import logging
import sys

from cryptography.hazmat.primitives.serialization import load_pem_public_key
from google.protobuf.json_format import ParseDict
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1 import statement_pb2
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

logging.disable(logging.CRITICAL)


def key_of(pem):
    # securesystemslib skips a signature whose keyid is not the key's own.
    return SSlibKey.from_crypto(load_pem_public_key(pem), keyid=hashlib.sha256(pem).hexdigest())


def verified(text, key):
    """The payload of an envelope that the key signed, or None."""
    try:
        envelope = Envelope.from_dict(json.loads(text))
        envelope.verify([key], 1)
        return envelope.payload
    except Exception:  # whatever it says no with
        return None


def is_statement(payload):
    try:
        message = ParseDict(json.loads(payload), statement_pb2.Statement())
        Statement.copy_from_pb(message).validate()
        return True
    except Exception:
        return False


def main():
    with open(sys.argv[1], "rb") as file:
        key = key_of(file.read())
    with open(sys.argv[2], encoding="ascii") as cases:
        for line in cases:
            payload = verified(base64.b64decode(line), key)
            if payload is None:
                print("refused")
            else:
                kind = "statement" if is_statement(payload) else "no-statement"
                print(hashlib.sha256(payload).hexdigest(), kind)


main()
