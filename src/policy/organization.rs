//! `organization.toml`: the profile that compliance keeps beside the policy.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use crate::model::Grant;
use crate::model::GrantScope;
use crate::model::Organization;
use crate::model::Person;
use crate::model::PersonRole;

use super::file::FileError;
use super::file::Source;

/// Most entries of one list. *Chosen*: far above any real organisation.
const ENTRIES_MAX: usize = 10_000;

/// Longest name or id, in bytes. *Chosen*: it stands on one line.
const STRING_BYTES_MAX: usize = 200;

/// The facts about the organisation that some clauses turn on, and who may decide for it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "herdbook organization")]
pub struct OrganizationFile {
    /// The organisation.
    organization: EntityFile,
    /// Monthly active users of the group in the month before a version's release, by license id.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, u64>")]
    monthly_users: BTreeMap<Spanned<String>, Spanned<i64>>,
    /// Separate grants from a licensor.
    #[serde(default)]
    grant: Vec<GrantFile>,
    /// Who may request and approve.
    #[serde(default)]
    person: Vec<PersonFile>,
}

/// `[organization]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EntityFile {
    /// Legal entity that accepts licenses.
    #[schemars(with = "String")]
    name: Spanned<String>,
    /// Whether its principal place of business is in the European Union.
    principal_place_in_eu: Option<bool>,
    /// Ids of the licenses it has accepted.
    #[schemars(with = "Option<Vec<String>>")]
    accepted_licenses: Option<Vec<Spanned<String>>>,
}

/// One `[[grant]]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GrantFile {
    /// Name of the grant, cited in findings.
    #[schemars(with = "String")]
    id: Spanned<String>,
    /// Who granted.
    #[schemars(with = "String")]
    licensor: Spanned<String>,
    /// License ids whose restrictions it lifts.
    #[schemars(with = "Vec<String>")]
    licenses: Vec<Spanned<String>>,
    /// "monthly-users" or "outputs".
    #[schemars(with = "String", extend("enum" = ["monthly-users", "outputs"]))]
    scope: Spanned<String>,
    /// SHA-256 of the document, in hex.
    #[schemars(with = "String")]
    document_sha256: Spanned<String>,
    /// Last day on which it holds, YYYY-MM-DD; without it, it does not end.
    #[schemars(with = "Option<String>")]
    expires: Option<Spanned<String>>,
}

/// One `[[person]]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PersonFile {
    /// Short id, unique in the profile.
    #[schemars(with = "String")]
    id: Spanned<String>,
    /// Full name for reports.
    #[schemars(with = "String")]
    name: Spanned<String>,
    /// "requester", "approver" or both.
    #[schemars(with = "Vec<String>")]
    roles: Vec<Spanned<String>>,
    /// Ed25519 public key, 64 hex digits.
    #[schemars(with = "String")]
    public_key: Spanned<String>,
}

/// Reads an organisation profile. `path` is only used in errors. License ids are compared with
/// `licenses`, those that the catalog knows.
///
/// # Errors
/// With line and column: what is not TOML, unknown keys, licenses and words, what is not a date, a
/// digest or a key, ids given twice.
pub fn parse(text: &str, path: &str, licenses: &[&str]) -> Result<Organization, FileError> {
    let source = Source { path, text };
    let file: OrganizationFile = source.parse()?;
    for (what, count) in [
        ("monthly_users", file.monthly_users.len()),
        ("grant", file.grant.len()),
        ("person", file.person.len()),
    ] {
        if count > ENTRIES_MAX {
            let message = format!("{what} has {count} entries; at most {ENTRIES_MAX} are read");
            return Err(source.wrong(&(0..0), message));
        }
    }
    let license = |given: &Spanned<String>| {
        source.word(
            "license",
            given,
            |id| licenses.contains(&id).then(|| id.to_owned()),
            licenses,
        )
    };
    let mut monthly_users = BTreeMap::new();
    for (id, users) in &file.monthly_users {
        let number = u64::try_from(*users.get_ref())
            .map_err(|_| source.wrong(&users.span(), "a number of users is 0 or more"))?;
        monthly_users.insert(license(id)?, number);
    }
    let entity = &file.organization;
    Ok(Organization {
        name: line(&source, "name", &entity.name)?,
        in_eu: entity.principal_place_in_eu,
        monthly_users,
        accepted_licenses: entity
            .accepted_licenses
            .as_ref()
            .map(|ids| ids.iter().map(license).collect())
            .transpose()?,
        grants: grants(&source, &file.grant, &license)?,
        people: people(&source, &file.person)?,
    })
}

