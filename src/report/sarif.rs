//! The report as SARIF 2.1.0, for code scanning and CI viewers.
//!
//! Written from the OASIS standard (SARIF 2.1.0, sections 3.13 to 3.28); only the properties used
//! here. A row number is not a line number (headers and blank lines do not count, Parquet has no
//! lines), so no `region` is claimed: row and column stand in the logical location and in the
//! message. `partialFingerprints` let a viewer recognise a finding again in the next run.

use std::collections::BTreeMap;

use serde::Serialize;

use super::escape;
use super::facts;
use crate::model::CheckOutcome;
use crate::model::Finding;
use crate::model::Level;
use crate::model::Verdict;

/// Stands near the top of every file written here: how a later run knows its own report.
pub(super) const MARKER: &str = "\"name\": \"herdbook\"";

#[derive(Serialize)]
struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Serialize)]
struct Run {
    tool: Tool,
    invocations: [Invocation; 1],
    results: Vec<SarifResult>,
    properties: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    version: &'static str,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: &'static str,
    short_description: Message,
    default_configuration: Configuration,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    /// False when something could not be read, looked up or proven.
    execution_successful: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult {
    rule_id: &'static str,
    rule_index: usize,
    level: &'static str,
    message: Message,
    locations: [Location; 1],
    partial_fingerprints: BTreeMap<&'static str, String>,
    properties: Properties,
}

#[derive(Serialize)]
struct Message {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: PhysicalLocation,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logical_locations: Vec<LogicalLocation>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
}

#[derive(Serialize)]
struct ArtifactLocation {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogicalLocation {
    fully_qualified_name: String,
    kind: &'static str,
}

/// What a viewer may show beside the message; keys as in the verdict JSON.
#[derive(Serialize)]
struct Properties {
    level: &'static str,
    row: Option<u64>,
    column: Option<String>,
    tier: Option<&'static str>,
    model: Option<String>,
    license: Option<String>,
    clause: Option<String>,
}

/// Renders the log.
pub(super) fn render(outcome: &CheckOutcome) -> Result<String, serde_json::Error> {
    // A rule's level is the strictest that one of its findings has.
    let mut by_code: BTreeMap<&'static str, Level> = BTreeMap::new();
    for finding in &outcome.findings {
        let level = by_code
            .entry(finding.decision.code.0)
            .or_insert(finding.level);
        *level = (*level).max(finding.level);
    }
    let index_of: BTreeMap<&'static str, usize> = by_code
        .keys()
        .enumerate()
        .map(|(index, code)| (*code, index))
        .collect();
    let rules = by_code
        .iter()
        .map(|(code, level)| Rule {
            id: code,
            short_description: Message {
                text: code.replace('-', " "),
            },
            default_configuration: Configuration {
                level: severity(*level),
            },
        })
        .collect();
    let results = outcome
        .findings
        .iter()
        .map(|finding| {
            let index = index_of
                .get(finding.decision.code.0)
                .copied()
                .unwrap_or_default();
            result(finding, index)
        })
        .collect();
    let mut properties = BTreeMap::from([
        ("verdict", outcome.verdict.as_str().to_owned()),
        ("policyDigest", outcome.policy_digest.clone()),
        ("asOf", outcome.as_of.clone()),
        ("findingsTotal", outcome.findings_total.to_string()),
    ]);
    if let Some(index) = &outcome.index {
        properties.insert("snapshotDigest", index.digest.clone());
    }
    let log = Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: Driver {
                    name: "herdbook",
                    version: env!("CARGO_PKG_VERSION"),
                    rules,
                },
            },
            invocations: [Invocation {
                execution_successful: outcome.verdict != Verdict::Undecided
                    && outcome.tally.undecided == 0,
            }],
            results,
            properties,
        }],
    };
    let mut json = serde_json::to_string_pretty(&log)?;
    json.push('\n');
    Ok(json)
}

