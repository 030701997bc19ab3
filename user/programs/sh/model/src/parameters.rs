//! All parameters of a shell: variables, positional ones, `$?`, `$$`, `$!`, `$#`, `$0`.

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::variables::Variables;

/// The parameters.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Parameters {
    /// Variables.
    pub variables: Variables,
    /// `$0`: the shell or the script.
    pub name: String,
    /// `$1` and on.
    pub positional: Vec<String>,
    /// `$?`: how the last pipeline ended.
    pub status: i32,
    /// `$$`: the process id of the shell, also in its subshells.
    pub process: i32,
    /// `$!`: the process id of the last background command.
    pub background: Option<i32>,
}

impl tine_sh_language::Parameters for Parameters {
    fn value(&self, name: &str) -> Option<Cow<'_, str>> {
        let number = |number: i32| Some(Cow::Owned(number.to_string()));
        match name {
            "?" => number(self.status),
            "$" => number(self.process),
            "!" => number(self.background?),
            "#" => Some(Cow::Owned(self.positional.len().to_string())),
            _ if name.starts_with(|first: char| first.is_ascii_digit()) => {
                match name.parse::<usize>().ok()? {
                    0 => Some(Cow::Borrowed(&self.name)),
                    index => {
                        self.positional.get(index - 1).map(|text| Cow::Borrowed(text.as_str()))
                    }
                }
            }
            _ => self.variables.get(name).map(Cow::Borrowed),
        }
    }

    fn positional(&self) -> &[String] {
        &self.positional
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tine_sh_language::Parameters as _;

    #[test]
    fn special_and_positional_parameters() {
        let mut parameters = Parameters {
            name: "sh".into(),
            positional: ["one".into(), "two".into()].into(),
            status: 3,
            process: 42,
            ..Parameters::default()
        };
        parameters.variables.set("A", "x");
        for (name, value) in [
            ("?", Some("3")),
            ("$", Some("42")),
            ("!", None),
            ("#", Some("2")),
            ("0", Some("sh")),
            ("1", Some("one")),
            ("02", Some("two")),
            ("3", None),
            ("99999999999999999999", None),
            ("A", Some("x")),
            ("B", None),
        ] {
            assert_eq!(parameters.value(name).as_deref(), value, "{name}");
        }
        parameters.background = Some(7);
        assert_eq!(parameters.value("!").as_deref(), Some("7"));
    }
}
