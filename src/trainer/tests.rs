//! Real-shaped configurations against what their authors meant, read by hand; broken ones against
//! their exact messages; and bytes of any kind, which never panic.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::model::target::Availability;
use crate::model::target::ModelUsed;
use crate::model::target::OutputUse;
use crate::model::target::Purpose;
use crate::model::target::Stage;
use crate::model::target::TargetKind;

/// A working folder with these files; empty texts make empty files, a name ending in `/` a folder.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        if name.ends_with('/') {
            fs::create_dir_all(&path).expect("made");
            continue;
        }
        fs::create_dir_all(path.parent().expect("parent")).expect("made");
        fs::write(path, text).expect("written");
    }
    folder
}

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/trainer")
        .join(name);
    fs::read_to_string(path).expect("fixture")
}

fn read_in(folder: &tempfile::TempDir, request: &str) -> Result<Recognised, TrainerError> {
    recognise(&Request::parse(request, folder.path()), folder.path())
}

fn read(files: &[(&str, &str)], request: &str) -> Recognised {
    let folder = folder(files);
    let mut read = read_in(&folder, request).expect("recognised");
    let prefix = format!("{}/", folder.path().display());
    for input in &mut read.inputs {
        input.path = input.path.replace(&prefix, "");
    }
    if let Some(target) = &mut read.target {
        target.folder = target.folder.take().map(|path| path.replace(&prefix, ""));
    }
    read
}

fn refused(files: &[(&str, &str)], request: &str) -> String {
    let folder = folder(files);
    read_in(&folder, request).expect_err("refused").to_string()
}

fn fixture_alone(name: &str) -> Recognised {
    read(&[(name, &fixture(name))], name)
}

fn target(read: &Recognised) -> &Target {
    read.target.as_ref().expect("a target")
}

fn paths(read: &Recognised) -> Vec<&str> {
    read.inputs
        .iter()
        .map(|input| input.path.as_str())
        .collect()
}

fn remote(read: &Recognised) -> Vec<&str> {
    read.remote
        .iter()
        .map(|remote| remote.id.as_str())
        .collect()
}

/// Where a value of the file stands, counted by hand in the test's text.
fn at(key: &str, line: u64, file: &str) -> Origin {
    Origin {
        file: file.to_owned(),
        key: key.to_owned(),
        line,
    }
}

#[test]
fn axolotl_names_target_and_inputs() {
    let name = "axolotl-sft.yml";
    let read = fixture_alone(name);
    assert_eq!(read.format, Format::Axolotl);
    assert_eq!(
        target(&read),
        &Target {
            name: Some("Llama-acme-8b".to_owned()),
            base: vec!["meta-llama/Llama-3.1-8B".to_owned()],
            kind: TargetKind::Llm,
            availability: Availability::Weights,
            folder: Some("./outputs/llama-acme-8b".to_owned()),
            stage: Stage::Train,
            purpose: Purpose::Commercial,
            inputs: Vec::new(),
            models_used: Vec::new(),
        }
    );
    assert_eq!(
        paths(&read),
        [
            "data/answers.jsonl",
            "data/more/a.jsonl",
            "data/more/b.jsonl",
            "data/held-out.parquet"
        ]
    );
    assert_eq!(read.inputs[0].origin, at("datasets[0].path", 10, name));
    assert_eq!(read.inputs[0].columns, ["conversations"]);
    assert_eq!(
        read.inputs[2].origin,
        at("datasets[2].data_files[1]", 23, name)
    );
    assert_eq!(read.inputs[2].columns, ["question", "answer"]);
    assert!(
        read.inputs[3]
            .note
            .as_deref()
            .is_some_and(|note| note.contains("evaluation"))
    );
    assert_eq!(remote(&read), ["tatsu-lab/alpaca"]);
    assert_eq!(read.remote[0].origin, at("datasets[1].path", 17, name));
    assert!(
        read.notes
            .iter()
            .any(|note| note.contains("last_run_prepared")),
        "what was prepared earlier is not what is checked: {:?}",
        read.notes
    );
    assert!(read.ignored.iter().any(|key| key == "learning_rate"));
    assert!(!read.ignored.iter().any(|key| key == "base_model"));
}

