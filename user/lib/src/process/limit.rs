//! Limits on processes.

use tine_abi::protocol::process::Operation;

pub use tine_abi::protocol::process::Limit;

use super::server;
use crate::error::{Result, request};

/// A limit and how much of it is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LimitState {
    /// The limit.
    pub limit: u64,
    /// In use now.
    pub used: u64,
}

/// Reads a limit.
///
/// # Errors
/// EINVAL.
pub fn getrlimit(limit: Limit) -> Result<LimitState> {
    let words = server(&request(Operation::GetLimit as u64, 0, [limit as u64]))?;
    Ok(LimitState { limit: words[1], used: words[2] })
}

/// Sets a limit; raising one is the superuser's.
///
/// # Errors
/// EINVAL, EPERM.
pub fn setrlimit(limit: Limit, value: u64) -> Result<()> {
    server(&request(Operation::SetLimit as u64, 0, [limit as u64, value])).map(drop)
}
