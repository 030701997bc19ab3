//! The process server: the fork family, wait, signals, groups, process descriptors.
//!
//! Reached through the private slot PROCESS; its badge is the process. A process descriptor is a
//! capability to the same port whose badge has [`DESCRIPTOR_BIT`] set and whose protocol rights
//! are [`DescriptorRights`].

use bitflags::bitflags;

use super::operations;

operations! {
    /// Operations of the process server.
    Operation {
        1 Fork "fork, vfork, pdfork: makes a child process.", request: "flags: ForkFlags, 2: base of GS of the child (0: the caller's); receive slot 0 (pdfork): the descriptor", reply: "1: child's pid (in the child: 0), 2: in the child its own pid";
        2 Exec "Runs another program in this process.", request: "2: bytes of name, 3: bytes of the argument block, 4: arguments, 5: environment strings; range 0: name then argument block; capability 0: the sealed Memory of the program", reply: "only on failure";
        3 Wait "Waits for a child and reaps it.", request: "flags: WaitFlags, 2: pid as wait4 takes it", reply: "1: pid or 0, 2: status in wait(2)'s encoding";
        4 GetPid "The caller's pid.", request: "-", reply: "1: pid";
        5 GetParentPid "The pid of the original parent.", request: "-", reply: "1: pid";
        6 Kill "Sends a signal to processes, as kill(2) selects them.", request: "2: pid, 3: signal (0 asks only)", reply: "-";
        7 SetGroup "setpgid.", request: "2: pid or 0, 3: group or 0", reply: "-";
        8 GetGroup "getpgid.", request: "2: pid or 0", reply: "1: group";
        9 NewSession "setsid.", request: "-", reply: "1: session";
        10 GetSession "getsid.", request: "2: pid or 0", reply: "1: session";
        11 SetForeground "Makes a group of the caller's session the foreground group of its terminal.", request: "2: group", reply: "-";
        12 GetForeground "The foreground group of the caller's session.", request: "-", reply: "1: group";
        13 List "Lists processes from a pid on, into range 0.", request: "2: first pid, 3: bytes of range 0; range 0 writable: Record images", reply: "1: records written, 2: next pid, 0 at the end";
        14 Watch "On a process descriptor: Watch of the file protocol; HANGUP holds from the exit on.", request: "2: bit, 3: mask (WatchMask), 4: key; capability 0 (mask not 0): the Event, SIGNAL", reply: "1: mask that holds already";
        15 DescriptorPid "pdgetpid, on a process descriptor.", request: "-", reply: "1: pid";
        16 DescriptorKill "pdkill, on a process descriptor: its KILL right, then the credentials of the calling process, as Kill.", request: "2: signal", reply: "-";
        17 SetLimit "Sets a limit; lowering is free, raising needs the superuser.", request: "2: Limit, 3: value", reply: "-";
        18 GetLimit "Reads a limit.", request: "2: Limit", reply: "1: value, 2: use now";
        19 PowerOff "Switches the machine off; the superuser's.", request: "-", reply: "only on failure";
        20 Interrupt "Console only: the interrupt character was typed.", request: "2: signal", reply: "-";
        21 StartInit "Root only: makes process 1 from a sealed Memory.", request: "2: bytes of the argument block, 3: arguments, 4: environment strings; range 0: the block; capabilities: Memory, root directory, console, pipe port", reply: "1: pid";
        22 SetUser "setuid for the superuser: changes real and effective user.", request: "2: user", reply: "-";
        23 GetUser "The caller's real user.", request: "-", reply: "1: user";
        25 SetIgnored "Ignores a signal, or gives it its default action back; inherited, and kept by exec.", request: "2: signal, 3: 1 to ignore", reply: "-";
        26 AcquireReaper "procctl(PROC_REAP_ACQUIRE): orphans below come to the caller.", request: "-", reply: "-";
        27 ReleaseReaper "procctl(PROC_REAP_RELEASE).", request: "-", reply: "-";
        28 AcquireConsole "Makes the console the terminal of the caller's session, which the caller leads.", request: "-", reply: "-";
        24 ForkShare "What the last fork cost the server itself, without its system calls.", request: "-", reply: "1: ticks of the time-stamp counter";
    }
}

/// Set in the badge of a process descriptor.
pub const DESCRIPTOR_BIT: u64 = 1 << 63;
/// Badge of the capability that root holds.
pub const ROOT_BADGE: u64 = 1;
/// Badge of the capability that the console holds.
pub const CONSOLE_BADGE: u64 = 2;
/// Badges of processes are at or above this; the low 32 bits are the index, the rest the
/// generation.
pub const FIRST_PROCESS_BADGE: u64 = 1 << 32;

