//! The tool as a person meets it when something is wrong: exit codes, help, advice.
#![forbid(unsafe_code)]

use std::path::Path;
use std::process::{Command, Output};

fn tool(words: &[&str]) -> Output {
    command(words).output().expect("the tool runs")
}

fn command(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(words);
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn what_cannot_be_followed_exits_with_2_and_points_to_help() {
    for words in [
        &["fly"][..],
        &["-x"],
        &["boot", "--fast"],
        &["--direct", "--firmware", "uefi"],
        &["boot", "--memory", "63"],
        &["exec"],
        &["exec", "--cpus", "9", "--", "true"],
        &["test", "--all"],
        &["bench", "no-such-row"],
        &["lint", "now"],
    ] {
        let output = tool(words);
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(text(&output.stderr).contains("--help"), "{words:?}");
        assert!(output.stdout.is_empty(), "{words:?}: standard output is the guest's");
    }
}

#[test]
fn every_verb_teaches() {
    for verb in ["boot", "exec", "test", "bench", "lint"] {
        let output = tool(&[verb, "--help"]);
        let help = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{verb}");
        assert!(help.starts_with(&format!("Usage: cargo run -- {verb}")), "{help}");
        assert!(help.contains("Exit code"), "{help}");
        assert!(help.lines().all(|line| line.len() <= 105), "{verb}: a line is too wide");
        assert!(text(&tool(&["--help"]).stdout).contains(&format!("\n  {verb} ")), "{verb}");
    }
}

#[test]
fn a_host_without_qemu_gets_the_commands_and_3() {
    // Nothing is in this path: no QEMU, and no apt-get that could install it.
    let output = command(&["boot", "--direct"]).env("PATH", "/nonexistent").output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let advice = text(&output.stderr);
    assert!(advice.contains("apt-get install --no-install-recommends qemu-system-x86"), "{advice}");
}

#[test]
fn a_folder_without_limine_gets_3_and_what_is_missing() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let output = command(&["boot", "--limine"]).arg(folder).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("limine-bios.sys"), "{}", text(&output.stderr));
}

#[test]
fn an_unknown_compiler_is_usage() {
    let output = command(&["lint"]).env("TINE_COMPILER", "other").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}
