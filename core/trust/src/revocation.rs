//! Whether certificates have been revoked.

mod age;
mod crl;
mod policy;

pub(crate) use self::policy::{PathStatus, RevocationCheck};
pub use self::{
    age::CrlAge,
    crl::{CRL_SIZE_LIMIT, Crl, CrlError, CrlNumber, Status},
    policy::RevocationPolicy,
};
