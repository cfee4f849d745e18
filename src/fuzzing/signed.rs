//! What is signed or proven: notes, checkpoints, receipts, proofs, tiles, entry bundles, approvals.
//!
//! The first byte chooses. Each makes a true one, changes it as the rest of the bytes say, and
//! holds that what still verifies says what the true one said.

use std::sync::LazyLock;

use ed25519_dalek::SigningKey;

use super::feed::Feed;
use crate::governance::Ask;
use crate::governance::Decided;
use crate::governance::Deployment;
use crate::governance::DeploymentState;
use crate::governance::Document;
use crate::governance::Ledger;
use crate::governance::Payload;
use crate::governance::ReadingAsk;
use crate::governance::public_key_hex;
use crate::governance::seal;
use crate::model::Organization;
use crate::model::Person;
use crate::model::PersonRole;
use crate::tlog::Bundle;
use crate::tlog::Checkpoint;
use crate::tlog::Hash;
use crate::tlog::Receipt;
use crate::tlog::Signer;
use crate::tlog::TILE_WIDTH;
use crate::tlog::Tile;
use crate::tlog::Verifier;
use crate::tlog::decode_bundle;
use crate::tlog::empty_root;
use crate::tlog::encode_entry;
use crate::tlog::leaf_hash;
use crate::tlog::node_hash;
use crate::tlog::open_note;
use crate::tlog::verify_consistency;
use crate::tlog::verify_inclusion;

const ORIGIN: &str = "example.com/herdbook";

static SIGNER: LazyLock<Signer> =
    LazyLock::new(|| Signer::new(ORIGIN, SigningKey::from_bytes(&[5; 32])).expect("a name"));

/// The property.
pub fn check(data: &[u8]) {
    let mut feed = Feed(data);
    match feed.u8() % 10 {
        0 => any_note(feed.0),
        1 => changed_note(&mut feed),
        2 => changed_checkpoint(&mut feed),
        3 => changed_receipt(&mut feed),
        4 => proofs(&mut feed),
        5 => paths(&mut feed),
        6 => bundles(&mut feed),
        7 => keys(&mut feed),
        8 => any_ledger(feed.0),
        _ => changed_ledger(&mut feed),
    }
}

/// Text that nobody signed does not verify, and what parses is spelt as it would be written.
fn any_note(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    assert!(
        open_note(&text, SIGNER.verifier()).is_err(),
        "a forged note"
    );
    assert!(Checkpoint::open(&text, SIGNER.verifier()).is_err());
    if let Ok(checkpoint) = Checkpoint::parse(&text) {
        assert_eq!(checkpoint.to_text(), text);
    }
    if let Ok(receipt) = Receipt::parse(&text) {
        assert_eq!(receipt.to_text(), text);
        assert!(receipt.verify(b"x", SIGNER.verifier()).is_err());
    }
    if let Ok(verifier) = Verifier::parse(&text) {
        assert_eq!(Verifier::parse(&verifier.to_vkey()), Ok(verifier.clone()));
        assert_eq!(verifier.to_vkey(), text, "two spellings of a key");
    }
}

fn changed_note(feed: &mut Feed<'_>) {
    let mut text = feed.text();
    text.retain(|c| u32::from(c) >= 0x20 || c == '\n');
    text.push('\n');
    let note = SIGNER.sign(&text).unwrap();
    assert_eq!(open_note(&note, SIGNER.verifier()), Ok(text.as_str()));
    let changed = feed.changed(note.as_bytes());
    let Ok(changed) = String::from_utf8(changed) else {
        return;
    };
    if let Ok(opened) = open_note(&changed, SIGNER.verifier()) {
        assert_eq!(opened, text, "a changed text verifies");
        let line = note.lines().last().unwrap();
        assert!(changed.contains(line), "verified without its signature");
    }
}

