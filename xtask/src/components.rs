//! The real programs that some tests run against, installed when they are missing.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};

use crate::shell;

/// A program that tests call, and the package that brings it.
struct Component {
    program: &'static str,
    debian_package: &'static str,
    needed_for: &'static str,
}

const COMPONENTS: &[Component] = &[
    Component {
        program: "openssl",
        debian_package: "openssl",
        needed_for: "the walk by hand and the check of our certificates by other people's code",
    },
    Component { program: "curl", debian_package: "curl", needed_for: "the walk by hand" },
    Component { program: "jq", debian_package: "jq", needed_for: "the walk by hand" },
    Component { program: "node", debian_package: "nodejs", needed_for: "the gateway in front of another FHIR server" },
    Component { program: "npm", debian_package: "npm", needed_for: "the gateway in front of another FHIR server" },
    Component { program: "g++", debian_package: "g++", needed_for: "the fuzz targets" },
];

const FHIR_PEER: &str = "apps/sample-fhir/peers";
/// Where a Node.js goes that is brought because the system's own is too old; the test looks there first.
const NODE_FOLDER: &str = "target/node";
const NODE: &str = "target/node/node_modules/node/bin/node";
/// The major version that is brought then: an LTS release that npm has as a package.
const NODE_MAJOR: u32 = 22;

/// Makes sure that every component is there; installs what is missing and says so.
///
/// # Errors
/// When a component is missing and cannot be installed: a test is never skipped silently.
pub(crate) fn ensure_all() -> Result<()> {
    let missing: Vec<&Component> =
        COMPONENTS.iter().filter(|component| !shell::is_installed(component.program)).collect();
    if !missing.is_empty() {
        for component in &missing {
            println!("{} is missing; it is needed for {}", component.program, component.needed_for);
        }
        if !shell::is_installed("apt-get") {
            bail!("install the programs above with your system's package manager and try again");
        }
        let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
        arguments.extend(missing.iter().map(|component| component.debian_package));
        shell::run("apt-get", &["update"])?;
        shell::run("apt-get", &arguments)?;
    }
    ensure_node()?;
    if !Path::new(FHIR_PEER).join("node_modules/@medplum/fhir-router").is_dir() {
        println!("installing @medplum/fhir-router from npm, for the gateway in front of another FHIR server");
        shell::run("npm", &["--prefix", FHIR_PEER, "ci", "--no-audit", "--no-fund"])?;
    }
    Ok(())
}

/// Makes sure of a Node.js that is new enough for the other FHIR server: distributions ship old ones for long (Debian 12
/// has 18), and npm has newer ones as packages.
fn ensure_node() -> Result<()> {
    let needed = needed_node()?;
    // The test takes the one that was brought before the one on the path, so that one must be judged first.
    if Path::new(NODE).is_file() && node_version(NODE).is_ok_and(|version| version >= needed) {
        return Ok(());
    }
    let found = node_version("node")?;
    if found >= needed && !Path::new(NODE).exists() {
        return Ok(());
    }
    println!(
        "node is {}, and {} or later is needed for the gateway in front of another FHIR server; bringing Node.js \
         {NODE_MAJOR} from npm into {NODE_FOLDER}",
        written(found),
        written(needed)
    );
    // npm's package `node` runs a script to choose among these; its choice is made here, so that no script has to run.
    let architecture = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => "x64",
        ("linux", "aarch64") => "arm64",
        _ => bail!("install Node.js {} or later and try again", written(needed)),
    };
    let package = format!("node@npm:node-linux-{architecture}@{NODE_MAJOR}");
    shell::run("npm", &["install", "--prefix", NODE_FOLDER, "--no-audit", "--no-fund", "--ignore-scripts", &package])?;
    let brought = node_version(NODE)?;
    ensure!(brought >= needed, "npm brought Node.js {}, which is too old as well", written(brought));
    Ok(())
}

/// Major and minor.
type NodeVersion = (u32, u32);

fn written((major, minor): NodeVersion) -> String {
    format!("{major}.{minor}")
}

/// What the other FHIR server's manifest asks for.
fn needed_node() -> Result<NodeVersion> {
    let manifest = Path::new(FHIR_PEER).join("package.json");
    let manifest: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&manifest).with_context(|| manifest.display().to_string())?)?;
    let engine = manifest.pointer("/engines/node").and_then(serde_json::Value::as_str);
    engine
        .and_then(|range| read_version(range.strip_prefix(">=")?))
        .with_context(|| format!("{FHIR_PEER}/package.json: engines.node is not of the form \">=MAJOR.MINOR\""))
}

fn node_version(program: &str) -> Result<NodeVersion> {
    let answer = shell::output(program, &["--version"])?;
    let version = answer.trim().strip_prefix('v').and_then(read_version);
    version.with_context(|| format!("{program} --version says {answer:?}"))
}

/// Reads `20.19` or `20.19.5`.
fn read_version(text: &str) -> Option<NodeVersion> {
    let mut numbers = text.trim().split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_fhir_server_says_which_node_it_needs() {
        std::env::set_current_dir(shell::workspace_root()).unwrap();
        assert!(needed_node().unwrap() >= (20, 19));
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(read_version("20.9.1") < read_version("20.19"));
        assert!(read_version("18.20.4") < read_version("20.19"));
        assert_eq!(read_version("twenty"), None);
        assert_eq!(read_version("20"), None);
    }
}
