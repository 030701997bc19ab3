//! The table for people and the JSON for programs.
//!
//! Owns: their form. Called by: `bench`. Invariant: both say the same figures.

use serde_json::{Value, json};
use tine_abi::results::Figure;

use super::best::Best;
use super::judge::{Figures, failures, target};
use super::rows::Row;

/// A figure as a JSON number: whole where it is whole.
pub(super) fn number(figure: Figure) -> Value {
    let thousandths = figure.thousandths();
    if thousandths.is_multiple_of(1000) {
        json!(thousandths / 1000)
    } else {
        // Exact to the thousandth as long as it is below 2^53 thousandths.
        serde_json::from_str(&figure.to_string()).unwrap_or(Value::Null)
    }
}

/// The rows as a JSON array.
pub(super) fn json(rows: &[&Row], figures: &Figures) -> String {
    let list: Vec<Value> = rows
        .iter()
        .filter_map(|row| figures.get(row.name).map(|seen| (row, seen)))
        .map(|(row, seen)| {
            json!({
                "name": row.name,
                "value": number(seen.value),
                "median": number(seen.median),
                "unit": seen.unit,
                "entries": number(seen.entries),
                "cr3_loads": number(seen.cr3_loads),
                "linux": row.linux,
                "target": target(row, figures).map(number),
            })
        })
        .collect();
    let lines: Vec<_> = list.iter().map(Value::to_string).collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

/// The table, and how many rows fail. `gates` is whether failures count.
pub(super) fn table(rows: &[&Row], figures: &Figures, best: &Best, gates: bool) -> (String, usize) {
    let head =
        ["row", "value", "median", "entries", "CR3", "Linux", "lean", "must reach", "verdict"];
    let mut lines: Vec<Vec<String>> = vec![head.map(str::to_owned).to_vec()];
    let mut failed = 0;
    for row in rows {
        let whole = |figure: Option<u64>| figure.map_or("-".into(), |f| grouped(Figure::whole(f)));
        let must = target(row, figures);
        let reasons = failures(row, figures, best);
        failed += usize::from(!reasons.is_empty());
        let seen = figures.get(row.name);
        let figure = |of: fn(&super::judge::Measured) -> Figure| {
            seen.map_or("-".into(), |seen| grouped(of(seen)))
        };
        let reached = match (seen, must) {
            (Some(seen), Some(must)) if seen.value <= must => "ok, target reached",
            (Some(_), Some(_)) => "ok, target ahead",
            _ => "ok",
        };
        let verdict = match (reasons.is_empty(), gates) {
            (true, _) => reached.to_owned(),
            (false, true) => format!("FAIL: {}", reasons.join("; ")),
            (false, false) => format!("not gated: {}", reasons.join("; ")),
        };
        lines.push(vec![
            row.name.to_owned(),
            figure(|seen| seen.value),
            figure(|seen| seen.median),
            figure(|seen| seen.entries),
            figure(|seen| seen.cr3_loads),
            whole(row.linux),
            whole(row.lean),
            must.map_or("-".into(), grouped),
            verdict,
        ]);
    }
    let last = head.len() - 1;
    let width = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        for (column, cell) in line.iter().enumerate() {
            match column {
                0 => text.push_str(&format!("{cell:<0$}", widths[0])),
                _ if column == last => text.push_str(&format!("  {cell}")),
                _ => text.push_str(&format!("  {cell:>0$}", widths[column])),
            }
        }
        text.push('\n');
    }
    (text, failed)
}

/// A figure with commas between groups of three digits.
fn grouped(figure: Figure) -> String {
    let text = figure.to_string();
    let (whole, decimals) =
        text.split_once('.').map_or((text.as_str(), None), |(w, d)| (w, Some(d)));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if let Some(decimals) = decimals {
        grouped.push('.');
        grouped.push_str(decimals);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::super::judge::Measured;
    use super::super::rows::find;
    use super::*;

    fn figures() -> Figures {
        let measured = Measured {
            value: Figure::from_thousandths(118_500),
            median: Figure::whole(118),
            entries: Figure::whole(1),
            cr3_loads: Figure::default(),
            unit: "instructions".into(),
        };
        [("null_syscall".to_owned(), measured)].into_iter().collect()
    }

    #[test]
    fn json_has_the_agreed_keys() {
        let rows = [find("null_syscall").unwrap(), find("cow_fault").unwrap()];
        let value: Value = serde_json::from_str(&json(&rows, &figures())).unwrap();
        assert_eq!(
            value,
            json!([{"name": "null_syscall", "value": 118.5, "median": 118, "unit": "instructions",
                    "entries": 1, "cr3_loads": 0, "linux": 330, "target": 120}])
        );
    }

    #[test]
    fn the_table_says_what_fails() {
        let rows = [find("null_syscall").unwrap(), find("cow_fault").unwrap()];
        let (text, failed) = table(&rows, &figures(), &Best::default(), true);
        assert_eq!(failed, 1);
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[1].starts_with("null_syscall  118.5     118"), "{text}");
        assert!(lines[1].ends_with("330    202         120  ok, target reached"), "{text}");
        assert!(lines[2].ends_with("FAIL: not measured"), "{text}");
        let (text, _) = table(&rows, &figures(), &Best::default(), false);
        assert!(text.contains("not gated: not measured"));
    }

    #[test]
    fn digits_are_grouped() {
        assert_eq!(grouped(Figure::whole(35_220_000)), "35,220,000");
        assert_eq!(grouped(Figure::whole(999)), "999");
        assert_eq!(grouped(Figure::from_thousandths(1_234_050)), "1,234.05");
    }
}
