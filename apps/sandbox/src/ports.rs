//! The four ports of a sandbox, side by side, so that the first one names them all.

use std::io;
use std::net::Ipv4Addr;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use crate::surroundings::random;

/// How many ports a sandbox takes.
const COUNT: u16 = 4;
/// Where free ports are looked for: below the ranges that systems give to outgoing connections.
const FREE_FROM: u16 = 20_000;
/// The size of that range.
const FREE_RANGE: u16 = 12_000;
/// How often free neighbours are looked for; each try fails only when one of four is taken.
const TRIES: usize = 200;

/// The first port; the others follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub(crate) struct Ports {
    first: u16,
}

impl TryFrom<u16> for Ports {
    type Error = &'static str;

    fn try_from(first: u16) -> Result<Self, Self::Error> {
        if first == 0 || first > u16::MAX - (COUNT - 1) {
            return Err("the first of four ports lies between 1 and 65532");
        }
        Ok(Self { first })
    }
}

impl From<Ports> for u16 {
    fn from(ports: Ports) -> Self {
        ports.first
    }
}

impl Ports {
    /// The data holder's; the one that names the sandbox.
    pub(crate) fn holder(self) -> u16 {
        self.first
    }

    /// The start page's.
    pub(crate) fn page(self) -> u16 {
        self.first + 1
    }

    /// That of the communities' certificates and revocation lists.
    pub(crate) fn publication(self) -> u16 {
        self.first + 2
    }

    /// That of the FHIR server behind the gateway.
    pub(crate) fn fhir(self) -> u16 {
        self.first + 3
    }
}

/// The ports with their listeners, held so that nobody else takes them.
#[derive(Debug)]
pub(crate) struct Reserved {
    pub(crate) ports: Ports,
    pub(crate) holder: TcpListener,
    pub(crate) page: TcpListener,
    pub(crate) publication: TcpListener,
    pub(crate) fhir: TcpListener,
}

/// Takes the four ports from `first` on, or four free ones when it is 0.
///
/// # Errors
/// When one is taken, with its number and the option that moves them all.
pub(crate) async fn reserve(first: u16) -> Result<Reserved> {
    if first != 0 {
        let ports = Ports::try_from(first).map_err(anyhow::Error::msg)?;
        return take(ports).await.map_err(|refused| refused.told(ports));
    }
    for _ in 0..TRIES {
        let offset = u16::from_le_bytes(random()) % FREE_RANGE;
        let ports = Ports::try_from(FREE_FROM + offset).map_err(anyhow::Error::msg)?;
        if let Ok(reserved) = take(ports).await {
            return Ok(reserved);
        }
    }
    bail!("no four free ports side by side were found; name the first with --port")
}

/// A port that cannot be had.
struct Refused {
    port: u16,
    error: io::Error,
}

impl Refused {
    fn told(self, ports: Ports) -> anyhow::Error {
        let port = self.port;
        let what = match self.error.kind() {
            io::ErrorKind::AddrInUse => {
                format!("port {port} is taken; perhaps a sandbox is running already")
            }
            _ => format!("port {port} cannot be used"),
        };
        let advice = format!(
            "a sandbox takes the four ports {} to {}; move them all with --port, or let it take free ones with --port 0",
            ports.holder(),
            ports.fhir()
        );
        anyhow::Error::new(self.error).context(format!("{what}; {advice}"))
    }
}

async fn take(ports: Ports) -> Result<Reserved, Refused> {
    Ok(Reserved {
        ports,
        holder: listen(ports.holder()).await?,
        page: listen(ports.page()).await?,
        publication: listen(ports.publication()).await?,
        fhir: listen(ports.fhir()).await?,
    })
}

async fn listen(port: u16) -> Result<TcpListener, Refused> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| Refused { port, error })
}

impl Reserved {
    /// The reservation as the folder's own ports demand it.
    ///
    /// # Errors
    /// As [`reserve`]; also when `wanted` names other ports than those for which the folder's certificates were made.
    pub(crate) async fn again(wanted: u16, made_for: Ports) -> Result<Self> {
        reserve(agreed(wanted, made_for)?).await.context("the folder's ports must be free")
    }
}

/// The first port, when what is wanted and what the folder's certificates name go together; 0 wants what there is.
fn agreed(wanted: u16, made_for: Ports) -> Result<u16> {
    let first = made_for.holder();
    if wanted != 0 && wanted != first {
        bail!(
            "the certificates in this folder name the ports {first} to {}; start it with --port {first}, or name another folder",
            made_for.fhir()
        );
    }
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn free_ports_are_neighbours_and_differ_between_sandboxes() {
        let one = reserve(0).await.unwrap();
        let other = reserve(0).await.unwrap();
        assert_eq!(one.fhir.local_addr().unwrap().port(), one.ports.holder() + 3);
        assert!(one.ports.holder().abs_diff(other.ports.holder()) >= COUNT);
    }

    // The ports are held throughout: one that was given back could be taken by another test before it is asked for again.
    #[tokio::test]
    async fn a_taken_port_is_told_with_the_way_out() {
        let held = reserve(0).await.unwrap();
        let ports = held.ports;
        let message = format!("{:#}", reserve(ports.holder()).await.unwrap_err());
        assert!(message.contains(&format!("port {} is taken", ports.holder())), "{message}");
        assert!(message.contains("--port"), "{message}");
        let refused = listen(ports.fhir()).await.unwrap_err();
        let message = format!("{:#}", refused.told(ports));
        assert!(message.contains(&format!("port {} is taken", ports.fhir())), "{message}");
        assert!(message.contains(&format!("{} to {}", ports.holder(), ports.fhir())), "{message}");
        let message = format!("{:#}", Reserved::again(0, ports).await.unwrap_err());
        assert!(message.contains("the folder's ports must be free"), "{message}");
    }

    #[tokio::test]
    async fn there_must_be_room_for_four() {
        assert!(reserve(65_533).await.is_err());
    }

    #[test]
    fn a_folder_keeps_its_ports() {
        let ports = Ports::try_from(8443).unwrap();
        assert_eq!(agreed(0, ports).unwrap(), 8443);
        assert_eq!(agreed(8443, ports).unwrap(), 8443);
        let message = agreed(8453, ports).unwrap_err().to_string();
        assert!(message.contains("--port 8443") && message.contains("8446"), "{message}");
    }
}
