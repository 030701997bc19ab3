//! Runs cases, one process each, and judges what they say and what they leave.
//!
//! A case's descriptor 2 is a pipe to the runner: what it or one of its children says there, a
//! failure or a panic, becomes the reason of the verdict. Descriptor 3 is closed in it.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use tine::abi::CapRef;
use tine::abi::capability::slot;
use tine::abi::hardware::Statistics;
use tine::abi::protocol::process::{ForkFlags, State};
use tine::abi::results::{Line, Outcome};
use tine::process::wait::Words;
use tine::process::{Fork, WaitFlags, pdfork, processes};
use tine::sys::hardware::statistics;
use tine::text::Lossy;
use tine::{
    Errno, Fd, Pid, PollFd, PollFlags, close, dup2, kill, nanosleep, pdkill, pipe, poll, read,
    signal, waitpid,
};
use tine_tests_table::leaks::{Left, Moment, RUNS};
use tine_tests_table::selection::selects;

use crate::cases::{self, Case};
use crate::process::play;
use crate::report::{self, CHANNEL};
use crate::verdict::Verdict;

/// How long a case may take before it counts as hanging. No verdict depends on it otherwise.
const PATIENCE: Duration = Duration::from_secs(150);
/// How long what a case started may take to disappear.
const AFTERMATH: Duration = Duration::from_secs(10);
/// Bytes of a reason that are told.
const REASON: usize = 180;

/// The kernel's counters.
pub(crate) fn counters() -> Result<Statistics, Errno> {
    Ok(statistics(CapRef::private(slot::STATISTICS))?)
}

/// Waits until the kernel has finished what it was taking apart.
pub(crate) fn drain() -> Verdict {
    while counters()?.tasks > 0 {
        tine::sys::domain::yield_now();
    }
    Ok(())
}

/// Runs the cases that the filter selects; the exit code.
pub(crate) fn run(filter: &str) -> i32 {
    let mut results = 0;
    let mut failures = 0;
    for case in cases::all().filter(|case| selects(filter, case.name)) {
        report::line(&Line::Case(case.name));
        let reason = match skipped(case) {
            Some(reason) => {
                report::line(&Line::Test(case.name, Outcome::Skipped(&reason)));
                results += 1;
                continue;
            }
            None => judged(case),
        };
        let outcome = match &reason {
            Ok(()) => Outcome::Passed,
            Err(reason) => Outcome::Failed(reason),
        };
        failures += i32::from(reason.is_err());
        report::line(&Line::Test(case.name, outcome));
        results += 1;
    }
    report::line(&Line::Done(results));
    i32::from(failures > 0)
}

/// Why a case cannot run here.
fn skipped(case: &Case) -> Option<String> {
    let total = counters().map_or(0, |counters| counters.frames_total >> 8);
    (total < u64::from(case.memory))
        .then(|| alloc::format!("needs {} MiB of memory, there are {total}", case.memory))
}

/// Runs a case until it leaves nothing behind, at most [`RUNS`] times.
fn judged(case: &Case) -> Result<(), String> {
    let mut left = None;
    for _ in 0..RUNS {
        let base = Base::take()?;
        run_once(case, &base)?;
        let now = base.settle()?;
        if now.is_nothing() {
            return Ok(());
        }
        left = Some(now);
    }
    Err(alloc::format!(
        "each run leaves more behind: {}",
        left.map_or_else(String::new, |left| { alloc::format!("{left}") })
    ))
}

/// What there is before a case.
struct Base {
    moment: Moment,
    processes: Vec<u32>,
}

/// Says why the runner itself cannot go on.
fn trouble(error: Errno) -> String {
    alloc::format!("the runner: {}", error.label())
}

fn process_ids() -> Result<Vec<u32>, Errno> {
    Ok(processes()?.iter().map(|record| record.pid).collect())
}

fn moment() -> Result<Moment, Errno> {
    // The list first: it is memory of the runner.
    let processes = processes()?.len() as u64;
    Ok(Moment { statistics: counters()?, processes })
}

impl Base {
    fn take() -> Result<Self, String> {
        let processes = process_ids().map_err(trouble)?;
        Ok(Self { moment: moment().map_err(trouble)?, processes })
    }

