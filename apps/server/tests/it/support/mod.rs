//! What every black-box test stands on.

pub mod forge;
pub mod http;
pub mod pki;
pub mod upstream;
pub mod world;

pub use forge::{Jwt, now};
pub use http::{Answer, Request};
pub use pki::{ELM, Member, OAK};
pub use upstream::Upstream;
pub use world::{World, WorldOptions};
