//! What the tests of the harness share: the fake machine and ways to run it.

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tine_harness::{Accelerator, Console, Firmware, Machine, Medium, Report, Watch, run};

/// A machine whose QEMU is the script, with this guest.
pub(crate) fn fake(guest: &str) -> Machine {
    Machine {
        program: Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fake-qemu"),
        accelerator: Accelerator::Tcg,
        firmware: Firmware::Bios,
        medium: Medium::Direct { loader: guest.into(), bundle: "bundle".into() },
        cpus: 1,
        memory: 64,
        counted: false,
        without: Vec::new(),
        display: false,
        further: Vec::new(),
    }
}

/// Limits that only a broken test reaches.
pub(crate) fn patient() -> Watch {
    let limit = Some(Duration::from_secs(60));
    Watch { start: limit, silence: limit, progress: limit, ..Watch::default() }
}

/// A new empty folder.
pub(crate) fn folder() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("run-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).expect("a folder for the run");
    folder
}

/// Runs `guest` with `input`.
pub(crate) fn with_input(guest: &str, input: &'static [u8], watch: Watch) -> (Report, Vec<u8>) {
    let mut output = Vec::new();
    let console = Console::Piped { input: Box::new(Cursor::new(input)), output: &mut output };
    let report = run(&fake(guest), console, watch, &folder(), &mut |_| {});
    (report, output)
}
