//! `herdbook check PATH…`: the gate.
//!
//! Order: clashes of names are refused, reports of an earlier run removed, the check runs, its
//! reports are written, the terminal is told. A report that cannot be written turns a pass into
//! undecided.

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::Context as _;
use anyhow::anyhow;

use super::args::CheckArgs;
use super::args::FailOn;
use super::args::Global;
use super::args::INDEX_DEFAULT;
use super::attest;
use super::audit;
use super::config::Config;
use super::duties;
use super::exit::Exit;
use super::exit::Failure;
use super::exit::OrExit as _;
use super::from;
use super::from::Plan;
use super::grounds::Grounds;
use super::grounds::Named;
use super::inputs;
use super::lineage;
use super::opened;
use super::opened::Opened;
use super::out;
use super::progress::Progress;
use super::recheck;
use super::target;
use super::worker;
use crate::model::CheckOutcome;
use crate::model::Verdict;
use crate::pipeline;
use crate::pipeline::Ancestry;
use crate::pipeline::CheckContext;
use crate::pipeline::CheckOptions;
use crate::pipeline::Judged;
use crate::pipeline::SplitCount;
use crate::pipeline::SplitError;
use crate::pipeline::SplitFolders;
use crate::pipeline::scan::OpenCost;
use crate::pipeline::scan::Scanner as _;
use crate::pipeline::scan::Supervisor;
use crate::pipeline::scan::WorkerError;
use crate::pipeline::scan::WorkerOptions;
use crate::pipeline::sketches::Keeping;
use crate::read::InputPath;
use crate::read::Purpose;
use crate::read::ReadError;
use crate::read::ReadOptions;
use crate::report;
use crate::report::WriteError;
use crate::report::escape;
use crate::report::terminal;

pub(super) fn run(global: &Global, args: &CheckArgs) -> Result<Exit, Failure> {
    let config = Config::load(&global.index).or_usage()?;
    refuse_clashes(args, &[])?;
    let attest = attest::Planned::new(global, args)?;
    remove_stale_reports(args)?;
    attest
        .as_ref()
        .map_or(Ok(()), attest::Planned::remove_stale)?;
    let plan = from::plan(global, args)?;
    refuse_clashes(args, &plan.named)?;
    let mut kept = None;
    let mut outcome = outcome(global, args, &config, plan, &mut kept)?;
    let logged = audit::log_check(global, args, &mut outcome, kept);
    let exit = finish(global, args, &config, &outcome);
    // Last of all: a statement that the check passed must not outlive anything that went wrong.
    Ok(match attest {
        Some(attest) => {
            let (outcome, logged) = (&outcome, logged.as_ref());
            attest.finish(
                global,
                args,
                &config,
                attest::Checked { outcome, logged },
                exit,
            )
        }
        None => exit,
    })
}

/// Verification that is told of. Chosen: shorter ones nobody notices.
const WAIT_TOLD: Duration = Duration::from_secs(1);

/// Says how long verifying took where that was long: it is part of every check, and grows with the
/// index.
fn tell_the_wait(snapshot: u64, cost: OpenCost, quiet: bool) {
    let wait = Duration::from_millis(cost.verify_ms);
    if quiet || wait < WAIT_TOLD {
        return;
    }
    out::note(&format!(
        "verifying snapshot {snapshot} took {:.1} s: {:.2} GB in {} files; {:.2} GB of filters are \
         held in memory",
        wait.as_secs_f64(),
        cost.bytes as f64 / 1e9,
        cost.files,
        cost.filter_bytes as f64 / 1e9,
    ));
}

