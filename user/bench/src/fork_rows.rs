//! The fork family, of a small process: twenty private resident pages, eight descriptors; parent
//! and child each write three pages a cycle, and the wait status is checked.

use alloc::vec::Vec;
use core::hint::black_box;

use tine::abi::memory::PAGE;
use tine::abi::protocol::process::{ForkFlags, WaitFlags};
use tine::memory::{mmap, mmap_shared};
use tine::poll::{PollFd, PollFlags, poll};
use tine::process::exec::Program;
use tine::process::fork::Stack;
use tine::process::{Fork, Pid, fork, pdfork, vfork, waitpid};
use tine::sys::clock::ticks;
use tine::{_exit, Errno, Fd, Result, close, dup};

use crate::measure::{Measured, Probe, part, whole};

/// Descriptors of a small process.
const DESCRIPTORS: u16 = 8;
/// Pages of the heap that a small process has touched.
const HEAP_PAGES: usize = 14;

/// A process of the size that the rows speak of.
struct Small {
    descriptors: Vec<Fd>,
    heap: Vec<u8>,
}

impl Small {
    fn new(descriptors: u16) -> Result<Self> {
        let mut heap = Vec::new();
        heap.try_reserve_exact(HEAP_PAGES * PAGE as usize).map_err(|_| Errno::NOMEM)?;
        heap.resize(HEAP_PAGES * PAGE as usize, 1);
        let mut opened = Vec::new();
        opened.try_reserve_exact(usize::from(descriptors)).map_err(|_| Errno::NOMEM)?;
        loop {
            let fd = dup(Fd::STDOUT)?;
            if fd.0 >= descriptors {
                close(fd)?;
                return Ok(Self { descriptors: opened, heap });
            }
            opened.push(fd);
        }
    }

    /// Writes three pages: stack, data, heap.
    #[inline]
    fn write(&mut self) {
        static DATA: core::sync::atomic::AtomicU64 = core::sync::atomic::AtomicU64::new(0);
        let mut local = 1u64;
        black_box(&mut local);
        DATA.store(local, core::sync::atomic::Ordering::Relaxed);
        self.heap[0] = black_box(2);
    }

    /// fork, writes on both sides, exit; the child's pid.
    #[inline]
    fn cycle(&mut self) -> Result<Pid> {
        match fork()? {
            Fork::Child => {
                self.write();
                _exit(7)
            }
            Fork::Parent(pid) => {
                self.write();
                Ok(pid)
            }
        }
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        for fd in self.descriptors.drain(..) {
            // They are open: nothing else closes them.
            close(fd).ok();
        }
    }
}

/// Reaps the child and checks how it ended.
#[inline]
fn reap(pid: Pid, code: u8) -> Result<()> {
    match waitpid(pid, WaitFlags::empty())? {
        Some((reaped, status)) if reaped == pid && status.exit_code() == Some(code) => Ok(()),
        _ => Err(Errno::IO),
    }
}

/// Resident memory of so many MiB, in 4 KiB pages; nothing for 0.
fn resident(mebibytes: usize) -> Result<Option<tine::sys::memory::Mapping>> {
    if mebibytes == 0 {
        return Ok(None);
    }
    let mut mapping = mmap(mebibytes << 20)?;
    for page in mapping.bytes_mut().chunks_mut(PAGE as usize) {
        page[0] = 1;
    }
    Ok(Some(mapping))
}

/// The call alone, as the parent sees it.
pub(crate) fn fork_call(mebibytes: usize) -> Result<Measured> {
    let memory = resident(mebibytes)?;
    let measured = calls(&mut Small::new(DESCRIPTORS)?);
    drop(memory);
    measured
}

/// The call of a process with 1,024 descriptors.
pub(crate) fn fork_call_descriptors() -> Result<Measured> {
    calls(&mut Small::new(1024)?)
}

fn calls(small: &mut Small) -> Result<Measured> {
    part(|probe| match probe.count_fork(fork)? {
        Fork::Child => {
            small.write();
            _exit(7)
        }
        Fork::Parent(pid) => {
            small.write();
            reap(pid, 7)
        }
    })
}

