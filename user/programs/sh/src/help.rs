//! What the shell says about itself.

use alloc::string::String;

use tine::{print, println};

use crate::builtin::{BUILTINS, DONE, Outcome, complain, find};
use crate::shell::Shell;

/// For `sh --help`.
pub(crate) const USAGE: &str = "\
usage: sh [-i]                      commands from standard input
       sh FILE [ARGUMENT...]        commands from a file; $1 and on are the arguments
       sh -c TEXT [NAME [ARG...]]   commands from a text; $0 is NAME

A console that echoes is asked with prompts; -i asks whatever the input is.
The exit code is that of the last command; 126 what cannot run, 127 what is not
found, 128 + N what signal N ended. Inside the shell, `help' explains the rest.
";

/// For `help` alone.
const OVERVIEW: &str = "\
Commands        ls -l /bin          a program of /bin (PATH says where to look)
                ls | wc -l          the output of one is the input of the next
                a; b    a && b      one after the other; the second if the first succeeds
                a || b  ! a         the second if the first fails; success turned round
                a &     wait $!     in the background; waiting for it
                ( a; b )  { a; b; } in a process of its own; in this shell
Files           a <f  a >f  a >>f   input, output, output at the end of f
                a 2>f   a 2>&1      error messages to f; to where the output goes
                a >/dev/null        output to nowhere
Variables       X=1  echo \"$X\"      set, use; `export X' shows it to programs
                $? $$ $! $1 $# $@   last status, this shell, last background, arguments
Conditions      if a; then b; else c; fi      while a; do b; done      until a; do b; done
                for x in 1 2 3; do echo $x; done      test -f /bin/sh && echo yes
                case $X in a|b) c;; *) d;; esac       what follows the pattern that matches
Patterns        ls /bin/*  *.[ch]  ??  [!a-z]*       names of files; quoted, or without any: itself
Not offered     functions, $(a), $((1)), <<, ${X:-y}
Keys            Ctrl-C ends what runs in the foreground; Ctrl-D at the prompt ends the shell.
                Backspace, Ctrl-W, Ctrl-U rub out a character, a word, the line.

Builtins; `help NAME' explains one:
";

/// The builtin `help`.
pub(crate) fn help(_: &mut Shell, fields: &[String]) -> Outcome {
    let Some(name) = fields.get(1) else {
        print!("{OVERVIEW}");
        for builtin in BUILTINS {
            println!("  {:<30} {}", builtin.usage, builtin.summary);
        }
        println!("\nPrograms: ls /bin; most explain themselves with --help.");
        return DONE;
    };
    match find(name) {
        Some(builtin) => {
            println!("usage: {}\n{}", builtin.usage, builtin.summary);
            DONE
        }
        None => complain("help", format_args!("{name} is no builtin; try `{name} --help'")),
    }
}