/// Runs the check itself. Bad target or policy is bad usage; whatever is wrong with the index or
/// the inputs stands in the outcome. `kept` becomes the digest of the sketches that were kept.
fn outcome(
    global: &Global,
    args: &CheckArgs,
    config: &Config,
    plan: Plan,
    kept: &mut Option<String>,
) -> Result<CheckOutcome, Failure> {
    let Plan { target, inputs, .. } = plan;
    let named = Named {
        catalog: &args.own,
        policy: args.policy.as_deref(),
        organization: args.organization.as_deref(),
        approvals: args.approvals.as_deref(),
        as_of: args.as_of,
    };
    let grounds = Grounds::gather(global, config, &named)?;
    let (duties, unknown_duties) = duties::book(args, config, &target)?;
    let judged = Judged {
        catalog: &grounds.catalog,
        policy: &grounds.policy,
        position: &grounds.position,
        target: &target,
        approvals: &grounds.approvals,
        duties: &duties,
        as_of: &grounds.as_of,
    };
    if let Some(why) = &grounds.unreadable {
        return Ok(pipeline::approvals_unreadable(&judged, why));
    }
    if let Some(error) = unknown_duties {
        return Ok(pipeline::duties_unreadable(&judged, &format!("{error:#}")));
    }
    let opened = match Opened::find(global) {
        Ok(opened) => opened,
        Err(error) => return Ok(pipeline::unavailable(&judged, &error.to_string())),
    };
    let spinner = Progress::spinner("verifying the snapshot", global.quiet);
    let started = scanner(global, args, config, &opened, &judged, &inputs)?;
    spinner.finish();
    let mut scanner = match started {
        Ok(scanner) => scanner,
        Err(error) => return Ok(pipeline::unavailable(&judged, &error.to_string())),
    };
    let facts = scanner.facts().clone();
    tell_the_wait(facts.info.snapshot, scanner.cost(), global.quiet);
    let folder = target::folder(&target)?;
    // A travelling snapshot has no lineage graph beside it.
    let ancestry = match args.snapshot {
        Some(_) => Ancestry::default(),
        None => match lineage::ancestry(&opened, &facts, &target) {
            Ok(ancestry) => ancestry,
            Err(error) => return Ok(pipeline::unavailable(&judged, &error.to_string())),
        },
    };
    let context = CheckContext {
        snapshot: &facts,
        ancestry: &ancestry,
        recipe: &opened.recipe,
        judged: &judged,
        folder,
    };
    let options = options(args, config);
    let progress = Progress::bytes("checking", inputs::bytes(&inputs), global.quiet);
    let begun = keeps(args, config).then(|| recheck::begin(&opened, &inputs, &target, &duties));
    let mut keeping = Keeping::new(&mut scanner, begun);
    let run = {
        let seen = AtomicU64::new(0);
        let count = inputs::accumulate(&seen, &progress);
        pipeline::check(&context, &mut keeping, &inputs, &options, &count)
    };
    progress.finish();
    let mut run = run.map_err(|error| match error {
        SplitError::Exists(_) => Failure::usage(error),
        SplitError::Write { .. } | SplitError::Read(_) => Failure::undecided(error),
    })?;
    for column in &run.exempt_unused {
        out::warn(&format!(
            "--exempt-column {} covers no column of any input: everything there was scanned",
            escape::identifier(column)
        ));
    }
    for count in &run.split {
        out::note(&split_line(count));
    }
    if let Err(error) = duties::store(args, &run.to_store) {
        pipeline::duties_not_stored(&mut run.outcome, &format!("{error:#}"));
    }
    // Of a check that asked no index there is nothing to be decided again.
    if run.outcome.index.is_some() {
        match keeping.finish() {
            Ok(digest) => *kept = digest,
            Err(error) => pipeline::sketches_not_kept(&mut run.outcome, &error.to_string()),
        }
    }
    Ok(run.outcome)
}

/// Starts the worker that scans, and has it open and verify the snapshot.
fn scanner(
    global: &Global,
    args: &CheckArgs,
    config: &Config,
    opened: &Opened,
    judged: &Judged<'_>,
    inputs: &[Result<InputPath, ReadError>],
) -> Result<Result<Supervisor, WorkerError>, Failure> {
    let threads = opened::threads(args.threads.or(config.threads));
    let stdin = inputs.iter().flatten().find(|input| input.path.is_none());
    let dir = opened.dir.clone();
    let options = WorkerOptions {
        program: worker::program()
            .context("this program cannot tell where it is")
            .or_undecided()?,
        arguments: vec![worker::COMMAND.to_owned()],
        index: global.index.clone(),
        snapshot: args.snapshot.clone().zip(args.snapshot_digest.clone()),
        threads,
        minimum: judged.policy.flag_strength(),
        limits: args.worker.limits(threads),
        sketches: keeps(args, config),
        stdin: stdin.map(InputPath::spooled).transpose().or_undecided()?,
    };
    Ok(Supervisor::start(options, move |number| {
        dir.snapshot(number)
    }))
}

