//! Nothing left: what is refused then, and that it comes back.
//!
//! All programs share one account, so whoever uses it up does so for all. A case has a *hog* use
//! something up, sees calls of its own refused, and has them succeed again when the hog has ended.

use tine::abi::capability::SlotFlags;
use tine::abi::memory::{Inheritance, MapRequest, PAGE, Protection, Source};
use tine::abi::{CapRef, Error, Kind, layout};
use tine::descriptor::set_descriptor_flags;
use tine::memory::mmap;
use tine::process::exec::Program;
use tine::process::{Fork, posix_spawn};
use tine::signal::SIGKILL;
use tine::sys::capability::{ANYWHERE, close, create};
use tine::sys::memory::{Mapping, READ_WRITE, Remote, copy_out, map};
use tine::{_exit, Pid, fork};

use super::{Case, heavy_case};
use crate::helper::{OPTION, PATH};
use crate::process::{Ear, Line, Mouth, Waiting, child, exits, is_killed};
use crate::runner::{counters, drain};
use crate::verdict::{Failure, Verdict, check, equal};

pub(super) const CASES: &[Case] = &[
    heavy_case("exhaustion.frames", 32, frames),
    heavy_case("exhaustion.objects", 32, objects),
    heavy_case("exhaustion.touch", 32, touch),
    heavy_case("exhaustion.reserve", 32, reserve),
];

/// Something that takes what was used up, and gives it back; how it went.
struct Attempt {
    what: &'static str,
    run: fn() -> Verdict<Result<(), &'static str>>,
    /// The error when there is nothing left.
    error: &'static str,
}

/// What needs frames.
const FRAMES: &[Attempt] = &[
    Attempt { what: "an address space", run: || made(Kind::AddressSpace), error: "NO_MEMORY" },
    Attempt { what: "a page of a Memory", run: page_of_a_memory, error: "NO_MEMORY" },
    Attempt { what: "a fork", run: forked, error: "ENOMEM" },
    Attempt { what: "a program", run: spawned, error: "ENOMEM" },
];

/// What needs objects.
const OBJECTS: &[Attempt] = &[
    Attempt { what: "an Event", run: || made(Kind::Event), error: "NO_OBJECTS" },
    Attempt { what: "an address space", run: || made(Kind::AddressSpace), error: "NO_OBJECTS" },
    Attempt { what: "a Memory", run: || made(Kind::Memory), error: "NO_OBJECTS" },
    Attempt { what: "a mapping", run: mapped, error: "NO_MEMORY" },
    Attempt { what: "a fork", run: forked, error: "ENOMEM" },
];

fn frames() -> Verdict {
    without(use_frames_up, FRAMES)
}

fn objects() -> Verdict {
    without(use_objects_up, OBJECTS)
}

/// The attempts succeed, are refused while a hog has used something up, and succeed again.
fn without(use_up: fn() -> Verdict, attempts: &[Attempt]) -> Verdict {
    let hog = Hog::start(use_up)?;
    // What the attempts write to is this process's own after this.
    succeed(attempts)?;
    hog.feed()?;
    for Attempt { what, run, error } in attempts {
        let before = counters()?;
        equal(run()?, Err(*error), what)?;
        drain()?;
        let after = counters()?;
        equal(after.objects, before.objects, format_args!("objects after {what}"))?;
        equal(after.frames_free, before.frames_free, format_args!("frames after {what}"))?;
    }
    hog.end()?;
    succeed(attempts)
}

/// A child that uses something up and holds it.
struct Hog {
    pid: Pid,
    orders: Mouth,
    answers: Ear,
}

impl Hog {
    /// Starts it; nothing is used up yet.
    fn start(use_up: fn() -> Verdict) -> Verdict<Self> {
        let (orders, answers) = (Line::new()?, Line::new()?);
        let pid = child(|| {
            let (orders, answers) = (orders.listen()?, answers.speak()?);
            // What it needs to hear and to say is its own from now on.
            answers.say(0)?;
            orders.hear()?;
            use_up()?;
            answers.say(1)?;
            orders.hear_end()?;
            Ok(0)
        })?;
        let (orders, answers) = (orders.speak()?, answers.listen()?);
        equal(answers.hear()?, Some(0), "the word of the hog")?;
        // Later children do not get it: the hog's orders end when this process closes them.
        set_descriptor_flags(orders.0, SlotFlags::CLOFORK)?;
        Ok(Self { pid, orders, answers })
    }

    /// Has it use something up.
    fn feed(&self) -> Verdict {
        self.orders.say(0)?;
        equal(self.answers.hear()?, Some(1), "the word of the hog")?;
        drain()
    }

    /// Has it give everything back.
    fn end(self) -> Verdict {
        self.orders.leave()?;
        self.answers.leave()?;
        exits(self.pid, 0)?;
        drain()
    }
}

fn succeed(attempts: &[Attempt]) -> Verdict {
    attempts.iter().try_for_each(|Attempt { what, run, .. }| equal(run()?, Ok(()), what))
}

fn use_frames_up() -> Verdict {
    Glutton::new()?.take_all()
}

