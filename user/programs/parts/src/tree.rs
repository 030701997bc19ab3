//! The tree of processes, in characters that every terminal has.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

/// One process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its number.
    pub pid: u32,
    /// The number of its parent.
    pub parent: u32,
    /// What to call it.
    pub name: String,
}

/// Draws the tree below `root`; `None` if there is no such process. Children stand in the order of
/// the list. A process that the list makes its own ancestor is drawn once.
#[must_use]
pub fn draw(nodes: &[Node], root: u32) -> Option<String> {
    let mut drawn = alloc::vec![false; nodes.len()];
    let first = nodes.iter().position(|node| node.pid == root)?;
    let mut text = String::new();
    // What is left to draw: index, and the prefix of its line and of its children's lines.
    let mut stack: Vec<(usize, String, String)> =
        Vec::from([(first, String::new(), String::new())]);
    while let Some((index, own, below)) = stack.pop() {
        if core::mem::replace(&mut drawn[index], true) {
            continue;
        }
        let node = &nodes[index];
        writeln!(text, "{own}{}({})", node.name, node.pid).ok();
        let mut last = true;
        for (child, _) in nodes
            .iter()
            .enumerate()
            .rev()
            .filter(|(child, other)| other.parent == node.pid && *child != index)
        {
            let (mark, line) = if last { ("`-", "  ") } else { ("|-", "| ") };
            stack.push((child, [&below, mark].concat(), [&below, line].concat()));
            last = false;
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(list: &[(u32, u32)]) -> Vec<Node> {
        list.iter().map(|&(pid, parent)| Node { pid, parent, name: "p".into() }).collect()
    }

    #[test]
    fn branches() {
        let list = nodes(&[(1, 0), (2, 1), (3, 1), (4, 2), (5, 2), (6, 3)]);
        let expected = "p(1)\n|-p(2)\n| |-p(4)\n| `-p(5)\n`-p(3)\n  `-p(6)\n";
        assert_eq!(draw(&list, 1).as_deref(), Some(expected));
        assert_eq!(draw(&list, 3).as_deref(), Some("p(3)\n`-p(6)\n"));
        assert_eq!(draw(&list, 9), None);
    }

    #[test]
    fn circles_end() {
        let list = nodes(&[(1, 1), (2, 3), (3, 2)]);
        assert_eq!(draw(&list, 1).as_deref(), Some("p(1)\n"));
        assert_eq!(draw(&list, 2).as_deref(), Some("p(2)\n`-p(3)\n"));
    }
}