fn changed_checkpoint(feed: &mut Feed<'_>) {
    let checkpoint = Checkpoint {
        origin: ORIGIN.to_owned(),
        size: feed.number(),
        root: Hash([feed.u8(); 32]),
    };
    assert_eq!(
        Checkpoint::parse(&checkpoint.to_text()),
        Ok(checkpoint.clone())
    );
    let note = checkpoint.sign(&SIGNER).unwrap();
    assert_eq!(
        Checkpoint::open(&note, SIGNER.verifier()),
        Ok(checkpoint.clone())
    );
    assert_eq!(Checkpoint::claimed_origin(&note).as_deref(), Ok(ORIGIN));
    let Ok(changed) = String::from_utf8(feed.changed(note.as_bytes())) else {
        return;
    };
    if let Ok(opened) = Checkpoint::open(&changed, SIGNER.verifier()) {
        assert_eq!(opened, checkpoint);
    }
}

fn entry(at: usize) -> Vec<u8> {
    format!("entry {at}").into_bytes()
}

fn leaves(size: usize) -> Vec<Hash> {
    (0..size).map(|at| leaf_hash(&entry(at))).collect()
}

/// The largest power of two below a number above 1.
fn half(size: usize) -> usize {
    1 << (size - 1).ilog2()
}

/// The root, as RFC 6962 defines it.
fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [one] => *one,
        more => {
            let (left, right) = more.split_at(half(more.len()));
            node_hash(root(left), root(right))
        }
    }
}

fn inclusion(at: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let half = half(leaves.len());
    let (left, right) = leaves.split_at(half);
    let (mut proof, other) = if at < half {
        (inclusion(at, left), right)
    } else {
        (inclusion(at - half, right), left)
    };
    proof.push(root(other));
    proof
}

fn consistency(old: usize, leaves: &[Hash], known: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if known {
            Vec::new()
        } else {
            vec![root(leaves)]
        };
    }
    let half = half(leaves.len());
    let (left, right) = leaves.split_at(half);
    let (mut proof, other) = if old <= half {
        (consistency(old, left, known), right)
    } else {
        (consistency(old - half, right, false), left)
    };
    proof.push(root(other));
    proof
}

/// Another list of hashes.
fn changed_proof(feed: &mut Feed<'_>, proof: &[Hash], leaves: &[Hash]) -> Vec<Hash> {
    let mut changed = proof.to_vec();
    for _ in 0..=feed.u8() % 3 {
        let at = usize::from(feed.u8()) % (changed.len() + 1);
        let some = leaves[usize::from(feed.u16()) % leaves.len()];
        match feed.u8() % 4 {
            0 => changed.insert(at, some),
            1 if at < changed.len() => changed[at].0[usize::from(feed.u8()) % 32] ^= 1,
            2 if at < changed.len() => drop(changed.remove(at)),
            3 if at < changed.len() => changed.swap(at, 0),
            _ => changed.push(some),
        }
    }
    changed
}

fn proofs(feed: &mut Feed<'_>) {
    let size = 1 + usize::from(feed.u16()) % 600;
    let leaves = leaves(size);
    let root_now = root(&leaves);
    let at = usize::from(feed.u16()) % size;
    let proof = inclusion(at, &leaves);
    let verify = |proof: &[Hash], at: usize, leaf: usize, size: usize| {
        verify_inclusion(
            proof,
            at as u64,
            leaf_hash(&entry(leaf)),
            size as u64,
            root_now,
        )
    };
    assert_eq!(verify(&proof, at, at, size), Ok(()));
    let other = usize::from(feed.u16()) % (size + 2);
    assert_eq!(
        verify(&proof, other, at, size).is_ok(),
        other == at,
        "another place"
    );
    assert_eq!(
        verify(&proof, at, other, size).is_ok(),
        other == at,
        "another entry"
    );
    let changed = changed_proof(feed, &proof, &leaves);
    assert_eq!(
        verify(&changed, at, at, size).is_ok(),
        changed == proof,
        "another proof"
    );

    let old = 1 + usize::from(feed.u16()) % size;
    let root_then = root(&leaves[..old]);
    let proof = consistency(old, &leaves, true);
    let verify = |proof: &[Hash], old: usize, then: Hash| {
        verify_consistency(proof, old as u64, then, size as u64, root_now)
    };
    assert_eq!(verify(&proof, old, root_then), Ok(()));
    let changed = changed_proof(feed, &proof, &leaves);
    assert_eq!(
        verify(&changed, old, root_then).is_ok(),
        changed == proof,
        "another proof"
    );
    let mut forged = root_then;
    forged.0[usize::from(feed.u8()) % 32] ^= 1;
    assert!(verify(&proof, old, forged).is_err(), "another old root");
}