fn result(finding: &Finding, rule_index: usize) -> SarifResult {
    let location = &finding.location;
    let place = facts::place(location);
    let claim = finding.claims.first();
    let mut sentences = Vec::new();
    if let Some(claim) = claim {
        let license = finding.decision.license.as_deref();
        sentences.push(format!(
            "Matches registered output of {}, {}.",
            facts::generator(claim.model.as_deref(), license),
            facts::registered(claim)
        ));
    }
    if let Some(text) = facts::evidence(finding) {
        sentences.push(if place.is_empty() {
            format!("{text}.")
        } else {
            format!("{place}: {text}.")
        });
    } else if !place.is_empty() {
        sentences.push(format!("{place}:"));
    }
    sentences.push(finding.decision.reason.clone());
    sentences.push(finding.decision.how_to_fix.clone());
    sentences.retain(|sentence| !sentence.is_empty());

    let mut fingerprints = BTreeMap::from([(
        "herdbook/record/v1",
        digest(&[
            &location.path,
            &location.row.map(|row| row.to_string()).unwrap_or_default(),
            location.column.as_deref().unwrap_or_default(),
            &finding.ordinal.to_string(),
        ]),
    )]);
    if let Some(claim) = claim {
        fingerprints.insert(
            "herdbook/registration/v1",
            digest(&[&claim.source, &claim.source_record]),
        );
    }
    SarifResult {
        rule_id: finding.decision.code.0,
        rule_index,
        level: severity(finding.level),
        // Viewers show messages as plain text or Markdown: controls and bidi are made visible.
        message: Message {
            text: escape::terminal(&sentences.join(" ")),
        },
        locations: [Location {
            physical_location: PhysicalLocation {
                artifact_location: ArtifactLocation {
                    uri: uri(&location.path),
                },
            },
            logical_locations: if place.is_empty() {
                vec![]
            } else {
                vec![LogicalLocation {
                    fully_qualified_name: escape::terminal(&place),
                    kind: "element",
                }]
            },
        }],
        partial_fingerprints: fingerprints,
        properties: Properties {
            level: finding.level.as_str(),
            row: location.row,
            column: location.column.as_deref().map(str::to_owned),
            tier: finding.evidence.map(|found| found.tier.as_str()),
            model: claim.and_then(|claim| claim.model.clone()),
            license: finding.decision.license.clone(),
            clause: finding.decision.clause.clone(),
        },
    }
}

/// SARIF's word for a level. Undecided is an error: the gate is closed.
fn severity(level: Level) -> &'static str {
    match level {
        Level::Note => "note",
        Level::Flag => "warning",
        Level::Undecided | Level::Block => "error",
    }
}

/// A digest of several texts, each with its length before it: 32 lower-case hex digits.
fn digest(parts: &[&str]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().to_hex().chars().take(32).collect()
}

/// A path as a URI reference (RFC 3986): absolute paths as `file://`, every byte that is not
/// unreserved or `/` percent-encoded, so that `a:b` is no scheme and `#` no fragment.
fn uri(path: &str) -> String {
    let mut out = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.extend(['%', hex_digit(byte >> 4), hex_digit(byte & 15)]);
        }
    }
    out
}

/// The upper-case hex digit of a number below 16.
fn hex_digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).map_or('0', |digit| digit.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn undecided_log() {
        insta::assert_snapshot!(render(&samples::undecided_rows()).expect("renders"));
    }

    #[test]
    fn every_result_names_its_rule_and_place() {
        for (name, outcome) in samples::all() {
            let log: serde_json::Value =
                serde_json::from_str(&render(&outcome).expect(name)).expect("is JSON");
            let run = &log["runs"][0];
            let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
            let results = run["results"].as_array().expect("results");
            assert_eq!(results.len(), outcome.findings.len(), "{name}");
            for result in results {
                let index =
                    usize::try_from(result["ruleIndex"].as_u64().expect("index")).expect("fits");
                assert_eq!(rules[index]["id"], result["ruleId"], "{name}");
                assert!(
                    result["message"]["text"]
                        .as_str()
                        .is_some_and(|text| !text.is_empty())
                );
                assert!(result["partialFingerprints"]["herdbook/record/v1"].is_string());
            }
            assert_eq!(
                run["invocations"][0]["executionSuccessful"],
                outcome.verdict != Verdict::Undecided,
                "{name}"
            );
        }
    }

    #[test]
    fn fingerprints_differ_by_place_and_agree_between_runs() {
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
        let log = render(&samples::many()).expect("renders");
        assert_eq!(log, render(&samples::many()).expect("renders"));
        let records: std::collections::BTreeSet<&str> = log
            .lines()
            .filter(|line| line.contains("herdbook/record/v1"))
            .collect();
        assert_eq!(records.len(), samples::many().findings.len());
    }

    #[test]
    fn paths_become_uri_references() {
        assert_eq!(uri("/data/a b#1.jsonl"), "file:///data/a%20b%231.jsonl");
        assert_eq!(uri("c:x/ü\u{1b}.jsonl"), "c%3Ax/%C3%BC%1B.jsonl");
        assert_eq!(uri("-"), "-");
    }
}
