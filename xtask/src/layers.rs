//! `cargo xtask check-layers`: the walls between the crates, as docs/ARCHITECTURE.md draws them.
//!
//! The rule is a table of what each crate may use of ours. A new crate fails until it has a row, so that a wall is a
//! decision and never an accident. Development dependencies may look up; what ships may not.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

use crate::shell;

/// Our crates on the shelf `core`, in the order of their arrows.
const CORE: &[&str] = &["tessera-jose", "tessera-trust", "tessera-udap"];

/// What a crate may use of ours. `ROLES` and `CORE` stand for the shelves.
fn allowed(name: &str) -> Option<Vec<&'static str>> {
    let core = || CORE.to_vec();
    let core_and = |more: &[&'static str]| [CORE, more].concat();
    Some(match name {
        "tessera-jose" | "tessera-trust" | "tessera-sample-fhir" | "xtask" => vec![],
        "tessera-udap" => vec!["tessera-jose", "tessera-trust"],
        "tessera-authorization-server" | "tessera-gateway" | "tessera-client" => core(),
        "tessera-pki" => vec!["tessera-trust"],
        "tessera-outbound" | "tessera-store" => {
            core_and(&["tessera-authorization-server", "tessera-gateway", "tessera-client"])
        }
        "tessera-http" => core_and(&["tessera-authorization-server", "tessera-gateway"]),
        "tessera-server" => core_and(&[
            "tessera-authorization-server",
            "tessera-gateway",
            "tessera-client",
            "tessera-http",
            "tessera-store",
            "tessera-outbound",
        ]),
        "tessera-sandbox" => core_and(&[
            "tessera-authorization-server",
            "tessera-gateway",
            "tessera-client",
            "tessera-pki",
            "tessera-http",
            "tessera-store",
            "tessera-outbound",
            "tessera-server",
            "tessera-sample-fhir",
        ]),
        "tessera" => core_and(&[
            "tessera-authorization-server",
            "tessera-gateway",
            "tessera-client",
            "tessera-pki",
            "tessera-http",
            "tessera-store",
            "tessera-outbound",
            "tessera-server",
            "tessera-sandbox",
            "tessera-sample-fhir",
        ]),
        _ => return None,
    })
}

pub(crate) fn run() -> Result<()> {
    let edges = read_edges(&shell::output("cargo", &["metadata", "--format-version", "1", "--no-deps", "--locked"])?)?;
    let broken = violations(&edges);
    for line in &broken {
        eprintln!("{line}");
    }
    if !broken.is_empty() {
        bail!("{} broken walls; see docs/ARCHITECTURE.md", broken.len());
    }
    let count: usize = edges.values().map(Vec::len).sum();
    println!("{} crates, {count} edges, every wall holds", edges.len());
    Ok(())
}

/// Crate name to the names of ours that it ships with.
type Edges = BTreeMap<String, Vec<String>>;

fn read_edges(metadata: &str) -> Result<Edges> {
    let metadata: serde_json::Value = serde_json::from_str(metadata)?;
    let packages =
        metadata.get("packages").and_then(serde_json::Value::as_array).context("cargo metadata names no packages")?;
    let is_ours = |name: &str| packages.iter().any(|package| package["name"] == name);
    let mut edges = Edges::new();
    for package in packages {
        let name = package["name"].as_str().context("a package has no name")?;
        let uses = package["dependencies"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|dependency| dependency["kind"] != "dev")
            .filter_map(|dependency| dependency["name"].as_str())
            .filter(|name| is_ours(name))
            .map(str::to_owned)
            .collect();
        edges.insert(name.to_owned(), uses);
    }
    Ok(edges)
}

fn violations(edges: &Edges) -> Vec<String> {
    let mut broken = Vec::new();
    for (name, uses) in edges {
        let Some(allowed) = allowed(name) else {
            broken.push(format!("{name}: has no row in xtask/src/layers.rs; decide which wall it is"));
            continue;
        };
        for used in uses.iter().filter(|used| !allowed.contains(&used.as_str())) {
            broken.push(format!("{name} -> {used}: forbidden edge"));
        }
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn real_edges() -> Edges {
        std::env::set_current_dir(shell::workspace_root()).unwrap();
        read_edges(&shell::output("cargo", &["metadata", "--format-version", "1", "--no-deps"]).unwrap()).unwrap()
    }

    #[test]
    fn the_real_walls_hold() {
        assert_eq!(violations(&real_edges()), Vec::<String>::new());
    }

    #[test]
    fn names_each_forbidden_edge_that_is_added() {
        for (from, to) in [
            ("tessera-jose", "tessera-trust"),
            ("tessera-trust", "tessera-jose"),
            ("tessera-udap", "tessera-client"),
            ("tessera-gateway", "tessera-authorization-server"),
            ("tessera-pki", "tessera-udap"),
            ("tessera-store", "tessera-outbound"),
            ("tessera-http", "tessera-store"),
            ("tessera-server", "tessera-sandbox"),
            ("tessera-sample-fhir", "tessera-udap"),
        ] {
            let mut edges = real_edges();
            edges.get_mut(from).unwrap().push(to.to_owned());
            assert_eq!(violations(&edges), [format!("{from} -> {to}: forbidden edge")]);
        }
    }

    #[test]
    fn reads_a_forbidden_edge_from_a_manifest_but_not_a_development_dependency() {
        let metadata = serde_json::json!({"packages": [
            {"name": "tessera-jose", "dependencies": [
                {"name": "tessera-trust", "kind": null}, {"name": "tessera-udap", "kind": "dev"}, {"name": "serde", "kind": null}]},
            {"name": "tessera-trust", "dependencies": []},
            {"name": "tessera-udap", "dependencies": []},
        ]});
        let edges = read_edges(&metadata.to_string()).unwrap();
        assert_eq!(violations(&edges), ["tessera-jose -> tessera-trust: forbidden edge"]);
    }

    #[test]
    fn a_crate_without_a_row_is_refused() {
        let edges = Edges::from([("tessera-new".to_owned(), vec![])]);
        assert_eq!(violations(&edges).len(), 1);
    }
}
