//! Each refusal, each rule of application, and the promise that nothing unsigned is an approval.

use std::collections::BTreeMap;
use std::sync::Arc;

use ed25519_dalek::SigningKey;
use proptest::prelude::*;

use super::record::NO_PREVIOUS;
use super::*;
use crate::model::AppliedApproval;
use crate::model::ApprovalKind;
use crate::model::Clauses;
use crate::model::Code;
use crate::model::Decision;
use crate::model::Level;
use crate::model::License;
use crate::model::Organization;
use crate::model::Person;
use crate::model::PersonRole;
use crate::model::Ruling;
use crate::model::target::Availability;
use crate::model::target::Purpose;
use crate::model::target::Stage;
use crate::model::target::Target;
use crate::model::target::TargetKind;

const ASKED: &str = "2026-11-22";
const DAY: &str = "2026-12-01";
const EXPIRES: &str = "2026-12-31";

fn key(of: &str) -> SigningKey {
    let seed = match of {
        "jdoe" => 7,
        "msmith" => 8,
        "boss" => 9,
        _ => 10,
    };
    SigningKey::from_bytes(&[seed; 32])
}

fn person(id: &str, roles: &[PersonRole]) -> Person {
    Person {
        id: id.to_owned(),
        name: format!("Name of {id}"),
        roles: roles.to_vec(),
        public_key: public_key_hex(&key(id)),
    }
}

/// `jdoe` asks, `msmith` decides, `boss` may do both.
fn organization() -> Organization {
    use PersonRole::{Approver, Requester};
    Organization {
        people: vec![
            person("jdoe", &[Requester]),
            person("msmith", &[Approver]),
            person("boss", &[Requester, Approver]),
        ],
        ..Organization::default()
    }
}

/// A file being written.
#[derive(Clone)]
struct Book {
    bytes: Vec<u8>,
    organization: Organization,
}

impl Book {
    fn new() -> Self {
        Self {
            bytes: Vec::new(),
            organization: organization(),
        }
    }

    fn read(&self) -> Result<Ledger, LedgerError> {
        Ledger::read(&self.bytes, "approvals.jsonl", &self.organization)
    }

    /// Appends whatever is given, refused or not.
    fn add(&mut self, signer: &str, payload: &Payload) -> Result<Ledger, Fault> {
        let head = match self.read() {
            Ok(ledger) => ledger.head().to_owned(),
            Err(_) => NO_PREVIOUS.to_owned(),
        };
        let line = seal(payload, signer, &key(signer), &head).expect("sealed");
        self.bytes.extend_from_slice(line.as_bytes());
        self.bytes.push(b'\n');
        self.read().map_err(|error| error.fault)
    }

    fn ask(&mut self, signer: &str, ask: Ask) -> String {
        let ledger = self.add(signer, &Payload::Request(ask)).expect("may ask");
        ledger.requests().last().expect("one").id.clone()
    }

    fn decided(&self, id: &str) -> Decided {
        let ledger = self.read().expect("verifies");
        Decided {
            request: id.to_owned(),
            request_sha256: ledger.request(id).expect("is there").sha256.clone(),
            at: ASKED.to_owned(),
            note: None,
        }
    }

    fn approve(&mut self, id: &str) {
        let payload = Payload::Approve(self.decided(id));
        self.add("msmith", &payload).expect("may approve");
    }

    fn approvals(&self) -> Approvals {
        Approvals::new(&self.read().expect("verifies"), &licenses())
    }
}

fn approved(ask: Ask) -> (Approvals, String) {
    let mut book = Book::new();
    let id = book.ask("jdoe", ask);
    book.approve(&id);
    (book.approvals(), id)
}

fn a_license(id: &str, sha256: char) -> Arc<License> {
    Arc::new(License {
        card_names: Vec::new(),
        scancode: None,
        date_line: None,
        use_policy_link: None,
        use_policy_sha256: None,
        own_file: None,
        id: id.to_owned(),
        title: id.to_owned(),
        licensor: String::new(),
        llama: None,
        hugging_face: None,
        link: String::new(),
        version_date: None,
        read: String::new(),
        sha256: Some(sha256.to_string().repeat(64)),
        outputs: String::new(),
        clauses: Clauses::default(),
    })
}

