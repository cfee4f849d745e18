//! The check as a call, for a program that has the text in hand.
//!
//! ```
//! use herdbook::GateOptions;
//! use herdbook::Register;
//!
//! # let dir = tempfile::tempdir()?;
//! # let index = dir.path().join("index");
//! # let outputs = dir.path().join("outputs.jsonl");
//! # let answer = "Bread rises because yeast turns sugar into gas, which the gluten of the dough \
//! #               keeps in; a warm place makes it quicker, and salt slows it down a little.";
//! # std::fs::write(&outputs, format!("{{\"output\": \"{answer}\"}}\n"))?;
//! # let (at, file) = (index.display().to_string(), outputs.display().to_string());
//! # let model = "meta-llama/Meta-Llama-3-8B-Instruct";
//! # for words in [vec!["init"], vec!["register", &file, "--model", model]] {
//! #     let line = [vec!["herdbook"], words, vec!["--quiet", "--index", &at]].concat();
//! #     let line: Vec<std::ffi::OsString> = line.into_iter().map(Into::into).collect();
//! #     assert_eq!(herdbook::cli::run(line).code(), 0);
//! # }
//! // Once: verifies the newest snapshot, and holds its filters in memory.
//! let register = Register::open(&index)?;
//! // Once per target: reads policy, profile and approvals, as `herdbook check` would.
//! let gate = register.gate(&GateOptions::for_model("mistralai/Mistral-7B-v0.3"))?;
//! // One per thread.
//! let mut checker = gate.checker();
//!
//! assert!(checker.check("Nobody registered this sentence about tea and toast.")?.is_clean());
//! let found = checker.check(answer)?;
//! let finding = found.finding().expect("a registered answer");
//! assert_eq!(finding.level, herdbook::model::Level::Block);
//! assert_eq!(finding.decision.license.as_deref(), Some("llama-3"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Invariants: an answer is what `herdbook check` says of a row that holds the text; an error is
//! never an answer; a clean text that shares nothing with the register, which is almost every one, is
//! answered from memory without an allocation. Nothing is written: no report, no stored duty.

mod checker;
mod error;
mod gate;
mod register;

pub use crate::pipeline::MatchError as CheckError;
pub use checker::Answer;
pub use checker::Checker;
pub use error::GateError;
pub use gate::Gate;
pub use gate::GateOptions;
pub use register::Register;
