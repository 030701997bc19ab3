//! Signals to the host's process. One test, because signals reach every run of a process.

#[path = "support/fake.rs"]
mod support;

use support::{fake, patient, with_input};
use tine_harness::{Console, End, run};

#[test]
fn interrupts_reach_the_guest_and_insistence_or_a_request_to_end_ends_the_run() {
    let (report, output) = with_input("interrupt", b"go\n", patient());
    assert_eq!(report.end, End::Signal(2));
    assert_eq!(output, b"go 03\n");

    let (report, _) = with_input("stubborn", b"go\n", patient());
    assert_eq!(report.end, End::Interrupted);

    // Also while the pipe to a guest that reads nothing is full.
    let mut output = Vec::new();
    let input = Box::new(std::io::repeat(b'y'));
    let console = Console::Piped { input, output: &mut output };
    let report = run(&fake("deaf"), console, patient(), &support::folder(), &mut |_| {});
    assert_eq!(report.end, End::Interrupted);

    let (report, _) = with_input("end", b"go\n", patient());
    assert_eq!(report.end, End::Interrupted);
}
