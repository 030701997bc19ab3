//! Many processes: chains, crowds, bombs, storms.

use alloc::vec::Vec;

use tine::memory::mmap;
use tine::process::limit::{Limit, setrlimit};
use tine::process::{Fork, fork, setuid};
use tine::signal::SIGKILL;
use tine::{Errno, Pid, close, getpid, kill, setpgid};

use super::{Case, heavy_case};
use crate::process::{Line, child, ended, exits, is_killed, play, reap_all};
use crate::verdict::{Failure, Verdict, check, equal};

pub(super) const CASES: &[Case] = &[
    heavy_case("heavy.chain-of-1000", 48, chain),
    heavy_case("heavy.forks-in-a-row", 24, in_a_row),
    heavy_case("heavy.children-1000", 48, crowd),
    heavy_case("heavy.bomb", 24, bomb),
    heavy_case("heavy.exit-storm", 32, exit_storm),
    heavy_case("heavy.orphan-storm", 32, orphan_storm),
    heavy_case("heavy.fork-while-writing", 24, fork_while_writing),
];

/// Each forks the next and waits for it; the sum comes back through the exit codes' path.
fn chain() -> Verdict {
    const LENGTH: u64 = 1000;
    let line = Line::new()?;
    let first = child(|| link(LENGTH - 1, line))?;
    let ear = line.listen()?;
    exits(first, 0)?;
    equal(ear.hear_number()?, Some(LENGTH), "links of the chain")?;
    ear.hear_end()?;
    ear.leave()
}

/// One link: `left` more follow. The last one says how many there are.
fn link(left: u64, line: Line) -> Verdict<u8> {
    // A loop instead of recursion: each link goes on in its child.
    let mut depth = 1;
    let mut left = left;
    loop {
        if left == 0 {
            crate::process::Mouth(line.write).say_number(depth)?;
            return Ok(0);
        }
        match fork()
            .map_err(|error| Failure::new(format_args!("{} at link {depth}", error.label())))?
        {
            Fork::Child => {
                depth += 1;
                left -= 1;
            }
            Fork::Parent(pid) => {
                // The next link keeps the line open until it has ended.
                close(line.write)?;
                close(line.read)?;
                exits(pid, 0)?;
                return Ok(0);
            }
        }
    }
}

fn in_a_row() -> Verdict {
    let mut last = getpid();
    for turn in 0..1000 {
        let pid = child(|| Ok(turn as u8))?;
        check(pid != last, "pids differ")?;
        last = pid;
        exits(pid, turn as u8)?;
    }
    Ok(())
}

/// A thousand children that live at once, told apart by what they say.
fn crowd() -> Verdict {
    const COUNT: u64 = 1000;
    let (go, back) = (Line::new()?, Line::new()?);
    for number in 0..COUNT {
        child(|| {
            let (go, back) = (go.listen()?, back.speak()?);
            back.say_number(number)?;
            go.hear_end()?;
            Ok(0)
        })
        .map_err(|failure| failure.within(format_args!("child {number}")))?;
    }
    let (go, back) = (go.speak()?, back.listen()?);
    let mut seen = alloc::vec![false; COUNT as usize];
    for _ in 0..COUNT {
        let number = back.hear_number()?.unwrap_or(COUNT) as usize;
        let place = seen.get_mut(number).ok_or_else(|| Failure::new("an odd number"))?;
        check(!core::mem::replace(place, true), format_args!("{number} is heard once"))?;
    }
    // All of them live now.
    let listed = tine::process::processes()?.len() as u64;
    check(listed > COUNT, format_args!("{listed} processes"))?;
    go.leave()?;
    for _ in 0..COUNT {
        let status = ended(-1)?;
        equal(status.exit_code(), Some(0), "a child's exit code")?;
    }
    equal(reap_all()?, 0, "children that are left")?;
    back.hear_end()?;
    back.leave()
}

