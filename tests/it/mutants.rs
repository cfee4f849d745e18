//! Envelopes that were changed on the way, each with what the change amounts to.
//!
//! A reader that takes everything it can (the last of two keys, base64 of either alphabet, padded or
//! not, with strange characters in between) says what a changed envelope comes to. If payload, type
//! and signature are the original's, nothing that is signed was touched: such a change is *harmless*,
//! and refusing it proves nothing. Every other change must be refused by everybody.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD, URL_SAFE};
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};

/// An envelope and whether its change is one.
#[derive(Debug, Clone)]
pub(crate) struct Mutant {
    pub(crate) how: &'static str,
    pub(crate) bytes: Vec<u8>,
    pub(crate) harmless: bool,
}

/// What is signed and by what.
#[derive(Debug, Clone, PartialEq)]
struct Read {
    payload: Vec<u8>,
    payload_type: String,
    signatures: Vec<Vec<u8>>,
}

/// Takes whatever base64 can be made of a text.
fn lenient(text: &str) -> Vec<u8> {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let mut kept: String = text
        .split('=')
        .next()
        .unwrap_or_default()
        .chars()
        .map(|c| match c {
            '-' => '+',
            '_' => '/',
            other => other,
        })
        .filter(|c| c.is_ascii_alphanumeric() || *c == '+' || *c == '/')
        .collect();
    if kept.len() % 4 == 1 {
        kept.pop();
    }
    GeneralPurpose::new(&alphabet::STANDARD, config)
        .decode(kept)
        .unwrap()
}

fn read(bytes: &[u8]) -> Option<Read> {
    let text = String::from_utf8_lossy(bytes);
    let Ok(value) = serde_json::from_str::<Value>(&text) else {
        return None;
    };
    Some(Read {
        payload: lenient(value["payload"].as_str()?),
        payload_type: value["payloadType"].as_str()?.to_owned(),
        signatures: value["signatures"]
            .as_array()?
            .iter()
            .filter_map(|one| Some(lenient(one["sig"].as_str()?)))
            .collect(),
    })
}

/// Numbers that are the same in every run (`SplitMix64`).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }
}

fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut out = format!(
        "DSSEv1 {} {payload_type} {} ",
        payload_type.len(),
        payload.len()
    )
    .into_bytes();
    out.extend_from_slice(payload);
    out
}

/// Makes mutants of one genuine envelope.
pub(crate) struct Mutator {
    genuine: Vec<u8>,
    read: Read,
    key_id: String,
    numbers: Numbers,
    made: Vec<Mutant>,
}

impl Mutator {
    pub(crate) fn new(genuine: &[u8]) -> Self {
        let value: Value = serde_json::from_slice(genuine).unwrap();
        Self {
            genuine: genuine.to_vec(),
            read: read(genuine).unwrap(),
            key_id: value["signatures"][0]["keyid"].as_str().unwrap().to_owned(),
            numbers: Numbers(42),
            made: Vec::new(),
        }
    }

    fn push(&mut self, how: &'static str, bytes: Vec<u8>) {
        let harmless = read(&bytes).is_some_and(|found| {
            found.payload == self.read.payload
                && found.payload_type == self.read.payload_type
                && found.signatures.contains(&self.read.signatures[0])
        });
        if bytes != self.genuine {
            self.made.push(Mutant {
                how,
                bytes,
                harmless,
            });
        }
    }

    fn envelope(&self, payload: &[u8], payload_type: &str, signature: &[u8]) -> Vec<u8> {
        let value = json!({
            "payload": STANDARD.encode(payload),
            "payloadType": payload_type,
            "signatures": [{"keyid": self.key_id, "sig": STANDARD.encode(signature)}],
        });
        serde_json::to_vec(&value).unwrap()
    }

    /// Every mutant there is. `other` is another genuine envelope of the same key, `stranger`
    /// another key.
    pub(crate) fn all(mut self, other: &[u8], stranger: &SigningKey) -> Vec<Mutant> {
        self.bits();
        self.cuts();
        self.spellings();
        self.twice();
        self.strangers(other, stranger);
        self.meanings();
        self.types();
        self.made
    }

