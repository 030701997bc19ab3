//! What must hold between two steps of the kernel, as code: host tests ask after each.
//!
//! Owns: [`check`]. Never in the kernel: it walks everything. Each rule is named after what it says;
//! the first one broken is returned as a sentence.

use std::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};

use tine_abi::capability::Rights;

use crate::{
    ipc::queue::Item,
    machine::Machine,
    object::{
        capability::{Capability, Held, Object},
        domain::ExitStep,
        thread::{RecordState, ThreadState},
    },
    state::State,
};

/// Recounts what spans several files.
///
/// # Errors
/// Says what does not hold.
pub fn check<M: Machine>(state: &State<M>) -> Result<(), String> {
    holders(state)?;
    users(state)?;
    ports(state)?;
    threads(state)?;
    domains(state)?;
    objects_charged(state)?;
    if !state.deadlines.is_sound(&state.threads, &state.events) {
        return Err("the deadlines are out of order".to_string());
    }
    let owners = state.threads.len() + state.events.len();
    equal("promised deadlines", state.deadlines.promised() as usize, owners)
}

fn equal<T: PartialEq + core::fmt::Debug>(what: &str, said: T, is: T) -> Result<(), String> {
    if said == is { Ok(()) } else { Err(format!("{what}: says {said:?}, is {is:?}")) }
}

/// Every capability there is: in tables and in records on their way.
fn capabilities<M: Machine>(state: &State<M>) -> Vec<Capability> {
    let mut all = Vec::new();
    for (id, _) in state.tables.iter() {
        let mut at = 0;
        while let Some(slot) = state.tables.next_occupied(id, at) {
            all.push(state.tables.slot(id, slot));
            at = slot + 1;
        }
    }
    for (_, thread) in state.threads.iter() {
        let count = usize::from(thread.record.capability_count);
        all.extend_from_slice(&thread.record.capabilities[..count]);
    }
    all
}

/// `holders` of each object is the number of capabilities that name it.
fn holders<M: Machine>(state: &State<M>) -> Result<(), String> {
    let mut count: BTreeMap<(u8, u64), u32> = BTreeMap::new();
    let mut receivers: BTreeMap<u64, u32> = BTreeMap::new();
    for capability in capabilities(state) {
        let name = match capability.object() {
            Some(Object::Domain(id)) => id.raw(),
            Some(Object::Thread(id)) => id.raw(),
            Some(Object::Space(id)) => id.raw(),
            Some(Object::Port(id)) => id.raw(),
            Some(Object::Grant(id)) => id.raw(),
            Some(Object::Event(id)) => id.raw(),
            Some(Object::Account(id)) => id.raw(),
            _ => continue,
        };
        *count.entry((capability.held() as u8, name)).or_default() += 1;
        if capability.held() == Held::Port && capability.rights().contains(Rights::RECEIVE) {
            *receivers.entry(name).or_default() += 1;
        }
    }
    let of = |held: Held, name: u64| count.get(&(held as u8, name)).copied().unwrap_or(0);
    for (id, domain) in state.domains.iter() {
        equal("holders of a Domain", domain.holders, of(Held::Domain, id.raw()))?;
    }
    for (id, thread) in state.threads.iter() {
        equal("holders of a Thread", thread.holders, of(Held::Thread, id.raw()))?;
    }
    for (id, space) in state.spaces.iter() {
        equal("holders of a space", space.holders, of(Held::Space, id.raw()))?;
    }
    for (id, port) in state.ports.iter() {
        equal("holders of a Port", port.holders, of(Held::Port, id.raw()))?;
        let receiving = receivers.get(&id.raw()).copied().unwrap_or(0);
        equal("receivers of a Port", port.receivers, receiving)?;
        let grants = state.grants.iter().filter(|(_, grant)| grant.port == id).count();
        equal("grants of a Port", port.grants as usize, grants)?;
    }
    for (id, grant) in state.grants.iter() {
        equal("holders of a Grant", grant.holders, of(Held::Grant, id.raw()))?;
        let is_said = grant.holders > 0 || grant.queue.is_queued();
        equal("a Grant without holders waits to be told", is_said, true)?;
    }
    for (id, event) in state.events.iter() {
        equal("holders of an Event", event.holders, of(Held::Event, id.raw()))?;
        if let Some((port, _)) = event.binding {
            let is_open = state.ports.get(port).is_some_and(|port| !port.is_closed);
            if is_open {
                equal(
                    "a bound Event waits with its bits",
                    event.queue.is_queued(),
                    event.bits != 0,
                )?;
            }
        }
    }
    for (id, account) in state.accounts.iter() {
        let domains = state.domains.iter().filter(|(_, domain)| domain.account == id).count();
        let named = of(Held::Account, id.raw()) + domains as u32;
        equal("holders of an Account", account.holders, named)?;
    }
    Ok(())
}

