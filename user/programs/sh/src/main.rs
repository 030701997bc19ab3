//! `sh`: the shell.
//!
//! Owns: the command line of the program, and which input it takes commands from. What a shell
//! is, is [`shell`]; how commands run, [`execute`]; processes of pipelines, [`pipeline`] and
//! [`launch`]; foreground and interrupts, [`terminal`]; redirections, [`redirect`]; builtins,
//! [`builtin`]; files, [`system`].
//!
//! Never enters it: the language (`tine-sh-language`), what can be decided without the system
//! (`tine-sh-model`).
//!
//! Invariants: what the shell opens for itself lies at descriptor 10 and above and is closed by
//! exec; programs are started by vfork, everything else that needs a process by fork.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

extern crate alloc;

mod builtin;
mod execute;
mod help;
mod input;
mod launch;
mod pipeline;
mod redirect;
mod shell;
mod system;
mod terminal;

use alloc::string::String;
use alloc::vec::Vec;

use tine::abi::protocol::console::Mode;
use tine::{Arguments, Fd, eprintln, print};
use tine_sh_model::Invocation;

use input::Input;
use shell::Shell;

fn run(arguments: Arguments) -> i32 {
    let mut arguments = arguments.map(|text| String::from_utf8_lossy(text).into_owned());
    let own = arguments.next().unwrap_or_else(|| String::from("sh"));
    let rest: Vec<String> = arguments.collect();
    let invocation = match Invocation::parse(&rest) {
        Ok(invocation) => invocation,
        Err(wrong) => {
            eprintln!("sh: {wrong}");
            return 2;
        }
    };
    let mut shell = Shell::new(own);
    let mut input = match invocation {
        Invocation::Help => {
            print!("{}", help::USAGE);
            return 0;
        }
        Invocation::Text { text, name, arguments } => {
            if let Some(name) = name {
                shell.parameters.name = name;
            }
            shell.parameters.positional = arguments;
            Input::text(text.into_bytes())
        }
        Invocation::File { path, arguments } => {
            let text = match input::contents(&path) {
                Ok(text) => text,
                Err(error) => {
                    eprintln!("sh: {path}: {error}");
                    return launch::status_of_failure(error);
                }
            };
            shell.parameters.name = path;
            shell.parameters.positional = arguments;
            Input::text(text)
        }
        Invocation::Input { interactive } => {
            // A console that echoes has a person before it; in mode `exec` it is a pipe.
            let echoes = |mode: Mode| mode.contains(Mode::ECHO);
            if interactive || tine::console::mode(Fd::STDIN).is_ok_and(echoes) {
                shell.become_interactive();
            }
            Input::standard()
        }
    };
    shell.run(&mut input);
    shell.parameters.status & 0xff
}

tine::entry!(run);