fn changed_receipt(feed: &mut Feed<'_>) {
    let size = 1 + usize::from(feed.u8());
    let leaves = leaves(size);
    let at = usize::from(feed.u8()) % size;
    let checkpoint = Checkpoint {
        origin: ORIGIN.to_owned(),
        size: size as u64,
        root: root(&leaves),
    };
    let receipt = Receipt {
        index: at as u64,
        proof: inclusion(at, &leaves),
        checkpoint: checkpoint.sign(&SIGNER).unwrap(),
    };
    let text = receipt.to_text();
    assert_eq!(Receipt::parse(&text), Ok(receipt.clone()));
    assert_eq!(
        receipt.verify(&entry(at), SIGNER.verifier()),
        Ok(checkpoint.clone())
    );
    let Ok(changed) = String::from_utf8(feed.changed(text.as_bytes())) else {
        return;
    };
    let Ok(changed) = Receipt::parse(&changed) else {
        return;
    };
    if let Ok(proven) = changed.verify(&entry(at), SIGNER.verifier()) {
        assert_eq!(proven, checkpoint);
        assert_eq!(
            (changed.index, changed.proof),
            (receipt.index, receipt.proof)
        );
    }
}

fn paths(feed: &mut Feed<'_>) {
    let (level, index, size) = (feed.u8() % 9, feed.number(), feed.number());
    if let Some(tile) = Tile::in_tree(level, index, size) {
        assert_eq!(Tile::parse(&tile.path()), Some(tile));
        assert!((1..=TILE_WIDTH).contains(&tile.width));
    }
    if let Some(bundle) = Bundle::of_entry(index, size) {
        assert_eq!(Bundle::parse(&bundle.path()), Some(bundle));
        assert!(index < size);
        assert!((bundle.start()..=bundle.start() + (bundle.width - 1)).contains(&index));
    } else {
        assert!(index >= size);
    }
    let text = String::from_utf8_lossy(feed.0);
    if let Some(tile) = Tile::parse(&text) {
        assert_eq!(tile.path(), text);
    }
    if let Some(bundle) = Bundle::parse(&text) {
        assert_eq!(bundle.path(), text);
    }
}

fn bundles(feed: &mut Feed<'_>) {
    let width = u64::from(feed.u8()) + u64::from(feed.u8() & 3);
    if let Ok(entries) = decode_bundle(feed.0, width) {
        assert_eq!(entries.len() as u64, width);
        assert!(width <= TILE_WIDTH);
        let mut written = Vec::new();
        for entry in entries {
            encode_entry(entry, &mut written).unwrap();
        }
        assert_eq!(written, feed.0);
    }
    let mut pieces = Vec::new();
    let mut written = Vec::new();
    while !feed.is_empty() && pieces.len() < 256 {
        let piece = feed.piece();
        encode_entry(piece, &mut written).unwrap();
        pieces.push(piece);
    }
    let width = pieces.len() as u64;
    assert_eq!(decode_bundle(&written, width), Ok(pieces));
    assert!(decode_bundle(&written, width + 1).is_err());
}