/// Forks as fast as it can, in all generations, until the user's limit stops it.
fn bomb() -> Verdict {
    const LIMIT: u64 = 60;
    let line = Line::new()?;
    let leader = child(|| {
        setpgid(0, 0)?;
        setuid(1007)?;
        setrlimit(Limit::UserProcesses, LIMIT)?;
        explode(line)
    })?;
    let ear = line.listen()?;
    // Each process of the bomb says once that it was refused; then all of them wait.
    let mut refusals = 0;
    while refusals < LIMIT {
        match ear.hear()? {
            Some(error) => equal(i32::from(error), Errno::AGAIN as i32, "why a fork is refused")?,
            None => return Err(Failure::new("the bomb has ended by itself")),
        }
        refusals += 1;
    }
    // The system lives: this case can fork, and end the bomb.
    let bystander = child(|| Ok(5))?;
    exits(bystander, 5)?;
    kill(-leader, SIGKILL)?;
    is_killed(leader, SIGKILL)?;
    ear.hear_end()?;
    ear.leave()
}

fn explode(line: Line) -> Verdict<u8> {
    loop {
        match fork() {
            Ok(_) => {}
            Err(error) => {
                crate::process::Mouth(line.write).say(error as i32 as u8)?;
                tine::poll(&mut [], None)?;
            }
        }
    }
}

/// Hundreds that end at the same moment, some by signals, some by themselves.
fn exit_storm() -> Verdict {
    const COUNT: usize = 300;
    let go = Line::new()?;
    let mut pids: Vec<Pid> = Vec::new();
    for number in 0..COUNT {
        pids.push(child(|| {
            let ear = go.listen()?;
            let mut memory = mmap(20 * 4096)?;
            memory.bytes_mut().fill(number as u8);
            ear.hear_end()?;
            if number % 3 == 0 {
                kill(getpid(), SIGKILL)?;
            }
            Ok(number as u8 & 0x7f)
        })?);
    }
    let mouth = go.speak()?;
    mouth.leave()?;
    for pid in pids.iter().skip(1).step_by(3) {
        // Some are killed while they end by themselves: both ends are right for them.
        kill(*pid, SIGKILL)?;
    }
    for (number, pid) in pids.into_iter().enumerate() {
        let status = ended(pid)?;
        let by_itself = status.exit_code() == Some(number as u8 & 0x7f);
        let killed = status.signal() == Some(SIGKILL as u8);
        let is_right = match number % 3 {
            0 => killed,
            1 => killed || by_itself,
            _ => by_itself,
        };
        check(is_right, format_args!("the end of child {number}"))?;
    }
    Ok(())
}

/// Families whose parents end first: init reaps hundreds.
fn orphan_storm() -> Verdict {
    const FAMILIES: usize = 40;
    let go = Line::new()?;
    let mut parents = Vec::new();
    for _ in 0..FAMILIES {
        parents.push(child(|| {
            for _ in 0..5 {
                if fork()? == Fork::Child {
                    play(|| {
                        go.listen()?.hear_end()?;
                        Ok(0)
                    });
                }
            }
            Ok(0)
        })?);
    }
    for pid in parents {
        exits(pid, 0)?;
    }
    go.leave()?;
    equal(reap_all()?, 0, "children that are left")
}

/// A parent that writes to shared pages while its children come and go.
fn fork_while_writing() -> Verdict {
    const PAGES: usize = 400;
    let mut memory = mmap(PAGES * 4096)?;
    for round in 1..40_u8 {
        for (index, page) in memory.bytes_mut().chunks_mut(4096).enumerate() {
            if (index + usize::from(round)).is_multiple_of(3) {
                page[usize::from(round)] = round;
            }
        }
        let bytes = memory.bytes();
        let expected: usize = bytes.iter().map(|byte| usize::from(*byte)).sum();
        let pid = child(|| {
            let found: usize = memory.bytes().iter().map(|byte| usize::from(*byte)).sum();
            equal(found, expected, "the sum of the child's memory")?;
            Ok(round)
        })?;
        memory.bytes_mut()[usize::from(round) * 4096] ^= 0xff;
        memory.bytes_mut()[usize::from(round) * 4096] ^= 0xff;
        exits(pid, round)?;
    }
    Ok(())
}
