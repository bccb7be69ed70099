//! The way from an end entity's certificate to an anchor of one community.
//!
//! [`PathSearch`] is driven from outside: [`PathSearch::advance`] says what it needs, the driver gathers it into
//! [`Evidence`] and calls again, until there is a verdict.

mod budget;
mod cas;
mod checks;
mod evidence;
mod pool;
mod search;

pub use self::{
    budget::Budget,
    cas::community_cas,
    evidence::{Evidence, Need},
    search::{PathSearch, Step},
};

#[cfg(test)]
mod tests;
