//! Attestations: envelopes, bundles, statements, and what is accepted of them.
//!
//! The first byte chooses: any bytes, which nobody signed; a true envelope, bare or in a bundle,
//! changed as the rest of the bytes say; or a payload, which is signed as it is, so that whatever
//! it says reaches the reading of statements and the judgement over them.

use std::sync::LazyLock;

use ed25519_dalek::SigningKey;
use jiff::civil::Date;

use super::feed::Feed;
use crate::attest::CHECK_TYPE;
use crate::attest::Predicate;
use crate::attest::Statement;
use crate::attest::VerdictWord;
use crate::attest::accept::Demands;
use crate::attest::accept::Given;
use crate::attest::accept::judge;
use crate::attest::bundle;
use crate::attest::dsse::Envelope;
use crate::attest::dsse::PAYLOAD_TYPE;
use crate::attest::dsse::Unverified;

/// The key that signs, and one that does not.
static KEYS: LazyLock<[SigningKey; 2]> =
    LazyLock::new(|| [5, 6].map(|of| SigningKey::from_bytes(&[of; 32])));

/// Longest payload that is signed to be changed. Chosen: changes are few, and should meet it all.
const PAYLOAD_MAX: usize = 2048;

/// The property.
pub fn check(data: &[u8]) {
    let mut feed = Feed(data);
    match feed.u8() % 4 {
        0 => any_envelope(feed.0),
        1 => changed_envelope(&mut feed, false),
        2 => changed_envelope(&mut feed, true),
        _ => signed_statement(feed.0),
    }
}

/// What nobody signed does not verify, whatever it claims.
fn any_envelope(bytes: &[u8]) {
    let keys = KEYS.each_ref().map(SigningKey::verifying_key);
    let Ok(read) = bundle::read(bytes) else {
        return;
    };
    if let Ok(statement) = Statement::read_unverified(&read) {
        said_again(&statement);
    }
    assert!(read.verify(&keys).is_err(), "a forged envelope");
    if let Ok(bare) = Unverified::read(bytes) {
        assert!(bare.verify(&keys).is_err(), "a forged envelope");
    }
}

/// A changed envelope that verifies holds the very bytes that were signed, and no other key's.
fn changed_envelope(feed: &mut Feed<'_>, in_bundle: bool) {
    let len = usize::from(feed.u16()) % PAYLOAD_MAX;
    let payload = feed.take(len);
    let [key, other] = KEYS.each_ref();
    let envelope = Envelope::sign(PAYLOAD_TYPE, payload, key);
    let bytes = if in_bundle {
        bundle::bundle(&envelope).unwrap()
    } else {
        envelope.to_bytes().unwrap()
    };
    let whole = bundle::read(&bytes).unwrap();
    assert!(whole.clone().verify(&[other.verifying_key()]).is_err());
    let keys = [other.verifying_key(), key.verifying_key()];
    assert_eq!(whole.verify(&keys).unwrap().payload(), payload);

    let Ok(changed) = bundle::read(&feed.changed(&bytes)) else {
        return;
    };
    assert!(changed.clone().verify(&[other.verifying_key()]).is_err());
    if let Ok(verified) = changed.verify(&keys) {
        assert_eq!(verified.payload(), payload, "a changed payload verifies");
        assert_eq!(*verified.key(), key.verifying_key());
    }
}

/// A statement that is read says the same when it is written and read again.
fn said_again(statement: &Statement<Predicate>) {
    let (_, envelope) = statement.sign(&KEYS[0]).unwrap();
    let read = bundle::read(&envelope.to_bytes().unwrap()).unwrap();
    let verified = read.verify(&[KEYS[0].verifying_key()]).unwrap();
    assert_eq!(Statement::read(&verified).unwrap(), *statement);
}