fn grants(
    source: &Source<'_>,
    given: &[GrantFile],
    license: &dyn Fn(&Spanned<String>) -> Result<String, FileError>,
) -> Result<Vec<Grant>, FileError> {
    let mut out: Vec<Grant> = Vec::new();
    for grant in given {
        let id = line(source, "id", &grant.id)?;
        if out.iter().any(|known| known.id == id) {
            let message = format!("there are two grants `{id}`; give each a name of its own");
            return Err(source.wrong(&grant.id.span(), message));
        }
        if grant.licenses.is_empty() {
            let message = "a grant lifts restrictions of at least one license; name it";
            return Err(source.wrong(&grant.id.span(), message));
        }
        out.push(Grant {
            id,
            licensor: line(source, "licensor", &grant.licensor)?,
            licenses: grant
                .licenses
                .iter()
                .map(license)
                .collect::<Result<_, _>>()?,
            scope: source.word("scope", &grant.scope, scope, &["monthly-users", "outputs"])?,
            document_sha256: digest(source, "document_sha256", &grant.document_sha256)?,
            expires: grant
                .expires
                .as_ref()
                .map(|day| date(source, day))
                .transpose()?,
        });
    }
    Ok(out)
}

fn people(source: &Source<'_>, given: &[PersonFile]) -> Result<Vec<Person>, FileError> {
    let mut out: Vec<Person> = Vec::new();
    for person in given {
        let id = line(source, "id", &person.id)?;
        let public_key = digest(source, "public_key", &person.public_key)?;
        if out.iter().any(|known| known.id == id) {
            let message = format!("there are two persons `{id}`; give each an id of its own");
            return Err(source.wrong(&person.id.span(), message));
        }
        // Two names with one key would let somebody approve their own request.
        if out.iter().any(|known| known.public_key == public_key) {
            let message = "another person has this key; a key belongs to one person";
            return Err(source.wrong(&person.public_key.span(), message));
        }
        let mut roles = Vec::new();
        for given in &person.roles {
            roles.push(source.word("role", given, role, &["requester", "approver"])?);
        }
        roles.sort_unstable();
        roles.dedup();
        if roles.is_empty() {
            let message = "a person without a role can do nothing; give a role or remove the entry";
            return Err(source.wrong(&person.id.span(), message));
        }
        out.push(Person {
            id,
            name: line(source, "name", &person.name)?,
            roles,
            public_key,
        });
    }
    Ok(out)
}

fn scope(word: &str) -> Option<GrantScope> {
    match word {
        "monthly-users" => Some(GrantScope::MonthlyUsers),
        "outputs" => Some(GrantScope::Outputs),
        _ => None,
    }
}

fn role(word: &str) -> Option<PersonRole> {
    match word {
        "requester" => Some(PersonRole::Requester),
        "approver" => Some(PersonRole::Approver),
        _ => None,
    }
}

fn line(source: &Source<'_>, what: &str, given: &Spanned<String>) -> Result<String, FileError> {
    let value = given.get_ref().trim();
    let one_line = !value.chars().any(char::is_control);
    if value.is_empty() || value.len() > STRING_BYTES_MAX || !one_line {
        let message = format!("{what} is one line of 1 to {STRING_BYTES_MAX} bytes");
        return Err(source.wrong(&given.span(), message));
    }
    Ok(value.to_owned())
}

/// 32 bytes in hex.
fn digest(source: &Source<'_>, what: &str, given: &Spanned<String>) -> Result<String, FileError> {
    let value = given.get_ref();
    if value.len() == 64 && value.bytes().all(|b| b.is_ascii_hexdigit()) {
        Ok(value.to_lowercase())
    } else {
        Err(source.wrong(&given.span(), format!("{what} is 64 hexadecimal digits")))
    }
}

fn date(source: &Source<'_>, given: &Spanned<String>) -> Result<String, FileError> {
    let value = given.get_ref();
    // Days are compared as text, so the form has to be exact.
    match value.parse::<jiff::civil::Date>() {
        Ok(date) if date.to_string() == *value => Ok(value.clone()),
        Ok(_) | Err(_) => Err(source.wrong(
            &given.span(),
            format!("`{value}` is no day; write it as 2027-01-31"),
        )),
    }
}
