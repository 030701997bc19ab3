//! Every way a run can end, with a script in QEMU's place (`tests/fake-qemu`).

#[path = "support/fake.rs"]
mod support;

use std::io::{ErrorKind, Write};
use std::time::Duration;

use support::{fake, patient, with_input};
use tine_harness::{Console, End, Report, Watch, run};

/// A console nobody reads.
fn recorded() -> Console<'static> {
    Console::Recorded { sink: Box::leak(Box::new(std::io::sink())) }
}

/// Runs `guest` without input; its report and output.
fn captured(guest: &str, watch: Watch) -> (Report, Vec<u8>) {
    with_input(guest, b"", watch)
}

#[test]
fn a_status_ends_the_run_and_the_output_is_the_commands_alone() {
    let (report, output) = captured("status", patient());
    assert_eq!(report.end, End::Status(3));
    assert_eq!(output, b"hello\n");
    assert_eq!(report.last_lines.first().map(String::as_str), Some("firmware"));
}

#[test]
fn a_signal_ends_the_run() {
    assert_eq!(captured("signal", patient()).0.end, End::Signal(9));
}

#[test]
fn a_guest_that_does_not_power_off_after_its_status_is_ended() {
    let watch = Watch { grace: Duration::from_millis(50), ..patient() };
    assert_eq!(captured("linger", watch).0.end, End::Status(0));
}

#[test]
fn a_suite_is_observed_line_by_line() {
    let mut seen = Vec::new();
    let machine = fake("suite");
    let folder = support::folder();
    let report = run(&machine, recorded(), patient(), &folder, &mut |line| {
        seen.push(line.to_string());
    });
    assert_eq!(report.end, End::Done(2));
    assert_eq!(seen, ["tine 1", "case a", "test a ok", "test b FAIL bad", "done 2"]);
    assert!(report.last_lines.iter().any(|line| line == "(results channel) rubbish"));
}

#[test]
fn power_off_a_user_who_leaves_and_a_reset_are_told_apart() {
    assert_eq!(captured("leave", patient()).0.end, End::Left);
    assert_eq!(captured("off", patient()).0.end, End::PoweredOff);
    assert_eq!(captured("vanish", patient()).0.end, End::Vanished);
}

#[test]
fn a_panic_ends_the_run_after_its_epitaph() {
    let (report, _) = captured("panic", patient());
    assert_eq!(report.end, End::Panic("slot 7".into()));
    let lines = &report.last_lines;
    assert!(lines.ends_with(&["about to fail".into(), "epitaph: rip".into()]), "{lines:?}");
}

#[test]
fn a_refusal_ends_the_run_with_its_reason() {
    let (report, _) = captured("refuse", patient());
    assert_eq!(report.end, End::Halted("this CPU has no NX".into()));
    assert!(report.last_lines.iter().any(|line| line == "no NX"));
}

#[test]
fn a_refusal_by_direct_boot_is_its_last_line() {
    let end = captured("deny", patient()).0.end;
    assert_eq!(end, End::Halted("directboot: no memory map".into()));
}

#[test]
fn silence_is_a_hang_and_names_the_case() {
    let limit = Duration::from_millis(300);
    let (report, _) = captured("silent", Watch { silence: Some(limit), ..patient() });
    assert_eq!(report.end, End::Hang(limit, Some("fork.chain".into())));
}

#[test]
fn beats_without_progress_are_a_hang_of_a_suite() {
    let limit = Duration::from_millis(300);
    let (report, _) = captured("stuck", Watch { progress: Some(limit), ..patient() });
    assert_eq!(report.end, End::Hang(limit, Some("b".into())));
}

#[test]
fn qemu_that_fails_or_dies_or_is_missing_is_said() {
    assert_eq!(captured("fail", patient()).0.end, End::Qemu("qemu: no such device".into()));
    let died = captured("die", patient()).0.end;
    assert!(matches!(&died, End::Qemu(text) if text.contains("signal: 9")), "{died}");
    let mut machine = fake("status");
    machine.program = "/nonexistent/qemu".into();
    let report = run(&machine, recorded(), patient(), &support::folder(), &mut |_| {});
    assert!(matches!(&report.end, End::Qemu(text) if text.contains("cannot be started")));
}

/// A writer that fails.
struct Failing(ErrorKind);

impl Write for Failing {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn output_that_cannot_be_written_ends_the_run_and_is_no_failure_of_qemu() {
    let ended = |kind: ErrorKind| {
        let mut output = Failing(kind);
        let input = Box::new(std::io::empty());
        let console = Console::Piped { input, output: &mut output };
        run(&fake("chatter"), console, patient(), &support::folder(), &mut |_| {}).end
    };
    assert_eq!(ended(ErrorKind::BrokenPipe), End::Unread);
    let full = ErrorKind::StorageFull;
    assert_eq!(ended(full), End::Output(full.to_string()));
}

#[test]
fn input_is_typed_literally_and_ended() {
    let (report, output) = with_input("copy", b"a\x03\nb", patient());
    assert_eq!(report.end, End::Status(0));
    assert_eq!(output, b"in:a\x16\x03\nb\x19");
}

#[test]
fn keys_are_typed_when_the_console_has_begun_and_all_but_its_mark_is_shown() {
    let mut output = Vec::new();
    let input = Box::new(std::io::Cursor::new(b"a\x03\nb"));
    let console = Console::Keys { input, output: &mut output };
    let report = run(&fake("keys"), console, patient(), &support::folder(), &mut |_| {});
    assert_eq!(report.end, End::PoweredOff);
    assert_eq!(output, b"firmware\r\nin:a\x03\nb\x19");
}

#[test]
fn a_recorded_console_is_kept_whole() {
    let mut sink = Vec::new();
    let console = Console::Recorded { sink: &mut sink };
    run(&fake("status"), console, patient(), &support::folder(), &mut |_| {});
    assert_eq!(sink, b"firmware\r\n\x1b]tine;start\x07hello\r\n");
}

#[test]
fn no_file_of_a_run_is_left() {
    let folder = support::folder();
    run(&fake("status"), recorded(), patient(), &folder, &mut |_| {});
    let left: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap()).collect();
    assert!(left.is_empty(), "{left:?}");
}