bitflags! {
    /// Flags of [`Operation::Fork`].
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct ForkFlags: u64 {
        /// The child borrows the memory and the caller waits until it executes or exits (vfork).
        const VFORK = 1;
        /// A process descriptor is made (pdfork).
        const DESCRIPTOR = 2;
        /// pdfork: the last close does not kill.
        const DAEMON = 4;
        /// pdfork: the descriptor is closed by exec.
        const CLOEXEC = 8;
    }
}

bitflags! {
    /// Flags of [`Operation::Wait`], with wait(2)'s values.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct WaitFlags: u64 {
        /// Return 0 instead of waiting.
        const NOHANG = 1;
        /// Also report stopped children.
        const UNTRACED = 2;
        /// Also report continued children.
        const CONTINUED = 4;
        /// Report without reaping.
        const NOWAIT = 8;
    }
}

bitflags! {
    /// What the holder of a process descriptor may do (protocol rights).
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct DescriptorRights: u16 {
        /// Wait for it, poll it.
        const WAIT = 1;
        /// Signal it.
        const KILL = 2;
        /// Ask for its pid.
        const PID = 4;
        /// Trace it.
        const TRACE = 8;
    }
}

/// Limits of [`Operation::SetLimit`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum Limit {
    /// Processes of the whole system (`kern.maxproc`).
    Processes = 1,
    /// Processes of the caller's real user (`RLIMIT_NPROC`), soft limit of the caller.
    UserProcesses = 2,
}

impl Limit {
    /// The limit with this number.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::Processes),
            2 => Some(Self::UserProcesses),
            _ => None,
        }
    }
}

/// State of a listed process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum State {
    /// Being made.
    New = 0,
    /// Alive.
    Running = 1,
    /// Waits for its vfork child.
    VforkWait = 2,
    /// Stopped by job control or a tracer.
    Stopped = 3,
    /// Ended, not yet waited for.
    Zombie = 4,
}

/// One listed process: 8 words in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record {
    /// Process id.
    pub pid: u32,
    /// Original parent.
    pub parent: u32,
    /// Process group.
    pub group: u32,
    /// Session.
    pub session: u32,
    /// Real user.
    pub user: u32,
    /// State.
    pub state: State,
    /// Name of the program, cut to 32 bytes, filled up with zeros.
    pub name: [u8; 32],
}

impl crate::wire::Wire for Record {
    const WORDS: usize = 8;

    fn encode(&self, words: &mut [u64]) {
        words[0] = u64::from(self.pid) | u64::from(self.parent) << 32;
        words[1] = u64::from(self.group) | u64::from(self.session) << 32;
        words[2] = u64::from(self.user) | (self.state as u64) << 32;
        words[3] = 0;
        for (word, bytes) in words[4..8].iter_mut().zip(self.name.chunks_exact(8)) {
            *word = u64::from_le_bytes(bytes.try_into().unwrap_or_default());
        }
    }

    fn decode(words: &[u64]) -> Option<Self> {
        let [first, second, third, _, name @ ..] = words else { return None };
        let mut bytes = [0; 32];
        if name.len() != 4 {
            return None;
        }
        for (chunk, word) in bytes.chunks_exact_mut(8).zip(name) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        Some(Self {
            pid: *first as u32,
            parent: (*first >> 32) as u32,
            group: *second as u32,
            session: (*second >> 32) as u32,
            user: *third as u32,
            state: match *third >> 32 {
                0 => State::New,
                1 => State::Running,
                2 => State::VforkWait,
                3 => State::Stopped,
                4 => State::Zombie,
                _ => return None,
            },
            name: bytes,
        })
    }
}

/// The status that wait(2) reports, in its classic encoding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WaitStatus(pub u32);

impl WaitStatus {
    /// The process called `_exit` with this code.
    #[must_use]
    pub const fn exited(code: u8) -> Self {
        Self((code as u32) << 8)
    }

    /// A signal ended it.
    #[must_use]
    pub const fn signaled(signal: u8) -> Self {
        Self((signal & 0x7f) as u32)
    }

    /// `WEXITSTATUS`, when `WIFEXITED`.
    #[must_use]
    pub const fn exit_code(self) -> Option<u8> {
        if self.0 & 0x7f == 0 { Some((self.0 >> 8) as u8) } else { None }
    }

    /// `WTERMSIG`, when `WIFSIGNALED`.
    #[must_use]
    pub const fn signal(self) -> Option<u8> {
        match self.0 & 0x7f {
            0 | 0x7f => None,
            signal => Some(signal as u8),
        }
    }
}
