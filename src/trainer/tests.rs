//! Real-shaped configurations against what their authors meant, read by hand. Broken ones stand in
//! `refused`.

mod refused;

use std::fs;
use std::path::Path;

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
fn files_start_at_a_data_dir() {
    let config = "model_name_or_path: a/b\ndatasets:\n\
                  - {path: json, data_dir: d, data_files: x.jsonl}\n- {path: csv, data_dir: e}\n\
                  - {path: json, data_dir: 'hf://datasets/a/b', data_files: y.jsonl}\n\
                  - {path: sql, data_dir: f}\n";
    let read = read(&[("c.yml", config)], "c.yml");
    assert_eq!(paths(&read), ["d/x.jsonl", "e"]);
    assert_eq!(remote(&read), ["y.jsonl", "sql"]);
}

#[test]
fn the_text_of_a_loading_script_is_not_the_data() {
    let config = "model_name_or_path: a/b\ndatasets:\n- path: ./load.py\n- path: set\n\
                  - path: plain\n";
    let files = [
        ("c.yml", config),
        ("load.py", "print()"),
        ("set/set.py", "print()"),
        ("set/x.jsonl", "{}"),
        ("plain/other.py", "print()"),
    ];
    let read = read(&files, "c.yml");
    assert_eq!(remote(&read), ["./load.py", "set"]);
    assert_eq!(paths(&read), ["plain"]);
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
