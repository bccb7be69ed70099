//! `cargo xtask coverage`: which requirements of `spec/requirements.tsv` have a test.
//!
//! A test says in its doc comment which requirements it shows: `/// Shows: DCR-7, JWT-10`; a script under `examples/` says
//! `# Shows: …`. A requirement that this version owes (its column `built_by` names a finished area) and that is a SHALL,
//! SHALL NOT, MUST or MUST NOT must be shown by at least one. An id that the catalogue does not know is an error too.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The values of `built_by` whose rows are owed now.
const OWED: &[&str] = &["b2b"];
const BINDING: &[&str] = &["SHALL", "SHALL NOT", "MUST", "MUST NOT"];
const FOLDERS: &[&str] = &["core", "roles", "edges", "apps", "examples", "xtask", "tests"];

struct Requirement {
    id: String,
    area: String,
    strength: String,
    built_by: String,
    text: String,
}

/// Requirement id to the tests that show it, as `file::name`.
type Shown = BTreeMap<String, Vec<String>>;

pub(crate) fn run() -> Result<()> {
    let catalogue = read_catalogue(&std::fs::read_to_string("spec/requirements.tsv")?)?;
    let mut shown = Shown::new();
    for folder in FOLDERS.iter().filter(|folder| Path::new(folder).is_dir()) {
        for file in files_below(Path::new(folder))? {
            let text = std::fs::read_to_string(&file)?;
            let suite = suite_of(&file)?;
            read_shown(&file.display().to_string(), &text, &suite, &mut shown)?;
        }
    }
    print!("{}", report(&catalogue, &shown));
    let mut faults = faults(&catalogue, &shown);
    faults.extend(divergence_faults(&std::fs::read_to_string("spec/divergences.toml")?, &catalogue)?);
    for fault in &faults {
        eprintln!("{fault}");
    }
    if !faults.is_empty() {
        bail!("{} faults in the coverage of requirements", faults.len());
    }
    Ok(())
}

fn read_catalogue(text: &str) -> Result<Vec<Requirement>> {
    text.lines()
        .skip(1)
        .map(|line| {
            let columns: Vec<&str> = line.split('\t').collect();
            let column = |index: usize| -> Result<String> {
                Ok((*columns.get(index).with_context(|| format!("a column is missing: {line}"))?).to_owned())
            };
            Ok(Requirement {
                id: column(0)?,
                area: column(1)?,
                strength: column(3)?,
                text: column(4)?,
                built_by: column(7)?,
            })
        })
        .collect()
}

/// What a known divergence says, all of it in words.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Divergence {
    source: String,
    requirements: Vec<String>,
    document: String,
    tessera: String,
    reason: String,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Divergences {
    divergence: Vec<Divergence>,
}

/// Entries that name no requirement of the catalogue, or leave something unsaid.
fn divergence_faults(text: &str, catalogue: &[Requirement]) -> Result<Vec<String>> {
    let Divergences { divergence } = toml::from_str(text).context("spec/divergences.toml")?;
    let mut faults = Vec::new();
    for Divergence { source, requirements, document, tessera, reason } in divergence {
        if [&source, &document, &tessera, &reason].into_iter().any(|text| text.trim().is_empty()) {
            faults.push(format!("spec/divergences.toml: {source}: something is left unsaid"));
        }
        let unknown = requirements.iter().filter(|id| !catalogue.iter().any(|known| known.id == **id));
        faults.extend(unknown.map(|id| format!("spec/divergences.toml: {source}: {id} is not in the catalogue")));
    }
    Ok(faults)
}

fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            if !path.ends_with("node_modules") && !path.ends_with("target") {
                files.extend(files_below(&path)?);
            }
        } else if path.extension().is_some_and(|ending| ending == "rs" || ending == "sh") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The names that a contract suite runs on every back end: what `contract.rs` lists of the functions in `contract/`.
fn suite_of(file: &Path) -> Result<Vec<String>> {
    let Some(folder) = file.parent().filter(|folder| folder.ends_with("contract")) else { return Ok(Vec::new()) };
    let listing = std::fs::read_to_string(folder.with_extension("rs"))?;
    Ok(listing.split_whitespace().map(str::to_owned).collect())
}

/// Adds what one file shows. In Rust a claim stands in the doc comment of a function that is a test, or that is named in
/// `suite`; elsewhere it is void.
fn read_shown(file: &str, text: &str, suite: &[String], shown: &mut Shown) -> Result<()> {
    let marker = if file.ends_with(".sh") { "# Shows: " } else { "/// Shows: " };
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    for (index, line) in lines.iter().enumerate() {
        let Some(ids) = line.strip_prefix(marker) else {
            continue;
        };
        let name = if file.ends_with(".sh") {
            "script".to_owned()
        } else {
            test_below(lines.get(index..).unwrap_or_default(), suite)
                .with_context(|| format!("{file}:{}: this claim stands above no test", index + 1))?
        };
        for id in ids.split(',') {
            let id = id.trim().trim_end_matches('.').to_owned();
            shown.entry(id).or_default().push(format!("{file}::{name}"));
        }
    }
    Ok(())
}

/// The name of the function that follows, if an attribute between here and there, or the suite, makes it a test.
fn test_below(lines: &[&str], suite: &[String]) -> Option<String> {
    let mut is_test = false;
    for line in lines {
        is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        let line = line.strip_prefix("pub(crate) ").unwrap_or(line);
        let function = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
        if let Some(rest) = function {
            let name = rest.split('(').next().unwrap_or(rest).to_owned();
            return (is_test || suite.contains(&name)).then_some(name);
        }
        let between = line.is_empty() || line.starts_with("//") || line.starts_with('#') || line.starts_with("reason");
        if !between && !line.starts_with(')') && !line.starts_with("clippy::") {
            return None;
        }
    }
    None
}

