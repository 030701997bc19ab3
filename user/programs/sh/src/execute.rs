//! Lists, conditions, loops, simple commands: what runs in the shell itself.

use alloc::string::String;
use alloc::vec::Vec;

use tine::{Errno, eprintln};
use tine_sh_language::syntax::{
    AndOr, Command, CommandKind, Join, List, Pipeline, Redirection, Word,
};
use tine_sh_language::{expand_field, expand_pattern, expand_words};

use crate::builtin::{self, Builtin};
use crate::redirect::{Redirected, Steps};
use crate::shell::Shell;
use crate::system::System;

/// Where it goes on after a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flow {
    /// With the next command.
    Next,
    /// After so many loops.
    Break(usize),
    /// With the next turn of the loop so many levels up.
    Continue(usize),
    /// At the prompt: the interrupt character was typed.
    Interrupt,
    /// Nowhere: the shell ends.
    Exit,
}

/// A subject and why it could not be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Trouble {
    pub(crate) subject: String,
    pub(crate) error: Errno,
}

impl Trouble {
    /// Says it on standard error.
    pub(crate) fn tell(&self) {
        eprintln!("sh: {}: {}", self.subject, self.error);
    }
}

impl Shell {
    /// Runs a list.
    pub(crate) fn list(&mut self, list: &List) -> Flow {
        for and_or in &list.0 {
            if self.is_interrupted() {
                return Flow::Interrupt;
            }
            match self.and_or(and_or) {
                Flow::Next => {}
                flow => return flow,
            }
        }
        Flow::Next
    }

    fn and_or(&mut self, and_or: &AndOr) -> Flow {
        if and_or.background {
            self.start_background(and_or);
            return Flow::Next;
        }
        for (join, pipeline) in &and_or.pipelines {
            let runs = match join {
                Join::Always => true,
                Join::IfSuccess => self.parameters.status == 0,
                Join::IfFailure => self.parameters.status != 0,
            };
            if runs {
                match self.pipeline(pipeline) {
                    Flow::Next => {}
                    flow => return flow,
                }
            }
        }
        Flow::Next
    }

    fn pipeline(&mut self, pipeline: &Pipeline) -> Flow {
        let flow = match pipeline.commands.as_slice() {
            [command] => self.command(command),
            commands => self.run_foreground(commands),
        };
        if pipeline.negated && flow == Flow::Next {
            self.parameters.status = i32::from(self.parameters.status == 0);
        }
        flow
    }

    /// The fields of words.
    pub(crate) fn fields(&self, words: &[Word]) -> Vec<String> {
        expand_words(words, &self.parameters, &System)
    }

    /// Runs one command, in the shell itself as far as that is possible.
    pub(crate) fn command(&mut self, command: &Command) -> Flow {
        match &command.kind {
            CommandKind::Simple { assignments, words } => {
                let fields = self.fields(words);
                match fields.first().map(|name| builtin::find(name)) {
                    None => self.assign(assignments, &command.redirections),
                    Some(Some(builtin)) => {
                        self.run_builtin(builtin, assignments, &fields, &command.redirections)
                    }
                    Some(None) => self.run_foreground(core::slice::from_ref(command)),
                }
            }
            CommandKind::Subshell(_) => self.run_foreground(core::slice::from_ref(command)),
            compound => match self.redirect(&command.redirections) {
                Ok(redirected) => {
                    let flow = self.compound(compound);
                    redirected.undo();
                    flow
                }
                Err(trouble) => {
                    trouble.tell();
                    self.parameters.status = 1;
                    Flow::Next
                }
            },
        }
    }

    /// Applies redirections to the shell itself, to be undone.
    fn redirect(&self, redirections: &[Redirection]) -> Result<Redirected, Trouble> {
        Steps::open(redirections, &self.parameters)?.apply_for_now()
    }

