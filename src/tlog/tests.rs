//! Against a slow reference written from the definitions of RFC 6962, for every size up to 600.

use std::collections::BTreeMap;

use ed25519_dalek::SigningKey;

use super::*;

const SIZES: usize = 600;

fn entries(size: usize) -> Vec<Vec<u8>> {
    (0..size).map(|at| format!("e{at}").into_bytes()).collect()
}

/// MTH(D), as the definition has it.
fn mth(leaves: &[Hash]) -> Hash {
    match leaves.len() {
        0 => empty_root(),
        1 => leaves[0],
        n => {
            let k = (1..n).rev().find(|k| k.is_power_of_two()).unwrap();
            node_hash(mth(&leaves[..k]), mth(&leaves[k..]))
        }
    }
}

/// PATH(m, D), as the definition has it.
fn path(m: usize, leaves: &[Hash]) -> Vec<Hash> {
    let n = leaves.len();
    if n == 1 {
        return Vec::new();
    }
    let k = (1..n).rev().find(|k| k.is_power_of_two()).unwrap();
    if m < k {
        let mut out = path(m, &leaves[..k]);
        out.push(mth(&leaves[k..]));
        out
    } else {
        let mut out = path(m - k, &leaves[k..]);
        out.push(mth(&leaves[..k]));
        out
    }
}

/// SUBPROOF(m, D, b), as the definition has it.
fn subproof(m: usize, leaves: &[Hash], known: bool) -> Vec<Hash> {
    let n = leaves.len();
    if m == n {
        return if known { Vec::new() } else { vec![mth(leaves)] };
    }
    let k = (1..n).rev().find(|k| k.is_power_of_two()).unwrap();
    if m <= k {
        let mut out = subproof(m, &leaves[..k], known);
        out.push(mth(&leaves[k..]));
        out
    } else {
        let mut out = subproof(m - k, &leaves[k..], false);
        out.push(mth(&leaves[..k]));
        out
    }
}

