use super::*;
use crate::report::samples;

fn context(exit_code: u8) -> Context {
    Context {
        inputs: vec!["data/train.parquet".into()],
        options: vec!["--target-model".into(), "mistralai/Mistral-7B-v0.3".into()],
        exit_code,
        exit_note: None,
        split: None,
        reports: vec![],
    }
}

fn plain(outcome: &CheckOutcome, context: &Context) -> String {
    anstream::adapter::strip_str(&render(outcome, context)).to_string()
}

#[test]
fn pass() {
    insta::assert_snapshot!(plain(&samples::pass(), &context(0)));
}

#[test]
fn flag() {
    insta::assert_snapshot!(plain(&samples::flag(), &context(0)));
}

#[test]
fn block_with_two_claims_on_one_text() {
    let text = plain(&samples::block_two_claims(), &context(1));
    assert!(text.contains("license llama-2") && text.contains("license llama-3.1"));
    insta::assert_snapshot!(text);
}

#[test]
fn undecided_rows() {
    insta::assert_snapshot!(plain(&samples::undecided_rows(), &context(3)));
}

#[test]
fn undecided_index() {
    insta::assert_snapshot!(plain(&samples::undecided_index(), &context(3)));
}

#[test]
fn many_findings() {
    insta::assert_snapshot!(plain(&samples::many(), &context(1)));
}

#[test]
fn after_a_split() {
    let mut context = context(1);
    context.split = Some(Split {
        clean: "out/clean".into(),
        quarantine: "out/quarantine".into(),
    });
    context.reports = vec!["verdict.json".into()];
    let text = plain(&samples::block_two_claims(), &context);
    let tail = text.split("\nNext\n").nth(1).expect("there is a next");
    insta::assert_snapshot!(tail);
}

#[test]
fn hostile_data_reaches_the_terminal_only_as_escapes() {
    let outcome = samples::hostile();
    let text = plain(&outcome, &context(1));
    assert!(
        !text.chars().any(|c| c != '\n' && escape::is_deceptive(c)),
        "{text}"
    );
    // Styles are the only escape sequences: stripping them leaves as many lines as before.
    let styled = render(&outcome, &context(1));
    assert_eq!(styled.lines().count(), text.lines().count());
    assert!(!styled.contains("\u{1b}[2J"));
}

#[test]
fn ordinary_reports_fit_the_width() {
    for (name, outcome) in samples::all() {
        for line in plain(&outcome, &context(1)).lines() {
            // Only a word that cannot be broken may be longer.
            let words = line.split_whitespace().count();
            assert!(
                columns(line) <= WIDTH || words <= 2,
                "{name}: {} columns: {line}",
                columns(line)
            );
        }
    }
}

#[test]
fn verdict_and_exit_code_stand_in_the_first_sentence() {
    for (name, outcome) in samples::all() {
        let text = plain(&outcome, &context(7));
        let word = outcome.verdict.as_str().to_uppercase();
        assert!(text.starts_with(&format!("{word}  ")), "{name}: {text}");
        let head: String = text
            .split("\n\n")
            .next()
            .expect("a head")
            .replace("\n ", " ")
            .replace("  ", " ");
        assert!(head.contains("Exit code 7."), "{name}: {head}");
    }
}

#[test]
fn a_suggested_command_survives_odd_names() {
    let mut context = context(1);
    context.inputs = vec!["my data/it's.jsonl".into(), "-x;rm".into(), "-".into()];
    let text = plain(&samples::block_two_claims(), &context);
    assert!(
        text.contains(r"'my data/it'\''s.jsonl' './-x;rm' -"),
        "{text}"
    );
}

#[test]
fn wide_characters_count_two() {
    assert_eq!(columns("ab"), 2);
    assert_eq!(columns("中文"), 4);
}

#[test]
fn an_exit_code_of_its_own_is_explained() {
    let mut context = context(1);
    context.exit_note = Some("--fail-on flag".into());
    let text = anstream::adapter::strip_str(&headline(&samples::flag(), &context)).to_string();
    assert!(text.contains("Exit code 1 (--fail-on flag)."), "{text}");
}