#[test]
fn axolotl_anchors_addresses_and_scoring_models() {
    let read = fixture_alone("axolotl-dpo.yml");
    assert_eq!(target(&read).base, ["mistralai/Mistral-7B-v0.3"]);
    assert_eq!(target(&read).name, None);
    assert_eq!(
        target(&read).models_used,
        [ModelUsed {
            model: "Skywork/Skywork-Reward-Llama-3.1-8B".to_owned(),
            of_outputs: OutputUse::Labels,
        }]
    );
    assert_eq!(paths(&read), ["data/pairs.jsonl"]);
    assert_eq!(read.inputs[0].columns, ["better", "worse"]);
    assert_eq!(remote(&read), ["s3://acme-bucket/pairs"]);
}

#[test]
fn axolotl_reward_models_and_classifiers_are_no_language_models() {
    let read = fixture_alone("axolotl-reward.yml");
    assert_eq!(target(&read).kind, TargetKind::Reward);
    let kind = |text: &str| {
        let text = format!("base_model: a/b\nsequence_len: 1\n{text}\n");
        target(&self::read(&[("c.yml", &text)], "c.yml")).kind
    };
    assert_eq!(
        kind("model_type: AutoModelForTokenClassification"),
        TargetKind::Classifier
    );
    assert_eq!(kind("process_reward_model: true"), TargetKind::Reward);
    assert_eq!(kind("reward_model: false"), TargetKind::Llm);
    assert_eq!(kind("model_type: LlamaForCausalLM"), TargetKind::Llm);
}

#[test]
fn axolotl_a_teacher_without_a_name_needs_review() {
    let text = "base_model: a/b\nsequence_len: 1\nkd_trainer: true\n";
    let read = read(&[("c.yml", text)], "c.yml");
    assert_eq!(
        target(&read).models_used[0].model,
        "the teacher of kd_trainer"
    );
    assert_eq!(target(&read).models_used[0].of_outputs, OutputUse::Logits);
}

#[test]
fn what_exists_is_here_and_what_can_only_be_a_path_is_a_missing_file() {
    let config = "base_model: a/b\ndatasets:\n\
                  - path: acme/local\n- path: acme/hub\n- path: ./gone\n- path: gone.jsonl\n\
                  - path: /gone/abs\n- path: alone\n- path: '-'\n- path: hf://datasets/x/y\n\
                  - path: data/*.jsonl\n- path: only/\n";
    let read = read(&[("c.yml", config), ("acme/local/x.jsonl", "")], "c.yml");
    assert_eq!(
        paths(&read),
        [
            "acme/local",
            "./gone",
            "gone.jsonl",
            "/gone/abs",
            "data/*.jsonl",
            "only/"
        ]
    );
    assert_eq!(
        remote(&read),
        ["acme/hub", "alone", "-", "hf://datasets/x/y"]
    );
}

#[test]
fn files_beside_a_folder_start_where_the_trainer_starts_them() {
    let axolotl = "base_model: a/b\ndatasets:\n- path: data\n  data_files: [x.jsonl]\n";
    assert_eq!(
        paths(&read(&[("c.yml", axolotl), ("data/", "")], "c.yml")),
        ["x.jsonl"]
    );
    let trl = "model_name_or_path: a/b\ndatasets:\n- path: data\n  data_files: [x.jsonl]\n";
    assert_eq!(
        paths(&read(&[("c.yml", trl), ("data/", "")], "c.yml")),
        ["data/x.jsonl"]
    );
}