/// The whole cycle.
pub(crate) fn fork_exit_wait(mebibytes: usize) -> Result<Measured> {
    let memory = resident(mebibytes)?;
    let mut small = Small::new(DESCRIPTORS)?;
    let measured = whole(|| {
        let pid = small.cycle()?;
        reap(pid, 7)
    });
    drop(memory);
    measured
}

/// The first write to data after a fork, no table of the hot region being private yet. The forker
/// runs on a stack under another top-level entry (as a vfork child does), or its own stack would
/// have made the tables private before.
pub(crate) fn first_write_hot() -> Result<Measured> {
    let mut small = Small::new(DESCRIPTORS)?;
    let mut stack = Stack::new(4 * tine::abi::layout::REGION as usize)?;
    let figure = mmap_shared(PAGE as usize)?;
    part(|probe| {
        let mut argument = (&mut small, &figure);
        let pid = vfork(&mut stack, &mut argument, |(small, figure)| {
            let code = match fork() {
                Ok(Fork::Child) => 8,
                Ok(Fork::Parent(pid)) => {
                    // The stack's own first write must not be among what is measured.
                    let (value, byte) = (black_box(3), &mut small.heap[0]);
                    let start = ticks();
                    *byte = value;
                    let spent = ticks() - start;
                    let is_stored = figure.store(0, spent).is_some();
                    if is_stored && reap(pid, 8).is_ok() { 9 } else { 1 }
                }
                Err(_) => 1,
            };
            _exit(code)
        })?;
        probe.add(figure.load(0).unwrap_or_default());
        reap(pid, 9)
    })
}

/// The first write after a fork into a gibibyte of resident memory.
pub(crate) fn first_write_large() -> Result<Measured> {
    let mut memory = resident(1024)?.ok_or(Errno::NOMEM)?;
    part(|probe: &mut Probe| match fork()? {
        Fork::Child => _exit(7),
        Fork::Parent(pid) => {
            let (value, byte) = (black_box(2), &mut memory.bytes_mut()[512 << 20]);
            probe.count(|| {
                *byte = value;
                Ok(())
            })?;
            reap(pid, 7)
        }
    })
}

/// vfork, exit, wait.
pub(crate) fn vfork_exit_wait() -> Result<Measured> {
    let _small = Small::new(DESCRIPTORS)?;
    let mut stack = Stack::new(2 * PAGE as usize)?;
    whole(|| {
        let pid = vfork(&mut stack, &mut (), |()| _exit(7))?;
        reap(pid, 7)
    })
}

/// fork, exec of the smallest program, exit, wait.
pub(crate) fn fork_exec_wait() -> Result<Measured> {
    let mut small = Small::new(DESCRIPTORS)?;
    let program = Program::new("/bin/true", &["true"], &[] as &[&str])?;
    whole(|| match fork()? {
        Fork::Child => {
            small.write();
            let failure = program.exec();
            _exit(failure.number() as i32)
        }
        Fork::Parent(pid) => {
            small.write();
            reap(pid, 0)
        }
    })
}

/// pdfork, poll for the exit, wait, close.
pub(crate) fn pdfork_poll_wait_close() -> Result<Measured> {
    let mut small = Small::new(DESCRIPTORS)?;
    whole(|| match pdfork(ForkFlags::empty())? {
        (Fork::Parent(pid), Some(fd)) => {
            small.write();
            let mut descriptors = [PollFd::new(fd, PollFlags::empty())];
            poll(&mut descriptors, None)?;
            if !descriptors[0].revents.contains(PollFlags::POLLHUP) {
                return Err(Errno::IO);
            }
            reap(pid, 7)?;
            close(fd)
        }
        (Fork::Parent(_), None) => Err(Errno::IO),
        (Fork::Child, _) => {
            small.write();
            _exit(7)
        }
    })
}

/// What a fork costs the process server itself.
pub(crate) fn process_server_share() -> Result<Measured> {
    let mut small = Small::new(DESCRIPTORS)?;
    part(|probe| {
        let pid = small.cycle()?;
        reap(pid, 7)?;
        probe.add(tine::process::fork_share()?);
        Ok(())
    })
}
