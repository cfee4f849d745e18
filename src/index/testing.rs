//! Helps the tests of other modules to make states that only a crash leaves.

use super::Compat;
use super::IndexDir;
use super::IndexWriter;
use super::Registration;
use super::SourceDraft;
use super::WriteError;
use crate::model::Acquisition;

/// Writes and ingests everything of a registration and stops before its commit.
pub(crate) fn ingest_without_commit(
    dir: &IndexDir,
    compat: &Compat,
    add: impl FnOnce(&mut Registration<'_>),
) {
    let mut index = IndexWriter::open(dir, compat, |_| Ok::<_, WriteError>(())).unwrap();
    let mut registration = index.begin().unwrap();
    add(&mut registration);
    registration.stop_before_commit = true;
    let draft = SourceDraft {
        name: "crashed".to_owned(),
        digest: String::new(),
        files: Vec::new(),
        models: Vec::new(),
        columns: Vec::new(),
        access: None,
        acquisition: Acquisition::SelfGenerated,
        text_bytes: 0,
        registered_at: String::new(),
        bundle: None,
    };
    assert!(matches!(
        registration.finish(draft),
        Err(WriteError::Poisoned)
    ));
    assert!(matches!(index.usable(), Err(WriteError::Poisoned)));
}
