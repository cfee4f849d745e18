//! The loader: what is wrong is refused, with file, line, column and what to do. The schema.

use super::*;
use crate::catalog::load::{CatalogError, Part};

/// The built-in files, one of them changed.
fn changed(name: &str, change: impl Fn(&str) -> String) -> Result<Catalog, CatalogError> {
    let texts: Vec<(&str, String)> = BUILTIN
        .iter()
        .map(|(path, text)| {
            let text = if *path == name {
                change(text)
            } else {
                (*text).to_owned()
            };
            (*path, text)
        })
        .collect();
    let parts: Vec<Part<'_>> = texts
        .iter()
        .map(|(path, text)| Part {
            path,
            text,
            own: false,
        })
        .collect();
    load::catalog(&parts)
}

fn refused(name: &str, change: impl Fn(&str) -> String) -> String {
    changed(name, change).expect_err("refused").to_string()
}

/// `line:column` of the first occurrence, counted another way than the loader does.
fn place(text: &str, wanted: &str) -> String {
    let (line, found) = text
        .lines()
        .enumerate()
        .find(|(_, line)| line.contains(wanted))
        .expect("it is there");
    let column = found.find(wanted).expect("in the line") + 1;
    format!("{}:{column}", line + 1)
}

#[test]
fn an_error_names_file_line_column_entry_field_and_remedy() {
    let message = refused("licenses.toml", |text| {
        text.replace("\"2023-07-18\"", "\"July 2023\"")
    });
    let text = BUILTIN[0].1.replace("\"2023-07-18\"", "\"July 2023\"");
    assert_eq!(
        message,
        format!(
            "licenses.toml:{}: license `llama-2`, field `version_date`: `July 2023` is not a \
             date; write YYYY-MM-DD",
            place(&text, "\"July 2023\"")
        )
    );
    let message = refused("licenses.toml", |text| {
        text.replacen("outputs = ", "output = ", 1)
    });
    let text = BUILTIN[0].1.replacen("outputs = ", "output = ", 1);
    assert!(
        message.starts_with(&format!("licenses.toml:{}: ", place(&text, "output = "))),
        "{message}"
    );
    assert!(message.contains("unknown field `output`"), "{message}");
}

#[test]
fn licenses_that_are_wrong_are_refused() {
    for (from, to, said) in [
        (
            "date_line = \"Llama 2 V",
            "date_line = \"\" #",
            "field `date_line`: is empty",
        ),
        ("2023-07-18", "2023-02-30", "is not a date"),
        (
            "read = \"2025-07-15\"",
            "read = \"15.7.2025\"",
            "field `read`",
        ),
        (
            "sha256 = \"e30d",
            "sha256 = \"E30d",
            "field `sha256`: is not a SHA-256",
        ),
        (
            "sha256 = \"bf46",
            "sha256 = \"bf4",
            "field `use_policy.sha256`",
        ),
        (
            "link = \"https://ai.meta",
            "link = \"http://ai.meta",
            "field `use_policy.link`",
        ),
        ("id = \"llama-3.1\"", "id = \"llama-2\"", "stands twice"),
        ("id = \"llama-3.1\"", "id = \"Llama 3.1\"", "is no id"),
        (
            "hugging_face = \"llama3.1\"",
            "hugging_face = \"llama3\"",
            "`llama3` stands twice",
        ),
        (
            "section = \"1.b.v\"",
            "section = \" \"",
            "field `improve_ban.section`: is empty",
        ),
        (
            "above = 700_000_000",
            "above = 0",
            "field `monthly_users.above`",
        ),
        ("above = 700_000_000", "above = -1", "-1"),
        (
            "open_for = [\"llama-3.1\"]",
            "open_for = [\"llama-9\"]",
            "unknown version `llama-9`",
        ),
        (
            "title = \"LLaMA",
            "title = \"x\"\ntitle = \"LLaMA",
            "duplicate key",
        ),
        (
            "scope = \"language-models\"",
            "scope = \"everything\"",
            "unknown variant",
        ),
        ("llama = \"llama-4\"\n", "", "no [[license]] for `llama-4`"),
        ("text = \"Llama 3\"", "text = \"Llama\\n3\"", "line break"),
        (
            "survives = \"2 to 11\"",
            "survives = \"\"",
            "field `termination.survives`: is empty",
        ),
    ] {
        let message = refused("licenses.toml", |text| {
            assert!(text.contains(from), "{from}");
            text.replacen(from, to, 1)
        });
        assert!(message.contains(said), "{from} -> {to}: {message}");
    }
}

