//! execve: arguments, environment, what it keeps, how it fails.

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use tine::abi::capability::SlotFlags;
use tine::abi::start::ARGUMENTS_MAX;
use tine::descriptor::{
    FileKind, OpenFlags, dup_from, open_cloexec, set_descriptor_flags, write_all,
};
use tine::process::exec::Program;
use tine::process::{Action, posix_spawn};
use tine::{Errno, Fd, close, dup2, execve, execvp, fstat, open, pipe, read, unlink};

use super::{Case, case};
use crate::helper::{OPTION, PATH};
use crate::process::{child, exits};
use crate::verdict::{Verdict, check, equal};

pub(super) const CASES: &[Case] = &[
    case("exec.arguments", arguments),
    case("exec.many-arguments", many_arguments),
    case("exec.keeps-the-process", keeps_the_process),
    case("exec.search", search),
    case("exec.failures", failures),
    case("exec.damaged-programs", damaged_programs),
    case("exec.close-on-exec", close_on_exec),
    case("exec.spawn", spawn),
    case("exec.again-and-again", again_and_again),
];

/// Executes a helper in a child; what it printed, line by line.
fn told(arguments: &[&str], environment: &[&str]) -> Verdict<Vec<String>> {
    let (from, to) = pipe()?;
    let pid = child(|| {
        dup2(to, Fd::STDOUT)?;
        close(from)?;
        close(to)?;
        let all: Vec<&str> =
            ["tests", OPTION, "tell"].into_iter().chain(arguments.iter().copied()).collect();
        Err(execve(PATH, &all, environment).into())
    })?;
    close(to)?;
    let mut text = Vec::new();
    let mut chunk = [0; 1024];
    loop {
        match read(from, &mut chunk)? {
            0 => break,
            length => text.extend_from_slice(&chunk[..length]),
        }
    }
    close(from)?;
    exits(pid, 0)?;
    Ok(String::from_utf8_lossy(&text).lines().map(ToString::to_string).collect())
}

fn arguments() -> Verdict {
    equal(told(&[], &[])?, Vec::<String>::new(), "nothing")?;
    let found = told(&["a", "", "b c", "ü"], &["A=1", "B=", "PATH=/x"])?;
    equal(found, vec!["a", "", "b c", "ü", "A=1", "B=", "PATH=/x"], "arguments and environment")
}

fn many_arguments() -> Verdict {
    let words: Vec<String> = (0..1500).map(|number| alloc::format!("argument-{number}")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    equal(told(&words, &[])?, words, "1500 arguments")?;
    let overhead = "tests".len() + OPTION.len() + "tell".len() + 3;
    let long = "x".repeat(ARGUMENTS_MAX as usize - overhead - 1);
    equal(told(&[&long], &[])?, vec![long], "the longest argument")
}

fn keeps_the_process() -> Verdict {
    let pid = child(|| {
        let own = tine::getpid().to_string();
        Err(execve(PATH, &["tests", OPTION, "same-pid", &own], &[""; 0]).into())
    })?;
    exits(pid, 0)
}

fn search() -> Verdict {
    tine::setenv("PATH", "/nowhere:/tmp:/bin");
    let pid = child(|| Err(execvp("tests", &["tests", OPTION, "exit", "21"]).into()))?;
    exits(pid, 21)?;
    tine::setenv("PATH", "/nowhere");
    equal(execvp("tests", &["tests"]), Errno::NOENT, "a program that is not there")?;
    tine::chdir("/bin")?;
    let pid = child(|| Err(execvp("./tests", &["tests", OPTION, "exit", "22"]).into()))?;
    exits(pid, 22)
}

/// Fails to execute; why.
fn failure(path: &str) -> Errno {
    execve(path, &[path], &[""; 0])
}

fn failures() -> Verdict {
    equal(failure("/bin/there-is-no-such"), Errno::NOENT, "no file")?;
    equal(failure("/there/is/none"), Errno::NOENT, "no directory")?;
    equal(failure("/bin/sh/x"), Errno::NOTDIR, "below a file")?;
    check(matches!(failure("/bin"), Errno::ACCES | Errno::ISDIR), "a directory")?;
    equal(failure(""), Errno::NOENT, "no name")?;
    equal(failure(&"x".repeat(2000)), Errno::NAMETOOLONG, "a long name")?;
    let long = "x".repeat(ARGUMENTS_MAX as usize);
    equal(execve(PATH, &[&long], &[""; 0]), Errno::TOOBIG, "long arguments")?;
    equal(execve(PATH, &["a"], &[&long]), Errno::TOOBIG, "a long environment")?;
    equal(execve(PATH, &["a\0b"], &[""; 0]), Errno::INVAL, "a NUL byte")?;
    // After all this the process is what it was.
    check(told(&["fine"], &[])? == ["fine"], "another child")
}

/// Writes a file; its path.
fn file(content: &[u8]) -> Verdict<&'static str> {
    let path = "/tmp/exec.file";
    let fd = open(path, OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::TRUNCATE)?;
    write_all(fd, content)?;
    close(fd)?;
    Ok(path)
}

