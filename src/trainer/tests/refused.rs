//! Broken configurations against their exact messages, limits, and bytes of any kind, which never
//! panic.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

#[test]
fn interpolation_that_the_file_does_not_answer_is_an_error() {
    let check = |line: &str, message: &str| {
        let text = format!("model: {{_component_: torchtune.models.x.y}}\n{line}\n");
        let refused = refused(&[("c.yaml", &text)], "c.yaml");
        assert_eq!(refused, format!("c.yaml:2:13: output_dir: {message}"));
    };
    check(
        "output_dir: ${oc.env:HOME}/x",
        "`${oc.env:HOME}` is not a key of this file (values of the environment, resolvers and \
         relative references are not read); write the value out",
    );
    check(
        "output_dir: runs/${nobody}",
        "`${nobody}` refers to a key that does not stand in this file; write the value out",
    );
    check(
        "output_dir: a/${output_dir}",
        "refers to itself or to too many values; write the value out",
    );
    check(
        "output_dir: ${output_dir}",
        "refers to itself; write the value out",
    );
    check(
        "output_dir: a${b",
        "holds `${` without its `}`; write the value out",
    );
    check(
        "output_dir: a${model}",
        "`${model}` is no text that could stand inside another; write the value out",
    );
    let unread = "model: {_component_: torchtune.models.x.y}\ncache: ${oc.env:HOME}\n";
    assert_eq!(target(&read(&[("c.yaml", unread)], "c.yaml")).base, ["y"]);
    let elsewhere = "base_model: a/b\nsequence_len: 1\noutput_dir: ${x}\n";
    assert_eq!(
        refused(&[("c.yml", elsewhere)], "c.yml"),
        "c.yml:3:13: output_dir: holds `${…}`, which this trainer does not fill in; write the \
         value out"
    );
}

#[test]
fn interpolation_cannot_be_made_to_work_for_ever() {
    let mut text = "model: {_component_: torchtune.models.x.y}\noutput_dir: ${k0}\n".to_owned();
    for step in 0..30 {
        let next = step + 1;
        writeln!(text, "k{step}: \"${{k{next}}}${{k{next}}}\"").expect("written");
    }
    text.push_str("k30: ''\n");
    assert!(refused(&[("c.yaml", &text)], "c.yaml").contains("too many values"));
    let round = "model: {_component_: torchtune.models.x.y}\ndataset: &d\n  source: json\n  \
                 data_files: [\"${dataset.data_files}\", \"${dataset.data_files}\"]\n";
    assert!(refused(&[("c.yaml", round)], "c.yaml").contains("refers to itself"));
}

#[test]
fn keys_given_twice_and_broken_yaml_name_their_line() {
    let twice = "base_model: a/b\nsequence_len: 1\nbase_model: c/d\n";
    let said = refused(&[("c.yml", twice)], "c.yml");
    assert!(said.starts_with("c.yml:3:1: "), "{said}");
    assert!(
        said.contains("duplicate") && said.contains("base_model"),
        "{said}"
    );
    let deep = "base_model: a/b\ndatasets:\n- path: x\n  path: y\n";
    let said = refused(&[("c.yml", deep)], "c.yml");
    assert!(said.starts_with("c.yml:4:"), "{said}");
    let broken = "base_model: [a\ndatasets: }\n";
    assert!(refused(&[("c.yml", broken)], "c.yml").starts_with("c.yml:2:"));
    let documents = "base_model: a/b\nsequence_len: 1\n---\nbase_model: c/d\n";
    assert!(refused(&[("c.yml", documents)], "c.yml").starts_with("c.yml:"));
    let json = "{\"model_name_or_path\": \"a\", \"stage\": \"sft\",\n \"stage\": \"rm\"}";
    assert!(refused(&[("c.json", json)], "c.json").starts_with("c.json:2:"));
}

#[test]
fn values_of_the_wrong_kind_name_key_and_place() {
    let check = |text: &str, message: &str| {
        assert_eq!(refused(&[("c.yml", text)], "c.yml"), message);
    };
    check(
        "base_model: 7\nsequence_len: 1\n",
        "c.yml:1:13: base_model: a number stands where a path, id or name belongs; if it is one, \
         put it in quotes",
    );
    check(
        "base_model: a/b\ndatasets:\n- type: alpaca\n",
        "c.yml:3:3: datasets[0]: has no path; name the data set, or remove the entry",
    );
    check(
        "base_model: a/b\ndatasets:\n- path: json\n",
        "c.yml:3:9: datasets[0].path: `json` is a loader, and no data_files stand beside it; name \
         them",
    );
    check(
        "base_model: a/b\ndatasets:\n- path: json\n  data_files: []\n",
        "c.yml:4:15: datasets[0].data_files: names no file; name them or remove the key",
    );
    check(
        "base_model: a/b\ndatasets: 5\n",
        "c.yml:2:11: datasets: a number stands where a mapping of keys belongs",
    );
    check(
        "base_model: a/b\nsequence_len: 1\nreward_model: maybe\n",
        "c.yml:3:15: reward_model: text stands where true or false belongs",
    );
    check(
        "base_model: ' '\nsequence_len: 1\n",
        "c.yml:1:13: base_model: is blank; state it or remove the key",
    );
    check(
        "base_model: \"a\\nb\"\nsequence_len: 1\n",
        "c.yml:1:13: base_model: holds a line break or control character",
    );
}