#[test]
fn models_that_are_wrong_are_refused() {
    for (from, to, said) in [
        (
            "key = \"llama-guard-4\"",
            "key = \"llama-guard-3\"",
            "field `key`: stands twice",
        ),
        (
            "match = [\"*prompt-guard*\"]",
            "match = [\"*Prompt*\"]",
            "cannot match",
        ),
        (
            "match = [\"*prompt-guard*\"]",
            "match = [\"*a*\"]",
            "nearly every id",
        ),
        (
            "match = [\"*prompt-guard*\"]",
            "match = []",
            "field `match`: is empty",
        ),
        (
            "match = [\"*prompt-guard*\"]",
            "match = [\"a//b\"]",
            "cannot match",
        ),
        (
            "match = [\"*prompt-guard*\"]",
            "match = [\"ab\", \"ab\"]",
            "stands twice",
        ),
        (
            "licenses = [\"llama-4\"]",
            "licenses = [\"nope\"]",
            "no license `nope` in the catalog",
        ),
        (
            "licenses = [\"llama-4\"]",
            "licenses = [\"llama-4\", \"llama-4\"]",
            "stands twice",
        ),
        (
            "licenses = [\"llama-3.1\", \"llama-3.2\"]",
            "licenses = [\"llama-3.2\"]",
            "comes first",
        ),
        (
            "family = \"Prompt Guard\"\n",
            "",
            "field `family`: is missing",
        ),
        (
            "version_unknown = true",
            "version_unknown = false",
            "state exactly one of",
        ),
        (
            "version_unknown = true",
            "version_unknown = true\nmaybe_not_llama = true",
            "goes with `candidates`",
        ),
        (
            "multimodal_sizes = [11, 90]",
            "multimodal_sizes = [12]",
            "12 is not among `sizes`",
        ),
        ("sizes = [8, 70]", "sizes = []", "field `sizes`"),
        (
            "llama = \"llama-4\"\nsizes",
            "llama = \"llama-3\"\nsizes",
            "stands twice",
        ),
        (
            "basis = \"general-knowledge\"\n",
            "",
            "field `basis`: is missing",
        ),
        (
            "source = \"https",
            "basis = \"general-knowledge\"\nsource = \"https",
            "is not general knowledge",
        ),
        (
            "source = \"https://",
            "source = \"ftp://",
            "is not an https link",
        ),
        (
            "licensor = \"Google\"",
            "licensor = \"\"",
            "field `licensor`: is empty",
        ),
    ] {
        let message = refused("models.toml", |text| {
            assert!(text.contains(from), "{from}");
            text.replacen(from, to, 1)
        });
        assert!(message.contains(said), "{from} -> {to}: {message}");
        assert!(message.starts_with("models.toml:"), "{message}");
    }
}

#[test]
fn hosts_that_are_wrong_are_refused() {
    for (from, to, said) in [
        (
            "license = \"meta-llama-api-2025\"\n",
            "",
            "access `llama-api`, field `license`",
        ),
        ("read = \"2026-05-20\"\n", "", "need `link` and `read`"),
        (
            "id = \"fireworks\"",
            "id = \"together\"",
            "`together` stands twice",
        ),
        ("id = \"fireworks\"", "id = \"Fire works\"", "is no id"),
        (
            "terms = \"unread\"",
            "terms = \"guessed\"",
            "unknown variant",
        ),
    ] {
        let message = refused("hosts.toml", |text| {
            assert!(text.contains(from), "{from}");
            text.replacen(from, to, 1)
        });
        assert!(message.contains(said), "{from} -> {to}: {message}");
    }
}

#[test]
fn a_file_that_is_too_large_is_refused_unread() {
    let message = refused("hosts.toml", |_| " ".repeat(CATALOG_FILE_BYTES_MAX + 1));
    assert!(
        message.starts_with("hosts.toml:1:1: larger than"),
        "{message}"
    );
}

fn schema() -> schemars::Schema {
    schemars::schema_for!(CatalogFile)
}

#[test]
fn the_catalog_schema_is_the_committed_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/catalog.schema.json");
    let mut generated = serde_json::to_string_pretty(&schema()).expect("a schema is JSON");
    generated.push('\n');
    if std::env::var_os("HERDBOOK_BLESS").is_some() {
        std::fs::write(path, &generated).expect("schema can be written");
    }
    let committed = std::fs::read_to_string(path).expect("the schema is committed");
    assert_eq!(
        committed, generated,
        "run: HERDBOOK_BLESS=1 cargo test --release catalog::tests::files"
    );
}

#[test]
fn the_built_in_files_are_valid_under_the_schema_and_broken_ones_are_not() {
    let schema = serde_json::to_value(schema()).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    for (path, text) in BUILTIN {
        let document: serde_json::Value = toml::from_str(text).expect("TOML");
        assert!(validator.is_valid(&document), "{path}");
        let broken = text
            .replacen("id = ", "idd = ", 1)
            .replacen("key = ", "kee = ", 1);
        let document: serde_json::Value = toml::from_str(&broken).expect("TOML");
        assert!(!validator.is_valid(&document), "{path}");
    }
}