fn licenses() -> Vec<Arc<License>> {
    vec![a_license("llama-3", 'a'), a_license("llama-3.1", 'b')]
}

fn sign_off() -> SignOffAsk {
    SignOffAsk {
        license: "llama-3".to_owned(),
        license_sha256: Some("a".repeat(64)),
        question: None,
        target: TARGET_ANY.to_owned(),
        base: None,
        host: None,
        evidence: Document {
            name: "memo.pdf".to_owned(),
            sha256: "c".repeat(64),
        },
        at: ASKED.to_owned(),
        expires: EXPIRES.to_owned(),
        note: None,
    }
}

fn waiver() -> WaiverAsk {
    WaiverAsk {
        code: Some("llama-output-prohibited".to_owned()),
        license: None,
        source: Some("faq-2024".to_owned()),
        target: None,
        findings: Vec::new(),
        reason: WaiverReason::FalseMatch,
        evidence: None,
        at: ASKED.to_owned(),
        expires: EXPIRES.to_owned(),
        note: None,
    }
}

fn target() -> Target {
    Target {
        name: Some("acme-chat".to_owned()),
        base: vec!["mistralai/Mistral-7B-v0.3".to_owned()],
        kind: TargetKind::Llm,
        availability: Availability::Weights,
        folder: None,
        stage: Stage::Train,
        purpose: Purpose::Commercial,
        inputs: Vec::new(),
        models_used: Vec::new(),
    }
}

fn decision(code: &'static str, ruling: Ruling, license: &str) -> Decision {
    Decision {
        code: Code(code),
        ruling: Some(ruling),
        level: Level::Block,
        license: Some(license.to_owned()),
        clause: None,
        obligations: Vec::new(),
        reason: "matches; it is open".to_owned(),
        how_to_fix: "split".to_owned(),
        readings: Vec::new(),
        question: None,
    }
}

fn review(license: &str) -> Decision {
    decision("llama-output-needs-review", Ruling::NeedsReview, license)
}

fn prohibited() -> Decision {
    decision("llama-output-prohibited", Ruling::Prohibited, "llama-3")
}

fn subject(target: &Target) -> Subject<'_> {
    Subject {
        target,
        source: Some("faq-2024"),
        host: None,
        place: None,
        licenses: &[],
    }
}

/// Applies to a decision for the plain subject on a day.
fn applied(approvals: &Approvals, decision: &mut Decision, day: &str) -> Option<AppliedApproval> {
    let target = target();
    approvals.apply(decision, &subject(&target), day, &mut Uses::default())
}

// Records.

#[test]
fn the_page_s_example_is_what_the_program_writes_and_reads() {
    // The line was made with OpenSSL after the page's description, not with this program.
    let page = include_str!("../../docs/governance.md");
    let (_, rest) = page.split_once("```json\n").expect("an example");
    let (line, _) = rest.split_once("\n```").expect("its end");
    let mut book = Book::new();
    assert!(page.contains(&public_key_hex(&key("jdoe"))));
    book.add("jdoe", &Payload::Request(Ask::Waiver(waiver())))
        .expect("reads");
    assert_eq!(
        std::str::from_utf8(&book.bytes).expect("text"),
        format!("{line}\n")
    );
}

#[test]
fn an_empty_file_holds_nothing() {
    let ledger = Book::new().read().expect("reads");
    assert_eq!((ledger.records(), ledger.head()), (0, NO_PREVIOUS));
}

#[test]
fn requests_are_approved_rejected_and_revoked_by_those_who_may() {
    let mut book = Book::new();
    let first = book.ask("jdoe", Ask::SignOff(sign_off()));
    let second = book.ask("boss", Ask::Waiver(waiver()));
    book.approve(&first);
    let payload = Payload::Reject(book.decided(&second));
    book.add("msmith", &payload).expect("rejected");
    let ledger = book.read().expect("reads");
    let state = |id: &str| ledger.request(id).expect("is there").state.as_str();
    assert_eq!((state(&first), state(&second)), ("approved", "rejected"));
    // The requester takes back their own, approved or not.
    let payload = Payload::Revoke(book.decided(&first));
    let ledger = book.add("jdoe", &payload).expect("revoked");
    assert_eq!(
        ledger.request(&first).expect("is there").state.as_str(),
        "revoked"
    );
    assert_eq!(
        Approvals::new(&ledger, &licenses()).readings(DAY, &[]),
        Ok(Vec::new())
    );
    let mut decision = review("llama-3");
    assert_eq!(
        applied(&Approvals::new(&ledger, &licenses()), &mut decision, DAY),
        None
    );
}

