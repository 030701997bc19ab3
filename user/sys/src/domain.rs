//! Domains and threads: control of others, and the little a thread does to itself.
//!
//! Owns: stubs for `domain_control thread_start thread_control thread_regs thread_exit
//! clone_caller debug_log`.
//!
//! Never enters it: processes; they are the process server's.

use tine_abi::capability::Destination;
use tine_abi::domain::{CloneSpec, DomainOperation, ExecSpec, Inherit, Suspend, ThreadOperation};
use tine_abi::error::Result;
use tine_abi::registers::UserRegisters;
use tine_abi::wire::Wire;
use tine_abi::{Call, CapRef, Error, Kind, Table};

use crate::{capability, raw};

#[inline]
fn control(domain: CapRef, operation: DomainOperation, arguments: [u64; 3]) -> Result<[u64; 2]> {
    let [first, second, third] = arguments;
    let arguments = [operation as u64, first, second, third];
    // SAFETY: operations change whether and with what program a Domain runs; where a structure is
    // named, the caller of this function keeps it alive. Exec on the own Domain ends the program.
    unsafe { raw::plain(Call::DomainControl, domain, arguments) }.values()
}

/// Kills a Domain; `value` goes into its exit record.
///
/// # Errors
/// As the row `domain_control` says.
#[inline]
pub fn kill(domain: CapRef, value: u64) -> Result<()> {
    control(domain, DomainOperation::Kill, [value, 0, 0]).map(drop)
}

/// Sets suspend reasons.
///
/// # Errors
/// As the row `domain_control` says.
#[inline]
pub fn suspend(domain: CapRef, reasons: Suspend) -> Result<()> {
    control(domain, DomainOperation::Suspend, [u64::from(reasons.bits()), 0, 0]).map(drop)
}

/// Clears suspend reasons.
///
/// # Errors
/// As the row `domain_control` says.
#[inline]
pub fn resume(domain: CapRef, reasons: Suspend) -> Result<()> {
    control(domain, DomainOperation::Resume, [u64::from(reasons.bits()), 0, 0]).map(drop)
}

/// Gives the one live thread of a Domain a new address space and registers.
///
/// # Errors
/// As the row `domain_control` says.
#[inline]
pub fn exec(domain: CapRef, specification: &ExecSpec) -> Result<()> {
    let mut words = [0; ExecSpec::WORDS];
    specification.encode(&mut words);
    let address = words.as_ptr().expose_provenance() as u64;
    control(domain, DomainOperation::Exec, [address, 0, 0]).map(drop)
}

/// Sets who is told of exit and faults: a Port held with MINT, or none.
///
/// # Errors
/// As the row `domain_control` says.
#[inline]
pub fn set_supervisor(domain: CapRef, port: Option<CapRef>, badge: u64) -> Result<()> {
    bind(domain, DomainOperation::SetSupervisor, port, badge)
}

/// Sets who is asked about faults before the supervisor: a Port held with MINT, or nobody.
///
/// # Errors
/// As the row `domain_control` says.
#[inline]
pub fn set_debugger(domain: CapRef, port: Option<CapRef>, badge: u64) -> Result<()> {
    bind(domain, DomainOperation::SetDebugger, port, badge)
}

#[inline]
fn bind(
    domain: CapRef,
    operation: DomainOperation,
    port: Option<CapRef>,
    badge: u64,
) -> Result<()> {
    let port = port.map_or(0, |port| u64::from(port.bits()));
    control(domain, operation, [port, badge, 0]).map(drop)
}

/// Exchanges a Domain's table of descriptors or paths ([`CapRef::SELF`]: own). `source` is the Domain
/// whose table it copies or shares; [`CapRef::SELF`] for an empty one.
///
/// # Errors
/// As the row `domain_control` says.
#[inline]
pub fn set_table(domain: CapRef, table: Table, inherit: Inherit, source: CapRef) -> Result<()> {
    let arguments = [table as u64, inherit as u64, u64::from(source.bits())];
    control(domain, DomainOperation::SetTable, arguments).map(drop)
}

/// Tells the user word of a Domain's table of paths ([`CapRef::SELF`]: own).
///
/// # Errors
/// As the row `domain_control` says.
#[inline]
pub fn user_word(domain: CapRef) -> Result<u64> {
    control(domain, DomainOperation::UserWord, [0; 3]).map(|[word, _]| word)
}

/// Sets the user word of a Domain's table of paths ([`CapRef::SELF`]: own); tells the one before.
///
/// # Errors
/// As the row `domain_control` says.
#[inline]
pub fn set_user_word(domain: CapRef, word: u64) -> Result<u64> {
    control(domain, DomainOperation::SetUserWord, [word, 0, 0]).map(|[before, _]| before)
}

