//! What the catalog says of licenses and hosts, against the texts' facts written down again.

use super::*;

#[test]
fn hosts_and_contracts() {
    let catalog = builtin();
    assert_eq!(catalog.access(None), Access::LicenseAlone);
    assert_eq!(catalog.access(Some("  ")), Access::LicenseAlone);
    assert_eq!(catalog.access(Some("vLLM")), Access::LicenseAlone);
    assert_eq!(
        catalog.access(Some("aws-bedrock")),
        Access::HostUnread {
            host: "AWS Bedrock".to_owned()
        }
    );
    assert_eq!(
        catalog.access(Some("some-cloud")),
        Access::HostUnread {
            host: "some-cloud".to_owned()
        }
    );
    assert!(matches!(
        catalog.access(Some("together")),
        Access::HostRead { .. }
    ));
    let Access::Contract { terms } = catalog.access(Some("meta-model-api")) else {
        panic!("a contract")
    };
    assert_eq!(terms.id, "meta-model-api-2026");
}

#[test]
fn licenses_are_found_by_id_and_by_tag() {
    let catalog = builtin();
    assert_eq!(
        catalog.license("llama-3.1").expect("id").title,
        "Llama 3.1 Community License Agreement"
    );
    assert_eq!(catalog.license("llama3.1").expect("tag").id, "llama-3.1");
    assert!(catalog.license("llama9").is_none());
    assert!(catalog.models().count() > 80);
}

/// The facts of the seven Llama licenses, written down a second time.
#[test]
fn the_matrix_of_llama_licenses() {
    let catalog = builtin();
    let rows: Vec<String> = LlamaVersion::ALL
        .into_iter()
        .map(|version| {
            let license = catalog.llama(version).expect("every version");
            let c = &license.clauses;
            format!(
                "{} ban={} prefix={} display={} users={} eu={} purpose={}",
                license.id,
                c.improve_ban
                    .as_ref()
                    .map_or("-", |ban| ban.section.as_str()),
                c.name_prefix
                    .as_ref()
                    .map_or("-".to_owned(), |p| format!("{}/{:?}", p.text, p.trigger)),
                c.display.as_ref().map_or("-", |d| d.text.as_str()),
                c.monthly_users.as_ref().map_or(0, |m| m.above),
                c.eu_multimodal.is_some(),
                c.purpose_limit.is_some(),
            )
        })
        .collect();
    let expected = [
        "llama-1 ban=- prefix=- display=- users=0 eu=false purpose=true",
        "llama-2 ban=1.b.v prefix=- display=- users=700000000 eu=false purpose=false",
        "llama-3 ban=1.b.v prefix=Llama 3/Materials display=Built with Meta Llama 3 users=700000000 eu=false purpose=false",
        "llama-3.1 ban=- prefix=Llama/MaterialsOrOutputs display=Built with Llama users=700000000 eu=false purpose=false",
        "llama-3.2 ban=- prefix=Llama/MaterialsOrOutputs display=Built with Llama users=700000000 eu=true purpose=false",
        "llama-3.3 ban=- prefix=Llama/MaterialsOrOutputs display=Built with Llama users=700000000 eu=true purpose=false",
        "llama-4 ban=- prefix=Llama/MaterialsOrOutputs display=Built with Llama users=700000000 eu=true purpose=false",
    ];
    assert_eq!(rows, expected);
}

/// Strings that a user has to reproduce, and digests of official texts, letter by letter.
#[test]
fn verbatim_strings_and_digests_of_the_llama_licenses() {
    let catalog = builtin();
    let rows: Vec<String> = LlamaVersion::ALL
        .into_iter()
        .map(|version| {
            let license = catalog.llama(version).expect("every version");
            let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
            let notice = license.clauses.notice.as_ref().expect("a notice");
            [
                license.id.clone(),
                text(&license.date_line),
                notice.text.clone(),
                text(&license.sha256),
                text(&license.use_policy_sha256),
                text(&license.scancode),
                text(&license.hugging_face),
            ]
            .join("|")
        })
        .collect();
    let c = "Meta Platforms, Inc. All Rights Reserved.";
    let expected = [
        format!(
            "llama-1|-|LLaMA is licensed under the LLaMA License, Copyright (c) {c}|8307f3de1b3cf02c12861fec9d74a4a3b85ab55c57de841a466b850d7cdd8bfb|-|llama-license-2023|-"
        ),
        format!(
            "llama-2|Llama 2 Version Release Date: July 18, 2023|Llama 2 is licensed under the LLAMA 2 Community License, Copyright (c) {c}|e30d9339da533205f88140009e32d62c1d73911b8a0bef0d0b252f549ed8e9c4|bf462e7787cc55d2b81819f3b521f054df07dfa50cf1391e21fe5f7cdd4ba9f6|llama-2-license-2023|llama2"
        ),
        format!(
            "llama-3|Meta Llama 3 Version Release Date: April 18, 2024|Meta Llama 3 is licensed under the Meta Llama 3 Community License, Copyright © {c}|6afe79695ec2b066faaacea47584f8581d5d1f2d0d8078970e52be699a383af5|da147301380ac432394647edc6576a9f3f69e3de987d7497fa5c77b8c580797f|-|llama3"
        ),
        format!(
            "llama-3.1|Llama 3.1 Version Release Date: July 23, 2024|Llama 3.1 is licensed under the Llama 3.1 Community License, Copyright © {c}|bf2eac60b81e5c5f779fc3b4849d3bfacfd63f97f3eb68b44e9c6868c5801712|f456a3f5b15ab588c84d06cf095a245bfee0bbc1620b48ed00af2cca4a711735|llama-3.1-license-2024|llama3.1"
        ),
        format!(
            "llama-3.2|Llama 3.2 Version Release Date: September 25, 2024|Llama 3.2 is licensed under the Llama 3.2 Community License, Copyright © {c}|8cc15535a8a34b41888f644b339a1a9eb428af793a4f5e24df58a3e5b1487d74|40e2777d7faa6beaf98400654170f414d8ab29b921b5163ad4ea0a1d39894201|llama-3.2-license-2024|llama3.2"
        ),
        format!(
            "llama-3.3|Llama 3.3 Version Release Date: December 6, 2024|Llama 3.3 is licensed under the Llama 3.3 Community License, Copyright © {c}|fb58d9a630ccc1dc0d08f8c00232de56bc73309020f59c8181d0c12ef28d9f8c|fac148bfbd9f515b3a7a9885d5d324187cd2ef9e2dcc9cdde49ef248695f3e07|llama-3.3-license-2024|llama3.3"
        ),
        format!(
            "llama-4|Llama 4 Version Effective Date: April 5, 2025|Llama 4 is licensed under the Llama 4 Community License, Copyright © {c}|6b346865267ef58a4592287a99e9417178223c9300e9da361ce7801be6dea61f|bbf009b29f1dc413c2b3c9abb12637b0cdffa350cd0a3bd6eba89b270fc9e83f|llama-4-cla-2025|llama4"
        ),
    ];
    assert_eq!(rows, expected);
}

