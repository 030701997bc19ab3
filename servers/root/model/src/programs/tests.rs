//! Boots that are refused, each with the line that says why.

extern crate std;

use std::string::ToString as _;
use std::vec::Vec;
use std::{format, vec};

use super::*;

/// The smallest program: a page of text.
fn file() -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(16, 0);
    bytes.extend([2, 0, 62, 0, 1, 0, 0, 0]);
    bytes.extend(0x20_0000u64.to_le_bytes());
    bytes.extend(64u64.to_le_bytes());
    bytes.resize(54, 0);
    bytes.extend([56, 0, 1, 0]);
    bytes.resize(64, 0);
    bytes.extend([1, 0, 0, 0, 5, 0, 0, 0]);
    for word in [4096u64, 0x20_0000, 0x20_0000, 4, 4, 4096] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.resize(4100, 0xcc);
    bytes
}

/// An archive as the image tool writes it.
fn archive(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (path, content) in members {
        let header = tine_archive::header(path.as_bytes(), EntryKind::File, content.len());
        bytes.extend(header.expect("it fits"));
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

fn members() -> Vec<(&'static str, Vec<u8>)> {
    let servers = SERVERS.iter().map(|server| (server.path, file()));
    servers.chain([(INIT, file()), ("bin/sh", b"#!".to_vec())]).collect()
}

fn refused(archive: &[u8], line: &str) {
    let refusal = Programs::find(archive).expect_err("it is refused");
    assert_eq!(refusal.to_string(), line);
}

#[test]
fn all_programs_are_found_and_planned() {
    let archive = archive(&members());
    let programs = Programs::find(&archive).unwrap();
    for program in &programs.servers {
        assert_eq!(
            (&archive[program.content.clone()], program.plan.entry),
            (&file()[..], 0x20_0000)
        );
    }
    assert_eq!(archive[programs.init], file());
}

#[test]
fn what_is_missing_is_named() {
    refused(&[], "there is no boot archive");
    for (index, (path, _)) in members().iter().enumerate().take(5) {
        let mut members = members();
        members.remove(index);
        refused(&archive(&members), &format!("the boot archive holds no {path}"));
    }
}

#[test]
fn damage_is_told_wherever_it_lies() {
    let good = archive(&members());
    let mut damaged = good.clone();
    damaged[..512].fill(b'?');
    refused(&damaged, "the boot archive is damaged: a header is damaged");
    // However much is cut off.
    for length in (512..good.len() - 1024).step_by(512).chain([good.len() / 2, 100, 700]) {
        let refusal = Programs::find(&good[..length]).expect_err("it is refused").to_string();
        assert!(refusal.starts_with("the boot archive is damaged: it ends"), "{length}: {refusal}");
    }
}

#[test]
fn files_that_are_no_programs_are_told() {
    for (path, content) in
        [("server/pipe", vec![]), ("server/console", vec![0; 100]), (INIT, file()[..200].to_vec())]
    {
        let mut members = members();
        for member in members.iter_mut().filter(|member| member.0 == path) {
            member.1 = content.clone();
        }
        let why = if path == INIT { "it is cut off" } else { "it is no ELF file" };
        let line = format!("{path} in the boot archive is damaged: {why}");
        refused(&archive(&members), &line);
    }
}

#[test]
fn a_small_machine_is_told_what_is_needed() {
    let line = Refusal::Memory(5 << 8).to_string();
    assert_eq!(line, "not enough memory: 5 MiB, and 28 are needed");
}
