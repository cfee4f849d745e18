//! The tables on acquisition and on mixtures, cell by cell.

use super::*;

fn ids() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([
        ("llama-1", LLAMA_1),
        ("llama-2", LLAMA_2),
        ("llama-3", LLAMA_3),
        ("llama-3.1", LLAMA_3_1),
        ("llama-3.2", LLAMA_3_2),
        ("llama-3.3", LLAMA_3_3),
        ("llama-4", LLAMA_4),
        ("version-unknown", "llama"),
        ("none", MISTRAL),
    ])
}

fn ruling(word: &str) -> Ruling {
    match word {
        "P" => Ruling::Permitted,
        "PO" => Ruling::PermittedWithObligations,
        "R" => Ruling::NeedsReview,
        "X" => Ruling::Prohibited,
        other => panic!("ruling {other}"),
    }
}

fn rows(table: &'static str, fields: usize) -> Vec<Vec<&'static str>> {
    let rows: Vec<Vec<&str>> = table
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split('\t').collect())
        .collect();
    assert!(rows.iter().all(|row: &Vec<&str>| row.len() == fields));
    rows
}

#[test]
fn acquisition_cell_by_cell() {
    let ids = ids();
    let table = rows(
        include_str!("../../../fixtures/policy/acquisition_table.tsv"),
        5,
    );
    assert!(table.len() >= 50, "only {} cells", table.len());
    for row in table {
        let base = match row[2] {
            "same" => ids[row[0]],
            other => ids[other.strip_prefix("other:").unwrap_or(other)],
        };
        let mut ask = Ask::new(ids[row[0]], base);
        ask.acquisition = Acquisition::parse(row[1]).expect("an acquisition");
        if row[3] == "internal" {
            ask = ask.internal();
        }
        assert_eq!(ask.decide().ruling, Some(ruling(row[4])), "{row:?}");
    }
}

#[test]
fn mixtures_cell_by_cell() {
    let ids = ids();
    let table = rows(
        include_str!("../../../fixtures/policy/mixture_table.tsv"),
        5,
    );
    assert!(table.len() >= 20, "only {} cells", table.len());
    for row in table {
        let ask = |model: &'static str| {
            Ask::new(model, ids[row[1]])
                .named("Llama-3-acme")
                .with(|ask| {
                    ask.target.purpose = Purpose::parse(row[2]).expect("a purpose");
                    // Text models and a stated seat: the seat is not the question here.
                    ask.position.organization = Some(crate::model::Organization {
                        in_eu: Some(false),
                        ..crate::model::Organization::default()
                    });
                })
        };
        let all: Vec<Decision> = row[0].split(',').map(|s| ask(ids[s]).decide()).collect();
        let strictest = all.iter().filter_map(|decision| decision.ruling).max();
        assert_eq!(strictest, Some(ruling(row[3])), "{row:?}");
        if matches!(row[3], "P" | "PO") {
            let own = ask(LLAMA_2).in_setting(base_duties);
            let mut duties: Vec<&str> = all
                .iter()
                .flat_map(|decision| &decision.obligations)
                .map(|duty| duty.id.as_str())
                .filter(|id| own.iter().all(|duty| duty.id != *id))
                .collect();
            duties.sort_unstable();
            duties.dedup();
            // A base that asks for the same prefix itself leaves nothing to add.
            let expected: Vec<&str> = row[4]
                .split(',')
                .filter(|id| *id != "-" && own.iter().all(|duty| duty.id != *id))
                .collect();
            assert_eq!(duties, expected, "{row:?}");
        }
    }
}