#[test]
fn llama_factory_follows_its_data_set_list() {
    let name = "llamafactory-sft.yaml";
    let files = [
        (name, fixture(name)),
        ("data/dataset_info.json", fixture("dataset_info.json")),
    ];
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(name, text)| (*name, text.as_str()))
        .collect();
    let read = self::read(&files, name);
    assert_eq!(read.format, Format::LlamaFactory);
    assert_eq!(target(&read).base, ["Qwen/Qwen2.5-7B-Instruct"]);
    assert_eq!(target(&read).name.as_deref(), Some("qwen-support"));
    assert_eq!(
        target(&read).folder.as_deref(),
        Some("saves/qwen-acme/lora/sft")
    );
    assert_eq!(
        paths(&read),
        [
            "data/support/answers.jsonl",
            "data/identity.json",
            "data/held_out.csv"
        ]
    );
    assert_eq!(read.inputs[0].columns, ["conversations", "persona"]);
    assert_eq!(
        read.inputs[0].origin,
        at("support_answers.file_name", 6, "data/dataset_info.json")
    );
    assert_eq!(remote(&read), ["llamafactory/alpaca_en"]);

    let without = refused(&[(name, &fixture(name))], name);
    assert_eq!(
        without,
        "llamafactory-sft.yaml:14:14: dataset_dir: data/dataset_info.json is not there, and the \
         data sets are named in it; run where LLaMA-Factory would run, or correct dataset_dir"
    );
    let wrong = refused(
        &[
            (name, &fixture(name)),
            (
                "data/dataset_info.json",
                "{\"identity\": {\"file_name\": \"i\"}}",
            ),
        ],
        name,
    );
    assert_eq!(
        wrong,
        "llamafactory-sft.yaml:13:10: dataset: `support_answers` is not in \
         data/dataset_info.json; correct the name or add the entry"
    );
}

#[test]
fn llama_factory_arguments_as_json_and_a_reward_model() {
    let name = "llamafactory-reward.json";
    let read = self::read(
        &[
            (name, &fixture(name)),
            ("data/dataset_info.json", &fixture("dataset_info.json")),
        ],
        name,
    );
    assert_eq!(target(&read).kind, TargetKind::Reward);
    assert_eq!(
        target(&read).folder.as_deref(),
        Some("saves/reward \u{1F600} / 1")
    );
    assert_eq!(paths(&read), ["data/pairs.parquet"]);
    assert_eq!(read.inputs[0].columns, ["question", "better", "worse"]);
}

#[test]
fn llama_factory_hubs_adapters_and_tokenized_data() {
    let online = "model_name_or_path: a/b\nstage: ppo\nreward_model: c/d\nref_model: e/f\n\
                  adapter_name_or_path: g/h,i/j\ndataset: one/x, two/y\ndataset_dir: ONLINE\n\
                  tokenized_path: done\n";
    let read = self::read(&[("c.yaml", online), ("done/x.arrow", "")], "c.yaml");
    assert_eq!(remote(&read), ["one/x", "two/y"]);
    assert_eq!(target(&read).base, ["a/b", "g/h", "i/j"]);
    assert_eq!(
        target(&read)
            .models_used
            .iter()
            .map(|used| (used.model.as_str(), used.of_outputs))
            .collect::<Vec<_>>(),
        [("c/d", OutputUse::Labels), ("e/f", OutputUse::Logits)]
    );
    assert_eq!(
        paths(&read),
        ["done"],
        "tokenized data is what is trained on"
    );
    let without = self::read(&[("c.yaml", online)], "c.yaml");
    assert!(
        without.inputs.is_empty(),
        "a path that will be written is no input"
    );
}

#[test]
fn a_data_set_list_has_inputs_and_no_target() {
    let list = fixture("dataset_info.json");
    let files = [("data/dataset_info.json", list.as_str())];
    let one = read(&files, "data/dataset_info.json#support_pairs");
    assert_eq!(
        (one.format, one.target.is_none()),
        (Format::DatasetInfo, true)
    );
    assert_eq!(paths(&one), ["data/pairs.parquet"]);
    let two = read(&files, "data/dataset_info.json#identity,alpaca_hub");
    assert_eq!(
        (paths(&two), remote(&two)),
        (vec!["data/identity.json"], vec!["llamafactory/alpaca_en"])
    );
    let all = read(&files, "data/dataset_info.json");
    assert_eq!((all.inputs.len(), all.remote.len()), (4, 2));
    assert_eq!(
        refused(&files, "data/dataset_info.json#nobody"),
        "data/dataset_info.json: no data set `nobody` stands in it; correct the name after `#`"
    );
}

#[test]
fn torchtune_resolves_within_the_file() {
    let name = "torchtune-lora.yaml";
    let read = fixture_alone(name);
    assert_eq!(read.format, Format::Torchtune);
    assert_eq!(
        target(&read).base,
        ["checkpoints/Meta-Llama-3.1-8B-Instruct/"]
    );
    assert_eq!(target(&read).folder.as_deref(), Some("runs/llama-acme"));
    assert_eq!(target(&read).kind, TargetKind::Llm);
    assert_eq!(paths(&read), ["data/chats.json", "data/val.csv"]);
    assert_eq!(read.inputs[0].origin.key, "dataset[0].data_files");
    assert_eq!(read.inputs[1].columns, ["question", "answer"]);
    assert_eq!(remote(&read), ["yahma/alpaca-cleaned"]);
}

