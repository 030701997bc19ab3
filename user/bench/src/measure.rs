//! Measuring: counters before and after, drained and balanced.

use tine::abi::CapRef;
use tine::abi::capability::slot;
use tine::abi::hardware::Statistics;
use tine::abi::results::{BenchRow, Figure};
use tine::memory::{SharedMapping, mmap_not_inherited};
use tine::process::Fork;
use tine::process::list::processes;
use tine::sys::clock::ticks;
use tine::sys::domain::yield_now;
use tine::sys::hardware::statistics;
use tine::{Errno, Result};

/// Operations of a row.
pub(crate) const OPERATIONS: usize = 1000;
/// Operations before the first that counts: slabs have grown, tables are where they stay.
const WARM_UP: usize = 20;
/// Turns that the kernel's tasks get to finish before that is an error.
const DRAIN: usize = 100_000;

/// What an operation costs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    pub(crate) value: Figure,
    pub(crate) median: Figure,
    pub(crate) entries: Figure,
    pub(crate) cr3_loads: Figure,
    pub(crate) unit: &'static str,
}

impl Measured {
    /// A single number without operations.
    pub(crate) const fn single(value: u64, unit: &'static str) -> Self {
        let (value, none) = (Figure::whole(value), Figure::whole(0));
        Self { value, median: value, entries: none, cr3_loads: none, unit }
    }

    /// As a line of the results channel.
    pub(crate) const fn row<'a>(&self, name: &'a str) -> BenchRow<'a> {
        BenchRow {
            name,
            value: self.value,
            median: self.median,
            entries: self.entries,
            cr3_loads: self.cr3_loads,
            unit: self.unit,
        }
    }
}

/// The kernel's counters.
pub(crate) fn counters() -> Result<Statistics> {
    statistics(CapRef::private(slot::STATISTICS)).map_err(Errno::from)
}

/// The counters once the kernel has nothing left to take apart.
pub(crate) fn drained() -> Result<Statistics> {
    for _ in 0..DRAIN {
        let now = counters()?;
        if now.tasks == 0 {
            return Ok(now);
        }
        yield_now();
    }
    Err(Errno::BUSY)
}

/// What must be the same before and after a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Balance {
    frames: u64,
    objects: u64,
    processes: usize,
}

/// What is in use, the kernel's own pools not counted: they keep what they once needed.
pub(crate) fn balance() -> Result<Balance> {
    let processes = processes()?.len();
    let now = drained()?;
    Ok(Balance { frames: now.frames_free + now.frames_kernel, objects: now.objects, processes })
}

/// Single measurements, outside of what a fork copies: the process under measurement stays small.
#[derive(Debug)]
struct Samples {
    memory: SharedMapping,
    length: usize,
}

impl Samples {
    fn new() -> Result<Self> {
        let memory = mmap_not_inherited((WARM_UP + OPERATIONS) * size_of::<u64>())?;
        Ok(Self { memory, length: 0 })
    }

    #[inline]
    fn push(&mut self, ticks: u64) {
        if self.memory.store(self.length, ticks).is_some() {
            self.length += 1;
        }
    }

    fn sum(&self) -> u64 {
        (0..self.length).filter_map(|index| self.memory.load(index)).sum()
    }

    /// The value in the middle, by counting the bits of the smaller half: nothing is sorted.
    fn median(&self) -> u64 {
        let below = |limit: u64| {
            let values = (0..self.length).filter_map(|index| self.memory.load(index));
            values.filter(|value| *value < limit).count()
        };
        (0..u64::BITS).rev().fold(0, |found, bit| {
            let candidate = found | 1 << bit;
            if below(candidate) <= self.length / 2 { candidate } else { found }
        })
    }
}

/// Entries by system calls and interrupts between two readings of the counters. Page faults are
/// counted for themselves; the second reading is an entry of its own.
const fn entries(before: &Statistics, after: &Statistics) -> u64 {
    (after.entries - before.entries) - (after.faults - before.faults) - 1
}

