//! The best figure of each row that was ever measured and accepted.
//!
//! Owns: `tools/xtask/best.json`, its format, and the only way to change it: `--update-best`
//! writes rows that became better. A row that must become worse is edited by hand, in a commit
//! that says why.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, Value, json};
use tine_abi::results::Figure;

use super::judge::Figures;
use super::report::number;
use crate::failure::Failure;
use crate::workspace;

/// One row's best.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Record {
    /// The gate.
    pub(crate) value: Figure,
    /// Kernel entries in that run.
    entries: Figure,
    /// CR3 loads in that run.
    cr3_loads: Figure,
}

/// The best of every row.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Best(BTreeMap<String, Record>);

/// The tracked file.
fn file() -> PathBuf {
    workspace::root().join("tools/xtask/best.json")
}

impl Best {
    /// Reads the tracked file.
    pub(crate) fn load() -> Result<Self, Failure> {
        let text = workspace::read(&file())?;
        Self::parse(&String::from_utf8_lossy(&text))
            .map_err(|error| Failure::setup(format!("{}: {error}", file().display())))
    }

    /// Reads its text.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let rows = value.as_object().ok_or("not an object")?;
        rows.iter()
            .map(|(name, row)| {
                let figure = |key: &str| match &row[key] {
                    Value::Null => Some(Figure::default()),
                    Value::Number(number) => Figure::parse(&number.to_string()),
                    _ => None,
                };
                let record = || {
                    Some(Record {
                        value: figure("value")?,
                        entries: figure("entries")?,
                        cr3_loads: figure("cr3_loads")?,
                    })
                };
                record().map(|record| (name.clone(), record)).ok_or(format!("row {name}"))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The best of a row.
    pub(crate) fn get(&self, name: &str) -> Option<&Record> {
        self.0.get(name)
    }

    /// Takes over every row of `figures` that is better, or new; their names.
    pub(crate) fn improve(&mut self, figures: &Figures) -> Vec<String> {
        let mut names = Vec::new();
        for (name, seen) in figures {
            if self.0.get(name).is_none_or(|best| seen.value < best.value) {
                let (value, entries, cr3_loads) = (seen.value, seen.entries, seen.cr3_loads);
                self.0.insert(name.clone(), Record { value, entries, cr3_loads });
                names.push(name.clone());
            }
        }
        names
    }

    /// The text of the file: a row a line, in the order of the names.
    pub(crate) fn text(&self) -> String {
        let rows: Map<String, Value> = self
            .0
            .iter()
            .map(|(name, row)| {
                let (entries, cr3_loads) = (number(row.entries), number(row.cr3_loads));
                let row =
                    json!({"value": number(row.value), "entries": entries, "cr3_loads": cr3_loads});
                (name.clone(), row)
            })
            .collect();
        let lines: Vec<_> =
            rows.iter().map(|(name, row)| format!("  {}: {row}", json!(name))).collect();
        if lines.is_empty() {
            "{}\n".to_owned()
        } else {
            format!("{{\n{}\n}}\n", lines.join(",\n"))
        }
    }

    /// Writes the tracked file.
    pub(crate) fn store(&self) -> Result<(), Failure> {
        workspace::write(&file(), self.text().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::super::judge::Measured;
    use super::*;

    #[test]
    fn text_and_values_agree_and_only_better_rows_are_taken() {
        let text = "{\n  \"a\": {\"cr3_loads\":4,\"entries\":3.002,\"value\":10.5},\n  \
                    \"b\": {\"cr3_loads\":0,\"entries\":0,\"value\":7}\n}\n";
        let mut best = Best::parse(text).unwrap();
        assert_eq!(best.text(), text);
        let measured = |value| Measured {
            value: Figure::whole(value),
            median: Figure::default(),
            entries: Figure::whole(1),
            cr3_loads: Figure::whole(1),
            unit: String::new(),
        };
        let figures = [("a", 10), ("b", 8), ("c", 5)];
        let figures = figures.map(|(name, value)| (name.to_owned(), measured(value)));
        assert_eq!(best.improve(&figures.into_iter().collect()), ["a", "c"]);
        assert_eq!(best.get("a").unwrap().value, Figure::whole(10));
        assert_eq!(best.get("b").unwrap().value, Figure::whole(7));
        assert_eq!(Best::parse(&best.text()), Ok(best));
        assert_eq!(Best::default().text(), "{}\n");
    }

    #[test]
    fn a_damaged_file_is_refused() {
        for text in ["", "[]", "{\"a\": 1", "{\"a\": {\"value\": \"x\"}}", "{\"a\":{\"value\":-1}}"]
        {
            assert!(Best::parse(text).is_err(), "{text}");
        }
    }
}