#[test]
fn nobody_approves_their_own_request() {
    let mut book = Book::new();
    let id = book.ask("boss", Ask::SignOff(sign_off()));
    let payload = Payload::Approve(book.decided(&id));
    assert_eq!(
        book.clone().add("boss", &payload),
        Err(Fault::OwnRequest("boss".to_owned()))
    );
    let payload = Payload::Reject(book.decided(&id));
    assert_eq!(
        book.clone().add("boss", &payload),
        Err(Fault::OwnRequest("boss".to_owned()))
    );
    // Nor under another name with the same key.
    let mut alias = person("boss", &[PersonRole::Approver]);
    alias.id = "alias".to_owned();
    book.organization.people.push(alias);
    let ledger = book.read().expect("reads");
    let payload = Payload::Approve(book.decided(&id));
    let line = seal(&payload, "alias", &key("boss"), ledger.head()).expect("sealed");
    book.bytes.extend_from_slice(format!("{line}\n").as_bytes());
    assert_eq!(
        book.read().expect_err("refused").fault,
        Fault::OwnRequest("alias".to_owned())
    );
}

#[test]
fn roles_names_and_keys_are_held_to() {
    let role = |signer: &str, role| Fault::Role {
        signer: signer.to_owned(),
        role,
    };
    let request = Payload::Request(Ask::SignOff(sign_off()));
    assert_eq!(
        Book::new().add("msmith", &request),
        Err(role("msmith", "requester"))
    );
    let mut book = Book::new();
    let id = book.ask("boss", Ask::SignOff(sign_off()));
    let decided = book.decided(&id);
    for payload in [
        Payload::Approve(decided.clone()),
        Payload::Reject(decided.clone()),
        Payload::Revoke(decided),
    ] {
        assert_eq!(
            book.clone().add("jdoe", &payload),
            Err(role("jdoe", "approver"))
        );
    }
    let nobody = Book::new().add("nobody", &request);
    assert_eq!(nobody, Err(Fault::UnknownSigner("nobody".to_owned())));
    // Removed from the profile: what they signed is no longer trusted, and says so.
    book.organization
        .people
        .retain(|person| person.id != "boss");
    assert_eq!(book.read().expect_err("refused").line, 1);
    // Another key in the profile.
    let mut book = Book::new();
    book.ask("jdoe", Ask::SignOff(sign_off()));
    book.organization.people[0].public_key = public_key_hex(&key("other"));
    assert_eq!(
        book.read().expect_err("refused").fault,
        Fault::Signature("jdoe".to_owned())
    );
    // The neutral point verifies anything; no key at all verifies nothing.
    for bad in [
        format!("01{}", "00".repeat(31)),
        "zz".to_owned(),
        String::new(),
    ] {
        book.organization.people[0].public_key = bad;
        assert_eq!(
            book.read().expect_err("refused").fault,
            Fault::BadKey("jdoe".to_owned())
        );
    }
}

#[test]
fn a_request_is_decided_once_in_time_and_by_its_digest() {
    let mut book = Book::new();
    let id = book.ask("jdoe", Ask::SignOff(sign_off()));
    let decided = book.decided(&id);
    let mut other = decided.clone();
    other.request_sha256 = "d".repeat(64);
    assert_eq!(
        book.clone().add("msmith", &Payload::Approve(other)),
        Err(Fault::UnknownRequest(id.clone()))
    );
    for day in ["2026-11-21", "2027-01-01"] {
        let mut late = decided.clone();
        late.at = day.to_owned();
        assert_eq!(
            book.clone().add("msmith", &Payload::Approve(late)),
            Err(Fault::OutOfTime(id.clone())),
            "{day}"
        );
    }
    book.approve(&id);
    for payload in [
        Payload::Approve(decided.clone()),
        Payload::Reject(decided.clone()),
    ] {
        assert!(matches!(
            book.clone().add("msmith", &payload),
            Err(Fault::AlreadyDecided {
                state: "approved",
                ..
            })
        ));
    }
    book.add("msmith", &Payload::Revoke(decided.clone()))
        .expect("revoked");
    assert!(matches!(
        book.add("msmith", &Payload::Revoke(decided)),
        Err(Fault::AlreadyDecided {
            state: "revoked",
            ..
        })
    ));
}

