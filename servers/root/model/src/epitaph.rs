//! What is said of a server that ended: one line, with which, how and where.

use core::fmt;

use tine_abi::notification::{ExitKind, Fault, FaultKind};

/// What a thread did wrong, for a person.
#[must_use]
pub const fn sentence(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Unmapped => "nothing is mapped there",
        FaultKind::Protection => "the mapping does not allow it",
        FaultKind::NoMemory => "no memory is left for it",
        FaultKind::Divide => "a division failed",
        FaultKind::Instruction => "an undefined instruction (a panic ends so)",
        FaultKind::General => "a privileged instruction or wild address",
        FaultKind::Arithmetic => "a floating-point error",
        FaultKind::Alignment => "an unaligned access",
        FaultKind::Breakpoint => "a breakpoint",
        FaultKind::Debug => "a debug exception",
        FaultKind::Other => "an exception",
    }
}

/// A fault, as told when the server is killed for it.
#[derive(Clone, Copy, Debug)]
pub struct OfFault<'a>(pub &'a Fault);

impl fmt::Display for OfFault<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault { kind, address, instruction, access, vector, .. } = *self.0;
        let accessed = match access & 3 {
            0 => "reading",
            1 => "writing",
            _ => "executing",
        };
        match kind {
            FaultKind::Unmapped | FaultKind::Protection | FaultKind::NoMemory => write!(
                formatter,
                "faulted {accessed} address {address:#x} at {instruction:#x}: {}",
                sentence(kind)
            ),
            FaultKind::Other => {
                write!(formatter, "faulted at {instruction:#x}: exception {vector}")
            }
            _ => write!(formatter, "faulted at {instruction:#x}: {}", sentence(kind)),
        }
    }
}

/// Another end.
#[derive(Clone, Copy, Debug)]
pub struct OfExit {
    /// How.
    pub kind: ExitKind,
    /// Code, killer's value, or fault kind.
    pub value: u64,
    /// Address of a fault.
    pub address: u64,
}

impl fmt::Display for OfExit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ExitKind::Exited => write!(formatter, "ended with code {}", self.value as u32),
            ExitKind::Killed => write!(formatter, "was killed ({})", self.value),
            ExitKind::Faulted => {
                let why = FaultKind::from_number(self.value).map_or("a fault", sentence);
                write!(formatter, "was killed for a fault, address {:#x}: {why}", self.address)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString as _;

    use super::*;

    #[test]
    fn faults_say_where_and_why() {
        let fault = Fault {
            kind: FaultKind::Unmapped,
            address: 0x18,
            instruction: 0x20_1234,
            access: 1,
            vector: 14,
            code: 6,
        };
        let line = "faulted writing address 0x18 at 0x201234: nothing is mapped there";
        assert_eq!(OfFault(&fault).to_string(), line);
        let panic = Fault { kind: FaultKind::Instruction, ..fault };
        let line = "faulted at 0x201234: an undefined instruction (a panic ends so)";
        assert_eq!(OfFault(&panic).to_string(), line);
        let other = Fault { kind: FaultKind::Other, vector: 18, ..fault };
        assert_eq!(OfFault(&other).to_string(), "faulted at 0x201234: exception 18");
    }

    #[test]
    fn ends_say_how() {
        let end = |kind, value| OfExit { kind, value, address: 0x10 }.to_string();
        assert_eq!(end(ExitKind::Exited, u64::MAX), "ended with code 4294967295");
        assert_eq!(end(ExitKind::Killed, 9), "was killed (9)");
        let line = "was killed for a fault, address 0x10: no memory is left for it";
        assert_eq!(end(ExitKind::Faulted, 3), line);
        assert!(end(ExitKind::Faulted, 99).ends_with("a fault"));
    }
}