/// Signed bytes are those read; what is accepted of a statement is a complete check of the data.
fn signed_statement(payload: &[u8]) {
    let envelope = Envelope::sign(PAYLOAD_TYPE, payload, &KEYS[0]);
    let read = bundle::read(&envelope.to_bytes().unwrap()).unwrap();
    let verified = read.verify(&[KEYS[0].verifying_key()]).unwrap();
    assert_eq!(verified.payload(), payload);
    if let Ok(statement) = Statement::read(&verified) {
        said_again(&statement);
        judged(&statement);
    }
}

fn judged(statement: &Statement<Predicate>) {
    let predicate = &statement.predicate;
    let data: Vec<Given> = (statement.subject.iter())
        .map(|subject| Given {
            name: String::new(),
            sha256: subject.digest.sha256.clone(),
        })
        .collect();
    // A day on which it may hold, if there is one.
    let day = |text: &str| text.get(..10).unwrap_or_default().parse::<Date>().ok();
    let days = [day(&predicate.finished), day(&predicate.as_of)];
    let demands = Demands {
        data: &data,
        subset: false,
        policy_digest: None,
        target_sha256: None,
        today: days.into_iter().flatten().max().unwrap_or_default(),
        max_age_days: None,
        fail_on_flag: false,
        no_exempt_columns: false,
    };
    let accepts = |demands: &Demands<'_>| judge(statement, demands).is_empty();
    let accepted = accepts(&demands);
    if accepted {
        complete(statement);
        assert!(accepts(&Demands {
            subset: true,
            ..demands.clone()
        }));
    }
    let stricter = [
        Demands {
            fail_on_flag: true,
            ..demands.clone()
        },
        Demands {
            max_age_days: Some(3),
            ..demands.clone()
        },
        Demands {
            no_exempt_columns: true,
            ..demands.clone()
        },
    ];
    for stricter in stricter {
        assert!(accepted || !accepts(&stricter), "a demand opened the gate");
        if stricter.fail_on_flag && accepts(&stricter) {
            assert_eq!(predicate.verdict, VerdictWord::Pass);
        }
    }
    let never = |data: &[Given], subset| {
        !accepts(&Demands {
            data,
            subset,
            ..demands.clone()
        })
    };
    assert!(never(&[], false) && never(&[], true), "about nothing");
    let foreign = Given {
        name: String::new(),
        sha256: "it covers nothing of that name".to_owned(),
    };
    if data.iter().all(|given| given.sha256 != foreign.sha256) {
        let more: Vec<Given> = data.iter().cloned().chain([foreign]).collect();
        assert!(never(&more, false) && never(&more, true), "other data");
    }
}

/// What an accepted statement has to say, apart from how it is judged.
fn complete(statement: &Statement<Predicate>) {
    let predicate = &statement.predicate;
    assert_eq!(statement.predicate_type, CHECK_TYPE);
    let flagged = match predicate.verdict {
        VerdictWord::Pass => false,
        VerdictWord::Flag => true,
        VerdictWord::Block | VerdictWord::Undecided => panic!("{:?}", predicate.verdict),
    };
    let mut read = 0;
    for (file, subject) in predicate.coverage.iter().zip(&statement.subject) {
        assert_eq!(
            file.sha256.as_ref(),
            Some(&subject.digest.sha256),
            "a subject that was not read to its end"
        );
        let rows = &file.rows;
        assert_eq!(
            u128::from(rows.pass) + u128::from(rows.flag),
            u128::from(rows.read)
        );
        assert_eq!(rows.read, file.rows_read);
        assert!(flagged || rows.flag == 0);
        read += u128::from(rows.read);
    }
    assert_eq!(predicate.coverage.len(), statement.subject.len());
    assert_eq!(read, u128::from(predicate.rows.read));
    let findings = &predicate.findings;
    assert_eq!((findings.block, findings.undecided), (0, 0));
    assert!(flagged || findings.flag == 0);
    assert_eq!(predicate.canaries.planted, predicate.canaries.found);
    let snapshot = predicate.snapshot.as_ref().expect("of a snapshot");
    assert!(snapshot.sources > 0);
}
