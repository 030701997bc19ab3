//! The suite's own program executed again: what a case needs another program for.

use alloc::string::String;

use tine::{Fd, eprintln, println};

use crate::cases::exhaustion::Glutton;
use crate::verdict::Verdict;

/// First argument of such a run.
pub(crate) const OPTION: &str = "--helper";

/// Where the program lies.
pub(crate) const PATH: &str = "/bin/tests";

/// Does what the arguments say; the exit code.
pub(crate) fn run(arguments: &[String]) -> i32 {
    match arguments.first().map(String::as_str) {
        // The remaining arguments, then the environment, one a line.
        Some("tell") => {
            for argument in &arguments[1..] {
                println!("{argument}");
            }
            for string in tine::environment::environ() {
                println!("{}", tine::text::Lossy(&string));
            }
            0
        }
        // How many of descriptors 3 to 63 are open, as the exit code.
        Some("descriptors") => open().count() as i32,
        // How many of those are processes.
        Some("processes") => {
            open().filter(|kind| *kind == tine::descriptor::FileKind::Process).count() as i32
        }
        // Whether the process id is still the one in the argument.
        Some("same-pid") => {
            let pid = arguments.get(1).and_then(|text| text.parse().ok());
            i32::from(pid != Some(tine::getpid()))
        }
        // Waits until it is killed.
        Some("wait") => i32::from(tine::poll(&mut [], None).is_err()),
        // Uses up all memory of programs, says so, and takes all that comes back.
        Some("hog") => hog().map_or(126, |()| 0),
        // Sends itself SIGTERM; 7 if that is ignored.
        Some("terminate-self") => match tine::process::raise(tine::signal::SIGTERM) {
            Ok(()) => 7,
            Err(_) => 126,
        },
        // This exit code.
        Some("exit") => arguments.get(1).and_then(|text| text.parse().ok()).unwrap_or(126),
        _ => {
            eprintln!("tests: there is no such helper");
            2
        }
    }
}

/// Takes all memory again and again until it is killed.
fn hog() -> Verdict {
    let mut glutton = Glutton::new()?;
    glutton.take_all()?;
    println!("hog has all");
    loop {
        glutton.take_all()?;
        tine::sys::domain::yield_now();
    }
}

/// What is open from descriptor 3 on.
fn open() -> impl Iterator<Item = tine::descriptor::FileKind> {
    (3..64).filter_map(|fd| Some(tine::fstat(Fd(fd)).ok()?.kind))
}