#[test]
fn torchtune_teachers_and_own_components() {
    let read = fixture_alone("torchtune-distill.yaml");
    assert_eq!(target(&read).base, ["checkpoints/Qwen2-0.5B-Instruct"]);
    assert_eq!(
        target(&read).models_used,
        [ModelUsed {
            model: "checkpoints/Meta-Llama-3.1-8B-Instruct/".to_owned(),
            of_outputs: OutputUse::Logits,
        }]
    );
    assert_eq!(remote(&read), ["acme.data.tickets_dataset"]);
}

#[test]
fn torchtune_without_a_checkpoint_stands_on_its_builder() {
    let text = "model:\n  _component_: torchtune.models.llama3_2_vision.lora_llama3_2_vision_11b\n\
                datasets:\n- source: acme/x\n- _component_: torchtune.datasets.ConcatDataset\n  \
                datasets:\n  - {source: text, data_files: [a.txt, b.txt]}\n";
    let read = self::read(&[("c.yaml", text)], "c.yaml");
    assert_eq!(target(&read).base, ["llama3_2_vision_11b"]);
    assert_eq!(target(&read).kind, TargetKind::Vlm);
    assert_eq!(
        (paths(&read), remote(&read)),
        (vec!["a.txt", "b.txt"], vec!["acme/x"])
    );
}

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
        text.push_str(&format!(
            "k{step}: \"${{k{next}}}${{k{next}}}\"\n",
            next = step + 1
        ));
    }
    text.push_str("k30: ''\n");
    assert!(refused(&[("c.yaml", &text)], "c.yaml").contains("too many values"));
    let round = "model: {_component_: torchtune.models.x.y}\ndataset: &d\n  source: json\n  \
                 data_files: [\"${dataset.data_files}\", \"${dataset.data_files}\"]\n";
    assert!(refused(&[("c.yaml", round)], "c.yaml").contains("refers to itself"));
}

#[test]
fn trl_takes_a_name_or_a_mixture() {
    let read = fixture_alone("trl-sft.yaml");
    assert_eq!(
        (read.format, &target(&read).base[0][..]),
        (Format::Trl, "Qwen/Qwen2.5-0.5B")
    );
    assert_eq!(
        (paths(&read), remote(&read)),
        (vec![], vec!["stanfordnlp/imdb"])
    );

    let name = "trl-mixture.yaml";
    let read = self::read(&[(name, &fixture(name)), ("data/folder/", "")], name);
    assert_eq!(
        paths(&read),
        [
            "data/train.jsonl",
            "data/test-1.jsonl",
            "data/test-2.jsonl",
            "data/folder"
        ]
    );
    assert_eq!(remote(&read), ["trl-lib/tldr"]);
    assert_eq!(target(&read).kind, TargetKind::Reward);
    assert_eq!(target(&read).name.as_deref(), Some("scorer"));
    assert_eq!(
        target(&read)
            .models_used
            .iter()
            .map(|used| (used.model.as_str(), used.of_outputs))
            .collect::<Vec<_>>(),
        [
            ("meta-llama/Llama-3.1-8B-Instruct", OutputUse::Labels),
            ("meta-llama/Llama-3.3-70B-Instruct", OutputUse::Logits),
        ]
    );
    assert!(
        read.notes.iter().any(|note| note.contains("acme/not-used")),
        "{:?}",
        read.notes
    );
}

#[test]
fn a_card_is_a_target_without_inputs() {
    let read = fixture_alone("card.md");
    assert_eq!(read.format, Format::HuggingFace);
    assert_eq!(
        target(&read).base,
        [
            "meta-llama/Llama-3.1-8B-Instruct",
            "mistralai/Mistral-7B-v0.3"
        ]
    );
    assert_eq!(target(&read).name.as_deref(), Some("Llama-acme-merge"));
    assert_eq!(target(&read).kind, TargetKind::Llm);
    assert!(read.inputs.is_empty() && read.remote.is_empty());
    assert!(
        read.notes.iter().any(|note| note.contains("acme/tickets")),
        "{:?}",
        read.notes
    );
}

