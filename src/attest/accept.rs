//! Holding a verified statement against what a trainer demands.
//!
//! Monotonic: every demand can only refuse, and every field of the statement must be there, so
//! that leaving out a field or a demand's answer never turns a refusal into an acceptance.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use jiff::civil::Date;

use super::predicate::Canaries;
use super::predicate::FileCoverage;
use super::predicate::Predicate;
use super::predicate::SCHEMA_VERSION;
use super::predicate::UseWord;
use super::predicate::VerdictWord;
use super::statement::CHECK_TYPE;
use super::statement::Statement;

/// Data that is about to be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// For people.
    pub name: String,
    /// SHA-256 of its bytes, lower-case hex.
    pub sha256: String,
}

/// What is demanded of a statement.
#[derive(Debug, Clone)]
pub struct Demands<'a> {
    /// The data; at least one, or nothing is accepted.
    pub data: &'a [Given],
    /// Whether the statement may be about more than this data.
    pub subset: bool,
    /// The policy, by the digest of its meaning or of its file.
    pub policy_digest: Option<&'a str>,
    /// The target, by [`super::target_digest`].
    pub target_sha256: Option<&'a str>,
    /// The day on which it is relied on.
    pub today: Date,
    /// Oldest check that is good enough, in days.
    pub max_age_days: Option<u32>,
    /// Whether a flag is refused.
    pub fail_on_flag: bool,
    /// Whether a statement is refused in which columns with text were left out.
    pub no_exempt_columns: bool,
}

/// A reason why a statement is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The check was blocked.
    #[error("it attests a block: {0}")]
    Block(String),
    /// The check came to no decision.
    #[error("it attests that the check came to no decision: {0}")]
    Undecided(String),
    /// The check raised flags, and those are refused here.
    #[error("it attests flags ({0} findings), and --fail-on flag refuses these")]
    Flag(u64),
    /// Its parts contradict each other.
    #[error("it contradicts itself: {0}")]
    Inconsistent(String),
    /// No data was given.
    #[error("no data was given to hold it against")]
    NoData,
    /// Data that it says nothing about.
    #[error("{name} (sha256 {sha256}) is not what was checked")]
    UnknownData {
        /// For people.
        name: String,
        /// Its digest.
        sha256: String,
    },
    /// A file it is about, and which was not given.
    #[error("it is about {name} (sha256 {sha256}) too, which was not given")]
    MissingData {
        /// Name in the statement.
        name: String,
        /// Its digest.
        sha256: String,
    },
    /// It is for another model.
    #[error("it is for another target: digest {found}{named}, not {wanted}")]
    Target {
        /// Digest in the statement.
        found: String,
        /// The name there.
        named: String,
        /// Digest demanded.
        wanted: String,
    },
    /// Another policy decided.
    #[error("policy {name} with digest {found} decided, not {wanted}")]
    Policy {
        /// Name in the statement.
        name: String,
        /// Digest in the statement.
        found: String,
        /// Digest demanded.
        wanted: String,
    },
    /// It is no longer valid.
    #[error("it expired: its last day was {expires}, and today is {today}")]
    Expired {
        /// Last day.
        expires: String,
        /// The day it is relied on.
        today: String,
    },
    /// The check is too old.
    #[error("the check was made as of {from}, {days} days ago; --max-age allows {allowed}")]
    Stale {
        /// The day it was made, or judged by, whichever is earlier.
        from: String,
        /// Days since.
        days: i64,
        /// Days allowed.
        allowed: u32,
    },
    /// It comes from the future.
    #[error("it was made on {finished} as of {as_of}, and today is {today}")]
    NotYet {
        /// Day on which the check ended.
        finished: String,
        /// The day it judged by.
        as_of: String,
        /// The day it is relied on.
        today: String,
    },
    /// Columns with text were left out.
    #[error("column {column} of {path} was left out of the check")]
    Exempt {
        /// The file.
        path: String,
        /// The column.
        column: String,
    },
}

