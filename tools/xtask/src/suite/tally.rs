//! The report of the emulator's bed: a line for each case, the counts at the end.
//!
//! Owns: the counts, the choice by names, the form of the lines. Called by: the groups.

use std::process::ExitCode;

use tine_abi::results::Outcome;

use crate::failure::Failure;

/// Counts of cases.
#[derive(Debug)]
pub(super) struct Tally {
    names: Vec<String>,
    /// Those of them that no case has had.
    unmatched: Vec<String>,
    passed: u32,
    failed: u32,
    skipped: u32,
}

impl Tally {
    /// Begins a report over the cases that contain one of `names`; over all if there are none.
    pub(super) fn new(names: &[String]) -> Self {
        Self { names: names.to_vec(), unmatched: names.to_vec(), passed: 0, failed: 0, skipped: 0 }
    }

    /// Whether this case was asked for.
    pub(super) fn wants(&self, case: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|name| case.contains(name.as_str()))
    }

    /// Whether a case of this group can have been asked for, before its cases are known.
    pub(super) fn wants_group(&self, group: &str) -> bool {
        self.names.is_empty()
            || self.names.iter().any(|name| match name.split_once('/') {
                Some((asked, _)) => asked == group,
                None => true,
            })
    }

    /// What to ask the guest for: the names without this group.
    pub(super) fn inside(&self, group: &str) -> Vec<String> {
        let names = self.names.iter().filter(|name| *name != group);
        names
            .map(|name| name.strip_prefix(&format!("{group}/")).unwrap_or(name).to_owned())
            .filter(|name| !name.is_empty())
            .collect()
    }

    /// Reports one case.
    pub(super) fn case(&mut self, name: &str, outcome: Outcome<'_>) {
        // A case that stands for its whole group is what every name of that group asked for.
        self.unmatched.retain(|asked| {
            let group = asked.split_once('/').map(|(group, _)| group);
            !name.contains(asked) && group != Some(name)
        });
        match outcome {
            Outcome::Passed => {
                self.passed += 1;
                println!("test {name} ... ok");
            }
            Outcome::Failed(why) => {
                self.failed += 1;
                println!("test {name} ... FAILED: {why}");
            }
            Outcome::Skipped(why) => {
                self.skipped += 1;
                println!("test {name} ... skipped: {why}");
            }
        }
    }

    /// Reports one case that passed or says why not.
    pub(super) fn judged(&mut self, name: &str, judgement: &Result<(), String>) {
        self.case(
            name,
            judgement.as_ref().map_or_else(|why| Outcome::Failed(why), |()| Outcome::Passed),
        );
    }

    /// Prints the counts.
    ///
    /// # Errors
    /// Usage: nothing failed, but no case has one of the names, and not `if_any`.
    pub(super) fn finish(&self, if_any: bool) -> Result<ExitCode, Failure> {
        println!("{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped);
        if !if_any && self.failed == 0 && !self.unmatched.is_empty() {
            let names = self.unmatched.join(", ");
            return Err(Failure::usage(format!("no case has this in its name: {names}")));
        }
        Ok(ExitCode::from(u8::from(self.failed > 0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_choose_groups_and_cases() {
        let tally = Tally::new(&["direct/fork".into(), "nx".into()]);
        assert!(tally.wants("direct/fork.chain") && tally.wants("boot/without-nx"));
        assert!(!tally.wants("direct/exec"));
        assert!(tally.wants_group("direct") && tally.wants_group("limine"));
        assert_eq!(tally.inside("direct"), ["fork", "nx"]);
        let tally = Tally::new(&["direct".into()]);
        assert_eq!(tally.inside("direct"), [""; 0]);
        let tally = Tally::new(&["direct/fork".into()]);
        assert!(!tally.wants_group("limine"));
        assert!(Tally::new(&[]).wants("anything"));
    }

    #[test]
    fn a_name_that_no_case_has_is_usage_unless_something_failed() {
        let finish = |cases: &[(&str, Outcome<'_>)]| {
            let mut tally = Tally::new(&["fork".into(), "limine/nx".into()]);
            cases.iter().for_each(|(name, outcome)| tally.case(name, *outcome));
            tally.finish(false)
        };
        let fork = ("direct/fork.chain", Outcome::Passed);
        let nothing = finish(&[]).expect_err("no case");
        assert_eq!(nothing.code, crate::failure::USAGE);
        assert!(nothing.text.ends_with(": fork, limine/nx"), "{}", nothing.text);
        assert!(finish(&[fork]).expect_err("one of two").text.ends_with(": limine/nx"));
        assert_eq!(finish(&[fork, ("limine/nx", Outcome::Passed)]), Ok(ExitCode::SUCCESS));
        assert_eq!(finish(&[fork, ("limine", Outcome::Skipped("no"))]), Ok(ExitCode::SUCCESS));
        assert_eq!(
            finish(&[("limine/(suite)", Outcome::Failed("it hangs"))]),
            Ok(ExitCode::FAILURE)
        );
        assert_eq!(Tally::new(&[]).finish(false), Ok(ExitCode::SUCCESS));
        assert_eq!(Tally::new(&["x".into()]).finish(true), Ok(ExitCode::SUCCESS));
    }
}
