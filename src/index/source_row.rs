//! The source row: a JSON object, so that later versions can add facts.

use serde::Deserialize;
use serde::Serialize;

use crate::model::Acquisition;
use crate::model::SourceId;
use crate::model::SourceInfo;
use crate::model::source::BundleOrigin;
use crate::model::source::SourceFile;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    digest: String,
    files: Vec<FileRow>,
    models: Vec<String>,
    columns: Vec<String>,
    access: Option<String>,
    acquisition: String,
    records: u64,
    new_texts: u64,
    text_bytes: u64,
    index_bytes: u64,
    registered_at: String,
    withdrawn_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bundle: Option<BundleOrigin>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRow {
    path: String,
    sha256: String,
    rows: u64,
    bytes: u64,
}

/// Bytes of the row; the number stands in the key.
pub(crate) fn encode(source: &SourceInfo) -> Result<Vec<u8>, String> {
    let row = Row {
        name: source.name.clone(),
        digest: source.digest.clone(),
        files: source
            .files
            .iter()
            .map(|file| FileRow {
                path: file.path.clone(),
                sha256: file.sha256.clone(),
                rows: file.rows,
                bytes: file.bytes,
            })
            .collect(),
        models: source.models.clone(),
        columns: source.columns.clone(),
        access: source.access.clone(),
        acquisition: source.acquisition.as_str().to_owned(),
        records: source.records,
        new_texts: source.new_texts,
        text_bytes: source.text_bytes,
        index_bytes: source.index_bytes,
        registered_at: source.registered_at.clone(),
        withdrawn_at: source.withdrawn_at.clone(),
        bundle: source.bundle.clone(),
    };
    serde_json::to_vec(&row).map_err(|error| format!("the source row cannot be written: {error}"))
}

/// Reads the row.
pub(crate) fn decode(id: SourceId, bytes: &[u8]) -> Result<SourceInfo, String> {
    let row: Row = serde_json::from_slice(bytes)
        .map_err(|error| format!("the source row cannot be read: {error}"))?;
    let acquisition = Acquisition::parse(&row.acquisition)
        .ok_or_else(|| format!("the source row has acquisition {:?}", row.acquisition))?;
    Ok(SourceInfo {
        id,
        name: row.name,
        digest: row.digest,
        files: row
            .files
            .into_iter()
            .map(|file| SourceFile {
                path: file.path,
                sha256: file.sha256,
                rows: file.rows,
                bytes: file.bytes,
            })
            .collect(),
        models: row.models,
        columns: row.columns,
        access: row.access,
        acquisition,
        records: row.records,
        new_texts: row.new_texts,
        text_bytes: row.text_bytes,
        index_bytes: row.index_bytes,
        registered_at: row.registered_at,
        withdrawn_at: row.withdrawn_at,
        bundle: row.bundle,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fact_of_a_source_survives() {
        let source = SourceInfo {
            id: SourceId(7),
            name: "späte \"Läufe\"".to_owned(),
            digest: "ab".to_owned(),
            files: vec![SourceFile {
                path: "a\nb".to_owned(),
                sha256: "cd".to_owned(),
                rows: u64::MAX,
                bytes: 3,
            }],
            models: vec!["m".to_owned(), String::new()],
            columns: vec!["c[].d".to_owned()],
            access: Some("bedrock".to_owned()),
            acquisition: Acquisition::Found,
            records: 1,
            new_texts: 2,
            text_bytes: 3,
            index_bytes: 4,
            registered_at: "2026-01-01T00:00:00Z".to_owned(),
            withdrawn_at: None,
            bundle: None,
        };
        let plain = encode(&source).unwrap();
        assert!(!String::from_utf8_lossy(&plain).contains("bundle"));
        assert_eq!(decode(SourceId(7), &plain), Ok(source.clone()));
        let shared = SourceInfo {
            bundle: Some(BundleOrigin {
                partner: "p".to_owned(),
                source: "s".to_owned(),
                key: "k".to_owned(),
                bundle: "b".to_owned(),
                exported_at: "t".to_owned(),
                records: 9,
            }),
            ..source
        };
        assert_eq!(decode(SourceId(7), &encode(&shared).unwrap()), Ok(shared));
    }

    #[test]
    fn an_unknown_word_or_field_is_an_error() {
        assert!(decode(SourceId(0), b"{}").is_err());
        assert!(decode(SourceId(0), b"{\"name\":1}").is_err());
    }
}
