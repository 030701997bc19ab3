//! The rows of the benchmark, as data: what Linux needs, what Tine must reach, what gates.
//!
//! Owns: [`ROWS`]. Called by: `bench`. Never enters it: measuring (`user/bench`) and judging.
//!
//! Linux's figures are guest instructions of Debian's 6.1 under the same QEMU command, measured
//! on 2026-11-22 (Debian 12's cloud kernel, QEMU 7.2, mitigations off); "lean" is Linux at its
//! toughest: mitigations, memcg, LSM and zero-on-alloc off, for fork a process without libc. Each
//! row names the section and line of that report. Targets and limits are the project's own.

/// What fails a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Gate {
    /// The value must be below Linux's lean figure.
    Lean,
    /// The value may be at most this.
    AtMost(u64),
    /// The value may be at most this many percent of another row's.
    Percent(u64, &'static str),
    /// Nothing but being worse than the best run.
    Best,
    /// Nothing: the row is reported.
    Reported,
}

/// Who measures a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Origin {
    /// `user/bench`, in the guest.
    Guest,
    /// This tool: the kernel's file in bytes.
    KernelFile,
    /// This tool: the boot archive in bytes.
    ArchiveFile,
}

/// One row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Row {
    /// Its name, as the guest writes it.
    pub(crate) name: &'static str,
    /// Who measures it.
    pub(crate) origin: Origin,
    /// Linux 6.1 with mitigations off, median.
    pub(crate) linux: Option<u64>,
    /// Linux at its toughest.
    pub(crate) lean: Option<u64>,
    /// What Tine must reach.
    pub(crate) target: Option<u64>,
    /// Must be at most this many percent of another row, besides the target.
    pub(crate) percent: Option<(u64, &'static str)>,
    /// Kernel entries an operation may take.
    pub(crate) entries: Option<u64>,
    /// CR3 loads an operation may take.
    pub(crate) cr3_loads: Option<u64>,
    /// What fails a run.
    pub(crate) gate: Gate,
    /// Where the figures are from.
    pub(crate) source: &'static str,
}

/// A row of the guest without figures of a peer.
const fn row(name: &'static str, source: &'static str) -> Row {
    Row {
        name,
        origin: Origin::Guest,
        linux: None,
        lean: None,
        target: None,
        percent: None,
        entries: None,
        cr3_loads: None,
        gate: Gate::Best,
        source,
    }
}

/// A row that must beat Linux at its toughest: Linux, lean, target.
const fn beats(
    name: &'static str,
    linux: u64,
    lean: u64,
    target: u64,
    source: &'static str,
) -> Row {
    Row {
        linux: Some(linux),
        lean: Some(lean),
        target: Some(target),
        gate: Gate::Lean,
        ..row(name, source)
    }
}

/// fork() with so much resident memory, in 4 KiB pages; what Linux needs.
const fn fork_call(name: &'static str, linux: u64) -> Row {
    Row {
        linux: Some(linux),
        entries: Some(3),
        cr3_loads: Some(4),
        ..row(name, "3.4, fork() call at this size, mitoff; lean was not measured")
    }
}

