//! The real programs that some tests run against, installed when they are missing.

use anyhow::{Result, bail};

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
    if !std::path::Path::new(FHIR_PEER).join("node_modules/@medplum/fhir-router").is_dir() {
        println!("installing @medplum/fhir-router from npm, for the gateway in front of another FHIR server");
        shell::run("npm", &["--prefix", FHIR_PEER, "ci", "--no-audit", "--no-fund"])?;
    }
    Ok(())
}
