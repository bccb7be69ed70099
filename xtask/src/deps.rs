//! `cargo xtask check-deps`: what `deny.toml` says of licences, sources and banned crates, checked from `cargo tree`
//! alone. Advisories need a database from the internet and stay with `cargo deny check`.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::shell;

#[derive(Deserialize)]
struct DenyFile {
    licenses: Licenses,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

/// A crate that nobody may use, but for its `wrappers`.
#[derive(Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    #[serde(default)]
    wrappers: Vec<String>,
    reason: String,
}

/// A package that is built, and who uses it.
#[derive(Debug, Default)]
struct Package {
    license: String,
    /// Empty for what comes from the registry; else the place that `cargo tree` names.
    place: String,
    users: BTreeSet<String>,
}

type Packages = BTreeMap<String, Package>;

pub(crate) fn run() -> Result<()> {
    let rules: DenyFile = toml::from_str(&std::fs::read_to_string("deny.toml")?)?;
    // Not `cargo tree`: its graph has edges of optional dependencies that no feature switches on.
    let packages = read_tree(&shell::output(
        "cargo",
        &[
            "tree",
            "--workspace",
            "--locked",
            "--target",
            "all",
            "--edges",
            "normal,build",
            "--prefix",
            "depth",
            "--format",
            "|{p}|{l}",
        ],
    )?)?;
    let findings = judge(&rules, &packages);
    for finding in &findings {
        eprintln!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} findings against deny.toml", findings.len());
    }
    println!("{} packages: licences, sources and bans hold", packages.len());
    Ok(())
}

/// Reads lines such as `2|serde v1.0.0|MIT OR Apache-2.0`: depth, package with its place, licence.
fn read_tree(text: &str) -> Result<Packages> {
    let mut packages = Packages::new();
    let mut above: Vec<String> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let mut columns = line.splitn(3, '|');
        let depth: usize = columns.next().context("no depth")?.parse()?;
        let name_and_place = columns.next().context("no package")?;
        let license = columns.next().context("no licence")?.trim_end_matches(" (*)");
        let name = name_and_place.split(' ').next().unwrap_or_default().to_owned();
        let place = name_and_place.split_once(" (").map_or("", |(_, place)| place.trim_end_matches(')'));
        above.truncate(depth);
        let package = packages.entry(name.clone()).or_default();
        package.license = license.to_owned();
        if place != "proc-macro" && place != "*" {
            package.place = place.split(')').next().unwrap_or(place).to_owned();
        }
        package.users.extend(above.last().cloned());
        above.push(name);
    }
    Ok(packages)
}

fn judge(rules: &DenyFile, packages: &Packages) -> Vec<String> {
    let allowed: BTreeSet<&str> = rules.licenses.allow.iter().map(String::as_str).collect();
    let mut findings = Vec::new();
    for (name, package) in packages {
        if !is_allowed(&package.license, &allowed) {
            findings.push(format!("{name}: licence {:?} is not on the list", package.license));
        }
        if !package.place.is_empty() && !package.place.starts_with('/') {
            findings.push(format!("{name}: does not come from the registry"));
        }
        for ban in rules.bans.deny.iter().filter(|ban| ban.name == *name) {
            for user in package.users.iter().filter(|user| !ban.wrappers.contains(user)) {
                findings.push(format!("{user} uses {name}: {}", ban.reason));
            }
        }
    }
    findings
}

/// Judges an SPDX expression: every side of an `AND`, at least one side of an `OR`.
fn is_allowed(expression: &str, allowed: &BTreeSet<&str>) -> bool {
    let expression = expression.trim();
    if let Some(parts) = split_outside_parentheses(expression, &[" AND "]) {
        return parts.iter().all(|part| is_allowed(part, allowed));
    }
    if let Some(parts) = split_outside_parentheses(expression, &[" OR ", "/"]) {
        return parts.iter().any(|part| is_allowed(part, allowed));
    }
    if let Some(inner) = expression.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        return is_allowed(inner, allowed);
    }
    let name = expression.split(" WITH ").next().unwrap_or(expression);
    allowed.contains(name)
}

fn split_outside_parentheses<'a>(text: &'a str, separators: &[&str]) -> Option<Vec<&'a str>> {
    let mut parts = Vec::new();
    let (mut depth, mut start, mut at) = (0_i32, 0, 0);
    while let Some(rest) = text.get(at..) {
        let Some(character) = rest.chars().next() else {
            break;
        };
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {
                if let Some(separator) = separators.iter().find(|separator| depth == 0 && rest.starts_with(**separator))
                {
                    parts.push(text.get(start..at)?);
                    at += separator.len();
                    start = at;
                    continue;
                }
            }
        }
        at += character.len_utf8();
    }
    if parts.is_empty() {
        return None;
    }
    parts.push(text.get(start..)?);
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> DenyFile {
        toml::from_str(
            "[licenses]\nallow = ['MIT', 'Apache-2.0']\n\
             [bans]\ndeny = [{ crate = 'ring', reason = 'no' }, { crate = 'axum', wrappers = ['ours'], reason = 'one place' }]",
        )
        .unwrap()
    }

    fn findings(tree: &str) -> Vec<String> {
        judge(&rules(), &read_tree(tree).unwrap())
    }

    #[test]
    fn accepts_what_the_file_allows() {
        assert!(
            findings("0|ours v1 (/x)|MIT\n1|axum v1|MIT OR GPL-3.0\n2|m v1 (proc-macro)|MIT\n1|axum v1|MIT (*)")
                .is_empty()
        );
    }

    #[test]
    fn refuses_banned_crates_licences_and_sources() {
        assert_eq!(findings("0|ours v1 (/x)|MIT\n1|ring v1|MIT"), ["ours uses ring: no"]);
        assert_eq!(findings("0|a v1 (/x)|MIT\n1|b v1|MIT\n2|axum v1|MIT"), ["b uses axum: one place"]);
        assert_eq!(findings("0|a v1|GPL-3.0").len(), 1);
        assert_eq!(findings("0|a v1|MIT AND GPL-3.0").len(), 1);
        assert_eq!(findings("0|a v1|").len(), 1);
        assert_eq!(findings("0|a v1 (https://example.org/x#1234)|MIT").len(), 1);
    }

    #[test]
    fn reads_nested_expressions() {
        let allowed = BTreeSet::from(["MIT", "Apache-2.0", "ISC"]);
        assert!(is_allowed("ISC AND (Apache-2.0 OR GPL-3.0)", &allowed));
        assert!(is_allowed("(MIT OR Apache-2.0) AND ISC", &allowed));
        assert!(is_allowed("Apache-2.0 WITH LLVM-exception OR X", &allowed));
        assert!(is_allowed("Unlicense/MIT", &allowed));
        assert!(!is_allowed("(MIT OR Apache-2.0) AND Unicode-3.0", &allowed));
    }
}
