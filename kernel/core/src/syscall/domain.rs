//! `domain_control`: kill, suspend, resume, exec, supervisor, debugger, tables, their
//! word, inspect.
//!
//! Owns: their checks. Never here: the steps of an exit (`exit.rs`), of an exec (`exec.rs`) or of the
//! exchange of a table (`tables.rs`).

use tine_abi::{
    CapRef, Error, Table,
    capability::Rights,
    domain::{DomainOperation, ExecSpec, Inherit, Suspend},
    notification::ExitKind,
};

use crate::{
    machine::Machine,
    object::{
        DomainId, ThreadId,
        domain::{Binding, ExitRecord},
    },
    state::State,
    syscall::{Answer, Arguments, Done},
};

/// Suspend reasons of an argument.
pub(super) fn reasons(word: u64) -> Result<Suspend, Error> {
    let bits = u32::try_from(word).map_err(|_| Error::BadArgument)?;
    Suspend::from_bits(bits).ok_or(Error::BadArgument)
}

impl<M: Machine> State<M> {
    pub(super) fn domain_control(&mut self, me: ThreadId, arguments: &Arguments) -> Answer {
        let [operation, first, second, third, _] = arguments.words;
        let operation = DomainOperation::from_number(operation).ok_or(Error::BadArgument)?;
        let id = self.domain_argument(me, arguments.main, operation)?;
        match operation {
            DomainOperation::Kill => {
                self.living_domain(id)?;
                let exit = ExitRecord { kind: ExitKind::Killed, value: first, address: 0 };
                self.begin_exit(id, exit);
            }
            DomainOperation::Suspend => {
                let reasons = reasons(first)?;
                self.living_domain(id)?;
                self.suspend_domain(id, reasons, Suspend::empty());
            }
            DomainOperation::Resume => {
                let reasons = reasons(first)?;
                self.living_domain(id)?;
                self.suspend_domain(id, Suspend::empty(), reasons);
            }
            DomainOperation::Exec => {
                let spec: ExecSpec = self.read_structure(me, first)?;
                self.exec(me, id, &spec)?;
            }
            DomainOperation::SetSupervisor => {
                let supervisor = self.binding_argument(me, first, second)?;
                self.living_domain(id)?.supervisor = supervisor;
                self.note_supervision(supervisor);
            }
            DomainOperation::SetDebugger => {
                let debugger = self.binding_argument(me, first, second)?;
                self.living_domain(id)?.debugger = debugger;
                self.note_supervision(debugger);
            }
            DomainOperation::SetTable => {
                let table = Table::from_number(first).ok_or(Error::BadArgument)?;
                let inherit = Inherit::from_number(second).ok_or(Error::BadArgument)?;
                if table == Table::Private || (inherit == Inherit::Empty && third != 0) {
                    return Err(Error::BadArgument);
                }
                let source = match inherit {
                    Inherit::Empty => id,
                    _ => {
                        let source = u32::try_from(third).map_err(|_| Error::BadCapability)?;
                        self.domain_argument(me, source, operation)?
                    }
                };
                self.exchange_table(id, table, inherit, source)?;
            }
            DomainOperation::UserWord => {
                let paths = self.living_domain(id)?.tables[Table::Paths as usize];
                let word = self.tables.get(paths).ok_or(Error::Gone)?.word;
                return Ok(Done::Values(word, 0));
            }
            DomainOperation::SetUserWord => {
                let paths = self.living_domain(id)?.tables[Table::Paths as usize];
                let table = self.tables.get_mut(paths).ok_or(Error::Gone)?;
                return Ok(Done::Values(core::mem::replace(&mut table.word, first), 0));
            }
            DomainOperation::Inspect => {
                let domain = self.domains.get(id).ok_or(Error::Gone)?;
                let (alive, account) = (domain.alive, domain.account);
                let used = self.accounts.get(account).map_or(0, |account| account.frames.used());
                return Ok(Done::Values(u64::from(alive), u64::from(used)));
            }
        }
        Ok(Done::NOTHING)
    }

    /// The Domain of a capability, or the caller's own, except that nobody chooses its own
    /// supervisor or debugger.
    fn domain_argument(
        &self,
        me: ThreadId,
        reference: u32,
        operation: DomainOperation,
    ) -> Result<DomainId, Error> {
        if reference == CapRef::SELF.bits() {
            return match operation {
                DomainOperation::SetSupervisor | DomainOperation::SetDebugger => {
                    Err(Error::MissingRight)
                }
                _ => Ok(self.thread(me)?.domain),
            };
        }
        let capability = self.capability(me, reference)?;
        let domain = capability.domain()?;
        let right = match operation {
            DomainOperation::Inspect | DomainOperation::UserWord => Rights::READ,
            _ => Rights::CONTROL,
        };
        capability.require(right)?;
        Ok(domain)
    }

    /// Whom the kernel is to tell: a port held with MINT and a badge, or nobody.
    fn binding_argument(
        &self,
        me: ThreadId,
        port: u64,
        badge: u64,
    ) -> Result<Option<Binding>, Error> {
        if port == u64::from(CapRef::SELF.bits()) {
            return Ok(None);
        }
        Ok(Some(Binding { port: self.minted_port(me, port)?, badge }))
    }

    /// A port is named as supervisor or debugger: when it closes, Domains must be looked at.
    pub(crate) fn note_supervision(&mut self, binding: Option<Binding>) {
        if let Some(port) = binding.and_then(|binding| self.ports.get_mut(binding.port)) {
            port.supervises = true;
        }
    }
}