    /// Waits until what the case started has disappeared; what is left then.
    fn settle(&self) -> Result<Left, String> {
        let end = tine::clock_gettime() + AFTERMATH;
        loop {
            let left = moment().map_err(trouble)?.since(&self.moment);
            if left.is_settled() || tine::clock_gettime() > end {
                return Ok(left);
            }
            nanosleep(Duration::from_millis(1)).map_err(trouble)?;
        }
    }

    /// Processes that were not there before, zombies left out: their parents are about to wait.
    fn strays(&self) -> Result<Vec<(Pid, String)>, String> {
        let list = processes().map_err(trouble)?;
        let strays = list.iter().filter(|record| {
            record.state != State::Zombie && !self.processes.contains(&record.pid)
        });
        Ok(strays
            .map(|record| {
                let name = tine::process::list::name(record);
                (record.pid as Pid, alloc::format!("{}", Lossy(name)))
            })
            .collect())
    }

    /// Ends processes that outlive the case; the reason to fail it, if there were any.
    fn end_strays(&self) -> Result<(), String> {
        let end = tine::clock_gettime() + AFTERMATH;
        let mut found = None;
        loop {
            let strays = self.strays()?;
            let Some((_, name)) = strays.first() else { break };
            if tine::clock_gettime() > end {
                found.get_or_insert_with(|| {
                    alloc::format!("{} processes outlive it, such as {name}", strays.len())
                });
                for (pid, _) in &strays {
                    kill(*pid, signal::SIGKILL).ok();
                }
            }
            nanosleep(Duration::from_millis(1)).map_err(trouble)?;
        }
        found.map_or(Ok(()), Err)
    }
}

/// Runs a case once, in a process of its own.
fn run_once(case: &Case, base: &Base) -> Result<(), String> {
    let (report, voice) = pipe().map_err(trouble)?;
    let (pid, descriptor) = match pdfork(ForkFlags::empty()).map_err(trouble)? {
        (Fork::Child, _) => play(|| {
            let given = dup2(voice, Fd::STDERR)?;
            for fd in [report, voice, CHANNEL] {
                close(fd).or_else(|error| if fd == CHANNEL { Ok(()) } else { Err(error) })?;
            }
            debug_assert_eq!(given, Fd::STDERR);
            (case.run)().map(|()| 0)
        }),
        (Fork::Parent(pid), descriptor) => (pid, descriptor.ok_or("pdfork gave no descriptor")?),
    };
    close(voice).map_err(trouble)?;
    let mut asked = [PollFd::new(descriptor, PollFlags::POLLIN)];
    let in_time = poll(&mut asked, Some(PATIENCE)).map_err(trouble)? > 0;
    if !in_time {
        pdkill(descriptor, signal::SIGKILL).ok();
    }
    let status = waitpid(pid, WaitFlags::empty()).map_err(trouble)?.map(|(_, status)| status);
    close(descriptor).map_err(trouble)?;
    let strays = base.end_strays();
    let said = said(report);
    close(report).map_err(trouble)?;
    match status {
        _ if !in_time => Err(alloc::format!("no end within {} s {said}", PATIENCE.as_secs())),
        Some(status) if status.exit_code() == Some(0) => strays,
        Some(status) if status.exit_code().is_some() && !said.is_empty() => Err(said),
        Some(status) => Err(alloc::format!("{}: {said}", Words(status))),
        None => Err("wait4 told nothing".into()),
    }
}

/// What the case and its children said, on one line.
fn said(report: Fd) -> String {
    let mut text = Vec::new();
    let mut chunk = [0; 512];
    while let Ok(length @ 1..) = read(report, &mut chunk) {
        if text.len() < REASON {
            text.extend_from_slice(&chunk[..length]);
        }
    }
    text.truncate(REASON);
    let text = alloc::format!("{}", Lossy(text.trim_ascii()));
    text.lines().collect::<Vec<_>>().join(" | ")
}

/// Runs something and tells how much `count` of the kernel's counters it moved.
pub(crate) fn counted(
    count: fn(&Statistics) -> u64,
    work: impl FnOnce() -> Verdict,
) -> Verdict<u64> {
    let before = count(&counters()?);
    work()?;
    Ok(count(&counters()?) - before)
}