fn keys(feed: &mut Feed<'_>) {
    let key = SigningKey::from_bytes(&[feed.u8(); 32]).verifying_key();
    let name = feed.text();
    let Ok(verifier) = Verifier::new(&name, key) else {
        return;
    };
    let vkey = verifier.to_vkey();
    assert_eq!(Verifier::parse(&vkey), Ok(verifier.clone()));
    if let Ok(changed) = String::from_utf8(feed.changed(vkey.as_bytes()))
        && let Ok(changed) = Verifier::parse(&changed)
    {
        // The hash ties the name to the key. It has four bytes: it is against slips, not forgers.
        assert_eq!(changed, verifier);
    }
}

fn key(of: u8) -> SigningKey {
    SigningKey::from_bytes(&[of; 32])
}

static ORGANIZATION: LazyLock<Organization> = LazyLock::new(|| {
    let person = |id: &str, role, of| Person {
        id: id.to_owned(),
        name: id.to_owned(),
        roles: vec![role],
        public_key: public_key_hex(&key(of)),
    };
    Organization {
        people: vec![
            person("asks", PersonRole::Requester, 7),
            person("decides", PersonRole::Approver, 8),
        ],
        ..Organization::default()
    }
});

/// A request, its approval and a deployment, each signed; one text for the whole run.
static APPROVALS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut book = Vec::new();
    let mut add = |payload: &Payload, signer, of| {
        let head = ledger(&book).expect("verifies").head().to_owned();
        let line = seal(payload, signer, &key(of), &head).expect("sealed");
        book.extend_from_slice(line.as_bytes());
        book.push(b'\n');
        ledger(&book).expect("may be added")
    };
    let at = || "2026-11-22".to_owned();
    let ask = Ask::Reading(ReadingAsk {
        reading: "rewriting-is-output".to_owned(),
        answer: "no".to_owned(),
        evidence: Some(Document {
            name: "memo.pdf".to_owned(),
            sha256: "c".repeat(64),
        }),
        at: at(),
        expires: "2026-12-31".to_owned(),
        note: None,
    });
    let asked = add(&Payload::Request(ask), "asks", 7);
    let request = asked.requests().first().expect("asked").clone();
    let approve = Decided {
        request: request.id,
        request_sha256: request.sha256,
        at: at(),
        note: Some("yes".to_owned()),
    };
    add(&Payload::Approve(approve), "decides", 8);
    let runs = Deployment {
        model: "acme-7b".to_owned(),
        environment: "prod".to_owned(),
        state: DeploymentState::Running,
        from: at(),
        at: at(),
        note: None,
    };
    add(&Payload::Deployment(runs), "asks", 7);
    book
});

fn ledger(bytes: &[u8]) -> Result<Ledger, crate::governance::LedgerError> {
    Ledger::read(bytes, "approvals.jsonl", &ORGANIZATION)
}

/// Nothing that these people did not sign is an approval.
fn any_ledger(bytes: &[u8]) {
    match ledger(bytes) {
        Ok(found) => assert_eq!(found.records(), 0, "a forged record"),
        Err(error) => assert!(error.line >= 1 && !error.to_string().is_empty()),
    }
}

/// What verifies is a beginning of what was signed, in the same order.
fn changed_ledger(feed: &mut Feed<'_>) {
    let whole = ledger(&APPROVALS).unwrap();
    let Ok(found) = ledger(&feed.changed(&APPROVALS)) else {
        return;
    };
    assert!(found.records() <= whole.records());
    assert!(found.requests().len() <= whole.requests().len());
    for (found, signed) in found.requests().iter().zip(whole.requests()) {
        assert_eq!(
            (&found.ask, &found.requester),
            (&signed.ask, &signed.requester)
        );
    }
    if found.records() == whole.records() {
        assert_eq!(found.requests(), whole.requests());
        assert!(found.deployments().eq(whole.deployments()));
    }
}
