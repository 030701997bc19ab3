//! fork: what the child has, and what it costs.

use alloc::vec;
use alloc::vec::Vec;

use tine::abi::layout::REGION;
use tine::abi::memory::PAGE;
use tine::descriptor::{OpenFlags, Whence, lseek};
use tine::memory::mmap;
use tine::process::getpid_by_message;
use tine::sys::memory::Mapping;
use tine::{close, getpgid, getpid, getppid, getsid, open, read, unlink, write};

use super::{Case, case};
use crate::process::{Line, Waiting, child, exits};
use crate::runner::counted;
use crate::verdict::{Verdict, check, equal, refused};

pub(super) const CASES: &[Case] = &[
    case("fork.identity", identity),
    case("fork.copy-on-write", copy_on_write),
    case("fork.large-tables", large_tables),
    case("fork.three-generations", three_generations),
    case("fork.heap", heap),
    case("fork.descriptors", descriptors),
    case("fork.working-directory", working_directory),
    case("fork.entries", entries),
];

fn identity() -> Verdict {
    let parent = getpid();
    equal(getpid_by_message()?, parent, "the pid, as the server knows it")?;
    let (group, session) = (getpgid(0)?, getsid(0)?);
    let told = Line::new()?;
    let pid = child(|| {
        equal(getpid_by_message()?, getpid(), "the child's pid")?;
        equal(getppid()?, parent, "its parent")?;
        equal((getpgid(0)?, getsid(0)?), (group, session), "its group and session")?;
        told.speak()?.say_number(getpid() as u64)?;
        Ok(0)
    })?;
    let told = told.listen()?;
    equal(told.hear_number()?, Some(pid as u64), "the pid that fork told the parent")?;
    check(pid != parent, "two pids")?;
    equal(getpid(), parent, "the parent's own pid")?;
    exits(pid, 0)?;
    told.leave()
}

const PAGES: usize = 700;

fn copy_on_write() -> Verdict {
    let mut memory = mmap(PAGES * PAGE as usize)?;
    let stamp = |bytes: &mut [u8], seed: u8| {
        for (index, page) in bytes.chunks_mut(PAGE as usize).enumerate() {
            page[index] = seed.wrapping_add(index as u8) | 1;
        }
    };
    let holds = |bytes: &[u8], seed: u8| -> Verdict {
        for (index, page) in bytes.chunks(PAGE as usize).enumerate() {
            let expected = seed.wrapping_add(index as u8) | 1;
            equal(page[index], expected, format_args!("page {index}"))?;
            let others = page.iter().filter(|byte| **byte != 0).count();
            equal(others, 1, format_args!("bytes of page {index} that are not zero"))?;
        }
        Ok(())
    };
    stamp(memory.bytes_mut(), 10);
    let (there, back) = (Line::new()?, Line::new()?);
    let pid = child(|| {
        let (there, back) = (there.listen()?, back.speak()?);
        holds(memory.bytes(), 10)?;
        stamp(memory.bytes_mut(), 90);
        back.say(0)?;
        there.hear()?;
        holds(memory.bytes(), 90)?;
        Ok(0)
    })?;
    let (there, back) = (there.speak()?, back.listen()?);
    back.hear()?;
    holds(memory.bytes(), 10)?;
    stamp(memory.bytes_mut(), 170);
    there.say(0)?;
    exits(pid, 0)?;
    holds(memory.bytes(), 170)
}

/// Each generation writes a third, and sees of the others what was there when it was made.
/// Page tables with many entries, of which parents and children use a part at a time: every page
/// stays what its process made it.
fn large_tables() -> Verdict {
    const ROUNDS: u64 = 24;
    let length = 80 * REGION as usize;
    let mut memory = mmap(length)?;
    // The first table is full, and so many tables are there that their own table is large.
    let first = (0..512).map(|page| page * PAGE as usize);
    let pages: Vec<usize> = first.chain((1..80).map(|region| region * REGION as usize)).collect();
    let mut expected: Vec<u8> = (0..pages.len()).map(|index| index as u8).collect();
    let stamp = |memory: &mut Mapping, expected: &mut [u8], round: u64| {
        for turn in 0..5 {
            let index = ((round * 5 + turn) * 97 % pages.len() as u64) as usize;
            expected[index] = expected[index].wrapping_add(round as u8 + 1);
            memory.bytes_mut()[pages[index]] = expected[index];
        }
    };
    let holds = |memory: &Mapping, expected: &[u8]| -> Verdict {
        for (page, byte) in pages.iter().zip(expected) {
            equal(memory.bytes()[*page], *byte, format_args!("byte {page:#x}"))?;
        }
        Ok(())
    };
    for (page, byte) in pages.iter().zip(&expected) {
        memory.bytes_mut()[*page] = *byte;
    }
    let mut kept: Option<Waiting> = None;
    for round in 0..ROUNDS {
        // A child that only looks on keeps the tables of this round shared until the next one.
        let onlooker = Waiting::start()?;
        if let Some(before) = kept.replace(onlooker) {
            before.release()?;
        }
        let pid = child(|| {
            stamp(&mut memory, &mut expected, round + 100);
            holds(&memory, &expected)?;
            Ok(0)
        })?;
        stamp(&mut memory, &mut expected, round);
        exits(pid, 0)?;
        if round % 8 == 7 {
            holds(&memory, &expected)?;
        }
    }
    kept.map_or(Ok(()), Waiting::release)
}

