//! Domains and threads: operations and exec. The specification of a fork is `domain/clone.rs`.

use bitflags::bitflags;

use crate::capability::CapRef;
use crate::wire::Wire;

mod clone;

pub use clone::{CloneSpec, Inherit, PRIVATE_ENTRIES, PrivateEntry, PrivateSource};

/// First argument of `domain_control`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum DomainOperation {
    /// Kills it. Argument 0: the value of the exit record (a signal number).
    Kill = 1,
    /// Suspends it. Argument 0: reasons to set ([`Suspend`]).
    Suspend = 2,
    /// Clears reasons; the Domain runs when none is left. Argument 0: reasons to clear.
    Resume = 3,
    /// Gives the one live thread a new address space and registers and empties CLOEXEC slots.
    /// Argument 0: address of an [`ExecSpec`]. The call that the thread waits in stays in service.
    Exec = 4,
    /// Sets the supervisor. Argument 0: a Port with MINT ([`CapRef`]; 0: none), argument 1: badge.
    SetSupervisor = 5,
    /// Tells its state. RSI: threads alive; RDX: frames charged to its account.
    Inspect = 6,
    /// Sets the debugger, which is asked about faults before the supervisor. Arguments as for
    /// `SetSupervisor`. A fault that somebody was asked about already stays with that one.
    SetDebugger = 7,
    /// Exchanges its table of descriptors or paths. Argument 0: which ([`Table`]); argument 1: what
    /// it becomes ([`Inherit`]); argument 2: the Domain that has the table to copy or share
    /// ([`CapRef`] with CONTROL; SELF: the caller's own; 0 for an empty one).
    ///
    /// A copy has what a fork's child gets. Calls lose the receive slots that they have in the old
    /// table, which its last user leaves as an exit does: capabilities are closed in the order of
    /// their slots, 64 at once and the others soon, all before EXIT.
    ///
    /// [`Table`]: crate::capability::Table
    SetTable = 8,
    /// Tells the user word of its table of paths. RSI: the word.
    UserWord = 9,
    /// Sets that word. Argument 0: the new one; RSI: the one before. It goes with the table: copied,
    /// shared, 0 in an empty one. The kernel does not look at it; in Unix it is the mask of file
    /// modes, which umask exchanges like this.
    SetUserWord = 10,
}

impl DomainOperation {
    /// The operation with this number.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::Kill),
            2 => Some(Self::Suspend),
            3 => Some(Self::Resume),
            4 => Some(Self::Exec),
            5 => Some(Self::SetSupervisor),
            6 => Some(Self::Inspect),
            7 => Some(Self::SetDebugger),
            8 => Some(Self::SetTable),
            9 => Some(Self::UserWord),
            10 => Some(Self::SetUserWord),
            _ => None,
        }
    }
}

bitflags! {
    /// Reasons for which a Domain or Thread does not run; it runs when none is set.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct Suspend: u32 {
        /// Created and not yet started.
        const NEW = 1;
        /// Job control stopped it.
        const STOPPED = 2;
        /// A tracer stopped it.
        const TRACED = 4;
        /// A debugger holds it.
        const DEBUG = 8;
        /// Frozen by one of its own threads.
        const FROZEN = 16;
        /// It is being given a new program.
        const EXEC = 32;
        /// Its supervisor is gone; whoever becomes the supervisor may resume it.
        const ORPHANED = 64;
    }
}

/// First argument of `thread_control`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum ThreadOperation {
    /// Lets other ready threads run first.
    Yield = 1,
    /// Sets suspend reasons. Argument: [`Suspend`].
    Suspend = 2,
    /// Clears suspend reasons. Argument: [`Suspend`].
    Resume = 3,
    /// Argument: base of GS, the control block.
    SetGs = 4,
    /// Argument: base of FS.
    SetFs = 5,
    /// Argument: first of four private slots where capabilities of received calls arrive.
    SetArrivals = 6,
}

impl ThreadOperation {
    /// The operation with this number.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::Yield),
            2 => Some(Self::Suspend),
            3 => Some(Self::Resume),
            4 => Some(Self::SetGs),
            5 => Some(Self::SetFs),
            6 => Some(Self::SetArrivals),
            _ => None,
        }
    }
}

/// Ranks: who may call whom. A server calls only towards a lower number.
pub mod rank {
    /// The root server: nobody calls it, so it may wait for anybody.
    pub const ROOT: u64 = 0;
    /// The process server; it calls nobody.
    pub const PROCESS: u64 = 1;
    /// initrd, pipe, console.
    pub const SERVICE: u64 = 2;
    /// The debugger server.
    pub const DEBUGGER: u64 = 3;
    /// Programs: may call each other.
    pub const PROGRAM: u64 = 4;
}

/// Arguments of `create`, in the order argument 0, 1, 2.
///
/// | kind | argument 0 | argument 1 | argument 2 |
/// |---|---|---|---|
/// | Domain | AddressSpace | rank | - |
/// | Thread | Domain | - | - |
/// | AddressSpace | - | - | - |
/// | Memory | bytes, a positive multiple of the page size | - | - |
/// | Port | rank | - | - |
/// | Event | Port to bind to with MINT (0: none) | badge of the binding | - |
/// | Account | frames, at most | objects, at most | - |
///
/// The other kinds come from `hw_control`.
#[derive(Debug)]
pub enum CreateArguments {}

/// Bytes that the kernel keeps at most for each object that an account may have. They are charged to
/// nobody: who makes an account sets them aside.
///
/// It is the sum over all kinds: the kernel keeps memory that objects of one kind had when they go and
/// objects of another kind come.
pub const OBJECT_BYTES: u64 = 6400;

/// What `Exec` installs: 4 words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExecSpec {
    /// The new AddressSpace, CONTROL.
    pub space: CapRef,
    /// First instruction.
    pub instruction: u64,
    /// First stack pointer: the address of a [`crate::start::StartBlock`].
    pub stack: u64,
    /// The control block.
    pub gs_base: u64,
}

impl Wire for ExecSpec {
    const WORDS: usize = 4;

    fn encode(&self, words: &mut [u64]) {
        words[..4].copy_from_slice(&[
            u64::from(self.space.bits()),
            self.instruction,
            self.stack,
            self.gs_base,
        ]);
    }

    fn decode(words: &[u64]) -> Option<Self> {
        let [space, instruction, stack, gs_base] = *words else { return None };
        let space = CapRef::from_bits(u32::try_from(space).ok()?)?;
        Some(Self { space, instruction, stack, gs_base })
    }
}