#[test]
fn a_line_that_was_cut_moved_or_removed_is_seen() {
    let mut book = Book::new();
    let id = book.ask("jdoe", Ask::SignOff(sign_off()));
    book.ask("jdoe", Ask::Waiver(waiver()));
    book.approve(&id);
    let whole = book.bytes.clone();
    let lines: Vec<Vec<u8>> = whole
        .split_inclusive(|b| *b == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    let fault = |bytes: Vec<u8>| {
        let error = Ledger::read(&bytes, "a", &organization()).expect_err("refused");
        (error.line, error.fault)
    };
    assert_eq!(fault(whole[..whole.len() - 1].to_vec()), (3, Fault::Torn));
    assert_eq!(
        fault([&lines[0][..], &lines[2]].concat()),
        (2, Fault::Chain)
    );
    assert_eq!(
        fault([&lines[1][..], &lines[0], &lines[2]].concat()),
        (1, Fault::Chain)
    );
    assert_eq!(
        fault([&lines[0][..], &lines[0]].concat()),
        (2, Fault::Chain)
    );
    // Every cut but those between lines is seen; those leave a shorter history.
    let ends: Vec<usize> = whole
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
        .map(|(at, _)| at + 1)
        .collect();
    for len in 1..whole.len() {
        let read = Ledger::read(&whole[..len], "a", &organization());
        assert_eq!(read.is_ok(), ends.contains(&len), "{len}");
    }
}

#[test]
fn every_changed_byte_is_seen_or_changes_nothing() {
    let mut book = Book::new();
    let id = book.ask("jdoe", Ask::SignOff(sign_off()));
    book.approve(&id);
    let was = book.read().expect("reads");
    for at in 0..book.bytes.len() {
        let mut bad = book.bytes.clone();
        bad[at] ^= 1;
        if let Ok(ledger) = Ledger::read(&bad, "a", &organization()) {
            assert_eq!(ledger.requests(), was.requests(), "byte {at}");
        }
    }
}

#[test]
fn what_cannot_be_asked_for_is_refused_when_made_and_when_read() {
    let check = |change: &dyn Fn(&mut SignOffAsk, &mut WaiverAsk)| {
        let (mut sign_off, mut waiver) = (sign_off(), waiver());
        change(&mut sign_off, &mut waiver);
        Ask::SignOff(sign_off)
            .check()
            .and(Ask::Waiver(waiver).check())
    };
    assert_eq!(check(&|_, _| {}), Ok(()));
    assert_eq!(check(&|_, w| w.source = None), Err(AskError::NoScope));
    assert_eq!(check(&|_, w| w.code = None), Err(AskError::CodeOrFindings));
    assert_eq!(
        check(&|_, w| w.findings = vec!["a".repeat(64)]),
        Err(AskError::CodeOrFindings)
    );
    // 2026-11-22 and 92 days more is 2027-02-22 (`date -d`); a year more is 2027-11-23.
    assert_eq!(check(&|_, w| w.expires = "2027-02-22".to_owned()), Ok(()));
    assert!(matches!(
        check(&|_, w| w.expires = "2027-02-23".to_owned()),
        Err(AskError::TooLong { days: 93, .. })
    ));
    assert_eq!(check(&|s, _| s.expires = "2027-11-23".to_owned()), Ok(()));
    assert!(matches!(
        check(&|s, _| s.expires = "2027-11-24".to_owned()),
        Err(AskError::TooLong { days: 367, .. })
    ));
    assert!(matches!(
        check(&|s, _| s.expires = "2026-11-21".to_owned()),
        Err(AskError::Over { .. })
    ));
    assert!(matches!(
        check(&|s, _| s.expires = "soon".to_owned()),
        Err(AskError::Day { .. })
    ));
    assert!(matches!(
        check(&|s, _| s.license = " ".to_owned()),
        Err(AskError::Word { .. })
    ));
    assert!(matches!(
        check(&|s, _| s.target = "a\nb".to_owned()),
        Err(AskError::Word { .. })
    ));
    assert!(matches!(
        check(&|s, _| s.evidence.sha256 = "A".repeat(64)),
        Err(AskError::Digest { .. })
    ));
    assert_eq!(
        check(&|s, _| s.note = Some("n".repeat(2001))),
        Err(AskError::Note)
    );
    assert!(matches!(
        check(&|_, w| {
            w.code = None;
            w.findings = vec!["a".repeat(64); BASELINE_FINDINGS_MAX + 1];
        }),
        Err(AskError::TooMany { .. })
    ));
    let mut endless = waiver();
    endless.expires = "9999-12-31".to_owned();
    let payload = Payload::Request(Ask::Waiver(endless));
    assert!(seal(&payload, "jdoe", &key("jdoe"), NO_PREVIOUS).is_err());
}

#[test]
fn a_payload_signed_by_other_means_is_held_to_the_same_rules() {
    use super::record::Kind;
    use super::record::Line;
    use super::record::sha256_hex;
    use ed25519_dalek::Signer as _;
    let signed = |payload: &str| {
        let mut line = Line {
            format: 1,
            id: String::new(),
            kind: Kind::Request,
            signer: "jdoe".to_owned(),
            previous: NO_PREVIOUS.to_owned(),
            payload: serde_json::value::RawValue::from_string(payload.to_owned()).expect("JSON"),
            signature: String::new(),
        };
        let bytes = line.signed_bytes();
        line.id = format!("wa-{}", &sha256_hex(&bytes)[..12]);
        line.signature = hex::encode(key("jdoe").sign(&bytes).to_bytes());
        let text = serde_json::to_string(&line).expect("JSON");
        Ledger::read(format!("{text}\n").as_bytes(), "a", &organization())
    };
    let good = serde_json::to_string(&Ask::Waiver(waiver())).expect("JSON");
    signed(&good).expect("as the commands write it");
    for bad in [
        good.replace("2026-12-31", "9999-12-31"),
        good.replace("\"faq-2024\"", "null"),
        good.replace("false-match", "because"),
        good.replace("\"note\":null", "\"note\":null,\"extra\":1"),
        good.replace("\"note\":null", "\"note\":null,\"note\":null"),
        good.replace("\"waiver\"", "\"permission\""),
    ] {
        assert!(
            matches!(
                signed(&bad),
                Err(LedgerError {
                    fault: Fault::NotARecord(_),
                    ..
                })
            ),
            "{bad}"
        );
    }
}

// Application.

#[test]
fn a_sign_off_turns_an_open_question_of_its_license_into_a_flag() {
    let (approvals, id) = approved(Ask::SignOff(sign_off()));
    let mut decision = review("llama-3");
    let applied = applied(&approvals, &mut decision, DAY).expect("applies");
    assert_eq!(decision.level, Level::Flag);
    assert_eq!(
        decision.ruling,
        Some(Ruling::NeedsReview),
        "the texts say what they said"
    );
    assert!(
        decision.reason.ends_with(&format!(
            "approved by msmith until {EXPIRES}, sign-off {id}"
        )),
        "{}",
        decision.reason
    );
    assert_eq!(applied.kind, ApprovalKind::SignOff);
    assert_eq!((applied.id, applied.approver.as_str()), (id, "msmith"));
}

#[test]
fn a_sign_off_touches_nothing_else() {
    let (approvals, _) = approved(Ask::SignOff(sign_off()));
    let of = |code, ruling| decision(code, ruling, "llama-3");
    let mut undecided = review("llama-3");
    undecided.level = Level::Undecided;
    let mut flagged = review("llama-3");
    flagged.level = Level::Flag;
    let mut nameless = review("llama-3");
    nameless.license = None;
    for mut decision in [
        prohibited(),
        of("llama-output-needs-review", Ruling::Prohibited),
        of("duty-unmet", Ruling::PermittedWithObligations),
        of("strict-llama-output", Ruling::NeedsReview),
        of("llama-version-unknown", Ruling::NeedsReview),
        of("host-terms-unread", Ruling::NeedsReview),
        review("llama-3.1"),
        undecided,
        flagged,
        nameless,
    ] {
        let before = decision.clone();
        assert_eq!(applied(&approvals, &mut decision, DAY), None, "{before:?}");
        assert_eq!(decision, before);
    }
}

#[test]
fn a_sign_off_is_limited_by_question_target_and_base() {
    let covers = |change: &dyn Fn(&mut SignOffAsk), question: Option<&str>| {
        let mut ask = sign_off();
        change(&mut ask);
        let (approvals, _) = approved(Ask::SignOff(ask));
        let mut decision = review("llama-3");
        decision.question = question.map(str::to_owned);
        applied(&approvals, &mut decision, DAY).is_some()
    };
    let q = |ask: &mut SignOffAsk| ask.question = Some("llama-3:a".to_owned());
    assert!(covers(&q, Some("llama-3:a")));
    assert!(!covers(&q, Some("llama-3:b")));
    assert!(!covers(&q, None));
    assert!(covers(&|ask| ask.target = "acme-chat".to_owned(), None));
    assert!(!covers(&|ask| ask.target = "other".to_owned(), None));
    assert!(covers(
        &|ask| ask.base = Some("mistralai/Mistral-7B-v0.3".to_owned()),
        None
    ));
    assert!(!covers(&|ask| ask.base = Some("other".to_owned()), None));
    assert!(!covers(&|ask| ask.host = Some("bedrock".to_owned()), None));
}

#[test]
fn only_a_sign_off_that_names_the_host_answers_for_its_terms() {
    let target = target();
    let at = Subject {
        host: Some("bedrock"),
        ..subject(&target)
    };
    let try_with = |host: Option<&str>| {
        let mut ask = sign_off();
        ask.host = host.map(str::to_owned);
        let (approvals, _) = approved(Ask::SignOff(ask));
        let mut decision = decision("host-terms-unread", Ruling::Permitted, "llama-3");
        let applied = approvals.apply(&mut decision, &at, DAY, &mut Uses::default());
        (applied.is_some(), decision.level)
    };
    assert_eq!(try_with(Some("bedrock")), (true, Level::Flag));
    assert_eq!(try_with(Some("vertex")), (false, Level::Block));
    assert_eq!(try_with(None), (false, Level::Block));
}

#[test]
fn a_model_under_two_licenses_needs_both_signed_off() {
    let target = target();
    let both = licenses();
    let at = Subject {
        licenses: &both,
        ..subject(&target)
    };
    let mut book = Book::new();
    let id = book.ask("jdoe", Ask::SignOff(sign_off()));
    book.approve(&id);
    let apply = |book: &Book| {
        let uses = &mut Uses::default();
        book.approvals()
            .apply(&mut review("llama-3"), &at, DAY, uses)
            .is_some()
    };
    assert!(!apply(&book));
    let mut second = sign_off();
    second.license = "llama-3.1".to_owned();
    second.license_sha256 = Some("b".repeat(64));
    let id = book.ask("jdoe", Ask::SignOff(second));
    book.approve(&id);
    assert!(apply(&book));
}

#[test]
fn expiry_and_staleness_close_the_gate_again_and_are_remarked() {
    let (approvals, _) = approved(Ask::SignOff(sign_off()));
    let target = target();
    let kinds = |approvals: &Approvals, day: &str, touch: bool| {
        let mut uses = Uses::default();
        let mut decision = review("llama-3");
        if touch {
            approvals.apply(&mut decision, &subject(&target), day, &mut uses);
        }
        let kinds: Vec<RemarkKind> = approvals
            .remarks(&uses, &target, day)
            .iter()
            .map(|r| r.kind)
            .collect();
        (decision.level, kinds)
    };
    assert_eq!(
        kinds(&approvals, ASKED, true),
        (Level::Flag, vec![]),
        "the first day counts"
    );
    assert_eq!(
        kinds(&approvals, EXPIRES, true),
        (Level::Flag, vec![]),
        "the last day counts"
    );
    let expired = (Level::Block, vec![RemarkKind::Expired]);
    assert_eq!(kinds(&approvals, "2027-01-01", true), expired);
    assert_eq!(
        kinds(&approvals, "2026-11-21", true),
        (Level::Block, vec![]),
        "not yet given"
    );
    assert_eq!(
        kinds(&approvals, DAY, false),
        (Level::Block, vec![RemarkKind::Unused])
    );
    assert_eq!(
        kinds(&approvals, "2027-01-01", false),
        (Level::Block, vec![])
    );
    assert_eq!(kinds(&approvals, "no day", true).0, Level::Block);
    let mut book = Book::new();
    let id = book.ask("jdoe", Ask::SignOff(sign_off()));
    book.approve(&id);
    let ledger = book.read().expect("reads");
    for catalog in [vec![a_license("llama-3", 'f')], vec![]] {
        let stale = Approvals::new(&ledger, &catalog);
        assert_eq!(
            kinds(&stale, DAY, true),
            (Level::Block, vec![RemarkKind::Stale])
        );
    }
}

#[test]
fn a_waiver_lowers_a_block_within_its_scope_and_permits_nothing() {
    let (approvals, id) = approved(Ask::Waiver(waiver()));
    let mut decision = prohibited();
    let applied_now = applied(&approvals, &mut decision, DAY).expect("applies");
    assert_eq!(decision.level, Level::Flag);
    assert_eq!(decision.ruling, Some(Ruling::Prohibited));
    assert!(
        decision
            .reason
            .contains(&format!("risk accepted under waiver {id}"))
    );
    assert!(
        decision.reason.ends_with("no permission"),
        "{}",
        decision.reason
    );
    assert_eq!(applied_now.reason, "false-match");
    let target = target();
    let elsewhere = Subject {
        source: Some("other"),
        ..subject(&target)
    };
    let uses = &mut Uses::default();
    assert_eq!(
        approvals.apply(&mut prohibited(), &elsewhere, DAY, uses),
        None
    );
    let mut undecided = prohibited();
    undecided.level = Level::Undecided;
    assert_eq!(applied(&approvals, &mut undecided, DAY), None);
    assert_eq!(
        applied(&approvals, &mut review("llama-3"), DAY),
        None,
        "another code"
    );
}

#[test]
fn a_strict_policy_has_no_exceptions() {
    let mut ask = waiver();
    ask.code = Some("strict-llama-output".to_owned());
    let (approvals, _) = approved(Ask::Waiver(ask));
    let mut strict = decision("strict-llama-output", Ruling::Permitted, "llama-3");
    assert_eq!(applied(&approvals, &mut strict, DAY), None);
}

#[test]
fn a_baseline_covers_the_findings_it_lists_and_no_other() {
    let content = "e".repeat(64);
    let place = Place {
        sha256: &content,
        row: 3,
        column: Some("text"),
        unit: 0,
    };
    let digest = finding_digest(&place, "llama-output-prohibited", Some("llama-3"));
    // `printf 'herdbook finding 1\n%s\n3\n0\nllama-output-prohibited\nllama-3\ntext' … | sha256sum`
    assert_eq!(digest, BASELINE_EXAMPLE);
    let mut ask = waiver();
    (ask.code, ask.source, ask.findings) = (None, None, vec![digest]);
    let (approvals, _) = approved(Ask::Waiver(ask));
    assert!(approvals.has_baseline(DAY) && !approvals.has_baseline("2027-01-01"));
    let target = target();
    let covers = |place: Option<Place<'_>>, mut decision: Decision| {
        let at = Subject {
            place,
            ..subject(&target)
        };
        approvals
            .apply(&mut decision, &at, DAY, &mut Uses::default())
            .is_some()
    };
    assert!(covers(Some(place), prohibited()));
    assert!(!covers(None, prohibited()));
    assert!(!covers(Some(Place { row: 4, ..place }), prohibited()));
    assert!(!covers(Some(Place { unit: 1, ..place }), prohibited()));
    assert!(!covers(
        Some(Place {
            column: None,
            ..place
        }),
        prohibited()
    ));
    let changed = "f".repeat(64);
    assert!(!covers(
        Some(Place {
            sha256: &changed,
            ..place
        }),
        prohibited()
    ));
    assert!(!covers(Some(place), review("llama-3")));
    let mut other = prohibited();
    other.license = Some("llama-2".to_owned());
    assert!(!covers(Some(place), other));
}