/// State of a Domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DomainState {
    /// Threads alive.
    pub threads: u64,
    /// Frames charged to its account.
    pub frames: u64,
}

/// Tells the state of a Domain ([`CapRef::SELF`]: own).
///
/// # Errors
/// As the row `domain_control` says.
#[inline]
pub fn inspect(domain: CapRef) -> Result<DomainState> {
    let [threads, frames] = control(domain, DomainOperation::Inspect, [0; 3])?;
    Ok(DomainState { threads, frames })
}

/// First registers of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct FirstRegisters {
    /// First instruction.
    pub instruction: u64,
    /// First stack pointer.
    pub stack: u64,
    /// RDI.
    pub argument: u64,
    /// Control block.
    pub gs_base: u64,
    /// Thread-local storage.
    pub fs_base: u64,
}

/// Starts a thread.
///
/// # Safety
/// A thread of the own Domain must begin at a function that expects exactly these registers, on a
/// stack that nothing else uses.
///
/// # Errors
/// As the row `thread_start` says.
#[inline]
pub unsafe fn start(thread: CapRef, first: &FirstRegisters) -> Result<()> {
    let arguments = [first.instruction, first.stack, first.argument, first.gs_base, first.fs_base];
    // SAFETY: the caller's promise.
    unsafe { raw::plain(Call::ThreadStart, thread, arguments) }.status.result()
}

/// A thread of another Domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoteThread(CapRef);

impl RemoteThread {
    /// Creates a thread in another Domain.
    ///
    /// # Errors
    /// As the row `create` says; BAD_ARGUMENT for the own Domain.
    pub fn create(account: CapRef, domain: CapRef, destination: Destination) -> Result<Self> {
        let arguments = [u64::from(domain.bits()), 0, 0];
        capability::create(account, Kind::Thread, destination, arguments).map(Self)
    }

    /// The thread in this slot, which somebody else gave us: it is one of another Domain (see the
    /// crate's documentation). `None` for the calling thread.
    #[must_use]
    pub const fn received(thread: CapRef) -> Option<Self> {
        if thread.is_self() { None } else { Some(Self(thread)) }
    }

    /// Its capability.
    #[must_use]
    pub const fn capability(self) -> CapRef {
        self.0
    }

    /// Starts it.
    ///
    /// # Errors
    /// As the row `thread_start` says.
    #[inline]
    pub fn start(self, first: &FirstRegisters) -> Result<()> {
        // SAFETY: not a thread of the own Domain.
        unsafe { start(self.0, first) }
    }

    /// Sets suspend reasons.
    ///
    /// # Errors
    /// As the row `thread_control` says.
    #[inline]
    pub fn suspend(self, reasons: Suspend) -> Result<()> {
        let reasons = u64::from(reasons.bits());
        // SAFETY: a thread of another Domain.
        unsafe { thread_control(self.0, ThreadOperation::Suspend, reasons) }
    }

    /// Clears suspend reasons.
    ///
    /// # Errors
    /// As the row `thread_control` says.
    #[inline]
    pub fn resume(self, reasons: Suspend) -> Result<()> {
        let reasons = u64::from(reasons.bits());
        // SAFETY: a thread of another Domain.
        unsafe { thread_control(self.0, ThreadOperation::Resume, reasons) }
    }

    /// Reads its registers; it must be suspended.
    ///
    /// # Errors
    /// As the row `thread_regs` says.
    pub fn registers(self) -> Result<UserRegisters> {
        let mut words = [0; UserRegisters::WORDS];
        let address = words.as_mut_ptr().expose_provenance() as u64;
        // SAFETY: the kernel writes exactly these words.
        unsafe { raw::plain(Call::ThreadRegisters, self.0, [0, address]) }.status.result()?;
        UserRegisters::decode(&words).ok_or(Error::BadArgument)
    }

    /// Writes its registers; it must be suspended.
    ///
    /// # Errors
    /// As the row `thread_regs` says.
    pub fn set_registers(self, registers: &UserRegisters) -> Result<()> {
        let mut words = [0; UserRegisters::WORDS];
        registers.encode(&mut words);
        let address = words.as_ptr().expose_provenance() as u64;
        // SAFETY: the words live until after the call; the thread is one of another Domain.
        unsafe { raw::plain(Call::ThreadRegisters, self.0, [1, address]) }.status.result()
    }
}

