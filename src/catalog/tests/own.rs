//! An organisation's own entries: asked first, never silently, never in place of a built-in text.

use super::*;
use crate::model::Confidence;

/// The example that the documentation gives, so that it cannot go stale.
fn example() -> String {
    let page = include_str!("../../../docs/catalog.md");
    let (_, from) = page.split_once("```toml\n").expect("an example");
    let (example, _) = from.split_once("```").expect("its end");
    example.to_owned()
}

fn with(own: &str) -> Catalog {
    Catalog::with(&[("own.toml", own)]).expect("valid")
}

fn refused(own: &str) -> String {
    Catalog::with(&[("own.toml", own)])
        .expect_err("refused")
        .to_string()
}

const MODEL: &str =
    "[[model]]\nkey = 'x'\nfamily = 'X'\nmatch = ['superchat*']\nllama = 'llama-3.1'\n";

#[test]
fn the_example_of_the_documentation_loads_and_does_what_the_page_says() {
    let catalog = with(&example());
    let internal = catalog.resolve("acme/acme-chat-7b-v2");
    assert_eq!(internal.rule, "own:acme-chat");
    assert_eq!(internal.confidence, Confidence::Listed);
    assert_eq!(word(&catalog, "acme/acme-chat-7b-v2"), "llama-3.1");
    assert_eq!(word(&catalog, "acme/summarizer"), "not-llama:acme-internal");
    // The other maker's model of the same name is not meant.
    assert_eq!(word(&catalog, "another/summarizer"), "unknown");
    assert_eq!(
        catalog.access(Some("bedrock")),
        Access::HostRead {
            host: "AWS Bedrock, terms read by legal".to_owned()
        }
    );
    let license = catalog.license("acme-internal").expect("own");
    assert_eq!(license.own_file.as_deref(), Some("own.toml"));
    assert!(license.clauses.improve_ban.is_some());
}

#[test]
fn an_own_entry_beats_the_built_in_one_and_says_so() {
    let own = MODEL.replace("superchat*", "vicuna-13b-v1-5");
    let catalog = with(&own);
    let resolution = catalog.resolve("lmsys/vicuna-13b-v1.5");
    assert_eq!(resolution.rule, "own:x");
    assert_eq!(word(&catalog, "lmsys/vicuna-13b-v1.5"), "llama-3.1");
    assert!(
        resolution.note.contains("listed:vicuna-1.5"),
        "{}",
        resolution.note
    );
    // An id that the entry does not name stays what it was.
    assert_eq!(word(&catalog, "lmsys/vicuna-7b-v1.5"), "llama-2");
    let explanation = catalog.explain("lmsys/vicuna-13b-v1.5");
    assert_eq!(explanation.steps.len(), 1);
    assert_eq!(
        explanation.basis,
        Some(Basis::Source("own.toml".to_owned()))
    );
}

#[test]
fn an_own_entry_may_say_that_it_is_not_sure() {
    let own = MODEL.to_owned() + "basis = 'general-knowledge'\n";
    let resolution = with(&own).resolve("superchat");
    assert_eq!(resolution.confidence, Confidence::Recalled);
}

#[test]
fn what_is_built_in_cannot_be_replaced() {
    let license = "[[license]]\nid = 'llama-3.1'\ntitle = 'T'\nlicensor = 'L'\n\
                   link = 'https://example.com'\nread = '2026-01-01'\noutputs = 'O'\n";
    assert_eq!(
        refused(license),
        "own.toml:2:6: license `llama-3.1`, field `id`: `llama-3.1` names the built-in license \
         `llama-3.1`, which an own file cannot replace; choose another id, for example \
         `own-llama-3.1`"
    );
    // Neither may its tag: a card's `llama3.1` would mean two texts.
    let tag = license.replace("'llama-3.1'", "'acme'") + "hugging_face = 'llama3.1'\n";
    assert!(refused(&tag).contains("names the built-in license `llama-3.1`"));
    let version = license.replace("'llama-3.1'", "'acme'") + "llama = 'llama-4'\n";
    assert!(refused(&version).contains("are built in; remove the key"));
    assert!(refused("[[version]]\nllama = 'llama-4'\nsizes = [1]\n").contains("are built in"));
    assert!(refused(&MODEL.replace("[[model]]", "[[other]]")).contains("under [[model]]"));
    let contract = "[[access]]\nid = 'meta-model-api'\nname = 'M'\nterms = 'model'\n";
    assert!(refused(contract).contains("cannot replace"));
    let twice = format!("{MODEL}{MODEL}");
    assert!(refused(&twice).contains("stands twice"));
}

#[test]
fn two_own_files_are_one_catalog_and_errors_name_the_right_one() {
    let license = "[[license]]\nid = 'acme'\ntitle = 'T'\nlicensor = 'L'\n\
                   link = 'https://example.com'\nread = '2026-01-01'\noutputs = 'O'\n";
    let model =
        "[[model]]\nkey = 'x'\nmatch = ['superchat']\nlicensor = 'Acme'\nlicense = 'acme'\n";
    // A file may name what stands in a later one.
    let catalog = Catalog::with(&[("a.toml", model), ("b.toml", license)]).expect("valid");
    assert_eq!(word(&catalog, "superchat"), "not-llama:acme");
    let error = Catalog::with(&[("a.toml", license), ("b.toml", license)]).expect_err("twice");
    assert_eq!((error.path.as_str(), error.line), ("b.toml", 2));
    assert!(error.to_string().contains("of a.toml"), "{error}");
}

#[test]
fn a_glob_with_a_slash_looks_at_the_folders_too() {
    let own = MODEL.replace("superchat*", "acme/super*/chat");
    let catalog = with(&own);
    assert_eq!(word(&catalog, "acme/super-7b/chat"), "llama-3.1");
    assert_eq!(word(&catalog, "host/Acme/Super_7B/chat"), "llama-3.1");
    assert_eq!(word(&catalog, "acme/super/7b/chat"), "unknown");
    assert_eq!(word(&catalog, "chat"), "unknown");
}

#[test]
fn an_explanation_names_every_list_that_was_asked() {
    let catalog = with(MODEL);
    let explanation = catalog.explain("acme/Llama-3.1-8B-custom");
    let asked: Vec<_> = explanation.steps.iter().map(|step| step.asked).collect();
    assert_eq!(asked, [Asked::Own, Asked::Listed, Asked::Naming]);
    let fired: Vec<_> = explanation
        .steps
        .iter()
        .map(|s| s.fired.as_deref())
        .collect();
    assert_eq!(fired, [None, None, Some("name:llama-version")]);
    assert_eq!(
        explanation.resolution,
        catalog.resolve("acme/Llama-3.1-8B-custom")
    );
    // Of a name that nothing answers for, the folders are asked as well.
    let unknown = catalog.explain("acme/nothing");
    assert_eq!(unknown.steps.len(), 8);
    assert!(unknown.steps.iter().all(|step| step.fired.is_none()));
    let listed = catalog.explain("lmsys/vicuna-13b-v1.5");
    let last = listed.steps.last().expect("a step");
    assert_eq!(
        last.looked_at.last().map(String::as_str),
        Some("vicuna-1.5")
    );
    assert!(last.looked_at.len() > 10);
}
