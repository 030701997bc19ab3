//! What a kernel is told: direct boot against the real Limine.
//!
//! Owns: booting the probe kernel both ways and comparing its dumps. The dump's format and what
//! makes two of them equal are `tools/directboot/model`'s.

use std::collections::BTreeSet;
use std::path::Path;

use tine_abi::results::Outcome;
use tine_directboot_model::dump;
use tine_harness::{Console, Machine, Medium, Watch};

use super::{Bed, options, tally::Tally};
use crate::compiler::Compiler;
use crate::exec::watch;
use crate::failure::Failure;
use crate::guest::Guest;
use crate::medium::{self, Parts, Route};
use crate::options::Options;
use crate::workspace;

/// The machines: name, CPUs, MiB.
const MACHINES: [(&str, u32, u32); 4] =
    [("small", 1, 64), ("default", 1, 512), ("processors", 4, 512), ("large", 2, 4096)];

/// Runs the group.
pub(super) fn run(bed: &Bed, tally: &mut Tally) -> Result<(), Failure> {
    let parts = parts(&bed.guest)?;
    let loader = bed.guest.loader()?;
    for (name, cpus, memory) in MACHINES {
        let case = format!("told/{name}");
        if !tally.wants(&case) {
            continue;
        }
        let options = Options { cpus, memory, slide: 0, ..options() };
        let direct = told(bed, &loader, &Route::Direct, &options, &parts)?;
        match &bed.limine {
            Err(why) => {
                let whole = complete(&direct);
                tally.judged(&format!("{case}.direct"), &whole);
                tally.case(&case, Outcome::Skipped(why));
            }
            Ok(route) => {
                let limine = told(bed, &loader, route, &options, &parts)?;
                let equal = complete(&direct)
                    .and_then(|()| complete(&limine))
                    .and_then(|()| compare(&direct, &limine));
                tally.judged(&case, &equal);
            }
        }
    }
    Ok(())
}

/// Builds loader and probe with a library from source, where a toolchain for that is at hand, and
/// boots them.
pub(super) fn from_source(bed: &Bed, tally: &mut Tally) -> Result<(), Failure> {
    let case = "compiler/from-source";
    if !tally.wants(case) {
        return Ok(());
    }
    let Some(compiler) = Compiler::source_at_hand()? else {
        tally.case(case, Outcome::Skipped("no toolchain with the library's source is installed"));
        return Ok(());
    };
    let guest = Guest::build_loader(&compiler)?;
    let options = Options { slide: 0, ..options() };
    let dump = told(bed, &guest.loader()?, &Route::Direct, &options, &parts(&guest)?)?;
    tally.judged(case, &complete(&dump));
    Ok(())
}

/// The probe as the kernel, and two modules to be found again.
fn parts(guest: &Guest) -> Result<Parts, Failure> {
    Ok(Parts {
        kernel: workspace::read(&guest.probe()?)?,
        root: b"the root server".to_vec(),
        archive: vec![0x5a; 100_000],
    })
}

/// Boots the probe and returns what it said. Both boots get the same machine: the firmware's
/// memory map depends on the devices, so direct boot has a drive too, and Limine no display.
fn told(
    bed: &Bed,
    loader: &Path,
    route: &Route,
    options: &Options,
    parts: &Parts,
) -> Result<String, Failure> {
    let line = "mode=test slide=0";
    let mut machine = medium::machine(route, options, parts, line, loader, &bed.folder)?;
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
