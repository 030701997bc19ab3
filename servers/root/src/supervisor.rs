//! Faults and ends of servers: told, never repaired.

use tine_abi::notification::{ExitKind, Fault, FaultReply};
use tine_abi::{CapRef, Errno, Error};
use tine_root_model::SERVERS;
use tine_root_model::epitaph::{OfExit, OfFault};
use tine_root_model::table::place;
use tine_server::{
    Badge, Exit, Kernel, Outcome, Request, Server, Service, Tine, Token, error, log,
};
use tine_sys::capability::{ANYWHERE, close};
use tine_sys::domain::{FirstRegisters, RemoteThread, set_supervisor};

use crate::ACCOUNT;

/// Root's port, on which faults and ends are told, and what was told.
#[derive(Debug)]
pub(crate) struct Supervisor {
    service: Service<Tine>,
    told: Told,
    /// Place of the server that is to fault.
    trial: Option<usize>,
}

impl Supervisor {
    /// Supervises nobody yet. The server in the place `trial` faults as soon as it is supervised.
    pub(crate) const fn new(port: CapRef, trial: Option<usize>) -> Self {
        let told = Told { fault: [false; SERVERS.len()], end: [false; SERVERS.len()] };
        Self { service: Service::new(Tine, port), told, trial }
    }

    /// Has faults and the end of a server told here, under its place in the table.
    ///
    /// # Errors
    /// GONE for a process server that has ended; what the kernel refuses.
    pub(crate) fn watch(&mut self, domain: CapRef, place: usize) -> Result<(), Error> {
        match set_supervisor(domain, Some(self.service.port()), place as u64) {
            // It ended before; others find out by its port.
            Err(Error::Gone) if place != place::PROCESS => {
                log!("server/{}: ended at once", SERVERS[place].name);
            }
            result => result?,
        }
        if self.trial == Some(place) {
            fault(domain)?;
            self.serve_until(|told| told.end[place])?;
        }
        Ok(())
    }

    /// Whether a server has ended without which nothing can go on.
    pub(crate) fn is_over(&self) -> bool {
        self.told.is_over()
    }

    /// Tells of faults and ends until nothing can go on.
    ///
    /// # Errors
    /// The port is gone.
    pub(crate) fn serve(&mut self) -> Result<(), Error> {
        self.serve_until(Told::is_over)
    }

    fn serve_until(&mut self, is_enough: impl Fn(&Told) -> bool) -> Result<(), Error> {
        while !is_enough(&self.told) {
            self.service.turn(&mut self.told)?;
        }
        Ok(())
    }
}

/// Makes a server fault, as a bug of its own would: a thread of it jumps to address 0.
fn fault(domain: CapRef) -> Result<(), Error> {
    let thread = RemoteThread::create(ACCOUNT, domain, ANYWHERE)?;
    thread.start(&FirstRegisters::default())?;
    close(thread.capability())
}

/// What was told of the server in each place.
#[derive(Debug)]
struct Told {
    /// It was killed for a fault, and that was said.
    fault: [bool; SERVERS.len()],
    /// It has ended.
    end: [bool; SERVERS.len()],
}

impl Told {
    fn is_over(&self) -> bool {
        SERVERS.iter().zip(self.end).any(|(server, has_ended)| server.is_vital && has_ended)
    }
}

/// The server that a badge of supervision names.
fn of(badge: Badge) -> Option<(usize, &'static tine_root_model::Server)> {
    let place = usize::try_from(badge.0).ok()?;
    SERVERS.get(place).map(|server| (place, server))
}

impl<K: Kernel> Server<K> for Told {
    fn call(&mut self, _: &Request, _: &mut Service<K>) -> Outcome {
        Outcome::Answer(error(Errno::NOSYS))
    }

    fn no_senders(&mut self, _: Badge, _: &mut Service<K>) {}

    fn fault(&mut self, badge: Badge, fault: &Fault, _: Token, _: &mut Service<K>) -> Outcome {
        if let Some((place, server)) = of(badge) {
            log!("{} {}", server.path, OfFault(fault));
            self.fault[place] = true;
        }
        Outcome::Answer([FaultReply::Kill as u64, 0, 0, 0, 0, 0, 0, 0])
    }

    fn exit(&mut self, exit: &Exit, _: &mut Service<K>) {
        let Some((place, server)) = of(exit.badge) else { return };
        let Exit { kind, value, address, .. } = *exit;
        if kind != ExitKind::Faulted || !self.fault[place] {
            log!("{} {}", server.path, OfExit { kind, value, address });
        }
        if server.is_vital {
            log!("fatal: {} has ended, and nothing can go on without it", server.path);
        }
        self.end[place] = true;
    }
}