/// Whether the sketches of the inputs are kept. A check against a travelling snapshot stands in no
/// log that could name them.
fn keeps(args: &CheckArgs, config: &Config) -> bool {
    (args.keep_sketches || config.keep_sketches) && args.snapshot.is_none()
}

/// How the inputs are read and where the split goes.
fn options(args: &CheckArgs, config: &Config) -> CheckOptions {
    let fail_on_flag = args.fail_on.or(config.fail_on) == Some(FailOn::Flag);
    CheckOptions {
        read: ReadOptions {
            format: args.format.map(inputs::format),
            text_columns: args.text_columns.clone(),
            exempt_columns: args.exempt_columns.clone(),
            purpose: Purpose::Check,
            ..ReadOptions::default()
        },
        split: args
            .clean
            .as_ref()
            .zip(args.quarantine.as_ref())
            .map(|(clean, quarantine)| SplitFolders {
                clean: clean.clone(),
                quarantine: quarantine.clone(),
                quarantine_flagged: fail_on_flag,
            }),
    }
}

fn split_line(count: &SplitCount) -> String {
    match count.quarantined {
        Some(quarantined) => {
            format!(
                "split {}: {} rows clean, {quarantined} in quarantine",
                count.input, count.clean
            )
        }
        None => format!(
            "{} could not be read to its end: all of it is in quarantine",
            count.input
        ),
    }
}

/// Refuses output names that are the same as each other or as something that is read. Compares
/// absolute names, without following links: what a name leads to is the writers' business.
///
/// `named` is what a configuration names beside the command line.
fn refuse_clashes(args: &CheckArgs, named: &[PathBuf]) -> Result<(), Failure> {
    let mut taken: BTreeSet<PathBuf> = BTreeSet::new();
    let inputs = args.paths.iter().filter(|path| *path != "-").map(Path::new);
    let read = args
        .target
        .iter()
        .chain(&args.policy)
        .chain(&args.organization)
        .chain(&args.snapshot)
        .chain(named);
    for path in inputs.chain(read.map(PathBuf::as_path)) {
        taken.insert(absolute(path)?);
    }
    let kept = duties::place(args);
    for path in args.approvals.iter().chain(&kept) {
        taken.insert(absolute(path)?);
    }
    for output in args
        .reports
        .iter()
        .chain(&args.clean)
        .chain(&args.quarantine)
        .chain(&attest::Planned::outputs(args))
    {
        if !taken.insert(absolute(output)?) {
            return Err(Failure::usage(anyhow!(
                "{} is named twice: give every output a name of its own",
                output.display()
            )));
        }
    }
    Ok(())
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path)
        .with_context(|| format!("{} is no path that can be used", path.display()))
        .or_usage()
}

/// Removes the reports of an earlier run; none is removed if one of them must not be.
fn remove_stale_reports(args: &CheckArgs) -> Result<(), Failure> {
    let failure = |error: WriteError| match error {
        WriteError::UnknownKind(_) | WriteError::NoPage(_) | WriteError::NotAReport(_) => {
            Failure::usage(error)
        }
        WriteError::Io { .. } | WriteError::Render { .. } => Failure::undecided(error),
    };
    for path in &args.reports {
        report::check_stale(path).map_err(failure)?;
    }
    for path in &args.reports {
        report::remove_stale(path).map_err(failure)?;
    }
    Ok(())
}

