//! The shell: texts, what they print, how they end.
//!
//! Standard error is the case's: complaints that a row expects go where the row sends them.

use alloc::string::String;
use alloc::vec::Vec;

use tine::descriptor::{OpenFlags, write_all};
use tine::process::wait::shell_code;
use tine::{Fd, close, dup2, execve, open, pipe, read, unlink};

use super::{Case, case};
use crate::process::{child, ended};
use crate::verdict::{Verdict, equal};

pub(super) const CASES: &[Case] = &[
    case("shell.words", || rows(WORDS)),
    case("shell.lists", || rows(LISTS)),
    case("shell.compound", || rows(COMPOUND)),
    case("shell.patterns", || rows(PATTERNS)),
    case("shell.pipelines", || rows(PIPELINES)),
    case("shell.redirections", || rows(REDIRECTIONS)),
    case("shell.builtins", || rows(BUILTINS)),
    case("shell.processes", || rows(PROCESSES)),
    case("shell.errors", || rows(ERRORS)),
    case("shell.scripts", scripts),
    case("shell.input", input),
];

/// A text for `sh -c`, what it prints, its exit code.
type Row = (&'static str, &'static str, i32);

const WORDS: &[Row] = &[
    ("echo one two", "one two\n", 0),
    ("echo 'a  b'  \"c  d\"  e\\ f", "a  b c  d e f\n", 0),
    ("A=1; B=$A$A; echo $B \"$B\" '$B' ${A}x", "11 11 $B 1x\n", 0),
    ("A='x y'; for w in $A; do echo [$w]; done", "[x]\n[y]\n", 0),
    ("echo $# $0", "0 sh\n", 0),
    ("set -- a 'b c' d; echo $#; echo \"$2\"; shift; echo \"$@\"", "3\nb c\nb c d\n", 0),
    ("set -- 'a b' c; for x in \"$@\"; do echo [$x]; done", "[a b]\n[c]\n", 0),
    ("echo a # comment", "a\n", 0),
    ("echo a \\\nb", "a b\n", 0),
    ("echo $NONE \"$NONE\" end", " end\n", 0),
];

const LISTS: &[Row] = &[
    ("true", "", 0),
    ("false", "", 1),
    ("false; echo $?; true; echo $?", "1\n0\n", 0),
    ("true && echo yes || echo no", "yes\n", 0),
    ("false && echo yes || echo no", "no\n", 0),
    ("false || false || echo third", "third\n", 0),
    ("! true; echo $?; ! false; echo $?", "1\n0\n", 0),
    ("exit 7; echo never", "", 7),
    ("exit 300", "", 44),
    ("false; exit", "", 1),
    ("", "", 0),
    ("\n\n:\n", "", 0),
];

const COMPOUND: &[Row] = &[
    ("if true; then echo a; else echo b; fi", "a\n", 0),
    ("if false; then echo a; elif true; then echo b; fi", "b\n", 0),
    ("if false; then echo a; fi; echo $?", "0\n", 0),
    ("for i in 1 2 3; do echo $i; done", "1\n2\n3\n", 0),
    ("for i in 1 2 3; do if [ $i = 2 ]; then continue; fi; echo $i; done", "1\n3\n", 0),
    ("for i in 1 2; do for j in a b; do echo $i$j; break 2; done; done; echo end", "1a\nend\n", 0),
    ("X=; while [ \"$X\" != aaa ]; do X=${X}a; echo $X; done", "a\naa\naaa\n", 0),
    ("X=; until [ \"$X\" = aa ]; do X=${X}a; done; echo $X", "aa\n", 0),
    ("{ echo a; echo b; } | wc -l", "       2\n", 0),
    ("(X=1; echo in $X); echo out $X", "in 1\nout\n", 0),
    ("(exit 3); echo $?", "3\n", 0),
    ("{ X=1; }; echo $X", "1\n", 0),
    ("if true\nthen\n  echo lines\nfi", "lines\n", 0),
];