    /// One bit of the payload, of the signature, or of the file's text.
    fn bits(&mut self) {
        let Read {
            payload,
            payload_type,
            signatures,
        } = self.read.clone();
        let signature = signatures[0].clone();
        let flipped = |bytes: &[u8], bit: usize| {
            let mut changed = bytes.to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            changed
        };
        for _ in 0..2_500 {
            let bit = self.numbers.below(payload.len() * 8);
            let bytes = self.envelope(&flipped(&payload, bit), &payload_type, &signature);
            self.push("a bit of the payload", bytes);
        }
        for bit in 0..signature.len() * 8 {
            let bytes = self.envelope(&payload, &payload_type, &flipped(&signature, bit));
            self.push("a bit of the signature", bytes);
        }
        for _ in 0..4_000 {
            let bit = self.numbers.below(self.genuine.len() * 8);
            self.push("a bit of the file", flipped(&self.genuine, bit));
        }
    }

    /// The file, the payload or the signature cut short, or with something behind it.
    fn cuts(&mut self) {
        let Read {
            payload,
            payload_type,
            signatures,
        } = self.read.clone();
        for _ in 0..800 {
            let len = self.numbers.below(self.genuine.len() - 1);
            self.push("the file cut", self.genuine[..len].to_vec());
        }
        for _ in 0..500 {
            let len = self.numbers.below(payload.len());
            let bytes = self.envelope(&payload[..len], &payload_type, &signatures[0]);
            self.push("the payload cut", bytes);
        }
        for len in 0..64 {
            let bytes = self.envelope(&payload, &payload_type, &signatures[0][..len]);
            self.push("the signature cut", bytes);
        }
        for tail in ["\n", " ", "}", "\0", "{}"] {
            let mut longer = payload.clone();
            longer.extend_from_slice(tail.as_bytes());
            let bytes = self.envelope(&longer, &payload_type, &signatures[0]);
            self.push("something behind the payload", bytes);
            let mut longer = self.genuine.clone();
            longer.extend_from_slice(tail.as_bytes());
            self.push("something behind the file", longer);
        }
        let mut longer = signatures[0].clone();
        longer.push(0);
        let bytes = self.envelope(&payload, &payload_type, &longer);
        self.push("something behind the signature", bytes);
    }

    /// The same content written in other ways: harmless, all of it.
    fn spellings(&mut self) {
        let value: Value = serde_json::from_slice(&self.genuine).unwrap();
        self.push(
            "other white space",
            serde_json::to_vec_pretty(&value).unwrap(),
        );
        let text = |key: &str| value[key].as_str().unwrap().to_owned();
        let (payload, kind) = (text("payload"), text("payloadType"));
        let signatures = value["signatures"].to_string();
        let orders = [
            format!(
                r#"{{"signatures":{signatures},"payloadType":"{kind}","payload":"{payload}"}}"#
            ),
            format!(
                r#"{{"payloadType":"{kind}","signatures":{signatures},"payload":"{payload}"}}"#
            ),
        ];
        for order in orders {
            self.push("another order", order.into_bytes());
        }
        let escaped = kind.replace('/', "\\/");
        let bytes = format!(
            r#"{{"p\u0061yload":"{payload}","payloadType":"{escaped}","signatures":{signatures}}}"#
        );
        self.push("escapes", bytes.into_bytes());
        let url = URL_SAFE.encode(&self.read.payload);
        let bare = payload.trim_end_matches('=').to_owned();
        for other in [url, bare, format!("{payload}\\n"), format!(" {payload}")] {
            let bytes = format!(
                r#"{{"payload":"{other}","payloadType":"{kind}","signatures":{signatures}}}"#
            );
            self.push("other base64", bytes.into_bytes());
        }
        let bytes = format!(
            r#"{{"x":1,"payload":"{payload}","payloadType":"{kind}","signatures":{signatures}}}"#
        );
        self.push("a key more", bytes.into_bytes());
        let mut renamed = value.clone();
        renamed["signatures"][0]["keyid"] = json!("0".repeat(64));
        self.push("another keyid", serde_json::to_vec(&renamed).unwrap());
        let mut nameless = value;
        nameless["signatures"][0]
            .as_object_mut()
            .unwrap()
            .remove("keyid");
        self.push("no keyid", serde_json::to_vec(&nameless).unwrap());
    }