/// Writes the reports, tells the terminal, and gives the exit code.
fn finish(global: &Global, args: &CheckArgs, config: &Config, outcome: &CheckOutcome) -> Exit {
    let fail_on_flag = args.fail_on.or(config.fail_on) == Some(FailOn::Flag);
    let mut exit = Exit::of(outcome.verdict, fail_on_flag);
    let mut exit_note =
        (fail_on_flag && outcome.verdict == Verdict::Flag).then(|| "--fail-on flag".to_owned());
    let mut reports = Vec::new();
    for path in &args.reports {
        match report::write(path, outcome) {
            Ok(()) => reports.push(path.to_string_lossy().into_owned()),
            Err(error) => {
                out::error(&Failure::undecided(error));
                exit = exit.or_undecided();
                exit_note = Some("a report could not be written".to_owned());
            }
        }
    }
    let context = terminal::Context {
        inputs: args.paths.clone(),
        options: repeated_options(global, args),
        exit_code: exit.code(),
        exit_note,
        split: split(args),
        reports,
    };
    let text = if global.quiet {
        terminal::headline(outcome, &context)
    } else {
        terminal::render(outcome, &context)
    };
    if let Err(failure) = out::print(&text) {
        out::error(&failure);
        exit = exit.or_undecided();
    }
    exit
}

fn split(args: &CheckArgs) -> Option<terminal::Split> {
    let (clean, quarantine) = args.clean.as_ref().zip(args.quarantine.as_ref())?;
    Some(terminal::Split {
        clean: clean.to_string_lossy().into_owned(),
        quarantine: quarantine.to_string_lossy().into_owned(),
    })
}

