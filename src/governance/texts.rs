//! Digests of the acceptable use policies that stand beside the licenses.
//!
//! *Cited*: SHA-256 of the raw bytes of `models/*/USE_POLICY.md` in meta-llama/llama-models at
//! commit a9c89c471f793423afd4cc3ca8671d6e56fe64cb (2025-07-15).

const USE_POLICIES: &[(&str, &str)] = &[
    (
        "llama-2",
        "bf462e7787cc55d2b81819f3b521f054df07dfa50cf1391e21fe5f7cdd4ba9f6",
    ),
    (
        "llama-3",
        "da147301380ac432394647edc6576a9f3f69e3de987d7497fa5c77b8c580797f",
    ),
    (
        "llama-3.1",
        "f456a3f5b15ab588c84d06cf095a245bfee0bbc1620b48ed00af2cca4a711735",
    ),
    (
        "llama-3.2",
        "40e2777d7faa6beaf98400654170f414d8ab29b921b5163ad4ea0a1d39894201",
    ),
    (
        "llama-3.3",
        "fac148bfbd9f515b3a7a9885d5d324187cd2ef9e2dcc9cdde49ef248695f3e07",
    ),
    (
        "llama-4",
        "bbf009b29f1dc413c2b3c9abb12637b0cdffa350cd0a3bd6eba89b270fc9e83f",
    ),
];

/// The id of the license whose use policy has this SHA-256 (lower-case hex), byte for byte.
pub fn use_policy(sha256: &str) -> Option<&'static str> {
    USE_POLICIES
        .iter()
        .find(|(_, digest)| *digest == sha256)
        .map(|(license, _)| *license)
}
