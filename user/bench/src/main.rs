//! `bench`: what each operation costs, in ticks of the time-stamp counter.
//!
//! Owns: the table of rows and the order in which they run. Never enters it: targets and verdicts;
//! those are the host tool's.
//!
//! Under counted instructions a tick is one guest instruction, so the figures are exact. Each row
//! is (counter at the end - at the start) / operations, over [`measure::OPERATIONS`] of them,
//! kernel tasks drained, and frames, objects and processes equal before and after.
//!
//! Called by: init in mode `bench`, with names of rows (or parts) as arguments; lines go to
//! descriptor 3, the results channel, or to standard output when there is none.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

extern crate alloc;

mod fork_rows;
mod ipc_rows;
mod measure;
mod memory_rows;
mod output;
mod system_rows;

use tine::abi::results::Line;
use tine::{Arguments, Result, println};

use measure::Measured;

const USAGE: &str = "usage: bench [FILTER...]
Measures the rows whose name contains one of the filters, which can also be separated by
commas; all without a filter. Ticks of the time-stamp counter are instructions only where
the machine counts them: that is `cargo run -- bench' on the host. Results go to
descriptor 3, the results channel, or to standard output if there is none.";

/// How a row is measured.
type Measure = fn() -> Result<Measured>;

/// Every row, in the order of the tool's table.
const ROWS: &[(&str, Measure)] = &[
    ("boot_to_prompt", system_rows::boot_to_prompt),
    ("idle_memory_KiB", system_rows::idle_memory),
    ("null_syscall", ipc_rows::null_syscall),
    ("ipc_round_trip_8w", ipc_rows::ipc_round_trip),
    ("null_process_request", ipc_rows::null_process_request),
    ("fault_round_trip", ipc_rows::fault_round_trip),
    ("context_switch", ipc_rows::context_switch),
    ("fork_call_small", || fork_rows::fork_call(0)),
    ("fork_call_1MiB", || fork_rows::fork_call(1)),
    ("fork_call_16MiB", || fork_rows::fork_call(16)),
    ("fork_call_64MiB", || fork_rows::fork_call(64)),
    ("fork_call_256MiB", || fork_rows::fork_call(256)),
    ("fork_call_1024MiB", || fork_rows::fork_call(1024)),
    ("first_write_hot", fork_rows::first_write_hot),
    ("first_write_1GiB", fork_rows::first_write_large),
    ("fork_call_1024_descriptors", fork_rows::fork_call_descriptors),
    ("fork_exit_wait", || fork_rows::fork_exit_wait(0)),
    ("fork_exit_wait_1024MiB", || fork_rows::fork_exit_wait(1024)),
    ("vfork_exit_wait", fork_rows::vfork_exit_wait),
    ("fork_exec_wait", fork_rows::fork_exec_wait),
    ("pdfork_poll_wait_close", fork_rows::pdfork_poll_wait_close),
    ("zero_fill_fault", memory_rows::zero_fill_fault),
    ("cow_fault", memory_rows::cow_fault),
    ("memory_per_child_KiB", memory_rows::memory_per_child),
    ("process_server_share", fork_rows::process_server_share),
];

/// Whether a row is among those that were asked for.
fn is_wanted(name: &str, arguments: &Arguments) -> bool {
    let mut filters = arguments.clone().skip(1).peekable();
    let matches = |part: &[u8]| name.as_bytes().windows(part.len().max(1)).any(|at| at == part);
    filters.peek().is_none()
        || filters.any(|filter| filter.split(|byte| *byte == b',').any(matches))
}

/// Runs of a row until one leaves nothing behind.
const ATTEMPTS: usize = 3;

/// Measures a row that left nothing behind. Servers and tables keep what they once needed, so a
/// row may be out of balance the first time; a leak is out of balance every time.
fn measure(measure: Measure) -> Result<Measured> {
    let mut before = measure::balance()?;
    for _ in 0..ATTEMPTS {
        let measured = measure()?;
        let after = measure::balance()?;
        if after == before {
            return Ok(measured);
        }
        println!("bench: before {before:?}, after {after:?}");
        before = after;
    }
    Err(tine::Errno::IO)
}

fn run(arguments: Arguments) -> i32 {
    if arguments.clone().nth(1) == Some(b"--help") {
        println!("{USAGE}");
        return 0;
    }
    let (mut written, mut failed) = (0, false);
    for (name, row) in ROWS.iter().filter(|(name, _)| is_wanted(name, &arguments)) {
        output::line(&Line::Case(name));
        match measure(*row) {
            Ok(measured) => {
                output::line(&Line::Bench(measured.row(name)));
                written += 1;
            }
            Err(errno) => {
                println!("bench: {name}: {errno}");
                failed = true;
            }
        }
    }
    output::line(&Line::Done(written));
    i32::from(failed)
}

tine::entry!(run);