fn damaged_programs() -> Verdict {
    let mut head = [0; 4096];
    let fd = open("/bin/true", OpenFlags::READ)?;
    let length = read(fd, &mut head)?;
    close(fd)?;
    equal(&head[..4], b"\x7fELF", "a program's first bytes")?;
    for (content, what) in [
        (&b""[..], "an empty file"),
        (b"echo hello\n", "a text"),
        (b"\x7fELF", "four bytes"),
        (&head[..64], "a header alone"),
        (&head[..length.min(2000)], "the first part of a program"),
    ] {
        equal(failure(file(content)?), Errno::NOEXEC, what)?;
    }
    // Each byte of the header on its own.
    for index in 0..64 {
        let mut damaged = head;
        damaged[index] ^= 0xff;
        let path = file(&damaged[..length])?;
        let pid = child(|| Ok(u8::from(failure(path) == Errno::NOEXEC)))?;
        // Whatever it is, it is refused, or it ends by itself.
        crate::process::ended(pid).map_err(|it| it.within(format_args!("byte {index}")))?;
    }
    unlink("/tmp/exec.file")?;
    Ok(())
}

fn close_on_exec() -> Verdict {
    let plain = open("/bin/sh", OpenFlags::READ)?;
    let closing = open_cloexec("/bin/sh", OpenFlags::READ)?;
    let flagged = dup_from(plain, Fd(10), SlotFlags::CLOEXEC)?;
    let cleared = dup_from(closing, Fd(20), SlotFlags::CLOEXEC)?;
    set_descriptor_flags(cleared, SlotFlags::empty())?;
    let pid = child(|| Err(execve(PATH, &["tests", OPTION, "descriptors"], &[""; 0]).into()))?;
    exits(pid, 2)?;
    let failed = failure("/bin/there-is-no-such");
    equal(failed, Errno::NOENT, "an exec that fails")?;
    for fd in [plain, closing, flagged, cleared] {
        equal(fstat(fd)?.kind, FileKind::Regular, "a descriptor after a failed exec")?;
        close(fd)?;
    }
    Ok(())
}

fn spawn() -> Verdict {
    let (from, to) = pipe()?;
    let program = Program::new(PATH, &["tests", OPTION, "tell", "spawned"], &[""; 0])?;
    let actions =
        [Action::Dup2(to, Fd::STDOUT), Action::Close(to), Action::Close(from), Action::SetGroup(0)];
    let pid = posix_spawn(&program, &actions)?;
    equal(tine::getpgid(pid)?, pid, "its group")?;
    close(to)?;
    let mut text = [0; 64];
    let length = read(from, &mut text)?;
    equal(&text[..length], b"spawned\n", "what it printed")?;
    close(from)?;
    exits(pid, 0)?;
    let missing = Program::new("/bin/there-is-no-such", &["x"], &[""; 0])?;
    equal(posix_spawn(&missing, &[]), Err(Errno::NOENT), "a program that is not there")?;
    equal(posix_spawn(&program, &[Action::Close(Fd(60))]), Err(Errno::BADF), "a bad action")?;
    equal(crate::process::reap_all()?, 0, "children that are left")
}

fn again_and_again() -> Verdict {
    for code in 0..20_u8 {
        let text = code.to_string();
        let pid = child(|| Err(execve(PATH, &["tests", OPTION, "exit", &text], &[""; 0]).into()))?;
        exits(pid, code)?;
    }
    Ok(())
}
