//! The tests that run inside the guest, booted each way.
//!
//! Owns: the relation between the guest's lines and the report: a case that was begun and not
//! ended, a suite that ended early, a guest that died. The cases themselves are `user/tests`.

use std::time::Duration;

use tine_abi::results::{Line, Mode, Outcome};
use tine_harness::{Console, End, Watch};

use super::{Bed, options, tally::Tally};
use crate::exec::{explain, watch};
use crate::failure::Failure;
use crate::medium::{self, Parts, Route, Task};
use crate::options::{FirmwareKind, Options};

/// How long one case may take: 1,000 children under TCG on a busy host, with room.
const CASE: Duration = Duration::from_secs(180);

/// Runs the suite in every boot at hand.
pub(super) fn run(bed: &Bed, parts: &Parts, tally: &mut Tally) -> Result<(), Failure> {
    suite(bed, parts, tally, "direct", &Route::Direct, &options())?;
    match &bed.limine {
        Ok(route) => suite(bed, parts, tally, "limine", route, &options())?,
        Err(why) if tally.wants_group("limine") => tally.case("limine", Outcome::Skipped(why)),
        Err(_) => {}
    }
    match &bed.limine {
        Ok(route) => {
            let options = Options { firmware: FirmwareKind::Uefi, ..options() };
            suite(bed, parts, tally, "uefi", route, &options)
        }
        Err(_) => Ok(()),
    }
}

fn suite(
    bed: &Bed,
    parts: &Parts,
    tally: &mut Tally,
    group: &str,
    route: &Route,
    options: &Options,
) -> Result<(), Failure> {
    if !tally.wants_group(group) {
        return Ok(());
    }
    let task = Task { mode: Mode::Test, filter: tally.inside(group), ..Task::default() };
    let line = task.command_line(options.slide);
    let machine = medium::machine(route, options, parts, &line, &bed.guest.loader()?, &bed.folder)?;
    let watch = Watch { progress: Some(CASE), ..watch() };
    let mut results = Results { tally, group, open: None, seen: 0 };
    let mut sink = std::io::sink();
    let console = Console::Recorded { sink: &mut sink };
    let report = tine_harness::run(&machine, console, watch, bed.folder.path(), &mut |line| {
        results.line(line);
    });
    if let Err(why) = results.judge(&report.end) {
        let case = results.open.take().unwrap_or_else(|| format!("{group}/(suite)"));
        results.tally.case(&case, Outcome::Failed(&why));
        explain(&report, &parts.kernel);
    }
    Ok(())
}

/// The guest's lines as they come.
#[derive(Debug)]
struct Results<'a> {
    tally: &'a mut Tally,
    group: &'a str,
    /// The case that has begun and not ended.
    open: Option<String>,
    /// Results seen.
    seen: u32,
}

impl Results<'_> {
    fn line(&mut self, line: &Line<'_>) {
        match *line {
            Line::Case(name) => self.open = Some(format!("{}/{name}", self.group)),
            Line::Test(name, outcome) => {
                self.open = None;
                self.seen += 1;
                self.tally.case(&format!("{}/{name}", self.group), outcome);
            }
            _ => {}
        }
    }

    /// Whether the suite came to its end with every result.
    fn judge(&self, end: &End) -> Result<(), String> {
        match end {
            End::Done(said) if *said == self.seen && self.open.is_none() => Ok(()),
            End::Done(said) => {
                Err(format!("the guest wrote {said} results, {} arrived", self.seen))
            }
            other => Err(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_must_end_with_every_result() {
        let mut tally = Tally::new(&[]);
        let mut results = Results { tally: &mut tally, group: "g", open: None, seen: 0 };
        for line in ["case a", "test a ok", "case b", "test b FAIL why", "done 2"] {
            results.line(&Line::parse(line).unwrap());
        }
        assert_eq!(results.judge(&End::Done(2)), Ok(()));
        assert!(results.judge(&End::Done(3)).is_err());
        assert!(results.judge(&End::PoweredOff).is_err());
        results.line(&Line::Case("c"));
        assert_eq!(results.open.as_deref(), Some("g/c"));
        assert!(results.judge(&End::Done(2)).is_err());
    }
}
