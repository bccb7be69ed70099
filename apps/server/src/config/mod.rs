//! A node's configuration: as written ([`raw`]), judged ([`checked`]), and what was found ([`report`]).

mod bases;
pub mod checked;
pub mod communities;
mod files;
mod gateway;
pub mod raw;
pub mod report;

pub(crate) use bases::path_of;
pub use checked::{Config, check, paths};
pub use communities::CheckedCommunity;
pub use report::{Finding, Report, Severity};