/// Takes frames, as the pages of a Memory, and keeps them.
pub(crate) struct Glutton {
    memory: CapRef,
    filled: u64,
}

impl Glutton {
    /// Has none yet.
    pub(crate) fn new() -> Verdict<Self> {
        let all = counters()?.frames_total * PAGE;
        Ok(Self { memory: create(CapRef::SELF, Kind::Memory, ANYWHERE, [all, 0, 0])?, filled: 0 })
    }

    /// Takes frames until none is left to the account.
    pub(crate) fn take_all(&mut self) -> Verdict {
        loop {
            match copy_out(Remote::Memory(self.memory, self.filled), &[0; 8]) {
                Ok(_) => self.filled += PAGE,
                Err(failed) if failed.error == Error::NoMemory => return Ok(()),
                Err(failed) => return Err(failed.into()),
            }
        }
    }
}

/// Makes mappings until the nodes for one more are not left, and Events of the rest.
fn use_objects_up() -> Verdict {
    let mut count = 0;
    while map(CapRef::SELF, &page(layout::PRIVATE.start + layout::TOP_ENTRY, count)).is_ok() {
        count += 1;
    }
    check(count > 1000, format_args!("only {count} mappings"))?;
    loop {
        match create(CapRef::SELF, Kind::Event, ANYWHERE, [0; 3]) {
            Ok(_) => {}
            Err(Error::NoObjects) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// One page of many behind each other, no two of which are one mapping.
fn page(start: u64, index: u64) -> MapRequest {
    MapRequest {
        address: start + index * PAGE,
        length: PAGE,
        protection: protection(index),
        inheritance: Inheritance::Copy,
        source: Source::Anonymous,
        offset: 0,
    }
}

/// Every second page is for reading alone.
const fn protection(index: u64) -> Protection {
    if index.is_multiple_of(2) { READ_WRITE } else { Protection::READ }
}

/// Makes an object without arguments of note.
fn made(kind: Kind) -> Verdict<Result<(), &'static str>> {
    let length = if kind == Kind::Memory { PAGE } else { 0 };
    match create(CapRef::SELF, kind, ANYWHERE, [length, 0, 0]) {
        Ok(object) => Ok(Ok(close(object)?)),
        Err(error) => Ok(Err(error.label())),
    }
}

fn page_of_a_memory() -> Verdict<Result<(), &'static str>> {
    let memory = create(CapRef::SELF, Kind::Memory, ANYWHERE, [PAGE, 0, 0])?;
    let written = copy_out(Remote::Memory(memory, 0), b"x");
    close(memory)?;
    Ok(written.map(drop).map_err(|failed| failed.error.label()))
}

/// More mappings than one node holds, no two of which are one.
fn mapped() -> Verdict<Result<(), &'static str>> {
    let mut pages = [const { None }; 16];
    for (index, place) in pages.iter_mut().enumerate() {
        let page = Mapping::anonymous(PAGE as usize).and_then(|mut page| {
            page.protect(protection(index as u64))?;
            Ok(page)
        });
        match page {
            Ok(page) => *place = Some(page),
            Err(error) => return Ok(Err(error.label())),
        }
    }
    Ok(Ok(()))
}

fn forked() -> Verdict<Result<(), &'static str>> {
    match fork() {
        Ok(Fork::Child) => _exit(3),
        Ok(Fork::Parent(pid)) => Ok(Ok(exits(pid, 3)?)),
        Err(error) => Ok(Err(error.label())),
    }
}

fn spawned() -> Verdict<Result<(), &'static str>> {
    let program = Program::new(PATH, &["tests", OPTION, "exit", "4"], &[""; 0])?;
    match posix_spawn(&program, &[]) {
        Ok(pid) => Ok(Ok(exits(pid, 4)?)),
        Err(error) => Ok(Err(error.label())),
    }
}

/// Whoever touches one page more than there are is killed; others live on.
fn touch() -> Verdict {
    let bystander = Waiting::start()?;
    let all = counters()?.frames_total as usize * PAGE as usize;
    let hog = child(|| {
        let mut memory = mmap(all + (64 << 20))?;
        for page in memory.bytes_mut().chunks_mut(PAGE as usize) {
            page[0] = 1;
        }
        Err(Failure::new("more memory was touched than there is"))
    })?;
    is_killed(hog, SIGKILL)?;
    bystander.is_alive()?;
    bystander.release()?;
    // There is memory again.
    let mut memory = mmap(1 << 20)?;
    memory.bytes_mut().fill(1);
    Ok(())
}

/// However much programs take, in pages and in kernel objects, the servers keep some frames.
fn reserve() -> Verdict {
    let hogs = [Hog::start(use_objects_up)?, Hog::start(use_frames_up)?];
    // What this process writes to is its own after this.
    succeed(FRAMES)?;
    for hog in hogs.iter().rev() {
        hog.feed()?;
    }
    let left = counters()?;
    for hog in hogs {
        hog.end()?;
    }
    let message = format_args!("{} frames of {} are left", left.frames_free, left.frames_total);
    check(left.frames_free > left.frames_total / 32, message)
}
