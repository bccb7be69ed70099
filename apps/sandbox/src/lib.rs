//! A whole world in one process: two trust communities, a data holder with its gateway, visiting apps and FHIR data.
//!
//! [`Sandbox::start`] makes the world or takes it up again from its folder, [`Sandbox::visit`] lets an app that the data
//! holder has never met discover it, register, take a token and read, and [`running`] is how another process finds a
//! running sandbox. The data holder is started from a configuration file by the very path of `tessera serve`, and the app
//! acts by the client role over real TLS: nothing of the visit is staged.
//!
//! | port | what |
//! | --- | --- |
//! | P | the data holder, https |
//! | P + 1 | the start page and the control of the sandbox, loopback |
//! | P + 2 | the communities' certificates and revocation lists (AIA, CRL), loopback |
//! | P + 3 | the FHIR server behind the gateway, loopback |

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::allow_attributes, reason = "tests")
)]

mod apps;
mod certificates;
mod community;
mod control;
mod faults;
mod folder;
mod forge;
mod guide;
mod holder;
mod page;
mod ports;
mod publication;
mod register;
pub mod running;
mod sandbox;
mod steps;
mod surroundings;
mod tls;
mod visit;
mod world;

pub use guide::{Command, Fact, Guide, Party};
pub use sandbox::{Sandbox, SandboxOptions};
pub use steps::{Outcome, Step, VisitReport};