const BASELINE_EXAMPLE: &str = "da6447f8c3a362ff463b948e69e3ab411407350c16946a3a7d13d55d813b0773";

#[test]
fn approved_readings_are_handed_out_and_unknown_ones_are_an_error() {
    let ask = |reading: &str, answer: &str| {
        Ask::Reading(ReadingAsk {
            reading: reading.to_owned(),
            answer: answer.to_owned(),
            evidence: None,
            at: ASKED.to_owned(),
            expires: EXPIRES.to_owned(),
            note: None,
        })
    };
    let mut book = Book::new();
    for (reading, answer) in [("r", "yes"), ("s", "no"), ("r", "open")] {
        let id = book.ask("jdoe", ask(reading, answer));
        book.approve(&id);
    }
    book.ask("jdoe", ask("s", "open"));
    let known: &[(&str, &[&str])] = &[("r", &["yes", "open"]), ("s", &["yes", "no"])];
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    let approvals = book.approvals();
    assert_eq!(
        approvals.readings(DAY, known),
        Ok(vec![pair("s", "no"), pair("r", "open")]),
        "the latest approval of each, pending ones left out"
    );
    assert_eq!(approvals.readings("2027-01-01", known), Ok(vec![]));
    let error = approvals.readings(DAY, &[("r", &["yes"]), ("s", &["no"])]);
    assert_eq!(error.expect_err("unknown answer").answer, "open");
}