/// The options that a suggested command repeats: all that change the answer.
fn repeated_options(global: &Global, args: &CheckArgs) -> Vec<String> {
    let mut options: Vec<String> = Vec::new();
    let mut option = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            options.extend([name.to_owned(), value]);
        }
    };
    let path = |path: &Path| path.to_string_lossy().into_owned();
    option("--target", args.target.as_deref().map(path));
    option("--target-model", args.target_model.clone());
    option("--from", args.from.from.clone());
    // After a split the clean side alone is to be checked again.
    let paths_only = args.from.paths_only || (args.from.from.is_some() && args.clean.is_some());
    for assignment in args.from.input_overrides.iter().filter(|_| !paths_only) {
        option("--input-override", Some(assignment.clone()));
    }
    option("--policy", args.policy.as_deref().map(path));
    option("--organization", args.organization.as_deref().map(path));
    option("--approvals", args.approvals.as_deref().map(path));
    option("--duties", args.duties.duties.as_deref().map(path));
    option("--snapshot", args.snapshot.as_deref().map(path));
    option("--snapshot-digest", args.snapshot_digest.clone());
    option(
        "--fail-on",
        args.fail_on.map(|FailOn::Flag| "flag".to_owned()),
    );
    option(
        "--format",
        args.format.map(|format| format.as_str().to_owned()),
    );
    for column in &args.text_columns {
        option("--text-column", Some(column.clone()));
    }
    for column in &args.exempt_columns {
        option("--exempt-column", Some(column.clone()));
    }
    option("--as-of", args.as_of.map(|date| date.to_string()));
    let elsewhere = global.index != Path::new(INDEX_DEFAULT);
    option("--index", elsewhere.then(|| path(&global.index)));
    if paths_only {
        options.push("--paths-only".to_owned());
    }
    if args.duties.no_record_duties {
        options.push("--no-record-duties".to_owned());
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Cli;
    use crate::cli::args::Command;
    use clap::Parser as _;

    fn parse(words: &[&str]) -> (Global, CheckArgs) {
        let line = ["herdbook", "check"].iter().chain(words);
        let cli = Cli::try_parse_from(line).expect("parses");
        let Command::Check(args) = cli.command else {
            panic!("not a check")
        };
        (cli.global, *args)
    }

    #[test]
    fn one_name_for_two_things_is_refused() {
        for words in [
            &["a.json", "--target-model", "m", "--report", "a.json"][..],
            &[
                "a",
                "--target-model",
                "m",
                "--report",
                "r.json",
                "--report",
                "r.json",
            ],
            &[
                "a",
                "--target-model",
                "m",
                "--clean",
                "x",
                "--quarantine",
                "x",
            ],
            &[
                "a",
                "--target-model",
                "m",
                "--clean",
                "a",
                "--quarantine",
                "q",
            ],
            &[
                "a/",
                "--target-model",
                "m",
                "--clean",
                "a",
                "--quarantine",
                "q",
            ],
            &[
                "a",
                "--target-model",
                "m",
                "--report",
                "./r.json",
                "--report",
                "r.json",
            ],
        ] {
            let (_, args) = parse(words);
            let failure = refuse_clashes(&args, &[]).expect_err("refused");
            assert_eq!(failure.exit, Exit::Usage);
        }
        let (_, args) = parse(&[
            "a",
            "--target-model",
            "m",
            "--clean",
            "c",
            "--quarantine",
            "q",
        ]);
        refuse_clashes(&args, &[]).expect("nothing clashes");
    }

    #[test]
    fn a_stale_report_goes_and_a_data_set_stays() {
        let folder = tempfile::tempdir().expect("folder");
        let stale = folder.path().join("old.json");
        let data = folder.path().join("data.json");
        std::fs::write(&stale, "{\n  \"schema_version\": 1\n}").expect("written");
        std::fs::write(&data, "[]").expect("written");
        let (stale_word, data_word) = (stale.to_str().expect("path"), data.to_str().expect("path"));
        let (_, args) = parse(&[
            "a",
            "--target-model",
            "m",
            "--report",
            stale_word,
            "--report",
            data_word,
        ]);
        let failure = remove_stale_reports(&args).expect_err("data.json is no report");
        assert_eq!(failure.exit, Exit::Usage);
        assert!(
            stale.exists() && data.exists(),
            "nothing is removed when one is refused"
        );
        let (_, args) = parse(&["a", "--target-model", "m", "--report", stale_word]);
        remove_stale_reports(&args).expect("removed");
        assert!(!stale.exists());
    }

    #[test]
    fn suggested_commands_repeat_what_changes_the_answer() {
        let (global, args) = parse(&[
            "a",
            "--target",
            "t.toml",
            "--fail-on",
            "flag",
            "--exempt-column",
            "id",
            "--as-of",
            "2026-01-02",
            "--index",
            "/i",
            "--clean",
            "c",
            "--quarantine",
            "q",
            "--report",
            "r.json",
            "--threads",
            "4",
        ]);
        assert_eq!(
            repeated_options(&global, &args).join(" "),
            "--target t.toml --fail-on flag --exempt-column id --as-of 2026-01-02 --index /i"
        );
    }

    #[test]
    fn suggested_commands_keep_the_configuration_and_after_a_split_only_the_clean_side() {
        let options = |words: &[&str]| {
            let (global, args) = parse(words);
            repeated_options(&global, &args).join(" ")
        };
        assert_eq!(
            options(&[
                "--from",
                "c.yml",
                "--input-override",
                "a/b=c",
                "--threads",
                "2"
            ]),
            "--from c.yml --input-override a/b=c"
        );
        assert_eq!(
            options(&["--from", "c.yml", "--clean", "c", "--quarantine", "q"]),
            "--from c.yml --paths-only"
        );
        assert_eq!(
            options(&["a", "--from", "c.yml", "--paths-only"]),
            "--from c.yml --paths-only"
        );
    }

    #[test]
    fn a_lost_report_turns_a_pass_into_undecided_and_leaves_a_block() {
        let (global, mut args) = parse(&["a", "--target-model", "m", "--quiet"]);
        args.reports = vec!["/nonexistent-folder/r.json".into()];
        let config = Config::default();
        let mut outcome = crate::report::sample_outcome();
        assert_eq!(finish(&global, &args, &config, &outcome), Exit::Undecided);
        outcome.verdict = Verdict::Block;
        assert_eq!(finish(&global, &args, &config, &outcome), Exit::Block);
        args.reports.clear();
        outcome.verdict = Verdict::Pass;
        assert_eq!(finish(&global, &args, &config, &outcome), Exit::Pass);
        outcome.verdict = Verdict::Flag;
        let strict = Config {
            fail_on: Some(FailOn::Flag),
            ..Config::default()
        };
        assert_eq!(finish(&global, &args, &strict, &outcome), Exit::Block);
    }
}
