//! Whatever stands in a catalog file, reading it ends in a catalog or an error, never in a panic.

use proptest::prelude::*;

use super::*;

fn files() -> impl Strategy<Value = String> {
    prop::sample::select(BUILTIN.map(|(_, text)| text.to_owned()).to_vec())
}

/// A number as a place in a text, moved to where a character begins.
fn place(text: &str, at: usize) -> usize {
    let at = at % (text.len() + 1);
    (0..=at)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_built_in_file_with_text_cut_out_and_put_in(
        text in files(),
        from in any::<usize>(),
        length in 0_usize..200,
        put in "[\\[\\]a-z0-9=\"'\\.\\n\\\\*/ -]{0,30}|.{0,10}",
    ) {
        let from = place(&text, from);
        let to = place(&text, (from + length).min(text.len()));
        let changed = format!("{}{put}{}", &text[..from], &text[to.max(from)..]);
        if let Err(error) = Catalog::with(&[("own.toml", &changed)]) {
            prop_assert!(error.line >= 1 && error.column >= 1);
            prop_assert!(!error.message.is_empty());
        }
    }

    #[test]
    fn any_text(text in ".{0,200}") {
        if let Ok(catalog) = Catalog::with(&[("own.toml", &text)]) {
            prop_assert!(!word(&catalog, &text).is_empty());
        }
    }

    #[test]
    fn any_glob_and_any_id(glob in "[a-z0-9*/-]{0,20}", id in "[a-zA-Z0-9*/_. :@#-]{0,40}") {
        let own = format!("[[model]]\nkey = 'x'\nfamily = 'X'\nmatch = ['{glob}']\nllama = 'llama-2'\n");
        if let Ok(catalog) = Catalog::with(&[("own.toml", &own)]) {
            let explanation = catalog.explain(&id);
            prop_assert_eq!(explanation.resolution, catalog.resolve(&id));
        }
    }
}
