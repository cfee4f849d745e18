//! Licenses: every field checked, no name taken twice.

use std::sync::Arc;

use crate::model::BanScope;
use crate::model::Clauses;
use crate::model::CompetingBan;
use crate::model::DisplayDuty;
use crate::model::ImproveBan;
use crate::model::License;
use crate::model::LlamaVersion;
use crate::model::MonthlyUsers;
use crate::model::NamePrefix;
use crate::model::Notice;
use crate::model::PurposeLimit;
use crate::model::Section;
use crate::model::Termination;
use crate::model::Trigger;

use super::super::file::{
    CompetingBanFile, DisplayFile, ImproveBanFile, LicenseFile, MonthlyUsersFile, NamePrefixFile,
    NoticeFile, Placed, ScopeFile, SectionFile, TerminationFile, TriggerFile,
};
use super::{At, CatalogError, Part};

/// Adds the licenses of one file.
pub(super) fn add(
    part: Part<'_>,
    entries: &[LicenseFile],
    licenses: &mut Vec<Arc<License>>,
) -> Result<(), CatalogError> {
    for entry in entries {
        let at = At {
            part,
            kind: "license",
            entry: &entry.id,
        };
        unused(&at, "id", &entry.id, licenses)?;
        if let Some(tag) = &entry.hugging_face {
            unused(&at, "hugging_face", tag, licenses)?;
        }
        for name in &entry.card_names {
            unused(&at, "card_names", name, licenses)?;
        }
        licenses.push(Arc::new(license(&at, entry)?));
    }
    Ok(())
}

/// A license is found by its id, its tag and its names in cards: none of them may mean two.
fn unused(
    at: &At<'_>,
    field: &str,
    name: &Placed<String>,
    licenses: &[Arc<License>],
) -> Result<(), CatalogError> {
    let word = name.text();
    let taken = licenses.iter().find(|license| {
        license.id == word
            || license.hugging_face.as_deref() == Some(word)
            || license.card_names.iter().any(|other| other == word)
    });
    let Some(taken) = taken else {
        return Ok(());
    };
    let message = match (&taken.own_file, at.part.own) {
        (None, true) => format!(
            "`{word}` names the built-in license `{}`, which an own file cannot replace; choose another id, for example `own-{word}`",
            taken.id
        ),
        (Some(file), _) => format!(
            "`{word}` already names the license `{}` of {file}; choose another word",
            taken.id
        ),
        (None, false) => format!("`{word}` stands twice; names of licenses are unique"),
    };
    Err(at.wrong(&name.span(), field, message))
}

fn license(at: &At<'_>, entry: &LicenseFile) -> Result<License, CatalogError> {
    let id = at.id("id", &entry.id)?;
    let llama = own_version(at, entry)?;
    let use_policy = entry.use_policy.as_ref();
    Ok(License {
        id,
        title: at.filled("title", &entry.title)?,
        licensor: at.filled("licensor", &entry.licensor)?,
        llama,
        hugging_face: entry
            .hugging_face
            .as_ref()
            .map(|tag| at.id("hugging_face", tag))
            .transpose()?,
        card_names: entry
            .card_names
            .iter()
            .map(|name| at.id("card_names", name))
            .collect::<Result<_, _>>()?,
        scancode: entry
            .scancode
            .as_ref()
            .map(|key| at.id("scancode", key))
            .transpose()?,
        link: at.link("link", &entry.link)?,
        version_date: entry
            .version_date
            .as_ref()
            .map(|date| at.date("version_date", date))
            .transpose()?,
        date_line: at.filled_or_none("date_line", entry.date_line.as_ref())?,
        read: at.date("read", &entry.read)?,
        sha256: digest(at, "sha256", entry.sha256.as_ref())?,
        use_policy_link: use_policy
            .and_then(|policy| policy.link.as_ref())
            .map(|link| at.link("use_policy.link", link))
            .transpose()?,
        use_policy_sha256: digest(
            at,
            "use_policy.sha256",
            use_policy.and_then(|policy| policy.sha256.as_ref()),
        )?,
        outputs: at.filled("outputs", &entry.outputs)?,
        own_file: at.part.own.then(|| at.part.path.to_owned()),
        clauses: clauses(at, entry)?,
    })
}

/// Whose own license it is. Only the build says so: the versions of Llama are a closed list.
fn own_version(at: &At<'_>, entry: &LicenseFile) -> Result<Option<LlamaVersion>, CatalogError> {
    let Some(id) = &entry.llama else {
        return Ok(None);
    };
    if at.part.own {
        let message = "the licenses of the Llama versions are built in; remove the key";
        return Err(at.wrong(&id.span(), "llama", message));
    }
    let version = at.version("llama", id)?;
    if version.id() != entry.id.text() {
        let message = "the own license of a version carries the version's id; make them equal";
        return Err(at.wrong(&id.span(), "llama", message));
    }
    Ok(Some(version))
}

fn digest(
    at: &At<'_>,
    field: &str,
    value: Option<&Placed<String>>,
) -> Result<Option<String>, CatalogError> {
    value.map(|digest| at.digest(field, digest)).transpose()
}