impl Refusal {
    /// A short word for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Block(_) => "block",
            Self::Undecided(_) => "undecided",
            Self::Flag(_) => "flag",
            Self::Inconsistent(_) => "inconsistent",
            Self::NoData => "no-data",
            Self::UnknownData { .. } => "unknown-data",
            Self::MissingData { .. } => "missing-data",
            Self::Target { .. } => "other-target",
            Self::Policy { .. } => "other-policy",
            Self::Expired { .. } => "expired",
            Self::Stale { .. } => "stale",
            Self::NotYet { .. } => "not-yet",
            Self::Exempt { .. } => "exempt-column",
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Block(_) => {
                "take the blocked rows out (`herdbook check --clean`), and train on what was \
                 checked again"
            }
            Self::Undecided(_) => "repair what the reason names, then check again",
            Self::Flag(_) => "look through the flags; accept them without --fail-on flag",
            Self::Inconsistent(_) => "check again; do not use this attestation",
            Self::NoData => "name the data with --data or --digest",
            Self::UnknownData { .. } => {
                "the data changed since the check, or was not part of it: check it, or use what \
                 was checked"
            }
            Self::MissingData { .. } => {
                "name everything that was checked, or say --subset if less is to be used"
            }
            Self::Target { .. } => "check the data for this target",
            Self::Policy { .. } => "check the data under this policy",
            Self::Expired { .. } | Self::Stale { .. } => {
                "check again: what was registered since was not compared"
            }
            Self::NotYet { .. } => "set this machine's clock, or the one that checked",
            Self::Exempt { .. } => "check again without --exempt-column and --text-column",
        }
    }

    /// Whether the check itself said no, and nothing is wrong with the statement.
    pub fn is_of_the_check(&self) -> bool {
        matches!(self, Self::Block(_) | Self::Flag(_))
    }
}

/// Every reason against a statement; none means that it is accepted.
pub fn judge(statement: &Statement<Predicate>, demands: &Demands<'_>) -> Vec<Refusal> {
    let predicate = &statement.predicate;
    let mut out = Vec::new();
    verdict(predicate, demands, &mut out);
    inconsistencies(statement, &mut |what| {
        out.push(Refusal::Inconsistent(what));
    });
    data(statement, demands, &mut out);
    if let Some(wanted) = demands.target_sha256
        && wanted != predicate.target.sha256
    {
        let name = predicate.target.name.as_ref();
        out.push(Refusal::Target {
            found: predicate.target.sha256.clone(),
            named: name.map_or(String::new(), |name| format!(" ({name})")),
            wanted: wanted.to_owned(),
        });
    }
    let policy = &predicate.policy;
    if let Some(wanted) = demands.policy_digest
        && wanted != policy.digest
        && Some(wanted) != policy.text_sha256.as_deref()
    {
        out.push(Refusal::Policy {
            name: policy.name.clone(),
            found: policy.digest.clone(),
            wanted: wanted.to_owned(),
        });
    }
    days(predicate, demands, &mut out);
    if demands.no_exempt_columns {
        for file in &predicate.coverage {
            for column in &file.columns {
                if column.used == UseWord::Exempt {
                    out.push(Refusal::Exempt {
                        path: file.path.clone(),
                        column: column.path.clone(),
                    });
                }
            }
        }
    }
    out
}

fn verdict(predicate: &Predicate, demands: &Demands<'_>, out: &mut Vec<Refusal>) {
    let because = || match predicate.refused_because.as_slice() {
        [] => "no reason is given".to_owned(),
        reasons => reasons.join("; "),
    };
    match predicate.verdict {
        VerdictWord::Flag if demands.fail_on_flag => {
            out.push(Refusal::Flag(predicate.findings.flag));
        }
        VerdictWord::Pass | VerdictWord::Flag => {}
        VerdictWord::Undecided => out.push(Refusal::Undecided(because())),
        VerdictWord::Block => out.push(Refusal::Block(because())),
    }
}

/// Every datum must be a subject, and every subject a datum.
fn data(statement: &Statement<Predicate>, demands: &Demands<'_>, out: &mut Vec<Refusal>) {
    if demands.data.is_empty() {
        out.push(Refusal::NoData);
        return;
    }
    let subjects: BTreeMap<&str, &str> = statement
        .subject
        .iter()
        .map(|subject| (subject.digest.sha256.as_str(), subject.name.as_str()))
        .collect();
    let given: BTreeSet<&str> = demands.data.iter().map(|d| d.sha256.as_str()).collect();
    for datum in demands.data {
        if !subjects.contains_key(datum.sha256.as_str()) {
            out.push(Refusal::UnknownData {
                name: datum.name.clone(),
                sha256: datum.sha256.clone(),
            });
        }
    }
    if demands.subset {
        return;
    }
    for (sha256, name) in subjects {
        if !given.contains(sha256) {
            out.push(Refusal::MissingData {
                name: name.to_owned(),
                sha256: sha256.to_owned(),
            });
        }
    }
}