#[test]
fn what_is_left_after_the_end_of_a_llama_license() {
    let catalog = builtin();
    for version in LlamaVersion::ALL {
        let license = catalog.llama(version).expect("every version");
        let end = license.clauses.termination.as_ref().expect("an end");
        // Only LLaMA 1 ends by itself, and only there the restriction of outputs goes on.
        let first = version == LlamaVersion::V1;
        assert_eq!(end.automatic, first, "{version}");
        assert_eq!(end.outputs_restriction_survives, first, "{version}");
        assert_eq!(end.deletes_materials, !first, "{version}");
    }
}

#[test]
fn other_licensors_by_clause_shape() {
    let catalog = builtin();
    let shape = |id: &str| {
        let c = &catalog.license(id).expect(id).clauses;
        let mut shape = Vec::new();
        if let Some(ban) = &c.improve_ban {
            shape.push(format!("improve({})", ban.own_family_excluded));
        }
        if let Some(ban) = &c.competing_ban {
            shape.push(format!("compete({})", ban.classifiers_excepted));
        }
        if c.purpose_limit.is_some() {
            shape.push("purpose".to_owned());
        }
        if let Some(display) = &c.display {
            shape.push(
                [&[display.text.clone()][..], &display.alternatives]
                    .concat()
                    .join("/"),
            );
        }
        if c.flow_down.is_some() {
            shape.push("flow-down".to_owned());
        }
        shape.join(" ")
    };
    for (id, expected) in [
        ("gemma-terms", "flow-down"),
        ("google-generative-ai-terms", "improve(false)"),
        ("openai-terms", "compete(true)"),
        ("openai-terms-2023", "compete(false)"),
        ("anthropic-terms", "compete(false)"),
        ("tongyi-qianwen", "improve(true)"),
        ("qwen-2024", "Built with Qwen/Improved using Qwen"),
        ("deepseek-terms", ""),
        ("deepseek-model-1.0", "flow-down"),
        ("mistral-research", "purpose"),
        ("mistral-non-production", "purpose"),
        ("mistral-platform-terms", ""),
        ("cohere-nc", "purpose"),
        ("exaone-1.1-nc", "improve(false)"),
        ("nvidia-open-model", ""),
        ("nvidia-open-model-cosmos", "Built on NVIDIA Cosmos"),
        ("xai-terms", "compete(false)"),
        ("meta-model-api-2026", "compete(false)"),
        ("apache-2.0", ""),
        ("mit", ""),
    ] {
        assert_eq!(shape(id), expected, "{id}");
    }
}

#[test]
fn words_of_cards_lead_to_licenses() {
    let catalog = builtin();
    for (word, id) in [
        ("llama4", "llama-4"),
        ("qwen", "qwen-2024"),
        ("tongyi-qianwen", "tongyi-qianwen"),
        ("nvidia-open-model-license", "nvidia-open-model"),
        ("gemma", "gemma-terms"),
        ("deepseek", "deepseek-model-1.0"),
        ("mnpl", "mistral-non-production"),
        ("exaone", "exaone-1.1-nc"),
    ] {
        assert_eq!(catalog.license(word).expect(word).id, id);
    }
    let digest = "40e2777d7faa6beaf98400654170f414d8ab29b921b5163ad4ea0a1d39894201";
    let (license, text) = catalog.text_with_digest(digest).expect("a use policy");
    assert_eq!(
        (license.id.as_str(), text),
        ("llama-3.2", OfficialText::UsePolicy)
    );
}

#[test]
fn hosts_say_what_was_read_and_when() {
    let catalog = builtin();
    let hosts: Vec<_> = catalog.hosts().collect();
    assert!(hosts.len() > 35);
    for host in &hosts {
        assert!(
            host.terms != "read" || (host.link.is_some() && host.read.is_some()),
            "{}",
            host.id
        );
    }
    let fireworks = hosts
        .iter()
        .find(|host| host.id == "fireworks")
        .expect("listed");
    assert_eq!(
        (fireworks.terms, fireworks.read),
        ("read", Some("2026-06-30"))
    );
    // A claim of a secondary source is no reading of the terms.
    let bedrock = hosts
        .iter()
        .find(|host| host.id == "bedrock")
        .expect("listed");
    assert_eq!(bedrock.terms, "unread");
}