fn clauses(at: &At<'_>, entry: &LicenseFile) -> Result<Clauses, CatalogError> {
    let section = |field: &str, value: Option<&SectionFile>| {
        value
            .map(|clause| {
                let section = at.filled(&format!("{field}.section"), &clause.section)?;
                Ok(Section { section })
            })
            .transpose()
    };
    let purpose_limit = section("purpose_limit", entry.purpose_limit.as_ref())?;
    let use_policy = entry.use_policy.as_ref().map(|policy| {
        let section = at.filled("use_policy.section", &policy.section)?;
        Ok(Section { section })
    });
    Ok(Clauses {
        improve_ban: optional(entry.improve_ban.as_ref(), |ban| improve_ban(at, ban))?,
        competing_ban: optional(entry.competing_ban.as_ref(), |ban| competing_ban(at, ban))?,
        purpose_limit: purpose_limit.map(|s| PurposeLimit { section: s.section }),
        name_prefix: optional(entry.name_prefix.as_ref(), |duty| name_prefix(at, duty))?,
        display: optional(entry.display.as_ref(), |duty| display(at, duty))?,
        flow_down: section("flow_down", entry.flow_down.as_ref())?,
        notice: optional(entry.notice.as_ref(), |line| notice(at, line))?,
        copy: section("copy", entry.copy.as_ref())?,
        monthly_users: optional(entry.monthly_users.as_ref(), |gate| monthly_users(at, gate))?,
        eu_multimodal: section("eu_multimodal", entry.eu_multimodal.as_ref())?,
        use_policy: use_policy.transpose()?,
        termination: optional(entry.termination.as_ref(), |end| termination(at, end))?,
    })
}

fn optional<T, U>(
    value: Option<&T>,
    checked: impl Fn(&T) -> Result<U, CatalogError>,
) -> Result<Option<U>, CatalogError> {
    value.map(checked).transpose()
}

fn improve_ban(at: &At<'_>, ban: &ImproveBanFile) -> Result<ImproveBan, CatalogError> {
    Ok(ImproveBan {
        section: at.filled("improve_ban.section", &ban.section)?,
        scope: match ban.scope {
            ScopeFile::LanguageModels => BanScope::LanguageModels,
            ScopeFile::AnyModel => BanScope::AnyModel,
        },
        own_family_excluded: ban.own_family_excluded,
        open_for: ban
            .open_for
            .iter()
            .map(|id| at.version("improve_ban.open_for", id))
            .collect::<Result<_, _>>()?,
    })
}

fn competing_ban(at: &At<'_>, ban: &CompetingBanFile) -> Result<CompetingBan, CatalogError> {
    Ok(CompetingBan {
        section: at.filled("competing_ban.section", &ban.section)?,
        classifiers_excepted: ban.classifiers_excepted,
        evaluation_excepted: ban.evaluation_excepted,
    })
}

fn name_prefix(at: &At<'_>, duty: &NamePrefixFile) -> Result<NamePrefix, CatalogError> {
    Ok(NamePrefix {
        section: at.filled("name_prefix.section", &duty.section)?,
        text: at.filled("name_prefix.text", &duty.text)?,
        trigger: trigger(duty.trigger),
    })
}

fn display(at: &At<'_>, duty: &DisplayFile) -> Result<DisplayDuty, CatalogError> {
    Ok(DisplayDuty {
        section: at.filled("display.section", &duty.section)?,
        text: at.filled("display.text", &duty.text)?,
        alternatives: duty
            .alternatives
            .iter()
            .map(|text| at.filled("display.alternatives", text))
            .collect::<Result<_, _>>()?,
        trigger: trigger(duty.trigger),
    })
}

fn notice(at: &At<'_>, notice: &NoticeFile) -> Result<Notice, CatalogError> {
    Ok(Notice {
        section: at.filled("notice.section", &notice.section)?,
        text: at.filled("notice.text", &notice.text)?,
    })
}

fn monthly_users(at: &At<'_>, gate: &MonthlyUsersFile) -> Result<MonthlyUsers, CatalogError> {
    if *gate.above.value() == 0 {
        let message = "is 0, so the license would bind nobody; state the number of users";
        return Err(at.wrong(&gate.above.span(), "monthly_users.above", message));
    }
    Ok(MonthlyUsers {
        section: at.filled("monthly_users.section", &gate.section)?,
        above: *gate.above.value(),
        rolling: gate.rolling,
    })
}

fn termination(at: &At<'_>, end: &TerminationFile) -> Result<Termination, CatalogError> {
    Ok(Termination {
        section: at.filled("termination.section", &end.section)?,
        automatic: end.automatic,
        deletes_materials: end.deletes_materials,
        outputs_restriction_survives: end.outputs_restriction_survives,
        survives: at.filled("termination.survives", &end.survives)?,
    })
}

fn trigger(value: TriggerFile) -> Trigger {
    match value {
        TriggerFile::Materials => Trigger::Materials,
        TriggerFile::MaterialsOrOutputs => Trigger::MaterialsOrOutputs,
    }
}