/// Every row, in the order of the table.
pub(crate) const ROWS: &[Row] = &[
    beats("null_syscall", 330, 202, 120, "3.1, getppid mitoff; lean: unknown number"),
    beats("ipc_round_trip_8w", 10_570, 8_423, 600, "3.1, eventfd median; its minimum as lean"),
    Row {
        target: Some(900),
        entries: Some(2),
        ..row("null_process_request", "no Linux counterpart: getpid by IPC")
    },
    beats("fault_round_trip", 3_702, 3_637, 1_200, "3.1, SIGSEGV full cycle"),
    beats("context_switch", 1_770, 1_756, 500, "3.1, two processes, FIFO sched_yield"),
    Row {
        entries: Some(3),
        cr3_loads: Some(4),
        ..beats("fork_call_small", 52_789, 35_318, 10_000, "3.2, fork() small; lean: nolibc")
    },
    fork_call("fork_call_1MiB", 99_830),
    fork_call("fork_call_16MiB", 610_220),
    fork_call("fork_call_64MiB", 2_260_000),
    Row { lean: Some(8_850_000), gate: Gate::Lean, ..fork_call("fork_call_256MiB", 8_850_000) },
    Row {
        lean: Some(35_220_000),
        target: Some(10_000),
        percent: Some((110, "fork_call_1MiB")),
        gate: Gate::Percent(110, "fork_call_1MiB"),
        source: "3.4, fork() call, 1024 MiB of 4 KiB pages, mitoff and lean",
        ..fork_call("fork_call_1024MiB", 35_220_000)
    },
    beats("first_write_hot", 4_356, 3_564, 4_000, "3.4, child COW write, 256 MiB lean"),
    beats(
        "first_write_1GiB",
        5_239,
        3_564,
        20_000,
        "3.4, child COW write at 1024 MiB, mitoff; lean: the lower one of 256 and 1024 MiB",
    ),
    Row { entries: Some(3), ..row("fork_call_1024_descriptors", "reported; no Linux figure") },
    Row {
        entries: Some(8),
        ..beats("fork_exit_wait", 124_975, 70_677, 25_000, "3.2, total small; lean: nolibc")
    },
    Row {
        linux: Some(105_590_000),
        lean: Some(99_260_000),
        percent: Some((120, "fork_exit_wait")),
        entries: Some(8),
        gate: Gate::Lean,
        ..row("fork_exit_wait_1024MiB", "3.4, +exit+wait total, 1024 MiB, mitoff and lean")
    },
    Row {
        entries: Some(8),
        ..beats("vfork_exit_wait", 37_407, 35_413, 15_000, "3.2, vfork+_exit+wait total")
    },
    beats("fork_exec_wait", 225_277, 203_433, 60_000, "3.2, fork+exec tiny+wait total"),
    beats("pdfork_poll_wait_close", 133_840, 124_561, 30_000, "3.2, clone+poll+waitid+close"),
    beats("zero_fill_fault", 2_830, 2_460, 1_200, "3.1, anonymous zero-fill write fault"),
    beats("cow_fault", 4_356, 3_564, 2_000, "3.4, child COW write, 256 MiB lean"),
    beats("memory_per_child_KiB", 80, 77, 36, "3.3, MemFree delta of 5000 children"),
    Row {
        target: Some(2_000),
        gate: Gate::AtMost(2_000),
        ..row("process_server_share", "the process server's own part of a fork")
    },
    Row { gate: Gate::Reported, ..row("boot_to_prompt", "instructions from reset to the prompt") },
    Row { gate: Gate::Reported, ..row("idle_memory_KiB", "frames in use when nothing runs") },
    Row {
        origin: Origin::KernelFile,
        gate: Gate::Reported,
        ..row("kernel_size", "the kernel's file with its symbols")
    },
    Row {
        origin: Origin::ArchiveFile,
        gate: Gate::Reported,
        ..row("archive_size", "the boot archive")
    },
];

/// The row with this name.
pub(crate) fn find(name: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_words_and_references_exist() {
        for (index, row) in ROWS.iter().enumerate() {
            assert!(!row.name.contains([' ', ',']) && !row.source.is_empty());
            assert!(ROWS[..index].iter().all(|other| other.name != row.name), "{}", row.name);
            let gate = if let Gate::Percent(percent, base) = row.gate {
                Some((percent, base))
            } else {
                None
            };
            for (percent, base) in gate.into_iter().chain(row.percent) {
                assert!(percent >= 100 && find(base).is_some() && base != row.name);
            }
        }
    }

    #[test]
    fn every_row_with_a_lean_figure_is_gated() {
        for row in ROWS.iter().filter(|row| row.lean.is_some()) {
            assert!(matches!(row.gate, Gate::Lean | Gate::Percent(..)), "{}", row.name);
        }
        for row in ROWS.iter().filter(|row| row.gate == Gate::Lean) {
            assert!(row.lean.is_some(), "{}", row.name);
        }
    }
}