/// Controls a thread.
///
/// # Safety
/// For threads of the own Domain, whoever uses FS or GS relative data agrees with the new base.
///
/// # Errors
/// As the row `thread_control` says.
#[inline]
pub unsafe fn thread_control(
    thread: CapRef,
    operation: ThreadOperation,
    argument: u64,
) -> Result<()> {
    // SAFETY: the caller's promise.
    unsafe { raw::plain(Call::ThreadControl, thread, [operation as u64, argument]) }.status.result()
}

/// Lets other ready threads run first.
#[inline]
pub fn yield_now() {
    // SAFETY: yielding changes nothing.
    let result = unsafe { thread_control(CapRef::SELF, ThreadOperation::Yield, 0) };
    // It cannot fail on the calling thread; nothing depends on it.
    result.ok();
}

/// Has capabilities of received calls arrive in four private slots from `first` on.
///
/// # Errors
/// As the row `thread_control` says.
pub fn set_arrivals(first: u16) -> Result<()> {
    // SAFETY: slots are not memory.
    unsafe { thread_control(CapRef::SELF, ThreadOperation::SetArrivals, u64::from(first)) }
}

/// Ends the calling thread; the last one ends the Domain with this code.
pub fn exit(code: u32) -> ! {
    // SAFETY: the thread runs no further, so it breaks nothing; its stack stays as it is.
    let returned = unsafe { raw::plain(Call::ThreadExit, CapRef::SELF, [u64::from(code)]) };
    unreachable!("thread_exit returned {:?}", returned.status)
}

/// Makes a Domain that is a copy of the caller of `token`; tells its slot.
///
/// # Errors
/// As the row `clone_caller` says.
#[inline]
pub fn clone_caller(port: CapRef, token: u64, specification: &CloneSpec) -> Result<CapRef> {
    let mut words = [0; CloneSpec::WORDS];
    specification.encode(&mut words);
    let address = words.as_ptr().expose_provenance() as u64;
    // SAFETY: the words live until after the call; the copied Domain is the caller's.
    let [slot, _] = unsafe { raw::plain(Call::CloneCaller, port, [token, address]) }.values()?;
    CapRef::new(specification.domain.slot.table(), slot as u32 & (CapRef::SLOTS - 1))
        .ok_or(Error::BadArgument)
}

/// Bytes that `debug_log` takes at once.
pub const LOG_MAX: usize = 256;

/// Writes to the kernel's log, in pieces of [`LOG_MAX`] bytes.
///
/// # Errors
/// As the row `debug_log` says.
pub fn debug_log(text: &[u8]) -> Result<()> {
    for piece in text.chunks(LOG_MAX) {
        let arguments = [piece.as_ptr().expose_provenance() as u64, piece.len() as u64];
        // SAFETY: the bytes are borrowed for the time of the call, which only reads them.
        unsafe { raw::plain(Call::DebugLog, CapRef::SELF, arguments) }.status.result()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raw::host::made;

    #[test]
    fn long_texts_are_logged_in_pieces() {
        assert_eq!(debug_log(&[b'x'; 300]), Err(Error::UnknownCall));
        let calls = made();
        assert_eq!((calls.len(), calls[0].2[1]), (1, 256), "the first piece failed");
    }

    #[test]
    fn the_calling_thread_is_not_remote() {
        assert_eq!(RemoteThread::received(CapRef::SELF), None);
        let own = RemoteThread::create(CapRef::SELF, CapRef::SELF, capability::ANYWHERE);
        assert_eq!(own, Err(Error::BadArgument));
    }

    #[test]
    fn every_operation_is_one_call_with_its_number() {
        let domain = CapRef::private(20);
        assert!(kill(domain, 9).is_err());
        assert!(suspend(domain, Suspend::STOPPED).is_err());
        assert!(resume(domain, Suspend::STOPPED).is_err());
        assert!(set_supervisor(domain, Some(CapRef::private(4)), 7).is_err());
        assert!(inspect(domain).is_err());
        assert!(set_debugger(domain, None, 8).is_err());
        assert!(set_table(CapRef::SELF, Table::Descriptors, Inherit::Share, domain).is_err());
        assert!(user_word(domain).is_err());
        assert!(set_user_word(domain, 0o22).is_err());
        let numbers: std::vec::Vec<_> = made().iter().map(|call| call.2.clone()).collect();
        let expected = [
            [1, 9, 0, 0],
            [2, 2, 0, 0],
            [3, 2, 0, 0],
            [5, 4, 7, 0],
            [6, 0, 0, 0],
            [7, 0, 8, 0],
            [8, 1, 1, 20],
            [9, 0, 0, 0],
            [10, 18, 0, 0],
        ];
        assert_eq!(numbers, expected);
    }
}
