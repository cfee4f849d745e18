use super::*;
use clap::CommandFactory as _;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split(' '))
}

fn refused(line: &str) -> String {
    let error = parse(line).expect_err(line);
    assert_eq!(error.exit_code(), 2, "{line}");
    error.to_string()
}

fn check(line: &str) -> CheckArgs {
    let Command::Check(args) = parse(line).expect(line).command else {
        panic!("{line} is not a check");
    };
    *args
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_help_text() {
    fn collect(path: &str, command: &mut clap::Command, out: &mut String) {
        let text = command.render_long_help();
        out.extend(["\n$ ", path, " --help\n", &text.to_string()]);
        for sub in command
            .get_subcommands_mut()
            .filter(|sub| sub.get_name() != "help" && !sub.is_hide_set())
        {
            let path = format!("{path} {}", sub.get_name());
            collect(&path, sub, out);
        }
    }
    let mut command = Cli::command().term_width(80);
    command.build();
    let mut out = String::new();
    collect("herdbook", &mut command, &mut out);
    for line in out.lines() {
        assert!(line.chars().count() <= 80, "wider than 80 columns: {line}");
    }
    insta::assert_snapshot!(out);
}

#[test]
fn check_needs_exactly_one_target() {
    assert!(refused("herdbook check a.jsonl").contains("--target"));
    refused("herdbook check a.jsonl --target t.toml --target-model m");
    refused("herdbook check --target-model m");
    let args = check("herdbook check a.jsonl b/ - --target-model m");
    assert_eq!(args.paths, ["a.jsonl", "b/", "-"]);
    assert_eq!(args.target_model.as_deref(), Some("m"));
}

#[test]
fn a_configuration_stands_for_target_and_paths() {
    let args = check("herdbook check --from axolotl:c.yml");
    assert_eq!(args.from.from.as_deref(), Some("axolotl:c.yml"));
    assert!(args.paths.is_empty() && args.target.is_none());
    check("herdbook check a.jsonl --from c.yml --target-model m --input-override a/b=c=d");
    check("herdbook check a.jsonl --from c.yml --paths-only");
    refused("herdbook check --from c.yml --target t.toml --target-model m");
    refused("herdbook check --from c.yml --paths-only");
    refused("herdbook check a --target-model m --paths-only");
    refused("herdbook check a --target-model m --input-override a=b");
    for wrong in ["a", "=b", "a=", "="] {
        let said = refused(&format!(
            "herdbook check --from c.yml --input-override {wrong}"
        ));
        assert!(said.contains("write ID=PATH"), "{said}");
    }
}

#[test]
fn options_that_belong_together() {
    let base = "herdbook check a.jsonl --target-model m";
    refused(&format!("{base} --clean c"));
    refused(&format!("{base} --quarantine q"));
    refused(&format!("{base} --snapshot s"));
    refused(&format!("{base} --snapshot-digest {}", "a".repeat(64)));
    let digest = "AB".repeat(32);
    let args = check(&format!(
        "{base} --clean c --quarantine q --snapshot s --snapshot-digest {digest} --fail-on flag \
         --report r.json --report r.HTML --exempt-column id --exempt-column meta.src \
         --text-column text --format jsonl --as-of 2026-02-28 --threads 2"
    ).replace("         ", ""));
    assert_eq!(
        args.snapshot_digest.as_deref(),
        Some("ab".repeat(32).as_str())
    );
    assert_eq!(args.reports.len(), 2);
    assert_eq!(args.exempt_columns, ["id", "meta.src"]);
    assert_eq!(args.as_of.expect("date").to_string(), "2026-02-28");
    assert_eq!(args.fail_on, Some(FailOn::Flag));
    refused("herdbook snapshot verify some/dir");
}

#[test]
fn bad_words_are_refused_with_code_2() {
    let base = "herdbook check a.jsonl --target-model m";
    for bad in [
        "--threads 0",
        "--as-of 2026-02-30",
        "--fail-on none",
        "--fail-on block",
        "--format xlsx",
        "--report out.txt",
        "--report report",
        "--no-fail",
        "--ignore-errors",
    ] {
        refused(&format!("{base} {bad}"));
    }
    refused("herdbook register");
    refused("herdbook register a.jsonl --acquisition bought");
    refused("herdbook nonsense");
    refused("herdbook");
    assert!(Cli::try_parse_from(["herdbook", "register", "a", "--source", "x\u{202e}y"]).is_err());
    assert!(Cli::try_parse_from(["herdbook", "register", "a", "--source", " "]).is_err());
    assert!(Cli::try_parse_from(["herdbook", "register", "a", "--model", ""]).is_err());
}

#[test]
fn register_takes_a_model_and_a_column() {
    let cli = parse("herdbook --index /x register a --model m --model-column c -q").expect("both");
    assert_eq!(cli.global.index, Path::new("/x"));
    assert!(cli.global.quiet);
    // Global options also stand after the command.
    let cli = parse("herdbook source list --json --index /y").expect("after");
    assert_eq!(cli.global.index, Path::new("/y"));
}

#[test]
fn format_words_parse_back() {
    for format in FormatWord::value_variants() {
        let word = format
            .to_possible_value()
            .expect("shown")
            .get_name()
            .to_owned();
        assert_eq!(word, format.as_str());
    }
    for word in AcquisitionWord::value_variants() {
        let name = word
            .to_possible_value()
            .expect("shown")
            .get_name()
            .to_owned();
        assert_eq!(name, Acquisition::from(*word).as_str());
    }
}
