//! The first process, made by the process server from what root hands it.

use tine_abi::message::{SendCapability, SendMode};
use tine_abi::protocol::console::TERMINAL_BADGE;
use tine_abi::protocol::process::{Operation, ROOT_BADGE};
use tine_abi::{Errno, Rights};
use tine_root_model::command::Block;
use tine_root_model::table::place;
use tine_sys::capability::{ANYWHERE, Placement, close, mint};
use tine_sys::message::Message;

use crate::start::{Machine, file_memory};
use crate::{ACCOUNT, Fatal, OrFatal};

/// Asks for it: the program, the root directory and the pipe server (both: an identity without a
/// badge of its own), the terminal.
///
/// # Errors
/// The process server ended or refuses.
pub(crate) fn start(machine: &Machine<'_>, file: &[u8], block: &Block) -> Result<(), Fatal> {
    let port = |place| machine.port(place).or_fatal("what init is given");
    let rights = Rights::READ | Rights::EXECUTE | Rights::DUPLICATE;
    let program = SendCapability {
        source: file_memory(ACCOUNT, file).or_fatal("a Memory of bin/init")?,
        mode: SendMode::Move,
        rights,
        badge: 0,
    };
    // Identities, not copies of the port: forks count holders of those the short way.
    let client = |source, badge| SendCapability {
        source,
        mode: SendMode::Mint,
        rights: Rights::SEND | Rights::DUPLICATE,
        badge,
    };
    let words = [
        Operation::StartInit as u64,
        0,
        block.strings.length,
        block.strings.arguments,
        block.strings.environment,
        0,
        0,
        0,
    ];
    let message = Message::new(words)
        .readable(&block.bytes)
        .send(program)
        .send(client(port(place::INITRD)?, 0))
        .send(client(port(place::CONSOLE)?, TERMINAL_BADGE))
        .send(client(port(place::PIPE)?, 0));
    let identity = Placement::new(ANYWHERE).with_rights(Rights::SEND);
    let process = mint(port(place::PROCESS)?, ROOT_BADGE, identity);
    let process = process.or_fatal("an identity on the process server's port")?;
    let reply = message.call(process).or_fatal("the process server did not start init")?;
    // The slot that was filled above.
    close(process).ok();
    match reply.words[0] {
        0 => Ok(()),
        number => Err(Fatal::Init(Errno::from_number(number).unwrap_or(Errno::IO))),
    }
}
