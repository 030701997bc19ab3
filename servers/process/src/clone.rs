//! The kernel's half of a fork: one `clone_caller`.

use tine_abi::Error;
use tine_abi::capability::{CapRef, slot};
use tine_abi::domain::{CloneSpec, Inherit, PRIVATE_ENTRIES, PrivateEntry, PrivateSource};
use tine_process_model::{Badge, CloneFailure, Memory, ProcessId, Token};
use tine_sys::domain::clone_caller;

use crate::domains::{Domains, PLACE};
use crate::{PROGRAMS, SERVICE};

/// The private table of every process: its identity, and the services that it inherits.
const fn private(badge: u64) -> [Option<PrivateEntry>; PRIVATE_ENTRIES] {
    let mut entries = [None; PRIVATE_ENTRIES];
    let source = PrivateSource::Mint { port: CapRef::SELF, badge, protocol: 0 };
    entries[0] = Some(PrivateEntry { slot: slot::PROCESS, source });
    entries[1] = Some(PrivateEntry::inherited(slot::PIPE));
    entries[2] = Some(PrivateEntry::inherited(slot::STATISTICS));
    entries
}

/// Makes the child of the caller of `token`, with the control block at `control` unless that is 0;
/// it does not run yet.
pub(crate) fn clone(
    domains: &mut Domains,
    token: Token,
    child: ProcessId,
    pid: u32,
    memory: Memory,
    control: u64,
) -> Result<(), CloneFailure> {
    let badge = Badge::Process(child).raw();
    let specification = CloneSpec {
        space: match memory {
            Memory::Copy => Inherit::Copy,
            Memory::Share => Inherit::Share,
        },
        account: PROGRAMS,
        child_result: u64::from(pid),
        gs_base: (control != 0).then_some(control),
        private: private(badge),
        ..CloneSpec::fork(PLACE, SERVICE, badge)
    };
    domains.reserve(child).map_err(failure)?;
    let domain = clone_caller(SERVICE, token.0, &specification).map_err(failure)?;
    domains.set(child, domain);
    Ok(())
}

const fn failure(error: Error) -> CloneFailure {
    match error {
        Error::CallerGone | Error::BadToken => CloneFailure::CallerGone,
        Error::NoSlots => CloneFailure::NoSlots,
        _ => CloneFailure::NoMemory,
    }
}