const PATTERNS: &[Row] = &[
    ("cd /tmp; >sh.b; >sh.a; >.sh.h; echo sh.*; echo .sh.*", "sh.a sh.b\n.sh.h\n", 0),
    (
        "cd /tmp; >sh.a; >sh.b; echo /bin/[et]* sh.? '*' \"s\"h.[!b]",
        "/bin/echo /bin/tests /bin/true sh.a sh.b * sh.a\n",
        0,
    ),
    ("echo /b*/ec[gh]o /n*/x \\/* /none/*", "/bin/echo /n*/x /bin /dev /server /tmp /none/*\n", 0),
    ("echo /*/ /bin/echo*/", "/bin/ /dev/ /server/ /tmp/ /bin/echo*/\n", 0),
    (
        "A='/bin/ech*'; echo $A \"$A\"; B=/bin/ech*; echo \"$B\"",
        "/bin/echo /bin/ech*\n/bin/ech*\n",
        0,
    ),
    ("for f in /bin/c*t /bin/w?; do echo $f; done", "/bin/cat\n/bin/wc\n", 0),
    ("/bin/ech* found", "found\n", 0),
    ("cd /tmp; echo x >sh.*; cat 'sh.*'", "x\n", 0),
    ("case abc in x) echo x;; a*|y) echo a;; *) echo other;; esac", "a\n", 0),
    ("case 'a*' in 'a*') echo quoted;; esac; case ab in 'a*') echo never;; esac", "quoted\n", 0),
    ("A='a b'; case $A in 'a b') echo whole;; esac", "whole\n", 0),
    ("P='[0-9]*'; case 7x in $P) echo number;; esac", "number\n", 0),
    ("false; case a in b) ;; esac; echo $?; false; case a in a) echo $?;; esac", "0\n1\n", 0),
    ("false; case a in a) ;; esac; echo $?; case a in (a) (exit 3);; esac", "0\n", 3),
    ("for i in 1 2 3; do case $i in 2) continue;; esac; echo $i; done | cat", "1\n3\n", 0),
    ("case a\nin\n  # any\n  *)\n  echo lines\n  ;;\nesac >/tmp/sh.c; cat /tmp/sh.c", "lines\n", 0),
];

const PIPELINES: &[Row] = &[
    ("echo ok | cat", "ok\n", 0),
    ("echo ok | cat | cat | cat", "ok\n", 0),
    ("echo a | { read X; echo got $X; }", "got a\n", 0),
    ("echo a | (cat; echo b)", "a\nb\n", 0),
    ("true | false; echo $?", "1\n", 0),
    ("false | true; echo $?", "0\n", 0),
    ("! echo x | false; echo $?", "0\n", 0),
    ("echo a | no-such 2>/tmp/sh.e; echo $?", "127\n", 0),
    ("for i in 1 2 3; do echo $i; done | while read X; do echo [$X]; done", "[1]\n[2]\n[3]\n", 0),
    ("cat /bin/sh | true; echo $?", "0\n", 0),
    // A builtin's process ends by SIGPIPE like a program's.
    ("while true; do echo y; done | true; echo $?", "0\n", 0),
    (
        "{ while true; do echo y; done; echo survived >/tmp/sh.p; } | true; cat /tmp/sh.p 2>/dev/null",
        "",
        1,
    ),
    ("echo one | cat > /tmp/sh.p; cat /tmp/sh.p", "one\n", 0),
];

const REDIRECTIONS: &[Row] = &[
    ("echo a >/tmp/sh.r; echo b >>/tmp/sh.r; cat </tmp/sh.r", "a\nb\n", 0),
    ("echo a >/tmp/sh.r; echo b >/tmp/sh.r; cat /tmp/sh.r", "b\n", 0),
    ("{ echo out; echo err 1>&2; } 2>&1 | cat", "out\nerr\n", 0),
    ("{ echo err 1>&2; } 2>/tmp/sh.r; cat /tmp/sh.r", "err\n", 0),
    ("echo x 2>&1 >/tmp/sh.r; cat /tmp/sh.r", "x\n", 0),
    ("cat </tmp/sh.none 2>/tmp/sh.r; echo $?", "1\n", 0),
    ("exec 3>/tmp/sh.r; echo three >&3; exec 3>&-; cat /tmp/sh.r", "three\n", 0),
    ("echo a 3>&-; echo b 1>&1", "a\nb\n", 0),
    ("for i in 1 2; do echo $i; done >/tmp/sh.r; wc -l </tmp/sh.r", "       2\n", 0),
    (">/tmp/sh.r; wc -c </tmp/sh.r", "       0\n", 0),
    ("read A B </bin/../tmp/sh.r; echo $?", "1\n", 0),
    ("exec >/tmp/sh.r; echo hidden; exec >&-; true", "", 0),
    ("echo x 12>/tmp/sh.r >&12; cat /tmp/sh.r", "x\n", 0),
];