fn days(predicate: &Predicate, demands: &Demands<'_>, out: &mut Vec<Refusal>) {
    let today = demands.today;
    let day = |text: &str| text.get(..10).map(str::parse::<Date>);
    let (Some(Ok(finished)), Some(Ok(as_of)), Ok(expires)) = (
        day(&predicate.finished),
        day(&predicate.as_of),
        predicate.expires.parse::<Date>(),
    ) else {
        let what = "one of its dates is no date".to_owned();
        out.push(Refusal::Inconsistent(what));
        return;
    };
    if finished > today || as_of > today {
        out.push(Refusal::NotYet {
            finished: finished.to_string(),
            as_of: as_of.to_string(),
            today: today.to_string(),
        });
    }
    if today > expires {
        out.push(Refusal::Expired {
            expires: expires.to_string(),
            today: today.to_string(),
        });
    }
    let from = finished.min(as_of);
    let days = from.duration_until(today).as_hours() / 24;
    if let Some(allowed) = demands.max_age_days
        && days > i64::from(allowed)
    {
        out.push(Refusal::Stale {
            from: from.to_string(),
            days,
            allowed,
        });
    }
}

/// What a statement of a complete scan cannot say. A refusal is never accepted, so only the form
/// of the other kind matters.
fn inconsistencies(statement: &Statement<Predicate>, say: &mut dyn FnMut(String)) {
    let predicate = &statement.predicate;
    let may_pass = matches!(predicate.verdict, VerdictWord::Pass | VerdictWord::Flag);
    let is_check = statement.predicate_type == CHECK_TYPE;
    if may_pass != is_check {
        say(format!(
            "a {} in a statement of type {}",
            predicate.verdict.as_str(),
            statement.predicate_type
        ));
    }
    if !may_pass {
        return;
    }
    if predicate.schema_version != SCHEMA_VERSION {
        say(format!("version {} is not known", predicate.schema_version));
    }
    if !predicate.refused_because.is_empty() {
        say("it lists reasons to refuse it".to_owned());
    }
    if predicate
        .snapshot
        .as_ref()
        .is_none_or(|snapshot| snapshot.sources == 0)
    {
        say("no snapshot with sources answered".to_owned());
    }
    let subjects = statement
        .subject
        .iter()
        .map(|subject| (&subject.name, Some(&subject.digest.sha256)));
    let covered = predicate
        .coverage
        .iter()
        .map(|file| (&file.path, file.sha256.as_ref()));
    if predicate.coverage.is_empty() || !subjects.eq(covered) {
        say("its subjects are not the files it covers".to_owned());
    }
    for file in &predicate.coverage {
        file_agrees(file, predicate, say);
    }
    let sum = |of: fn(&FileCoverage) -> u64| {
        predicate
            .coverage
            .iter()
            .try_fold(0_u64, |sum, file| sum.checked_add(of(file)))
    };
    let rows = &predicate.rows;
    if sum(|f| f.rows.read) != Some(rows.read)
        || sum(|f| f.rows.pass) != Some(rows.pass)
        || sum(|f| f.rows.flag) != Some(rows.flag)
    {
        say("its rows are not the sum of its files' rows".to_owned());
    }
    let flags = predicate.findings.flag > 0 || rows.flag > 0;
    let strict = predicate.findings.block > 0
        || predicate.findings.undecided > 0
        || rows.block > 0
        || rows.undecided > 0;
    if strict || (flags && predicate.verdict == VerdictWord::Pass) {
        let verdict = predicate.verdict.as_str();
        say(format!("a {verdict} with findings stricter than that"));
    }
    let Canaries { planted, found } = predicate.canaries;
    if planted != found || (planted == 0 && rows.read > 0) {
        say(format!("{found} of {planted} canaries found"));
    }
}

fn file_agrees(file: &FileCoverage, predicate: &Predicate, say: &mut dyn FnMut(String)) {
    let rows = &file.rows;
    let decided = rows.pass.checked_add(rows.flag);
    if decided != Some(rows.read)
        || rows.block > 0
        || rows.undecided > 0
        || file.rows_read != rows.read
        || file
            .rows_declared
            .is_some_and(|declared| declared != rows.read)
    {
        say(format!("the rows of {} do not agree", file.path));
    }
    if file.sha256.is_none() {
        say(format!("{} was not read to its end", file.path));
    }
    if (rows.read == 0 || file.text_units == 0) && !predicate.selection.allow_empty {
        say(format!("{} holds no text", file.path));
    }
    for column in &file.columns {
        let covered = match column.used {
            UseWord::Scanned | UseWord::NotText => true,
            UseWord::Exempt => column.reason.is_some(),
            UseWord::Tokens | UseWord::Binary => column.leaves == 0,
        };
        if !covered {
            say(format!(
                "column {} of {} was neither scanned nor exempted",
                column.path, file.path
            ));
        }
    }
}
