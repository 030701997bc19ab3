//! Names in columns, and tables.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

/// Characters of a line on the console.
pub const WIDTH: usize = 80;

/// Lays names out in columns, down before across, as `ls` does on a terminal; each line ends with a
/// newline.
#[must_use]
pub fn columns(names: &[String], width: usize) -> String {
    let mut text = String::new();
    let Some(widest) = names.iter().map(|name| name.chars().count()).max() else {
        return text;
    };
    let column = widest + 2;
    let across = ((width + 2) / column).max(1);
    let down = names.len().div_ceil(across);
    for row in 0..down {
        let mut line = names.iter().skip(row).step_by(down).peekable();
        while let Some(name) = line.next() {
            text.push_str(name);
            if line.peek().is_some() {
                let blanks = column - name.chars().count();
                text.extend(core::iter::repeat_n(' ', blanks));
            }
        }
        text.push('\n');
    }
    text
}

/// How a column of a table is aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// A table with a heading line; each line ends with a newline, without blanks before it.
#[must_use]
pub fn table(headings: &[(&str, Align)], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = headings
        .iter()
        .enumerate()
        .map(|(index, (heading, _))| {
            let cells = rows.iter().filter_map(|row| row.get(index));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0).max(heading.len())
        })
        .collect();
    let mut text = String::new();
    let heading: Vec<&str> = headings.iter().map(|(heading, _)| *heading).collect();
    line(&mut text, headings, &widths, &heading);
    for row in rows {
        let cells: Vec<&str> = row.iter().map(String::as_str).collect();
        line(&mut text, headings, &widths, &cells);
    }
    text
}

fn line(text: &mut String, headings: &[(&str, Align)], widths: &[usize], cells: &[&str]) {
    let start = text.len();
    for (index, ((cell, width), (_, align))) in cells.iter().zip(widths).zip(headings).enumerate() {
        let gap = if index == 0 { "" } else { " " };
        // Writing to a string does not fail.
        match align {
            Align::Left => write!(text, "{gap}{cell:<width$}"),
            Align::Right => write!(text, "{gap}{cell:>width$}"),
        }
        .ok();
    }
    let end = text[start..].trim_end().len();
    text.truncate(start + end);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn names_go_down_before_across() {
        let names = strings(&["a", "bb", "c", "d", "e"]);
        assert_eq!(columns(&names, 10), "a   c   e\nbb  d\n");
        assert_eq!(columns(&names, 6), "a   d\nbb  e\nc\n");
        assert_eq!(columns(&names, 80), "a   bb  c   d   e\n");
        assert_eq!(columns(&names, 1), "a\nbb\nc\nd\ne\n");
        assert_eq!(columns(&[], 80), "");
    }

    #[test]
    fn tables_are_aligned() {
        let headings = [("PID", Align::Right), ("NAME", Align::Left), ("X", Align::Left)];
        let rows = [strings(&["1", "init", "a"]), strings(&["1234", "sh", ""])];
        assert_eq!(table(&headings, &rows), " PID NAME X\n   1 init a\n1234 sh\n");
    }
}
