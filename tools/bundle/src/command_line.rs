//! The member `cmdline`: the kernel's command line and those of the modules.
//!
//! The first line is the kernel's. Each further line is `name: text` and belongs to the module of
//! that name. Owned here: this format. Never here: what the words mean.
//! Called by: `tools/directboot`. Invariant: every answer is a part of the given text.

/// The command lines of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandLines<'a> {
    text: &'a str,
}

impl<'a> CommandLines<'a> {
    /// Reads `text`, the content of `cmdline`.
    #[must_use]
    pub const fn new(text: &'a str) -> CommandLines<'a> {
        CommandLines { text }
    }

    /// The kernel's command line, without surrounding spaces; empty if there is none.
    #[must_use]
    pub fn kernel(&self) -> &'a str {
        self.text.lines().next().unwrap_or("").trim()
    }

    /// The command line of the module `name`; empty if there is none.
    #[must_use]
    pub fn module(&self, name: &str) -> &'a str {
        self.text
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .find(|(key, _)| key.trim() == name)
            .map_or("", |(_, value)| value.trim())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_line_is_the_kernels_and_the_rest_are_by_name() {
        let lines = CommandLines::new(" log=1 slide=7 \narchive: ro a:b\n\nroot:\n");
        assert_eq!(lines.kernel(), "log=1 slide=7");
        assert_eq!(lines.module("archive"), "ro a:b");
        assert_eq!(lines.module("root"), "");
        assert_eq!(lines.module("absent"), "");
    }

    #[test]
    fn empty_text_has_empty_lines() {
        assert_eq!(CommandLines::new("").kernel(), "");
        assert_eq!(CommandLines::new("").module("root"), "");
    }
}