#[test]
fn a_model_folder_tells_its_base_its_kind_and_where_the_card_is() {
    let files = [
        (
            "m/config.json",
            "{\"architectures\": [\"LlamaForSequenceClassification\"], \"model_type\": \"llama\", \"_name_or_path\": \"\"}",
        ),
        (
            "m/adapter_config.json",
            "{\"peft_type\": \"LORA\", \"base_model_name_or_path\": \"meta-llama/Llama-2-7b-hf\"}",
        ),
    ];
    let read = self::read(&files, "m");
    assert_eq!(target(&read).base, ["meta-llama/Llama-2-7b-hf"]);
    assert_eq!(target(&read).kind, TargetKind::Classifier);
    assert_eq!(target(&read).folder.as_deref(), Some("m"));
    let read = self::read(&files[1..], "m/adapter_config.json");
    assert_eq!(target(&read).base, ["meta-llama/Llama-2-7b-hf"]);
    let disagree = self::read(
        &[
            files[0],
            ("m/README.md", "---\npipeline_tag: text-generation\n---\n"),
        ],
        "m",
    );
    assert_eq!(
        target(&disagree).kind,
        TargetKind::Llm,
        "the stricter of the two"
    );
    assert_eq!(target(&disagree).base, ["m"], "nothing names a base");
    assert_eq!(
        refused(&[("empty/", "")], "empty"),
        "empty: a folder without a card (README.md with front matter), config.json or \
         adapter_config.json; name the trainer's configuration file itself"
    );
}

#[test]
fn a_base_that_is_a_folder_is_looked_into() {
    let config = "base_model: ./out/mine\nsequence_len: 1\n";
    let of = |files: &[(&str, &str)]| {
        let mut all = vec![("c.yml", config)];
        all.extend(files);
        let read = self::read(&all, "c.yml");
        (target(&read).base.clone(), read.notes.len(), read.facts)
    };
    let card = "---\nbase_model: meta-llama/Llama-3.1-8B\n---\ntext\n";
    let (base, notes, facts) = of(&[("out/mine/README.md", card)]);
    assert_eq!(
        (base, notes),
        (vec!["meta-llama/Llama-3.1-8B".to_owned()], 0)
    );
    assert_eq!(
        facts[0].origin,
        Some(at("base_model", 2, "./out/mine/README.md"))
    );

    let adapter = "{\"base_model_name_or_path\": \"out/older\"}";
    let older = "{\"_name_or_path\": \"mistralai/Mistral-7B-v0.3\"}";
    let (base, _, _) = of(&[
        ("out/mine/adapter_config.json", adapter),
        ("out/older/config.json", older),
    ]);
    assert_eq!(base, ["mistralai/Mistral-7B-v0.3"], "through two folders");

    let (base, _, _) = of(&[
        ("out/mine/README.md", card),
        ("out/mine/config.json", older),
    ]);
    assert_eq!(
        base,
        ["meta-llama/Llama-3.1-8B", "mistralai/Mistral-7B-v0.3"],
        "two files that disagree are both believed"
    );

    let (base, notes, _) = of(&[("out/mine/model.safetensors", "")]);
    assert_eq!(
        (base, notes),
        (vec!["./out/mine".to_owned()], 1),
        "the path stays, with a note"
    );

    let round = "{\"_name_or_path\": \"./out/mine\"}";
    let (base, notes, _) = of(&[("out/mine/config.json", round)]);
    assert_eq!((base, notes), (vec!["./out/mine".to_owned()], 1));

    let broken = folder(&[
        ("c.yml", config),
        ("out/mine/config.json", "{\"a\": 1, \"a\": 2}"),
    ]);
    let refused = read_in(&broken, "c.yml").expect_err("refused").to_string();
    assert!(
        refused.starts_with("./out/mine/config.json:1:"),
        "{refused}"
    );
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
        (0..=limits::DATASETS_MAX)
            .map(|number| format!("- path: ./{number}\n"))
            .collect::<String>()
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
        bomb.push_str(&format!(
            "a{step}: &a{step} [{}]\n",
            vec![alias; 10].join(",")
        ));
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