    fn compound(&mut self, kind: &CommandKind) -> Flow {
        match kind {
            CommandKind::Group(list) | CommandKind::Subshell(list) => self.list(list),
            CommandKind::If { branches, otherwise } => {
                for (condition, body) in branches {
                    match self.list(condition) {
                        Flow::Next if self.parameters.status == 0 => return self.list(body),
                        Flow::Next => {}
                        flow => return flow,
                    }
                }
                // An `if` of which nothing runs succeeds.
                self.parameters.status = 0;
                otherwise.as_ref().map_or(Flow::Next, |body| self.list(body))
            }
            CommandKind::Loop { condition, until, body } => {
                let mut status = 0;
                self.turns(&mut status, |shell, status| {
                    match shell.list(condition) {
                        Flow::Next => {}
                        flow => return Some(flow),
                    }
                    if (shell.parameters.status == 0) == *until {
                        return None;
                    }
                    let flow = shell.list(body);
                    *status = shell.parameters.status;
                    Some(flow)
                })
            }
            CommandKind::Case { word, branches } => {
                let text = expand_field(word, &self.parameters);
                let matches = |word| expand_pattern(word, &self.parameters).matches(&text);
                match branches.iter().find(|(patterns, _)| patterns.iter().any(matches)) {
                    Some((_, body)) if !body.0.is_empty() => self.list(body),
                    _ => {
                        self.parameters.status = 0;
                        Flow::Next
                    }
                }
            }
            CommandKind::For { name, words, body } => {
                let values = match words {
                    Some(words) => self.fields(words),
                    None => self.parameters.positional.clone(),
                };
                let mut values = values.into_iter();
                let mut status = 0;
                self.turns(&mut status, |shell, status| {
                    shell.parameters.variables.set(name, values.next()?);
                    let flow = shell.list(body);
                    *status = shell.parameters.status;
                    Some(flow)
                })
            }
            CommandKind::Simple { .. } => Flow::Next,
        }
    }

    /// Runs turns of a loop until there is none; its status is that of the last body.
    fn turns(
        &mut self,
        status: &mut i32,
        mut turn: impl FnMut(&mut Self, &mut i32) -> Option<Flow>,
    ) -> Flow {
        self.loops += 1;
        let flow = loop {
            if self.is_interrupted() {
                break Flow::Interrupt;
            }
            match turn(self, status) {
                None => {
                    self.parameters.status = *status;
                    break Flow::Next;
                }
                Some(Flow::Next | Flow::Continue(1)) => {}
                Some(Flow::Break(1)) => break Flow::Next,
                Some(Flow::Break(levels)) => break Flow::Break(levels - 1),
                Some(Flow::Continue(levels)) => break Flow::Continue(levels - 1),
                Some(flow @ (Flow::Exit | Flow::Interrupt)) => break flow,
            }
        };
        self.loops -= 1;
        flow
    }

    /// Assignments without a command: they stay.
    fn assign(&mut self, assignments: &[(String, Word)], redirections: &[Redirection]) -> Flow {
        self.parameters.status = 0;
        match self.redirect(redirections) {
            Ok(redirected) => redirected.undo(),
            Err(trouble) => {
                trouble.tell();
                self.parameters.status = 1;
            }
        }
        self.set_all(assignments);
        Flow::Next
    }

    fn set_all(&mut self, assignments: &[(String, Word)]) {
        for (name, word) in assignments {
            let value = expand_field(word, &self.parameters);
            self.parameters.variables.set(name, value);
        }
    }

    fn run_builtin(
        &mut self,
        builtin: &Builtin,
        assignments: &[(String, Word)],
        fields: &[String],
        redirections: &[Redirection],
    ) -> Flow {
        let redirected = match self.redirect(redirections) {
            Ok(redirected) => redirected,
            Err(trouble) => {
                trouble.tell();
                self.parameters.status = 1;
                // An error in a special builtin ends a script.
                return if builtin.special && !self.interactive { Flow::Exit } else { Flow::Next };
            }
        };
        let saved: Vec<_> = match builtin.special {
            true => Vec::new(),
            false => assignments
                .iter()
                .map(|(name, _)| (name, self.parameters.variables.save(name)))
                .collect(),
        };
        self.set_all(assignments);
        let (status, flow) = (builtin.run)(self, fields);
        self.parameters.status = status;
        if let Err(error) = tine::io::flush() {
            eprintln!("sh: {}: {error}", builtin.name);
            self.parameters.status = 1;
        }
        for (name, variable) in saved.into_iter().rev() {
            self.parameters.variables.restore(name, variable);
        }
        if builtin.name == "exec" && flow == Flow::Next {
            redirected.keep();
        } else {
            redirected.undo();
        }
        flow
    }
}
