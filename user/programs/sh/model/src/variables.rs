//! Variables, and which of them programs see.
//!
//! Owns: the table. Invariants: names have the form of names; what came from the environment is
//! exported.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// One variable. A name can be exported before it has a value.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Variable {
    /// Its value, if it is set.
    pub value: Option<String>,
    /// Whether programs see it.
    pub exported: bool,
}

/// All variables, by name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Variables(BTreeMap<String, Variable>);

/// Whether a text can name a variable.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let mut characters = text.chars();
    let first = characters.next();
    first.is_some_and(|first| first == '_' || first.is_ascii_alphabetic())
        && characters.all(|next| next == '_' || next.is_ascii_alphanumeric())
}

impl Variables {
    /// Those of an environment: `NAME=value` each. What has no name is left out; of two with one
    /// name the first counts.
    #[must_use]
    pub fn from_environment(strings: impl IntoIterator<Item: AsRef<[u8]>>) -> Self {
        let mut variables = Self::default();
        for string in strings {
            let text = String::from_utf8_lossy(string.as_ref());
            if let Some((name, value)) = text.split_once('=').filter(|(name, _)| is_name(name)) {
                variables
                    .0
                    .entry(name.to_string())
                    .or_insert_with(|| Variable { value: Some(value.to_string()), exported: true });
            }
        }
        variables
    }

    /// What programs see: `NAME=value` each.
    #[must_use]
    pub fn environment(&self) -> Vec<String> {
        let exported = self.0.iter().filter(|(_, variable)| variable.exported);
        exported
            .filter_map(|(name, variable)| {
                Some(alloc::format!("{name}={}", variable.value.as_ref()?))
            })
            .collect()
    }

    /// The value of a variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.value.as_deref()
    }

    /// Sets a variable.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.entry(name).value = Some(value.into());
    }

    /// Has programs see a variable, now or once it is set.
    pub fn export(&mut self, name: &str) {
        self.entry(name).exported = true;
    }

    /// Removes a variable.
    pub fn unset(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// The variable as it is, to be put back later.
    #[must_use]
    pub fn save(&self, name: &str) -> Option<Variable> {
        self.0.get(name).cloned()
    }

    /// Puts a variable back.
    pub fn restore(&mut self, name: &str, saved: Option<Variable>) {
        match saved {
            Some(variable) => drop(self.0.insert(name.to_string(), variable)),
            None => self.unset(name),
        }
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Variable)> {
        self.0.iter().map(|(name, variable)| (name.as_str(), variable))
    }

    fn entry(&mut self, name: &str) -> &mut Variable {
        self.0.entry(name.to_string()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Variables {
        Variables::from_environment([&b"PATH=/bin"[..], b"A=1", b"A=2", b"no name", b"1=x", b"=y"])
    }

    #[test]
    fn names() {
        for (text, verdict) in
            [("A", true), ("_a1", true), ("1a", false), ("", false), ("a-b", false), ("é", false)]
        {
            assert_eq!(is_name(text), verdict, "{text}");
        }
    }

    #[test]
    fn the_environment_goes_in_and_out() {
        let mut variables = sample();
        assert_eq!(variables.environment(), ["A=1", "PATH=/bin"]);
        variables.set("B", "own");
        variables.set("A", "changed");
        assert_eq!(variables.environment(), ["A=changed", "PATH=/bin"]);
        variables.export("B");
        variables.export("LATER");
        assert_eq!(variables.environment(), ["A=changed", "B=own", "PATH=/bin"]);
        variables.set("LATER", "now");
        variables.unset("A");
        assert_eq!(variables.environment(), ["B=own", "LATER=now", "PATH=/bin"]);
        assert_eq!((variables.get("A"), variables.get("B")), (None, Some("own")));
    }

    #[test]
    fn what_was_saved_comes_back() {
        let mut variables = sample();
        let before = variables.clone();
        let saved = [("A", variables.save("A")), ("NEW", variables.save("NEW"))];
        variables.set("A", "other");
        variables.set("NEW", "new");
        for (name, variable) in saved {
            variables.restore(name, variable);
        }
        assert_eq!(variables, before);
    }
}
