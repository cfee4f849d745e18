//! The data files of the catalog.

/// The files that this build carries, in the order they are shown.
pub(super) const BUILTIN: [(&str, &str); 4] = [
    ("licenses.toml", include_str!("data/licenses.toml")),
    (
        "other_licenses.toml",
        include_str!("data/other_licenses.toml"),
    ),
    ("models.toml", include_str!("data/models.toml")),
    ("hosts.toml", include_str!("data/hosts.toml")),
];