const BUILTINS: &[Row] = &[
    ("cd /tmp; pwd; cd /bin; pwd; cd -; pwd", "/tmp\n/bin\n/tmp\n/tmp\n", 0),
    ("cd /bin; echo $PWD $OLDPWD; ./echo x", "/bin /\nx\n", 0),
    ("cd /nowhere 2>/tmp/sh.b; echo $?; pwd", "1\n/\n", 0),
    ("A=1; export A B=2; sh -c 'echo $A $B'", "1 2\n", 0),
    ("A=1; sh -c 'echo [$A]'; A=2 sh -c 'echo [$A]'; echo $A", "[]\n[2]\n1\n", 0),
    ("export A=1; unset A; sh -c 'echo [$A]'", "[]\n", 0),
    ("A=1 true; echo [$A]; A=2 :; echo [$A]", "[]\n[2]\n", 0),
    ("echo -n a; echo b -n; echo; echo 'c  d'", "ab -n\n\nc  d\n", 0),
    ("PATH=/none; echo x; true; echo $?; false; echo $?; /bin/false; echo $?", "x\n0\n1\n1\n", 0),
    ("export Q=\"it's\"; export | cat >/tmp/sh.x; unset Q; . /tmp/sh.x; echo $Q", "it's\n", 0),
    ("echo a b c | { read X Y; echo \"$Y\"; }", "b c\n", 0),
    ("echo 'a\\b' | { read -r X; echo \"$X\"; }", "a\\b\n", 0),
    ("test -f /bin/sh && test -d /tmp && ! test -e /none && echo yes", "yes\n", 0),
    ("[ 3 -lt 10 ] && [ a != b -a x = x ]; echo $?", "0\n", 0),
    (
        "echo 'X=5; echo sourced' >/tmp/sh.s; . /tmp/sh.s; source /tmp/sh.s; echo $X",
        "sourced\nsourced\n5\n",
        0,
    ),
    ("help exit | wc -l", "       2\n", 0),
    ("exec echo replaced; echo never", "replaced\n", 0),
    ("(exec no-such 2>/tmp/sh.e); echo $?", "127\n", 0),
];

const PROCESSES: &[Row] = &[
    ("true & wait; echo $?", "0\n", 0),
    ("(exit 5) & wait $!; echo $?", "5\n", 0),
    (
        "(exit 3) & A=$!; (exit 4) & wait $A; echo $?; wait $!; echo $?; wait 99998; echo $?",
        "3\n4\n127\n",
        0,
    ),
    ("sleep 1000 & kill $!; wait $! 2>/tmp/sh.w; echo $?", "143\n", 0),
    ("sh -c 'kill -9 $$' 2>/tmp/sh.w; echo $?", "137\n", 0),
    ("{ cat; echo end; } & wait", "end\n", 0),
    ("true && echo a & wait; echo b", "a\nb\n", 0),
    ("A=$$; (test $$ = $A && echo same)", "same\n", 0),
    ("kill -9 $$", "", 137),
];

const ERRORS: &[Row] = &[
    (
        "no-such-program 2>/tmp/sh.e; echo $?; cat /tmp/sh.e",
        "127\nsh: no-such-program: not found\n",
        0,
    ),
    (
        "/tmp/none 2>/tmp/sh.e; echo $?; cat /tmp/sh.e",
        "127\nsh: /tmp/none: No such file or directory\n",
        0,
    ),
    ("/tmp 2>/tmp/sh.e; echo $?; cat /tmp/sh.e", "126\nsh: /tmp: Is a directory\n", 0),
    ("sh -c 'echo a; fi; echo b' 2>/tmp/sh.e; echo $?", "2\n", 0),
    (
        "sh -c 'echo \"open' 2>/tmp/sh.e; echo $?; cat /tmp/sh.e",
        "2\nsh: syntax error: unexpected end of input\n",
        0,
    ),
    ("sh -x 2>/tmp/sh.e; echo $?", "2\n", 0),
    (
        "sh /tmp/none 2>/tmp/sh.e; echo $?; cat /tmp/sh.e",
        "127\nsh: /tmp/none: No such file or directory\n",
        0,
    ),
    (
        "cat </tmp/none 2>/tmp/sh.e; { cat </tmp/none; } 2>/tmp/sh.e; cat /tmp/sh.e",
        "sh: /tmp/none: No such file or directory\n",
        0,
    ),
    (
        "sh -c 'echo x >/bin/y' 2>/tmp/sh.e; echo $?; cat /tmp/sh.e",
        "1\nsh: /bin/y: Read-only file system\n",
        0,
    ),
    (
        "sh -c 'echo $(date)' 2>/tmp/sh.e; cat /tmp/sh.e",
        "sh: this shell does not offer command substitution\n",
        0,
    ),
    ("sh --help | { read A B; echo $A; }", "usage:\n", 0),
];

