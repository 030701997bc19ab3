//! The command line and the argument blocks made of it.

use alloc::vec;
use alloc::vec::Vec;

use tine_abi::results::value;
use tine_abi::start::ARGUMENTS_MAX;
use tine_elf::stack::{Strings, pack};

use crate::table::SERVERS;

/// The variable by which the first process is told the command line.
const VARIABLE: &[u8] = b"TINE_COMMAND_LINE=";

/// The command line again, from the words that the kernel gave as environment.
#[must_use]
pub fn join(words: impl Iterator<Item: AsRef<[u8]>>) -> Vec<u8> {
    let mut line = Vec::new();
    for word in words {
        if !line.is_empty() {
            line.push(b' ');
        }
        line.extend_from_slice(word.as_ref());
    }
    line
}

/// An argument block and its numbers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Block {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its numbers.
    pub strings: Strings,
}

fn block(arguments: &[&[u8]], environment: &[&[u8]]) -> Option<Block> {
    let strings = arguments.iter().chain(environment);
    let length = strings.map(|string| string.len() + 1).sum();
    let mut bytes = vec![0; length];
    let strings = pack(arguments, environment, &mut bytes)?;
    (strings.length <= ARGUMENTS_MAX).then_some(Block { bytes, strings })
}

/// What a server is told: its name and the command line. `None` for a command line that no program
/// could be told.
#[must_use]
pub fn server(name: &str, line: &[u8]) -> Option<Block> {
    block(&[name.as_bytes(), line], &[])
}

/// What the first process is told: its name, and in its environment the command line.
#[must_use]
pub fn init(line: &[u8]) -> Option<Block> {
    block(&[b"init"], &[&[VARIABLE, line].concat()])
}

/// The place of the server that the command line wants to see fault: `trial=fault:NAME`.
#[must_use]
pub fn trial(line: &[u8]) -> Option<usize> {
    let name = value(core::str::from_utf8(line).ok()?, "trial")?.strip_prefix("fault:")?;
    SERVERS.iter().position(|server| server.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_one_line() {
        let words = [&b"mode=exec"[..], b"exec=6c73", b"slide=0"];
        assert_eq!(join(words.into_iter()), b"mode=exec exec=6c73 slide=0");
        assert_eq!(join([b""; 0].into_iter()), b"");
    }

    #[test]
    fn servers_are_told_name_and_line() {
        let told = server("console", b"mode=test").unwrap();
        assert_eq!(told.bytes, b"console\0mode=test\0");
        assert_eq!((told.strings.arguments, told.strings.environment), (2, 0));
    }

    #[test]
    fn init_is_told_the_line_in_its_environment() {
        let told = init(b"mode=test filter=a").unwrap();
        assert_eq!(told.bytes, b"init\0TINE_COMMAND_LINE=mode=test filter=a\0");
        let expected = Strings { arguments: 1, environment: 1, length: told.bytes.len() as u64 };
        assert_eq!(told.strings, expected);
        assert_eq!(init(&vec![b'x'; 1 << 16]), None);
    }

    #[test]
    fn a_trial_names_a_server() {
        for (place, server) in SERVERS.iter().enumerate() {
            let line = [b"mode=test trial=fault:", server.name.as_bytes()].concat();
            assert_eq!(trial(&line), Some(place));
        }
        for line in ["", "mode=test", "trial=panic", "trial=fault:", "trial=fault:nobody"] {
            assert_eq!(trial(line.as_bytes()), None, "{line}");
        }
    }
}