/// Ticks, entries and CR3 loads of the part of an operation that counts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sample {
    ticks: u64,
    entries: u64,
    cr3_loads: u64,
}

/// Measures whole operations: one span over all of them, single ones for the median.
///
/// # Errors
/// What an operation says.
pub(crate) fn whole(mut operation: impl FnMut() -> Result<()>) -> Result<Measured> {
    let mut singles = Samples::new()?;
    for _ in 0..WARM_UP {
        operation()?;
    }
    let before = drained()?;
    let start = ticks();
    for _ in 0..OPERATIONS {
        operation()?;
    }
    let after = drained()?;
    let spent = ticks() - start;
    for _ in 0..OPERATIONS {
        let start = ticks();
        operation()?;
        singles.push(ticks() - start);
    }
    let total = Sample {
        ticks: spent,
        entries: entries(&before, &after),
        cr3_loads: after.cr3_loads - before.cr3_loads,
    };
    Ok(report(total, OPERATIONS, &singles))
}

/// Measures a part of each operation: `operation` calls the probe around what counts.
///
/// # Errors
/// As [`whole`].
pub(crate) fn part(mut operation: impl FnMut(&mut Probe) -> Result<()>) -> Result<Measured> {
    let mut probe = Probe { samples: Samples::new()?, entries: 0, cr3_loads: 0, is_counted: false };
    for _ in 0..WARM_UP {
        operation(&mut probe)?;
    }
    probe.samples.length = 0;
    for _ in 0..OPERATIONS {
        operation(&mut probe)?;
        drained()?;
    }
    // Counters are read around the part in a second pass: reading them is an entry of its own.
    probe.is_counted = true;
    for _ in 0..OPERATIONS {
        operation(&mut probe)?;
        drained()?;
    }
    let total =
        Sample { ticks: probe.samples.sum(), entries: probe.entries, cr3_loads: probe.cr3_loads };
    Ok(report(total, OPERATIONS, &probe.samples))
}

/// Marks the part of an operation that counts.
#[derive(Debug)]
pub(crate) struct Probe {
    samples: Samples,
    entries: u64,
    cr3_loads: u64,
    is_counted: bool,
}

impl Probe {
    /// Runs the part that counts.
    #[inline]
    pub(crate) fn count<R>(&mut self, part: impl FnOnce() -> Result<R>) -> Result<R> {
        if self.is_counted {
            let before = counters()?;
            let result = part()?;
            let after = counters()?;
            self.entries += entries(&before, &after);
            self.cr3_loads += after.cr3_loads - before.cr3_loads;
            return Ok(result);
        }
        let start = ticks();
        let result = part()?;
        let end = ticks();
        self.samples.push(end - start);
        Ok(result)
    }

    /// As [`Self::count`], of a fork: only the parent has the samples.
    #[inline]
    pub(crate) fn count_fork(&mut self, fork: impl FnOnce() -> Result<Fork>) -> Result<Fork> {
        if self.is_counted {
            return self.count(fork);
        }
        let start = ticks();
        let result = fork()?;
        let end = ticks();
        if matches!(result, Fork::Parent(_)) {
            self.samples.push(end - start);
        }
        Ok(result)
    }

    /// Takes over a sample that another process measured.
    pub(crate) fn add(&mut self, ticks: u64) {
        if !self.is_counted {
            self.samples.push(ticks);
        }
    }
}

fn report(total: Sample, operations: usize, singles: &Samples) -> Measured {
    let median = singles.median();
    let operations = operations as u64;
    Measured {
        value: Figure::ratio(total.ticks, operations),
        median: Figure::whole(median),
        entries: Figure::ratio(total.entries, operations),
        cr3_loads: Figure::ratio(total.cr3_loads, operations),
        unit: "instructions",
    }
}