/// Runs a shell with this input; what it printed and its `$?`.
pub(super) fn shell(arguments: &[&str], input: &[u8]) -> Verdict<(String, i32)> {
    let (from_case, to_shell) = pipe()?;
    let (from_shell, to_case) = pipe()?;
    let pid = child(|| {
        dup2(from_case, Fd::STDIN)?;
        dup2(to_case, Fd::STDOUT)?;
        for fd in [from_case, to_shell, from_shell, to_case] {
            close(fd)?;
        }
        let all: Vec<&str> = ["sh"].into_iter().chain(arguments.iter().copied()).collect();
        Err(execve("/bin/sh", &all, &["PATH=/bin", "PWD=/", "HOME=/"]).into())
    })?;
    close(from_case)?;
    close(to_case)?;
    write_all(to_shell, input)?;
    close(to_shell)?;
    let mut text = Vec::new();
    let mut chunk = [0; 1024];
    loop {
        match read(from_shell, &mut chunk)? {
            0 => break,
            length => text.extend_from_slice(&chunk[..length]),
        }
    }
    close(from_shell)?;
    let status = ended(pid)?;
    Ok((String::from_utf8_lossy(&text).into_owned(), shell_code(status)))
}

fn rows(rows: &[Row]) -> Verdict {
    tine::chdir("/")?;
    let result = rows.iter().try_for_each(|(text, output, code)| {
        let found = shell(&["-c", text], b"").map_err(|failure| failure.within(text))?;
        equal((found.0.as_str(), found.1), (*output, *code), text)
    });
    for entry in tine::readdir("/tmp")? {
        if entry.name.starts_with(b"sh.") || entry.name.starts_with(b".sh.") {
            tine::chdir("/tmp")?;
            unlink(&entry.name)?;
        }
    }
    result
}

/// Writes a file for a moment.
fn with_file(content: &str, work: impl FnOnce(&str) -> Verdict) -> Verdict {
    let path = "/tmp/sh.script";
    let fd = open(path, OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::TRUNCATE)?;
    write_all(fd, content.as_bytes())?;
    close(fd)?;
    let result = work(path);
    unlink(path)?;
    result
}

fn scripts() -> Verdict {
    with_file("echo $0 $1 $#\nexit 9\n", |path| {
        let found = shell(&[path, "a", "b"], b"")?;
        equal(found, (String::from("/tmp/sh.script a 2\n"), 9), "sh FILE ARGS")?;
        // Without a first line that says so, it is the shell's all the same.
        let found = shell(&["-c", "/tmp/sh.script x; echo $?"], b"")?;
        equal(found, (String::from("/tmp/sh.script x 1\n9\n"), 0), "a script as program")?;
        let found = shell(&["-c", "echo $0 $1", "name", "one"], b"")?;
        equal(found, (String::from("name one\n"), 0), "sh -c TEXT NAME ARGS")
    })?;
    // What stands before an error runs.
    with_file("echo first\nif\n", |path| {
        let text = alloc::format!("sh {path} 2>/dev/null || sh {path} 2>/tmp/sh.e; echo $?");
        let (output, _) = shell(&["-c", &text], b"")?;
        unlink("/tmp/sh.e")?;
        equal(output.lines().last(), Some("2"), "a script that ends too early")?;
        equal(output.contains("first"), true, "its first line")
    })
}

/// Commands and their input come from the same pipe; nothing is read ahead.
fn input() -> Verdict {
    let found = shell(&[], b"echo a\nread X\nthe line\necho got $X\ncat\nrest 1\nrest 2\n")?;
    equal(found, (String::from("a\ngot the line\nrest 1\nrest 2\n"), 0), "a shell on a pipe")?;
    let found = shell(&[], b"if true\nthen echo yes\nfi; false")?;
    equal(found, (String::from("yes\n"), 1), "lines of one command")
}
