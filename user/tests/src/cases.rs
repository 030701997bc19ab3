//! All cases, by noun.

mod calls;
mod console;
mod descriptor;
mod domain;
mod event;
mod exec;
pub(crate) mod exhaustion;
mod fault;
mod file;
mod fork;
mod group;
mod heavy;
mod ipc;
mod limit;
mod log;
mod memory;
mod pdfork;
mod pipe;
mod poll;
mod registers;
mod shell;
mod signal;
mod vfork;
mod wait;

use crate::verdict::Verdict;

/// One case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    /// Noun, dot, what is tested.
    pub(crate) name: &'static str,
    /// MiB of memory that kernel, servers and all programs must have together.
    pub(crate) memory: u32,
    /// The case.
    pub(crate) run: fn() -> Verdict,
}

/// A case that needs no more memory than any.
const fn case(name: &'static str, run: fn() -> Verdict) -> Case {
    Case { name, memory: 24, run }
}

/// A case that needs so many MiB.
const fn heavy_case(name: &'static str, memory: u32, run: fn() -> Verdict) -> Case {
    Case { name, memory, run }
}

/// The table, in the order of running: what everything stands on first.
const GROUPS: &[&[Case]] = &[
    calls::CASES,
    registers::CASES,
    event::CASES,
    ipc::CASES,
    memory::CASES,
    fault::CASES,
    domain::CASES,
    fork::CASES,
    vfork::CASES,
    wait::CASES,
    signal::CASES,
    group::CASES,
    limit::CASES,
    pdfork::CASES,
    exec::CASES,
    descriptor::CASES,
    pipe::CASES,
    poll::CASES,
    file::CASES,
    console::CASES,
    shell::CASES,
    log::CASES,
    exhaustion::CASES,
    heavy::CASES,
];

/// Every case.
pub(crate) fn all() -> impl Iterator<Item = &'static Case> {
    GROUPS.iter().copied().flatten()
}
