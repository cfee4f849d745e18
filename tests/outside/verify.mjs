// Verifies DSSE envelopes in Sigstore bundles with sigstore-js: offline, with one key of our own.
//
// verify.mjs PUBLIC_KEY.pem CASES
//
// CASES holds one bundle per line, as base64 of the file's bytes. Prints one line for each: the
// SHA-256 of the payload that was verified, or `refused`.

import { createHash, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { bundleFromJSON } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { Verifier, toSignedEntity, toTrustMaterial } from '@sigstore/verify';

const publicKey = createPublicKey(readFileSync(process.argv[2]));
// The hint in a bundle decides nothing: there is one key.
const finder = () => ({ publicKey, validFor: () => true });
const trust = toTrustMaterial(TrustedRoot.fromJSON({}), finder);
const verifier = new Verifier(trust, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 });

function verified(text) {
  try {
    const bundle = bundleFromJSON(JSON.parse(text));
    verifier.verify(toSignedEntity(bundle));
    return bundle.content.dsseEnvelope.payload;
  } catch {
    return null;
  }
}

const lines = readFileSync(process.argv[3], 'ascii').trimEnd().split('\n');
const said = lines.map((line) => {
  const payload = verified(Buffer.from(line, 'base64').toString('utf8'));
  return payload === null ? 'refused' : createHash('sha256').update(payload).digest('hex');
});
process.stdout.write(said.join('\n') + '\n');
