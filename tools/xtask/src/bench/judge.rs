//! What a measured row is worth.
//!
//! Owns: the rules by which a figure fails. Called by: `bench`. Invariant: a rule is exact
//! arithmetic over thousandths; no rule looks at anything but figures.

use std::collections::BTreeMap;

use tine_abi::results::{BenchRow, Figure};

use super::best::Best;
use super::rows::{Gate, Row};

/// A measured row, by its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Measured {
    /// The gate.
    pub(crate) value: Figure,
    /// Median over single operations.
    pub(crate) median: Figure,
    /// Kernel entries an operation.
    pub(crate) entries: Figure,
    /// CR3 loads an operation.
    pub(crate) cr3_loads: Figure,
    /// Unit of value and median.
    pub(crate) unit: String,
}

impl From<&BenchRow<'_>> for Measured {
    fn from(row: &BenchRow<'_>) -> Self {
        Self {
            value: row.value,
            median: row.median,
            entries: row.entries,
            cr3_loads: row.cr3_loads,
            unit: row.unit.to_owned(),
        }
    }
}

/// Measured rows by name.
pub(crate) type Figures = BTreeMap<String, Measured>;

/// How much above a limit of entries or CR3 loads an average may be: an operation in twenty that
/// meets the timer. Anything an operation does itself adds a whole one.
const TIMER: u64 = 50;

/// How much worse than the best a value may be, in percent.
const WORSE: u64 = 103;

/// What a row must reach, as one figure: its target and its relation to another row.
pub(crate) fn target(row: &Row, figures: &Figures) -> Option<Figure> {
    let related = row.percent.and_then(|(percent, base)| {
        figures.get(base).map(|base| Figure::from_thousandths(percent_of(base.value, percent)))
    });
    let fixed = row.target.map(Figure::whole);
    [fixed, related].into_iter().flatten().min()
}

/// Why a row fails, one sentence each; empty if it does not.
pub(crate) fn failures(row: &Row, figures: &Figures, best: &Best) -> Vec<String> {
    let Some(seen) = figures.get(row.name) else {
        return vec!["not measured".to_owned()];
    };
    let mut failures = Vec::new();
    let gate = match row.gate {
        // As thousandths: below the figure, not equal to it.
        Gate::Lean => row.lean.map(|lean| (Figure::whole(lean), "Linux lean", true)),
        Gate::AtMost(limit) => Some((Figure::whole(limit), "the limit", false)),
        Gate::Percent(percent, base) => figures.get(base).map(|base| {
            (Figure::from_thousandths(percent_of(base.value, percent)), "flatness", false)
        }),
        Gate::Best | Gate::Reported => None,
    };
    if let Some((limit, what, strict)) = gate
        && (seen.value > limit || strict && seen.value == limit)
    {
        failures.push(format!("{what} is {limit}"));
    }
    let averages =
        [("entries", seen.entries, row.entries), ("CR3 loads", seen.cr3_loads, row.cr3_loads)];
    for (what, average, limit) in averages {
        if let Some(limit) = limit
            && average.thousandths() > limit * 1000 + TIMER
        {
            failures.push(format!("at most {limit} {what}"));
        }
    }
    if row.gate != Gate::Reported
        && let Some(best) = best.get(row.name)
        && u128::from(seen.value.thousandths()) * 100
            > u128::from(best.value.thousandths()) * u128::from(WORSE)
    {
        failures.push(format!("more than 3 % above the best, {}", best.value));
    }
    failures
}

/// `percent` per cent of a figure, in thousandths.
fn percent_of(figure: Figure, percent: u64) -> u64 {
    let scaled = u128::from(figure.thousandths()) * u128::from(percent) / 100;
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::rows::find;
    use super::*;

    fn figures(rows: &[(&str, u64)]) -> Figures {
        let measured = |value| Measured {
            value: Figure::whole(value),
            median: Figure::whole(value),
            entries: Figure::whole(3),
            cr3_loads: Figure::whole(4),
            unit: "instructions".into(),
        };
        rows.iter().map(|(name, value)| ((*name).to_owned(), measured(*value))).collect()
    }

    fn fails(name: &str, figures: &Figures, best: &Best) -> usize {
        failures(find(name).expect("a row of the table"), figures, best).len()
    }

    #[test]
    fn a_row_must_be_below_lean_linux() {
        let none = Best::default();
        assert_eq!(fails("null_syscall", &figures(&[("null_syscall", 201)]), &none), 0);
        assert_eq!(fails("null_syscall", &figures(&[("null_syscall", 202)]), &none), 1);
        assert_eq!(fails("null_syscall", &figures(&[]), &none), 1, "a missing row fails");
    }

    #[test]
    fn fork_must_be_flat() {
        let flat = figures(&[("fork_call_1MiB", 1000), ("fork_call_1024MiB", 1100)]);
        assert_eq!(fails("fork_call_1024MiB", &flat, &Best::default()), 0);
        let steep = figures(&[("fork_call_1MiB", 1000), ("fork_call_1024MiB", 1101)]);
        assert_eq!(fails("fork_call_1024MiB", &steep, &Best::default()), 1);
        let row = find("fork_call_1024MiB").unwrap();
        assert_eq!(target(row, &steep), Some(Figure::whole(1100)));
        let large = figures(&[("fork_call_1MiB", 20_000), ("fork_call_1024MiB", 1)]);
        assert_eq!(target(row, &large), Some(Figure::whole(10_000)));
    }

    #[test]
    fn entries_and_cr3_loads_are_limits_too() {
        let mut seen = figures(&[("fork_call_small", 5000)]);
        let row = seen.get_mut("fork_call_small").unwrap();
        row.entries = Figure::from_thousandths(3_050);
        assert_eq!(fails("fork_call_small", &seen, &Best::default()), 0);
        let row = seen.get_mut("fork_call_small").unwrap();
        row.entries = Figure::from_thousandths(3_051);
        row.cr3_loads = Figure::whole(5);
        assert_eq!(fails("fork_call_small", &seen, &Best::default()), 2);
    }

    #[test]
    fn three_percent_above_the_best_is_the_limit() {
        let best = Best::parse(r#"{"cow_fault": {"value": 1000, "entries": 1, "cr3_loads": 0}}"#);
        let best = best.unwrap();
        assert_eq!(fails("cow_fault", &figures(&[("cow_fault", 1030)]), &best), 0);
        assert_eq!(fails("cow_fault", &figures(&[("cow_fault", 1031)]), &best), 1);
        let best = Best::parse(r#"{"boot_to_prompt": {"value": 10}}"#).unwrap();
        assert_eq!(fails("boot_to_prompt", &figures(&[("boot_to_prompt", 99)]), &best), 0);
    }
}
