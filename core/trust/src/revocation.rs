//! Whether certificates have been revoked.

mod crl;
mod policy;

pub(crate) use self::policy::{PathStatus, RevocationCheck};
pub use self::{
    crl::{CRL_SIZE_LIMIT, Crl, CrlError, CrlNumber, Status},
    policy::RevocationPolicy,
};