#[test]
fn the_latest_statement_on_a_deployment_stands() {
    use DeploymentState::{Retired, Running};
    let deployment = |model: &str, environment: &str, state| {
        Payload::Deployment(Deployment {
            model: model.to_owned(),
            environment: environment.to_owned(),
            state,
            from: ASKED.to_owned(),
            at: ASKED.to_owned(),
            note: None,
        })
    };
    let mut book = Book::new();
    book.add("jdoe", &deployment("a", "prod", Running))
        .expect("recorded");
    book.add("msmith", &deployment("a", "test", Running))
        .expect("any role may");
    let ledger = book
        .add("jdoe", &deployment("a", "prod", Retired))
        .expect("recorded");
    let states: BTreeMap<&str, DeploymentState> = ledger
        .deployments()
        .map(|known| {
            (
                known.deployment.environment.as_str(),
                known.deployment.state,
            )
        })
        .collect();
    assert_eq!(
        states,
        BTreeMap::from([("prod", Retired), ("test", Running)])
    );
    assert!(matches!(
        book.add("jdoe", &deployment("b", "prod", Retired)),
        Err(Fault::NotRunning { .. })
    ));
}

/// What the holders of the keys really signed: the approvals of the whole file.
fn signed() -> (Vec<u8>, Ledger) {
    let mut book = Book::new();
    let first = book.ask("jdoe", Ask::SignOff(sign_off()));
    book.ask("jdoe", Ask::Waiver(waiver()));
    book.approve(&first);
    let ledger = book.read().expect("verifies");
    (book.bytes, ledger)
}

proptest! {
    #[test]
    fn arbitrary_bytes_hold_no_approval(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        if let Ok(ledger) = Ledger::read(&bytes, "a", &organization()) {
            prop_assert!(ledger.requests().is_empty());
        }
    }

    /// Lines of a real file cut, doubled, swapped and overwritten: what still verifies was signed
    /// as it stands, in its place.
    #[test]
    fn a_rearranged_file_holds_no_approval_that_was_not_signed(
        picks in prop::collection::vec((0usize..3, any::<bool>(), any::<u16>(), any::<u8>()), 0..6)
    ) {
        let (whole, truth) = signed();
        let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
        let mut bytes = Vec::new();
        for (pick, spoil, at, value) in picks {
            let mut line = lines[pick].to_vec();
            if spoil {
                let at = usize::from(at) % line.len();
                line[at] = value;
            }
            bytes.extend(line);
        }
        if let Ok(ledger) = Ledger::read(&bytes, "a", &organization()) {
            for request in ledger.requests() {
                let known = truth.request(&request.id).expect("was asked for");
                prop_assert_eq!(&known.ask, &request.ask);
                if matches!(request.state, State::Approved(_)) {
                    prop_assert_eq!(&known.state, &request.state);
                }
            }
        }
    }
}