    /// Keys that stand twice, fields that are gone, or of another kind.
    fn twice(&mut self) {
        let value: Value = serde_json::from_slice(&self.genuine).unwrap();
        let payload = value["payload"].to_string();
        let kind = value["payloadType"].to_string();
        let signatures = value["signatures"].to_string();
        for _ in 0..150 {
            let mut evil = self.read.payload.clone();
            let at = self.numbers.below(evil.len());
            evil[at] ^= 1;
            let evil = format!("\"{}\"", STANDARD.encode(&evil));
            for (first, last) in [(&payload, &evil), (&evil, &payload)] {
                let bytes = format!(
                    r#"{{"payload":{first},"payload":{last},"payloadType":{kind},"signatures":{signatures}}}"#
                );
                self.push("two payloads", bytes.into_bytes());
                let bytes = format!(
                    r#"{{"payload":{first},"payloadType":{kind},"signatures":{signatures},"payload":{last}}}"#
                );
                self.push("two payloads", bytes.into_bytes());
            }
        }
        let zeros = format!(
            r#"[{{"keyid":"{}","sig":"{}"}}]"#,
            self.key_id,
            STANDARD.encode([0_u8; 64])
        );
        for (first, last) in [(&signatures, &zeros), (&zeros, &signatures)] {
            let bytes = format!(
                r#"{{"payload":{payload},"payloadType":{kind},"signatures":{first},"signatures":{last}}}"#
            );
            self.push("two lists of signatures", bytes.into_bytes());
        }
        for (name, field) in [
            ("payload", json!(null)),
            ("payload", json!("")),
            ("payload", json!(["e30="])),
            ("payloadType", json!(null)),
            ("payloadType", json!("")),
            ("signatures", json!([])),
            ("signatures", json!(null)),
            ("signatures", json!({})),
            ("signatures", json!([{}])),
            ("signatures", json!([{"sig": ""}])),
        ] {
            let mut changed = value.clone();
            changed[name] = field;
            self.push(
                "a field of another kind",
                serde_json::to_vec(&changed).unwrap(),
            );
            let mut gone = value.clone();
            gone.as_object_mut().unwrap().remove(name);
            self.push("a field gone", serde_json::to_vec(&gone).unwrap());
        }
    }

    /// Signatures of another key, of another payload, or over something else than they must be.
    fn strangers(&mut self, other: &[u8], stranger: &SigningKey) {
        let Read {
            payload,
            payload_type,
            signatures,
        } = self.read.clone();
        let other = read(other).unwrap();
        let bytes = self.envelope(&payload, &payload_type, &other.signatures[0]);
        self.push("another statement's signature", bytes);
        let bytes = self.envelope(&other.payload, &payload_type, &signatures[0]);
        self.push("another statement's payload", bytes);
        for _ in 0..600 {
            let mut evil = payload.clone();
            let at = self.numbers.below(evil.len());
            evil[at] = evil[at].wrapping_add(1);
            let signature = stranger.sign(&pae(&payload_type, &evil)).to_bytes();
            let bytes = self.envelope(&evil, &payload_type, &signature);
            self.push("signed by another key", bytes);
            let mut two: Value = serde_json::from_slice(&self.genuine).unwrap();
            two["payload"] = json!(STANDARD.encode(&evil));
            let mut list = two["signatures"].as_array().unwrap().clone();
            list.push(json!({"keyid": "stranger", "sig": STANDARD.encode(signature)}));
            two["signatures"] = json!(list);
            self.push(
                "signed by another key too",
                serde_json::to_vec(&two).unwrap(),
            );
        }
        let signature = stranger.sign(&pae(&payload_type, &payload)).to_bytes();
        let bytes = self.envelope(&payload, &payload_type, &signature);
        self.push("signed by another key", bytes);
        for sums in [[0_u8; 64], [0xff; 64]] {
            let bytes = self.envelope(&payload, &payload_type, &sums);
            self.push("no signature at all", bytes);
        }
        // The same signature with the group's order added to its second half.
        let bytes = self.envelope(&payload, &payload_type, &plus_order(&signatures[0]));
        self.push("a malleable signature", bytes);
    }

