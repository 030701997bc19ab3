//! Which cases run.

/// Whether a filter selects a case: names or parts of names, separated by commas. An empty filter
/// selects all.
#[must_use]
pub fn selects(filter: &str, name: &str) -> bool {
    let mut parts = filter.split(',').filter(|part| !part.is_empty()).peekable();
    parts.peek().is_none() || parts.any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::selects;

    #[test]
    fn names_are_selected_by_their_parts() {
        for (filter, verdict) in [
            ("", true),
            (",", true),
            ("fork", true),
            ("fork.chain", true),
            ("exec,chain", true),
            ("exec", false),
            ("forks", false),
        ] {
            assert_eq!(selects(filter, "fork.chain"), verdict, "{filter}");
        }
    }
}
