//! Names for the addresses of an epitaph.
//!
//! Owns: the function symbols of the kernel's file, and finding `at 0x...` in a line. Never enters
//! it: where the kernel was loaded; it says addresses as it was linked.
//! Called by: `tools/xtask`, for the last lines of a guest that ended badly.

use object::{Object as _, ObjectSymbol as _, SymbolKind};

/// Words before an address in an epitaph.
const BEFORE: &str = "  at 0x";

/// The functions of a program, by address.
#[derive(Debug, Default)]
pub struct Symbols(Vec<(u64, String)>);

impl Symbols {
    /// Of an ELF file; none if it cannot be read, since names are a comfort only.
    #[must_use]
    pub fn of(file: &[u8]) -> Self {
        let Ok(file) = object::File::parse(file) else { return Self::default() };
        let mut functions: Vec<_> = file
            .symbols()
            .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.address() != 0)
            .filter_map(|symbol| Some((symbol.address(), demangled(symbol.name().ok()?))))
            .collect();
        functions.sort();
        functions.dedup_by_key(|(address, _)| *address);
        Self(functions)
    }

    /// The function that holds an address, and how far into it the address is.
    #[must_use]
    pub fn name(&self, address: u64) -> Option<(&str, u64)> {
        let after = self.0.partition_point(|(start, _)| *start <= address);
        let (start, name) = self.0.get(after.checked_sub(1)?)?;
        Some((name, address - start))
    }

    /// The line, with the function's name behind the address that it tells.
    #[must_use]
    pub fn annotated(&self, line: &str) -> String {
        let named = line.split_once(BEFORE).and_then(|(_, rest)| {
            let digits = rest.split(' ').next()?;
            self.name(u64::from_str_radix(digits, 16).ok()?)
        });
        match named {
            Some((name, offset)) => format!("{line}  {name}+{offset:#x}"),
            None => line.to_owned(),
        }
    }
}

/// A Rust name without its hash.
fn demangled(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbols() -> Symbols {
        Symbols(vec![(0x1000, "first".into()), (0x2000, "second".into())])
    }

    #[test]
    fn an_address_belongs_to_the_function_before_it() {
        let symbols = symbols();
        assert_eq!(symbols.name(0xfff), None);
        assert_eq!(symbols.name(0x1000), Some(("first", 0)));
        assert_eq!(symbols.name(0x1fff), Some(("first", 0xfff)));
        assert_eq!(symbols.name(0x2004), Some(("second", 4)));
    }

    #[test]
    fn only_lines_of_a_backtrace_are_annotated() {
        let symbols = symbols();
        assert_eq!(symbols.annotated("  at 0x2004"), "  at 0x2004  second+0x4");
        assert_eq!(symbols.annotated("  at 0x1001 ?"), "  at 0x1001 ?  first+0x1");
        for line in ["hello", "  at 0xzz", "look at 0x2004", "  at 0x10"] {
            assert_eq!(symbols.annotated(line), line);
        }
        assert!(Symbols::of(b"no ELF file").0.is_empty());
    }

    #[test]
    fn this_test_finds_itself() {
        let program = std::env::current_exe().and_then(std::fs::read).expect("the test's file");
        let symbols = Symbols::of(&program);
        let found = symbols.0.iter().any(|(_, name)| name.contains("this_test_finds_itself"));
        assert!(found, "{} functions", symbols.0.len());
    }
}