fn is_owed(requirement: &Requirement) -> bool {
    OWED.contains(&requirement.built_by.as_str()) && BINDING.contains(&requirement.strength.as_str())
}

fn faults(catalogue: &[Requirement], shown: &Shown) -> Vec<String> {
    let mut faults = Vec::new();
    for requirement in catalogue.iter().filter(|requirement| is_owed(requirement)) {
        if !shown.contains_key(&requirement.id) {
            faults.push(format!("{} ({}) has no test: {}", requirement.id, requirement.strength, requirement.text));
        }
    }
    for (id, tests) in shown {
        if !catalogue.iter().any(|requirement| requirement.id == *id) {
            faults.push(format!("{id} is not in the catalogue, but shown by {}", tests.join(", ")));
        }
    }
    faults
}

fn report(catalogue: &[Requirement], shown: &Shown) -> String {
    let mut out = String::from("Owed and binding: requirement, tests\n");
    let count = |id: &str| shown.get(id).map_or(0, Vec::len);
    for requirement in catalogue.iter().filter(|requirement| is_owed(requirement)) {
        let tests = shown.get(&requirement.id).map_or("none", |tests| tests.first().map_or("none", String::as_str));
        let more = count(&requirement.id).saturating_sub(1);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        out.push_str(&format!("  {:<10} {:<9} {tests}{more}\n", requirement.id, requirement.strength));
    }
    let mut areas: BTreeMap<&str, (Vec<&str>, Vec<String>)> = BTreeMap::new();
    for requirement in catalogue.iter().filter(|requirement| !is_owed(requirement)) {
        let (tested, open) = areas.entry(&requirement.area).or_default();
        if count(&requirement.id) > 0 {
            tested.push(&requirement.id);
        } else {
            open.push(format!("{} ({}, {})", requirement.id, requirement.strength, requirement.built_by));
        }
    }
    out.push_str("The rest, by area\n");
    for (area, (tested, open)) in areas {
        if !tested.is_empty() {
            out.push_str(&format!("  {area:<7} tested: {}\n", tested.join(" ")));
        }
        if !open.is_empty() {
            out.push_str(&format!("  {area:<7} open: {}\n", open.join(", ")));
        }
    }
    let owed: Vec<_> = catalogue.iter().filter(|requirement| is_owed(requirement)).collect();
    let covered = owed.iter().filter(|requirement| count(&requirement.id) > 0).count();
    out.push_str(&format!(
        "{covered} of {} owed and binding requirements have a test; {} of {} in all\n",
        owed.len(),
        catalogue.iter().filter(|requirement| count(&requirement.id) > 0).count(),
        catalogue.len()
    ));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const CATALOGUE: &str = "id\tarea\tactor\tstrength\trequirement\tsource\teditions\tbuilt_by\tshown_by\n\
        A-1\tA\tAS\tSHALL\tone\t-\tall\tb2b\tx\n\
        A-2\tA\tAS\tSHOULD\ttwo\t-\tall\tb2b\tx\n\
        A-3\tA\tAS\tSHALL\tthree\t-\tall\tpeople\tx\n";

    fn shown_in(text: &str) -> Result<Shown> {
        let mut shown = Shown::new();
        read_shown("a.rs", text, &["of_the_suite".to_owned()], &mut shown)?;
        Ok(shown)
    }

    #[test]
    fn a_binding_row_that_is_owed_needs_a_test() {
        let catalogue = read_catalogue(CATALOGUE).unwrap();
        assert_eq!(faults(&catalogue, &Shown::new()), ["A-1 (SHALL) has no test: one"]);
        let shown = shown_in("/// Shows: A-1, A-3\n#[test]\nfn one() {}").unwrap();
        assert!(faults(&catalogue, &shown).is_empty());
        assert_eq!(shown["A-3"], ["a.rs::one"]);
    }

    #[test]
    fn a_divergence_names_what_the_catalogue_has_and_says_all() {
        let catalogue = read_catalogue(CATALOGUE).unwrap();
        let entry = |requirement: &str, reason: &str| {
            format!(
                "[[divergence]]\nsource = \"S\"\nrequirements = [{requirement:?}]\ndocument = \"d\"\ntessera = \"t\"\nreason = {reason:?}\n"
            )
        };
        assert!(divergence_faults(&entry("A-1", "r"), &catalogue).unwrap().is_empty());
        assert_eq!(divergence_faults(&entry("A-9", " "), &catalogue).unwrap().len(), 2);
        assert!(divergence_faults("[[divergence]]\nsource = \"S\"\n", &catalogue).is_err());
    }

    #[test]
    fn an_unknown_id_is_a_fault() {
        let catalogue = read_catalogue(CATALOGUE).unwrap();
        let shown = shown_in("/// Shows: A-1\n/// Shows: A-9\n#[tokio::test]\nasync fn one() {}").unwrap();
        assert_eq!(faults(&catalogue, &shown), ["A-9 is not in the catalogue, but shown by a.rs::one"]);
    }

    #[test]
    fn a_claim_above_something_that_is_no_test_is_refused() {
        assert!(shown_in("/// Shows: A-1\nfn helper() {}").is_err());
        assert!(shown_in("/// Shows: A-1\npub(crate) async fn of_the_suite() {}").is_ok());
        assert!(shown_in("/// Shows: A-1\nstruct Thing;\n#[test]\nfn x() {}").is_err());
    }
}