/// Spaces and tables know how many Domains use them.
fn users<M: Machine>(state: &State<M>) -> Result<(), String> {
    for (id, space) in state.spaces.iter() {
        let users = state
            .domains
            .iter()
            .filter(|(_, domain)| domain.space == id && domain.step <= ExitStep::Space)
            .count();
        equal("users of a space", space.users as usize, users)?;
    }
    for (id, table) in state.tables.iter() {
        let users = state
            .domains
            .iter()
            .map(|(_, domain)| {
                let steps = [ExitStep::Private, ExitStep::Descriptors, ExitStep::Paths];
                let pairs = domain.tables.iter().zip(steps);
                pairs.filter(|(table, step)| **table == id && domain.step <= *step).count()
            })
            .sum();
        equal("users of a table", table.users as usize, users)?;
    }
    Ok(())
}

fn ports<M: Machine>(state: &State<M>) -> Result<(), String> {
    for (id, port) in state.ports.iter() {
        let served = state
            .threads
            .iter()
            .filter(|(_, thread)| {
                thread.record.state == RecordState::InService && thread.record.port == Some(id)
            })
            .count();
        equal("calls in service of a Port", port.in_service as usize, served)?;
        if port.receiver.is_none() {
            equal("receivers in line behind nobody", port.others.len(), 0)?;
        } else {
            equal("a receiver waits at a FIFO that is empty", port.queue.is_empty(), true)?;
        }
        for receiver in port.receiver.into_iter().chain(port.others.iter(&state.threads)) {
            let thread = state.threads.get(receiver).ok_or("a receiver is gone")?;
            equal("a receiver's state", thread.state, ThreadState::Receiving)?;
            equal("a receiver's port", thread.port, Some(id))?;
        }
        if let Some(Item::Thread(caller)) = port.queue.front() {
            let caller = state.threads.get(caller).ok_or("a queued caller is gone")?;
            equal("a queued record", caller.record.state, RecordState::Queued)?;
            equal("a queued record's port", caller.record.port, Some(id))?;
        }
    }
    Ok(())
}

fn threads<M: Machine>(state: &State<M>) -> Result<(), String> {
    for (id, thread) in state.threads.iter() {
        let is_on_port = thread.record.state != RecordState::Free;
        equal(
            "a record is in use while CALLING",
            is_on_port,
            thread.state == ThreadState::Calling,
        )?;
        let is_queued = thread.record.state == RecordState::Queued;
        equal("a queued record has links", thread.queue.is_queued(), is_queued)?;
        let is_ready = thread.state == ThreadState::Runnable
            && !thread.is_stopped
            && state.run.current != Some(id);
        let is_linked = thread.line.is_linked() && thread.state != ThreadState::Receiving;
        equal("a ready thread is on the run queue", is_linked, is_ready)?;
        equal(
            "a deadline while waiting",
            thread.deadline.is_armed() && thread.event.is_none(),
            false,
        )?;
        if thread.state == ThreadState::Ended {
            continue;
        }
        let domain = state.domains.get(thread.domain).ok_or("a thread without Domain")?;
        let is_stopped = !(thread.suspend | domain.suspend).is_empty();
        equal("a thread is stopped", thread.is_stopped, is_stopped)?;
        equal("a thread's space", thread.space, domain.space)?;
        equal("a thread's tables", thread.tables, domain.tables)?;
        let root = state.spaces.get(thread.space).and_then(|space| space.space.root());
        equal("a thread's root", Some(thread.root), root)?;
    }
    Ok(())
}

fn domains<M: Machine>(state: &State<M>) -> Result<(), String> {
    for (id, domain) in state.domains.iter() {
        let of_domain = |ended: bool| {
            state.threads.iter().filter(move |(_, thread)| {
                thread.domain == id && (thread.state == ThreadState::Ended) == ended
            })
        };
        equal("threads of a Domain", domain.threads.len(), of_domain(false).count())?;
        let alive = of_domain(false).filter(|(_, thread)| thread.state != ThreadState::New).count();
        equal("live threads of a Domain", domain.alive as usize, alive)?;
        let working = of_domain(true).filter(|(_, thread)| thread.errand.is_some()).count();
        equal("killed threads that work", domain.working as usize, working)?;
        equal(
            "an ending Domain has a record",
            domain.step != ExitStep::None,
            domain.exit.is_some(),
        )?;
    }
    Ok(())
}

/// Each account is charged with the objects that name it.
fn objects_charged<M: Machine>(state: &State<M>) -> Result<(), String> {
    for (id, account) in state.accounts.iter() {
        let named = state.threads.iter().filter(|(_, it)| it.account == id).count()
            + state.grants.iter().filter(|(_, it)| it.account == id).count()
            + state.ports.iter().filter(|(_, it)| it.account == id).count()
            + state.domains.iter().filter(|(_, it)| it.account == id).count()
            + state.events.iter().filter(|(_, it)| it.account == id).count()
            + state.spaces.iter().filter(|(_, it)| it.space.account() == id).count()
            + state.memories.iter().filter(|(_, it)| it.account() == id).count()
            + state.accounts.iter().filter(|(_, it)| it.payer == Some(id)).count();
        let used = account.objects.used() as usize;
        // Nodes of mapping trees are charged as objects too; `memory::invariants` counts those.
        if used < named {
            return Err(format!("an account is charged with {used} objects and has {named}"));
        }
    }
    Ok(())
}