fn three_generations() -> Verdict {
    let mut memory = mmap(96 * PAGE as usize)?;
    let third = |bytes: &mut [u8], which: usize, value: u8| {
        for page in bytes.chunks_mut(PAGE as usize).skip(which).step_by(3) {
            page[0] = value;
        }
    };
    let sums = |bytes: &[u8]| {
        let mut sums = [0_u32; 3];
        for (index, page) in bytes.chunks(PAGE as usize).enumerate() {
            sums[index % 3] += u32::from(page[0]);
        }
        sums
    };
    third(memory.bytes_mut(), 0, 1);
    let pid = child(|| {
        third(memory.bytes_mut(), 1, 2);
        let pid = child(|| {
            third(memory.bytes_mut(), 2, 3);
            third(memory.bytes_mut(), 0, 5);
            equal(sums(memory.bytes()), [160, 64, 96], "the grandchild's memory")?;
            Ok(0)
        })?;
        third(memory.bytes_mut(), 2, 4);
        exits(pid, 0)?;
        equal(sums(memory.bytes()), [32, 64, 128], "the child's memory")?;
        Ok(0)
    })?;
    exits(pid, 0)?;
    equal(sums(memory.bytes()), [32, 0, 0], "the parent's memory")
}

fn heap() -> Verdict {
    let mut blocks = vec![vec![1_u8; 1000]; 50];
    let pid = child(|| {
        for block in &mut blocks {
            equal(block.iter().map(|byte| u32::from(*byte)).sum::<u32>(), 1000, "a block")?;
            block.extend_from_slice(&[2; 5000]);
        }
        drop(blocks.split_off(25));
        let more = vec![3_u8; 200_000];
        equal(more.len(), 200_000, "a large block in the child")?;
        Ok(0)
    })?;
    for block in &mut blocks {
        block.resize(2000, 4);
    }
    exits(pid, 0)?;
    let sum: u32 = blocks.iter().flatten().map(|byte| u32::from(*byte)).sum();
    equal(sum, 50 * (1000 + 4000), "the parent's blocks")
}

fn descriptors() -> Verdict {
    let path = "/tmp/fork.descriptors";
    let flags = OpenFlags::READ | OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::TRUNCATE;
    let fd = open(path, flags)?;
    write(fd, b"0123456789")?;
    lseek(fd, 2, Whence::Start)?;
    let pid = child(|| {
        let mut bytes = [0; 3];
        equal(read(fd, &mut bytes)?, 3, "bytes")?;
        equal(&bytes, b"234", "what the child reads")?;
        close(fd)?;
        Ok(0)
    })?;
    exits(pid, 0)?;
    // The description is shared: its position has moved; the descriptor is not: it is open.
    let mut bytes = [0; 3];
    equal(read(fd, &mut bytes)?, 3, "bytes")?;
    equal(&bytes, b"567", "what the parent reads after it")?;
    close(fd)?;
    refused(read(fd, &mut bytes), tine::Errno::BADF, "a closed descriptor")?;
    unlink(path)?;
    Ok(())
}

fn working_directory() -> Verdict {
    tine::chdir("/tmp")?;
    let pid = child(|| {
        let fd = open("fork.wd", OpenFlags::WRITE | OpenFlags::CREATE)?;
        close(fd)?;
        tine::chdir("/bin")?;
        close(open("sh", OpenFlags::READ)?)?;
        Ok(0)
    })?;
    exits(pid, 0)?;
    unlink("fork.wd")?;
    refused(open("sh", OpenFlags::READ), tine::Errno::NOENT, "the parent is where it was")
}

/// A fork is three kernel entries: the call, the clone, the reply.
fn entries() -> Verdict {
    let waiting = Waiting::start()?;
    let reading = counted(|counters| counters.entries, || Ok(()))?;
    // What the reading of the counters itself costs is subtracted; faults are counted apart.
    let mut least = u64::MAX;
    for _ in 0..20 {
        let line = Line::new()?;
        let before = crate::runner::counters()?;
        let fork = tine::process::fork()?;
        if fork == tine::process::Fork::Child {
            let done = crate::process::Mouth(line.write);
            crate::process::play(|| done.say(1).map(|()| 0));
        }
        let after = crate::runner::counters()?;
        if let tine::process::Fork::Parent(pid) = fork {
            exits(pid, 0)?;
        }
        line.leave()?;
        let faults = after.faults - before.faults;
        least = least.min(after.entries - before.entries - faults - reading);
    }
    waiting.release()?;
    equal(least, 3, "kernel entries of a fork")
}
