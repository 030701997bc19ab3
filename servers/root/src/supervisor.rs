//! Faults and ends of servers: told, never repaired.

use tine_abi::Errno;
use tine_abi::notification::{ExitKind, Fault, FaultReply};
use tine_root_model::SERVERS;
use tine_root_model::epitaph::{OfExit, OfFault};
use tine_server::{Badge, Exit, Kernel, Outcome, Request, Server, Service, Token, error, log};

/// What root does after the boot.
#[derive(Debug, Default)]
pub(crate) struct Supervisor {
    is_over: bool,
    /// The server in this place was killed for a fault that was told.
    told: [bool; SERVERS.len()],
}

impl Supervisor {
    /// Whether a server ended without which nothing can go on.
    pub(crate) const fn is_over(&self) -> bool {
        self.is_over
    }
}

/// The server that a badge of supervision names.
fn of(badge: Badge) -> Option<(usize, &'static tine_root_model::Server)> {
    let place = usize::try_from(badge.0).ok()?;
    SERVERS.get(place).map(|server| (place, server))
}

impl<K: Kernel> Server<K> for Supervisor {
    fn call(&mut self, _: &Request, _: &mut Service<K>) -> Outcome {
        Outcome::Answer(error(Errno::NOSYS))
    }

    fn no_senders(&mut self, _: Badge, _: &mut Service<K>) {}

    fn fault(&mut self, badge: Badge, fault: &Fault, _: Token, _: &mut Service<K>) -> Outcome {
        if let Some((place, server)) = of(badge) {
            log!("{} {}", server.path, OfFault(fault));
            self.told[place] = true;
        }
        Outcome::Answer([FaultReply::Kill as u64, 0, 0, 0, 0, 0, 0, 0])
    }

    fn exit(&mut self, exit: &Exit, _: &mut Service<K>) {
        let Some((place, server)) = of(exit.badge) else { return };
        let Exit { kind, value, address, .. } = *exit;
        if kind != ExitKind::Faulted || !self.told[place] {
            log!("{} {}", server.path, OfExit { kind, value, address });
        }
        if server.is_vital {
            log!("fatal: {} has ended, and nothing can go on without it", server.path);
            self.is_over = true;
        }
    }
}
