//! What a kernel is told: direct boot against the real Limine.
//!
//! Owns: booting the probe kernel both ways and comparing its dumps. The dump's format and what
//! makes two of them equal are `tools/directboot/model`'s.

use std::collections::BTreeSet;

use tine_directboot_model::dump;
use tine_harness::{Console, Machine, Medium, Watch};

use super::{Bed, options, tally::Tally};
use crate::exec::watch;
use crate::failure::Failure;
use crate::medium::{self, Parts, Route};
use crate::options::Options;
use crate::workspace;

/// The machines: name, CPUs, MiB.
const MACHINES: [(&str, u32, u32); 4] =
    [("small", 1, 64), ("default", 1, 512), ("processors", 4, 512), ("large", 2, 4096)];

/// Runs the group.
pub(super) fn run(bed: &Bed, tally: &mut Tally) -> Result<(), Failure> {
    let parts = Parts {
        kernel: workspace::read(&bed.guest.probe()?)?,
        root: b"the root server".to_vec(),
        archive: vec![0x5a; 100_000],
    };
    for (name, cpus, memory) in MACHINES {
        let case = format!("told/{name}");
        if !tally.wants(&case) {
            continue;
        }
        let options = Options { cpus, memory, slide: 0, ..options() };
        let direct = told(bed, &Route::Direct, &options, &parts)?;
        match &bed.limine {
            Err(why) => {
                let whole = complete(&direct);
                tally.judged(&format!("{case}.direct"), &whole);
                tally.case(&case, tine_abi::results::Outcome::Skipped(why));
            }
            Ok(route) => {
                let limine = told(bed, route, &options, &parts)?;
                let equal = complete(&direct)
                    .and_then(|()| complete(&limine))
                    .and_then(|()| compare(&direct, &limine));
                tally.judged(&case, &equal);
            }
        }
    }
    Ok(())
}

/// Boots the probe and returns what it said. Both boots get the same machine: the firmware's
/// memory map depends on the devices, so direct boot has a drive too, and Limine no display.
fn told(bed: &Bed, route: &Route, options: &Options, parts: &Parts) -> Result<String, Failure> {
    let loader = bed.guest.loader()?;
    let line = "mode=test slide=0";
    let mut machine = medium::machine(route, options, parts, line, &loader, &bed.folder)?;
    machine.display = false;
    if let Medium::Direct { bundle, .. } = &machine.medium {
        machine.further.extend(["-drive".into(), Machine::drive(bundle)]);
    }
    let mut said = Vec::new();
    let console = Console::Recorded { sink: &mut said };
    let watch = Watch { silence: None, ..watch() };
    tine_harness::run(&machine, console, watch, bed.folder.path(), &mut |_| {});
    Ok(String::from_utf8_lossy(&said).into_owned())
}

/// Whether a dump came to its end.
fn complete(dump: &str) -> Result<(), String> {
    if dump.lines().any(|line| line.trim() == dump::END) {
        return Ok(());
    }
    let last = dump.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("nothing");
    Err(format!("the dump has no end; the last words were: {last}"))
}

/// Whether two dumps are equal but for the loader's free choices.
fn compare(direct: &str, limine: &str) -> Result<(), String> {
    let (ours, theirs) = (dump::normalise(direct), dump::normalise(limine));
    if ours == theirs {
        return Ok(());
    }
    let set = |lines: &[String]| lines.iter().cloned().collect::<BTreeSet<_>>();
    let (ours, theirs) = (set(&ours), set(&theirs));
    let list = |lines: Vec<&String>| {
        let lines: Vec<_> = lines.iter().take(6).map(|line| line.as_str()).collect();
        lines.join("; ")
    };
    Err(format!(
        "only directboot: [{}]; only Limine: [{}]",
        list(ours.difference(&theirs).collect()),
        list(theirs.difference(&ours).collect())
    ))
}
