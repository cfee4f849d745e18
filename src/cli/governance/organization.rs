//! PLACEHOLDER, to be removed: `policy::organization::parse` takes its place. Reads of
//! `organization.toml` only what approvals need, and lets every other key through.

use serde::Deserialize;

use crate::model::Organization;
use crate::model::Person;
use crate::model::PersonRole;

#[derive(Deserialize)]
struct File {
    organization: Entity,
    #[serde(default)]
    person: Vec<PersonFile>,
}

#[derive(Deserialize)]
struct Entity {
    name: String,
    principal_place_in_eu: Option<bool>,
}

#[derive(Deserialize)]
struct PersonFile {
    id: String,
    name: String,
    roles: Vec<Role>,
    public_key: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Role {
    Requester,
    Approver,
}

/// Reads an organisation profile; the error names the line.
pub(super) fn parse(text: &str, path: &str) -> Result<Organization, String> {
    let file: File = toml::from_str(text).map_err(|error| format!("{path}: {error}"))?;
    Ok(Organization {
        name: file.organization.name,
        in_eu: file.organization.principal_place_in_eu,
        people: file
            .person
            .into_iter()
            .map(|person| Person {
                id: person.id,
                name: person.name,
                roles: person
                    .roles
                    .into_iter()
                    .map(|role| match role {
                        Role::Requester => PersonRole::Requester,
                        Role::Approver => PersonRole::Approver,
                    })
                    .collect(),
                public_key: person.public_key,
            })
            .collect(),
        ..Organization::default()
    })
}
