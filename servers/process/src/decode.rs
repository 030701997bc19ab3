//! Words of a message to requests of the model.
//!
//! Undefined operations get ENOSYS; numbers that a program chose go on as they are, for the model
//! judges them in its order.

use tine_abi::Errno;
use tine_abi::protocol::file::NAME_MAX;
use tine_abi::protocol::process::{Limit, Operation};
use tine_process_model::{Name, Request, Reservation, WatchHandle};
use tine_server::{Kernel, Request as Message, Service, Watch};

use crate::perform::process_of;

/// What a message is.
#[derive(Debug)]
pub(crate) enum Decoded {
    /// Something for the model.
    Request(Request),
    /// A page of the process list.
    List {
        /// First pid.
        from: u32,
    },
    /// What the last fork cost.
    ForkShare,
}

/// A signed number of 32 bits; what does not fit names nothing.
fn signed(word: u64) -> i32 {
    i32::try_from(word as i64).unwrap_or(i32::MIN)
}

/// An unsigned number of 32 bits; what does not fit is the largest.
fn unsigned(word: u64) -> u32 {
    u32::try_from(word).unwrap_or(u32::MAX)
}

/// The name of a new program: so many bytes at the start of range 0.
fn name(message: &Message, kernel: &mut impl Kernel) -> Result<Name, Errno> {
    let length = message.length(0, NAME_MAX, Errno::NAMETOOLONG)?;
    let mut bytes = [0; NAME_MAX];
    if length > 0 {
        message.fetch(kernel, 0, 0, &mut bytes[..length])?;
    }
    Ok(Name::of_path(&bytes[..length]))
}

/// Decodes a message. The kernel says who kills through a descriptor, for its badge does not.
#[inline]
pub(crate) fn decode<K: Kernel>(
    message: &Message,
    service: &mut Service<K>,
) -> Result<Decoded, Errno> {
    let operation = Operation::from_number(message.operation()).ok_or(Errno::NOSYS)?;
    let argument = |index| message.argument(index);
    let limit = || Limit::from_number(argument(0)).ok_or(Errno::INVAL);
    if !matches!(operation, Operation::Fork | Operation::Wait) {
        message.no_flags()?;
    }
    Ok(Decoded::Request(match operation {
        Operation::Fork => Request::Fork {
            flags: message.flags(),
            slot: match message.receive_slot(0) {
                Ok(()) => Reservation::Reserved,
                Err(_) => Reservation::NoSlot,
            },
        },
        Operation::Exec => Request::Exec { name: name(message, &mut service.kernel)? },
        Operation::Wait => {
            Request::Wait { pid: signed(argument(0)), options: unsigned(message.flags()) }
        }
        Operation::GetPid => Request::GetPid,
        Operation::GetParentPid => Request::GetParentPid,
        Operation::Kill => {
            Request::Kill { pid: signed(argument(0)), signal: unsigned(argument(1)) }
        }
        Operation::SetGroup => {
            Request::SetGroup { pid: signed(argument(0)), group: signed(argument(1)) }
        }
        Operation::GetGroup => Request::GetGroup { pid: signed(argument(0)) },
        Operation::NewSession => Request::SetSession,
        Operation::GetSession => Request::GetSession { pid: signed(argument(0)) },
        Operation::SetForeground => Request::SetForeground { group: signed(argument(0)) },
        Operation::GetForeground => Request::GetForeground,
        Operation::List => return Ok(Decoded::List { from: unsigned(argument(0)) }),
        Operation::Watch => match message.watch(&mut service.kernel)? {
            Watch::Begin { key, handle, .. } => {
                Request::DescriptorWatch { key, watch: WatchHandle(handle.0) }
            }
            Watch::End { key } => Request::DescriptorUnwatch { key },
        },
        Operation::DescriptorPid => Request::DescriptorPid,
        Operation::DescriptorKill => Request::DescriptorKill {
            signal: unsigned(argument(0)),
            caller: service.caller(message.token())?.and_then(|badge| process_of(badge.0)),
        },
        Operation::SetLimit => Request::SetLimit { limit: limit()?, value: argument(1) },
        Operation::GetLimit => Request::GetLimit { limit: limit()? },
        Operation::PowerOff => Request::PowerOff,
        Operation::Interrupt => Request::Interrupt { signal: unsigned(argument(0)) },
        Operation::StartInit => Request::StartInit { name: Name::of_path(b"init") },
        Operation::SetUser => Request::SetUser { user: unsigned(argument(0)) },
        Operation::GetUser => Request::GetUser,
        Operation::SetIgnored => Request::SetIgnored {
            signal: unsigned(argument(0)),
            ignored: match argument(1) {
                0 => false,
                1 => true,
                _ => return Err(Errno::INVAL),
            },
        },
        Operation::AcquireReaper => Request::AcquireReaper,
        Operation::ReleaseReaper => Request::ReleaseReaper,
        Operation::AcquireConsole => Request::AcquireConsole,
        Operation::ForkShare => return Ok(Decoded::ForkShare),
    }))
}