    /// Changes that somebody would make who wants another answer.
    fn meanings(&mut self) {
        let text = String::from_utf8(self.read.payload.clone()).unwrap();
        let payload_type = self.read.payload_type.clone();
        let signature = self.read.signatures[0].clone();
        let mut changed = vec![
            text.replace("check-refused/v1", "check/v1"),
            text.replace("\"verdict\":\"pass\"", "\"verdict\":\"flag\""),
            text.replace(
                "\"verdict\":\"pass\"",
                "\"verdict\":\"pass\",\"verdict\":\"pass\"",
            ),
            text.replace("check/v1", "check-refused/v1"),
            text.replace("\"expires\":\"20", "\"expires\":\"21"),
            text.replace("\"expires\":\"20", "\"expires\":\"29"),
            text.replace("\"_type\"", "\"x\":0,\"_type\""),
            format!("{text} "),
            format!(" {text}"),
            text.replace(",\"predicate\"", ", \"predicate\""),
        ];
        // Digests of other data, and numbers that are larger by one.
        for _ in 0..1_500 {
            let at = self.numbers.below(text.len());
            let digit = text.as_bytes()[at];
            if digit.is_ascii_digit() {
                let mut bytes = text.clone().into_bytes();
                bytes[at] = if digit == b'9' { b'0' } else { digit + 1 };
                changed.push(String::from_utf8(bytes).unwrap());
            } else if text.is_char_boundary(at) {
                let mut longer = text.clone();
                longer.insert(at, ' ');
                changed.push(longer);
            }
        }
        for payload in changed {
            let bytes = self.envelope(payload.as_bytes(), &payload_type, &signature);
            self.push("another meaning", bytes);
        }
    }

    /// Another type of payload, and boundaries moved between type and payload.
    fn types(&mut self) {
        let Read {
            payload,
            payload_type,
            signatures,
        } = self.read.clone();
        for kind in [
            "",
            "application/json",
            "application/vnd.in-toto+json ",
            "Application/vnd.in-toto+json",
            "application/vnd.in-toto+jso",
            "application/vnd.in-toto+json;x=1",
        ] {
            let bytes = self.envelope(&payload, kind, &signatures[0]);
            self.push("another type", bytes);
        }
        for moved in 1..payload_type.len() {
            let (kind, rest) = payload_type.split_at(moved);
            let mut longer = rest.as_bytes().to_vec();
            longer.extend_from_slice(&payload);
            let bytes = self.envelope(&longer, kind, &signatures[0]);
            self.push("a boundary moved", bytes);
        }
        for moved in 1..100 {
            let Ok(head) = std::str::from_utf8(&payload[..moved]) else {
                continue;
            };
            let kind = format!("{payload_type} {head}");
            let bytes = self.envelope(&payload[moved..], &kind, &signatures[0]);
            self.push("a boundary moved", bytes);
        }
    }
}

/// Adds the order of Ed25519's group to the scalar of a signature: verifiers that do not demand the
/// smallest one take both.
fn plus_order(signature: &[u8]) -> Vec<u8> {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut out = signature.to_vec();
    let mut carry = 0_u16;
    for (byte, order) in out[32..].iter_mut().zip(ORDER) {
        carry += u16::from(*byte) + u16::from(order);
        *byte = u8::try_from(carry & 0xff).unwrap();
        carry >>= 8;
    }
    out
}