#[test]
fn a_format_is_told_by_its_keys_and_never_guessed() {
    let both = "model_name_or_path: a/b\nstage: sft\ndataset_name: c/d\n";
    assert_eq!(
        refused(&[("axolotl.yml", both)], "axolotl.yml"),
        "axolotl.yml: can be read in more than one way: LLaMA-Factory arguments \
         (model_name_or_path, stage); TRL arguments (model_name_or_path, dataset_name). Say which: \
         --from llamafactory:axolotl.yml or --from trl:axolotl.yml"
    );
    let read = self::read(&[("axolotl.yml", both)], "trl:axolotl.yml");
    assert_eq!((read.format, remote(&read)), (Format::Trl, vec!["c/d"]));
    for text in ["a: 1\n", "- a\n", "text\n", "", "base_model: a/b\n"] {
        let said = refused(&[("c.yml", text)], "c.yml");
        assert!(
            said.starts_with("c.yml: not recognised as the configuration of a trainer."),
            "{text:?}: {said}"
        );
        assert!(said.contains("--from axolotl:c.yml"));
    }
    assert_eq!(
        refused(&[("d/", "")], "trl:d"),
        "d: a folder, and not TRL arguments; name the file in it"
    );
    assert_eq!(
        refused(&[("c.yml", "sequence_len: 1\n")], "axolotl:c.yml"),
        "c.yml: no base model is named, so that the target is not known; name one in the \
         configuration, or give --target FILE.toml or --target-model ID"
    );
    assert!(refused(&[], "gone.yml").starts_with("cannot read gone.yml: "));
    assert!(refused(&[("c.yml", "base_model: a\nadapter: b\n")], "c.yml#x").contains("`#x`"));
}

#[test]
fn unread_keys_that_sound_like_data_or_models_are_said() {
    let text = "base_model: a/b\nsequence_len: 1\nmy_dataset: x/y\nmy_dataset_size: 3\n\
                bench_dataset: z\n";
    let read = self::read(&[("c.yml", text)], "c.yml");
    assert_eq!(
        read.notes,
        [
            "`my_dataset` (line 3) is not read here; if it names training data give its files as \
             PATH, if it names a model state it in a target file under [[models_used]]"
        ]
    );
}

#[test]
fn limits_refuse_and_never_truncate() {
    let large = " ".repeat(usize::try_from(limits::FILE_BYTES_MAX).expect("fits") + 1);
    assert_eq!(
        refused(&[("c.yml", &large)], "c.yml"),
        "c.yml: more than 4194304 bytes; at most 4194304 bytes of a configuration are read"
    );
    let many = format!(
        "base_model: a/b\ndatasets:\n{}",
        "- path: ./x\n".repeat(limits::DATASETS_MAX + 1)
    );
    assert_eq!(
        refused(&[("c.yml", &many)], "c.yml"),
        "c.yml: more than 10000 data sets; at most 10000 data sets of one configuration are read"
    );
    let deep = format!("base_model: {}{}", "[".repeat(200), "]".repeat(200));
    assert!(refused(&[("c.yml", &deep)], "c.yml").starts_with("c.yml:1:"));
    // Ten aliases of ten aliases of …: a billion values from a few lines.
    let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for step in 1..9 {
        let alias = format!("*a{}", step - 1);
        let aliases = vec![alias; 10].join(",");
        writeln!(bomb, "a{step}: &a{step} [{aliases}]").expect("written");
    }
    bomb.push_str("base_model: a/b\nsequence_len: 1\n");
    assert!(refused(&[("c.yml", &bomb)], "c.yml").starts_with("c.yml:"));
}

#[test]
fn requests_are_taken_apart() {
    let folder = folder(&[("odd#name.yml", "")]);
    let request = |text: &str| Request::parse(text, folder.path());
    let expect = |format, path: &str, names: &[&str]| Request {
        format,
        path: path.to_owned(),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
    };
    assert_eq!(request("a.yml"), expect(None, "a.yml", &[]));
    assert_eq!(
        request("trl:a.yml"),
        expect(Some(Format::Trl), "a.yml", &[])
    );
    assert_eq!(request("C:a.yml"), expect(None, "C:a.yml", &[]));
    assert_eq!(request("trl:"), expect(None, "trl:", &[]));
    assert_eq!(request("d.json#a, b"), expect(None, "d.json", &["a", "b"]));
    assert_eq!(request("odd#name.yml"), expect(None, "odd#name.yml", &[]));
    for format in Format::ALL {
        assert_eq!(Format::parse(format.word()), Some(*format));
    }
}

/// Pieces that configurations are made of, so that random texts get past the parser.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("base_model: ".to_owned()),
        Just("model_name_or_path: ".to_owned()),
        Just("datasets:\n- path: ".to_owned()),
        Just("dataset: ".to_owned()),
        Just("stage: rm\n".to_owned()),
        Just("model: {_component_: a.b}\n".to_owned()),
        Just("output_dir: ${a.b}\n".to_owned()),
        Just("<<: *x\n".to_owned()),
        Just("a: &x ".to_owned()),
        Just("---\n".to_owned()),
        Just("  ".to_owned()),
        Just("\n".to_owned()),
        Just("[a, b]".to_owned()),
        Just("{a: b}".to_owned()),
        "[ -~\u{e4}\u{1F600}\t]{0,12}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        any_end(&bytes);
    }

    #[test]
    fn no_configuration_panics(pieces in proptest::collection::vec(piece(), 0..20)) {
        any_end(pieces.concat().as_bytes());
    }
}

/// Every format takes the bytes to an end, and what it recognises has a base.
fn any_end(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("folder");
    fs::write(folder.path().join("c.txt"), bytes).expect("written");
    for format in std::iter::once(None).chain(Format::ALL.iter().copied().map(Some)) {
        let request = Request {
            format,
            path: "c.txt".to_owned(),
            names: Vec::new(),
        };
        match recognise(&request, folder.path()) {
            Ok(read) => assert!(
                read.target.is_none_or(|target| !target.base.is_empty()),
                "a target without a base would be one made from scratch"
            ),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}
