//! Every way in which a system call can be refused, and one way in which it is not.
//!
//! Owns: the capabilities that the rows are about ([`subject`]), the rows ([`ROWS`], by noun in the
//! files below), and what is provoked elsewhere or cannot be provoked ([`ELSEWHERE`]). A test
//! compares both with [`tine_abi::syscall`]: each error of each call has a row or a reason, and no
//! row expects an error that the manual does not know.

mod capability;
mod domain;
mod elsewhere;
mod memory;
mod message;
pub mod subject;
mod system;

use tine_abi::{Call, CapRef, Error};

pub use elsewhere::{By, ELSEWHERE, Elsewhere, GOOD};

/// A value for a register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Value {
    /// This number.
    Word(u64),
    /// The address of these words, which can be read.
    Words(&'static [u64]),
    /// The address of a page that can be read and written.
    Room,
}

/// Registers of a trial: RDI RSI RDX R10 R8 R9 R12 R13 R14 R15.
pub type Registers = [Value; 10];

/// One system call and what it must answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row {
    /// The call.
    pub call: Call,
    /// Its main capability.
    pub capability: CapRef,
    /// Its arguments.
    pub registers: Registers,
    /// The error; `None` is success.
    pub error: Option<Error>,
    /// What the row is about.
    pub about: &'static str,
}

/// Never mapped: below the lowest address.
pub const NOWHERE: u64 = 0x1000;
/// An address of the kernel's.
pub const KERNEL: u64 = 0xffff_8000_0000_0000;

/// A row of a call with arguments in the order of the table.
const fn row(
    call: Call,
    capability: CapRef,
    arguments: &[Value],
    error: Option<Error>,
    about: &'static str,
) -> Row {
    let mut registers = [Value::Word(0); 10];
    let mut index = 0;
    while index < arguments.len() {
        registers[index] = arguments[index];
        index += 1;
    }
    Row { call, capability, registers, error, about }
}

/// A row of a message call.
const fn message_row(
    call: Call,
    port: CapRef,
    token: u64,
    extras: Value,
    error: Option<Error>,
    about: &'static str,
) -> Row {
    let mut registers = [Value::Word(0); 10];
    registers[0] = Value::Word(token);
    registers[9] = extras;
    Row { call, capability: port, registers, error, about }
}

/// A number as a value.
const fn word(value: u64) -> Value {
    Value::Word(value)
}

/// A reference as a value.
const fn reference(capability: CapRef) -> Value {
    Value::Word(capability.bits() as u64)
}

/// All rows, group by group.
pub const ROWS: &[&[Row]] =
    &[message::ROWS, capability::ROWS, memory::ROWS, domain::ROWS, system::ROWS];

/// Numbers that are no call: UNKNOWN_CALL.
pub const UNKNOWN: [u32; 5] = [0, 5, 27, 0x8000_0001, u32::MAX];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::string::String;
    use std::vec::Vec;
    use tine_abi::syscall::CALLS;

    fn rows() -> impl Iterator<Item = &'static Row> {
        ROWS.iter().copied().flatten()
    }

    fn pair(call: Call, error: Error) -> String {
        std::format!("{} {}", call.info().name, error.label())
    }

    #[test]
    fn every_error_of_every_call_is_provoked_or_explained() {
        let manual: BTreeSet<_> = CALLS
            .iter()
            .flat_map(|call| call.info().errors.iter().map(|(error, _)| pair(*call, *error)))
            .collect();
        let provoked: BTreeSet<_> =
            rows().filter_map(|row| Some(pair(row.call, row.error?))).collect();
        let elsewhere: BTreeSet<_> =
            ELSEWHERE.iter().map(|entry| pair(entry.call, entry.error)).collect();
        let expected: BTreeSet<_> = provoked.union(&elsewhere).cloned().collect();
        let missing: Vec<_> = manual.difference(&expected).collect();
        assert!(missing.is_empty(), "neither provoked nor explained: {missing:#?}");
        let unknown: Vec<_> = expected.difference(&manual).collect();
        assert!(unknown.is_empty(), "the manual does not know: {unknown:#?}");
        let twice: Vec<_> = provoked.intersection(&elsewhere).collect();
        assert!(twice.is_empty(), "provoked, and yet explained: {twice:#?}");
    }

    #[test]
    fn every_call_that_returns_succeeds_in_a_row_or_elsewhere() {
        for call in CALLS {
            let is_shown = rows().any(|row| row.call == *call && row.error.is_none())
                || GOOD.iter().any(|(other, _)| other == call);
            assert!(is_shown, "{} never succeeds", call.info().name);
        }
    }

    #[test]
    fn rows_are_told_apart() {
        let mut names = BTreeSet::new();
        for row in rows() {
            let name = std::format!("{} {:?} {}", row.call.info().name, row.error, row.about);
            assert!(names.insert(name.clone()), "twice: {name}");
        }
    }

    #[test]
    fn unknown_numbers_are_unknown() {
        assert!(UNKNOWN.iter().all(|number| Call::from_number(*number).is_none()));
    }
}