/// Tiles in memory; a partial one is cut out of the full one, as a reader may.
struct Kept(BTreeMap<(u8, u64), Vec<Hash>>);

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum KeptError {
    #[error("no tile {0}")]
    None(String),
    #[error(transparent)]
    Tree(#[from] TreeError),
    #[error(transparent)]
    Edge(#[from] EdgeError),
}

impl Tiles for Kept {
    type Error = KeptError;

    fn tile(&self, tile: Tile) -> Result<Vec<Hash>, KeptError> {
        let width = usize::try_from(tile.width).unwrap();
        match self.0.get(&(tile.level, tile.index)) {
            Some(hashes) if hashes.len() >= width => Ok(hashes[..width].to_vec()),
            _ => Err(KeptError::None(tile.path())),
        }
    }
}

fn grown(size: usize) -> (Kept, Vec<Hash>, Edge) {
    let leaves: Vec<Hash> = entries(size).iter().map(|e| leaf_hash(e)).collect();
    let mut edge = Edge::empty();
    let mut kept = Kept(BTreeMap::new());
    for &leaf in &leaves {
        let mut tiles = Vec::new();
        edge.push(leaf, &mut tiles);
        tiles.extend(edge.partial());
        for (tile, hashes) in tiles {
            assert_eq!(hashes.len() as u64, tile.width);
            kept.0.insert((tile.level, tile.index), hashes);
        }
    }
    (kept, leaves, edge)
}

#[test]
fn roots_and_edges_are_the_references_at_every_size() {
    let (kept, leaves, _) = grown(SIZES);
    let mut edge = Edge::empty();
    assert_eq!(edge.root(), empty_root());
    for size in 0..=SIZES {
        let expected = mth(&leaves[..size]);
        assert_eq!(edge.root(), expected, "edge of {size}");
        assert_eq!(Edge::load(&kept, size as u64).unwrap(), edge, "{size}");
        let tree = Tree::new(&kept, size as u64);
        assert_eq!(tree.root().unwrap(), expected, "tree of {size}");
        if size < SIZES {
            edge.push(leaves[size], &mut Vec::new());
        }
    }
}

/// All places of a small tree, near a full tile and at the ends; every seventh elsewhere.
fn tried(at: usize, size: usize) -> bool {
    size <= 70 || at < 2 || at + 3 > size || (253..260).contains(&at) || at % 7 == size % 7
}

#[test]
fn every_inclusion_proof_is_the_references_and_verifies_there_only() {
    let (kept, leaves, _) = grown(SIZES);
    for size in 1..=SIZES {
        let tree = Tree::new(&kept, size as u64);
        let root = mth(&leaves[..size]);
        for at in (0..size).filter(|at| tried(*at, size)) {
            let proof = tree.inclusion(at as u64).unwrap();
            assert_eq!(proof, path(at, &leaves[..size]), "{at} of {size}");
            let verify = |proof: &[Hash], index: usize, leaf, size: usize| {
                verify_inclusion(proof, index as u64, leaf, size as u64, root)
            };
            verify(&proof, at, leaves[at], size).unwrap();
            assert!(verify(&proof, at, leaf_hash(b"other"), size).is_err());
            assert!(verify(&proof, size, leaves[at], size).is_err());
            if size > 1 {
                let other = if at + 1 == size { at - 1 } else { at + 1 };
                assert!(verify(&proof, other, leaves[at], size).is_err());
                assert!(verify(&proof[1..], at, leaves[at], size).is_err());
            }
            let longer = [proof.clone(), vec![root]].concat();
            assert!(verify(&longer, at, leaves[at], size).is_err());
        }
        assert!(tree.inclusion(size as u64).is_err());
    }
}

#[test]
fn every_consistency_proof_is_the_references_and_verifies_there_only() {
    let (kept, leaves, _) = grown(SIZES);
    let roots: Vec<Hash> = (0..=SIZES).map(|size| mth(&leaves[..size])).collect();
    for size in 1..=SIZES {
        let tree = Tree::new(&kept, size as u64);
        for old in (1..=size).filter(|old| tried(*old, size)) {
            let proof = tree.consistency(old as u64).unwrap();
            assert_eq!(
                proof,
                subproof(old, &leaves[..size], true),
                "{old} of {size}"
            );
            let verify = |proof: &[Hash], old_root: Hash, root: Hash| {
                verify_consistency(proof, old as u64, old_root, size as u64, root)
            };
            verify(&proof, roots[old], roots[size]).unwrap();
            assert!(verify(&proof, roots[old - 1], roots[size]).is_err());
            assert!(verify(&proof, roots[old], roots[size - 1]).is_err());
            let longer = [proof.clone(), vec![roots[1]]].concat();
            assert!(verify(&longer, roots[old], roots[size]).is_err());
            for at in 0..proof.len() {
                let mut bad = proof.clone();
                bad[at].0[31] ^= 1;
                assert!(verify(&bad, roots[old], roots[size]).is_err());
                bad.remove(at);
                assert!(verify(&bad, roots[old], roots[size]).is_err());
            }
        }
        assert!(tree.consistency(size as u64 + 1).is_err());
        assert_eq!(tree.consistency(0).unwrap(), []);
        verify_consistency(&[], 0, empty_root(), size as u64, roots[size]).unwrap();
    }
}

#[test]
fn tiles_are_those_of_the_specification() {
    // The example of tlog-tiles: 70,000 entries.
    let tiles: Vec<Tile> = tiles_of(70_000).collect();
    let count = |level: u8, width: std::ops::RangeInclusive<u64>| {
        let of = |tile: &&Tile| tile.level == level && width.contains(&tile.width);
        tiles.iter().filter(of).count()
    };
    assert_eq!((count(0, 256..=256), count(0, 112..=112)), (273, 1));
    assert_eq!((count(1, 256..=256), count(1, 17..=17)), (1, 1));
    assert_eq!((count(2, 1..=1), tiles.len()), (1, 277));
    let paths: Vec<String> = tiles_of(256).map(Tile::path).collect();
    assert_eq!(paths, ["tile/0/000", "tile/1/000.p/1"]);
}

#[test]
fn paths_are_those_of_the_specification_and_come_back() {
    for (index, width, path) in [
        (0, 256, "000"),
        (0, 1, "000.p/1"),
        (999, 255, "999.p/255"),
        (1000, 256, "x001/000"),
        (1_234_067, 256, "x001/x234/067"),
        (1_234_067, 7, "x001/x234/067.p/7"),
    ] {
        let tile = Tile {
            level: 3,
            index,
            width,
        };
        assert_eq!(tile.path(), format!("tile/3/{path}"));
        assert_eq!(Tile::parse(&tile.path()), Some(tile));
        let bundle = Bundle { index, width };
        assert_eq!(bundle.path(), format!("tile/entries/{path}"));
        assert_eq!(Bundle::parse(&bundle.path()), Some(bundle));
    }
    for path in [
        "tile/0/0",
        "tile/0/0000",
        "tile/0/x000/001",
        "tile/00/001",
        "tile/8/001",
        "tile/0/001.p/0",
        "tile/0/001.p/256",
        "tile/0/001.p/01",
        "tile/0/001.p/",
        "tile/0/",
        "tile/0",
        "tile/entries/001",
        "tile/0/001/002",
        "tile/0/x001/x002",
        "tile/0/+01",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
    ] {
        assert_eq!(Tile::parse(path), None, "{path}");
    }
}

#[test]
fn bundles_come_back_and_nothing_else_is_one() {
    let kept = [b"".to_vec(), b"a".to_vec(), vec![7; ENTRY_BYTES_MAX]];
    let mut bytes = Vec::new();
    for entry in &kept {
        encode_entry(entry, &mut bytes).unwrap();
    }
    assert_eq!(decode_bundle(&bytes, 3).unwrap(), kept);
    assert_eq!(bytes[..5], [0, 0, 0, 1, b'a']);
    for width in [0, 1, 2, 4, 300] {
        assert!(decode_bundle(&bytes, width).is_err());
    }
    for cut in [1, 3, 5, bytes.len() - 1] {
        assert!(decode_bundle(&bytes[..cut], 3).is_err());
    }
    let long = vec![0; ENTRY_BYTES_MAX + 1];
    let before = bytes.clone();
    assert!(encode_entry(&long, &mut bytes).is_err());
    assert_eq!(bytes, before);
}

/// The vector that Go's `sumdb/note` verified.
const VKEY: &str = "herdbook.example/log+66d07299+Af0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYY";
const NOTE: &str = "herdbook.example/log\n300\nzdbZhHbyqhi3Vw1NagHHY8DLZvQ0Weow3O9XB0YA9uE=\n\n\
     \u{2014} herdbook.example/log ZtBymTH6KiEMRDHU+6opqR+oxcVn/GNFrWxlmyrc051ODS82OdBwsUSoNrTQJwV8sANdZ0AhndQJDuorKSIneQv3PwA=\n";

fn signer() -> Signer {
    Signer::new("herdbook.example/log", SigningKey::from_bytes(&[9; 32])).unwrap()
}

#[test]
fn the_vector_of_a_foreign_implementation_is_made_and_opened() {
    assert_eq!(signer().verifier().to_vkey(), VKEY);
    let (_, leaves, edge) = grown(300);
    let checkpoint = Checkpoint {
        origin: "herdbook.example/log".to_owned(),
        size: 300,
        root: mth(&leaves),
    };
    assert_eq!(edge.root(), checkpoint.root);
    assert_eq!(checkpoint.sign(&signer()).unwrap(), NOTE);
    let verifier = Verifier::parse(VKEY).unwrap();
    assert_eq!(Checkpoint::open(NOTE, &verifier).unwrap(), checkpoint);
    assert_eq!(Checkpoint::claimed_origin(NOTE).unwrap(), checkpoint.origin);
}

#[test]
fn the_examples_of_the_note_specification_hold() {
    let vkey = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    let note = "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    let verifier = Verifier::parse(vkey).unwrap();
    assert_eq!(verifier.to_vkey(), vkey);
    assert_eq!(
        open_note(note, &verifier).unwrap(),
        "This is an example message.\n"
    );
    // A signature by somebody else below it changes nothing; one that claims the key does.
    let other = Signer::new("example.com/bar", SigningKey::from_bytes(&[1; 32])).unwrap();
    let signed = other.sign("This is an example message.\n").unwrap();
    let line = signed.rsplit_once("\n\n").unwrap().1;
    assert!(open_note(&format!("{note}{line}"), &verifier).is_ok());
    let forged = note
        .rsplit_once("\n\n")
        .unwrap()
        .1
        .replace("Uw2QOkn8", "Uw2QOkn9");
    assert!(matches!(
        open_note(&format!("{note}{forged}"), &verifier),
        Err(NoteError::Bad { .. })
    ));
    assert!(matches!(
        open_note(&signed, &verifier),
        Err(NoteError::Unsigned { .. })
    ));
}

#[test]
fn no_changed_bit_of_a_checkpoint_is_accepted() {
    let verifier = Verifier::parse(VKEY).unwrap();
    let mut tried = 0;
    for at in 0..NOTE.len() {
        for bit in 0..8 {
            let mut bytes = NOTE.as_bytes().to_vec();
            bytes[at] ^= 1 << bit;
            tried += 1;
            let Ok(text) = String::from_utf8(bytes) else {
                continue;
            };
            assert!(Checkpoint::open(&text, &verifier).is_err(), "{text}");
        }
    }
    assert_eq!(tried, NOTE.len() * 8);
    for end in 0..NOTE.len() {
        if NOTE.is_char_boundary(end) {
            assert!(Checkpoint::open(&NOTE[..end], &verifier).is_err());
        }
    }
}

#[test]
fn checkpoints_are_spelt_in_one_way() {
    let root = "zdbZhHbyqhi3Vw1NagHHY8DLZvQ0Weow3O9XB0YA9uE=";
    Checkpoint::parse(&format!("o\n0\n{root}\n")).unwrap();
    for text in [
        format!("o\n00\n{root}\n"),
        format!("o\n+1\n{root}\n"),
        format!("\n1\n{root}\n"),
        format!("o\n1\n{root}"),
        format!("o\n1\n{root}\nextension\n"),
        format!("o\r\n1\n{root}\n"),
        format!("o\n1\n{}\n", root.trim_end_matches('=')),
        format!("o\n1\n{}F=\n", &root[..42]),
        format!("o\n18446744073709551616\n{root}\n"),
        "o\n1\n".to_owned(),
        String::new(),
    ] {
        assert!(Checkpoint::parse(&text).is_err(), "{text:?}");
    }
    let checkpoint = Checkpoint::parse(&format!("other\n1\n{root}\n")).unwrap();
    assert!(matches!(
        checkpoint.sign(&signer()),
        Err(CheckpointError::OtherLog { .. })
    ));
    let note = signer().sign(&checkpoint.to_text()).unwrap();
    assert!(matches!(
        Checkpoint::open(&note, signer().verifier()),
        Err(CheckpointError::OtherLog { .. })
    ));
}

#[test]
fn keys_are_spelt_in_one_way() {
    for vkey in [
        "",
        "herdbook.example/log",
        "herdbook.example/log+66d07299",
        "herdbook.example/log+66D07299+Af0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYY",
        "herdbook.example/log+66d07298+Af0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYY",
        "herdbook.example/log+66d07299+Av0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYY",
        "herdbook.example/log+66d07299+Af0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYYAA==",
        "herdbook example+66d07299+Af0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYY",
    ] {
        assert!(Verifier::parse(vkey).is_err(), "{vkey}");
    }
    for name in ["", "a b", "a+b", "a\nb", "a\u{a0}b"] {
        assert!(Signer::new(name, SigningKey::from_bytes(&[1; 32])).is_err());
    }
    assert!(signer().sign("no line end").is_err());
    assert!(signer().sign("a\tb\n").is_err());
}

#[test]
fn a_receipt_proves_its_entry_and_no_other() {
    let (kept, _, edge) = grown(300);
    let checkpoint = Checkpoint {
        origin: "herdbook.example/log".to_owned(),
        size: 300,
        root: edge.root(),
    };
    let note = checkpoint.sign(&signer()).unwrap();
    for index in [0, 1, 41, 255, 256, 298, 299] {
        let receipt = Receipt {
            index,
            proof: Tree::new(&kept, 300).inclusion(index).unwrap(),
            checkpoint: note.clone(),
        };
        let text = receipt.to_text();
        assert!(text.starts_with(&format!("c2sp.org/tlog-proof@v1\nindex {index}\n")));
        let read = Receipt::parse(&text).unwrap();
        assert_eq!(read, receipt);
        let entry = format!("e{index}");
        let verifier = signer().verifier().clone();
        assert_eq!(
            read.verify(entry.as_bytes(), &verifier).unwrap(),
            checkpoint
        );
        assert!(read.verify(b"e7", &verifier).is_err());
        let other = Signer::new("herdbook.example/log", SigningKey::from_bytes(&[8; 32])).unwrap();
        assert!(read.verify(entry.as_bytes(), other.verifier()).is_err());
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1 << (at % 7);
            let Ok(changed) = String::from_utf8(bytes) else {
                continue;
            };
            let accepted = Receipt::parse(&changed)
                .is_ok_and(|receipt| receipt.verify(entry.as_bytes(), &verifier).is_ok());
            assert!(!accepted, "byte {at}: {changed}");
        }
    }
    for text in [
        "",
        "c2sp.org/tlog-proof@v1\nindex 0\n",
        "c2sp.org/tlog-proof@v1\nextra AA==\nindex 0\n\n",
    ] {
        assert!(Receipt::parse(text).is_err());
    }
}
