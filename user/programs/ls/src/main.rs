//! `ls`: lists directories.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use tine::abi::protocol::file::FileKind;
use tine::descriptor::{Status, stat};
use tine::directory::Entry;
use tine::text::Lossy;
use tine::{Arguments, Errno, Fd, Result, fstat, path, print, println, readdir};
use tine_programs::columns::{Align, WIDTH, columns, table};
use tine_programs::{message, options};

const USAGE: &str = "usage: ls [-1adFl] [file ...]
Lists the files, and what directories hold; without a file, the working directory.
  -1  one name a line
  -a  also names that begin with a dot
  -d  directories themselves, not what they hold
  -F  a mark after the name: / directory, | pipe
  -l  kind, length and serial number of each";

/// How to show names.
#[derive(Clone, Copy)]
struct Style {
    all: bool,
    marks: bool,
    long: bool,
    columns: bool,
}

fn mark(kind: Option<FileKind>) -> &'static str {
    match kind {
        Some(FileKind::Directory) => "/",
        Some(FileKind::Pipe) => "|",
        Some(FileKind::Regular | FileKind::Device | FileKind::Process) | None => "",
    }
}

fn letter(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Regular => "-",
        FileKind::Directory => "d",
        FileKind::Pipe => "p",
        FileKind::Device => "c",
        FileKind::Process => "P",
    }
}

/// A name with its kind and where to find it.
struct Item {
    name: Vec<u8>,
    kind: Option<FileKind>,
    path: Vec<u8>,
}

impl Item {
    fn of(entry: Entry, directory: &[u8]) -> Self {
        let path = path::join(directory, &entry.name);
        Self { kind: entry.kind(), name: entry.name, path }
    }

    fn shown(&self, style: Style) -> String {
        format!("{}{}", Lossy(&self.name), if style.marks { mark(self.kind) } else { "" })
    }

    fn row(&self, style: Style) -> Vec<String> {
        // What cannot be opened is shown by what the directory says.
        let status = stat(&self.path).ok();
        let number = |field: fn(&Status) -> u64| {
            status.as_ref().map_or_else(|| "?".to_string(), |status| field(status).to_string())
        };
        let kind = status.as_ref().map(|status| status.kind).or(self.kind);
        Vec::from([
            kind.map_or("?", letter).to_string(),
            number(|status| status.bytes),
            number(|status| status.serial),
            self.shown(style),
        ])
    }
}

fn show(items: &[Item], style: Style) {
    if style.long {
        let headings = [
            ("K", Align::Left),
            ("BYTES", Align::Right),
            ("SERIAL", Align::Right),
            ("NAME", Align::Left),
        ];
        let rows: Vec<_> = items.iter().map(|item| item.row(style)).collect();
        if !rows.is_empty() {
            print!("{}", table(&headings, &rows));
        }
    } else if style.columns {
        let names: Vec<_> = items.iter().map(|item| item.shown(style)).collect();
        print!("{}", columns(&names, WIDTH));
    } else {
        items.iter().for_each(|item| println!("{}", item.shown(style)));
    }
}

fn list(directory: &[u8], style: Style) -> Result<()> {
    let items: Vec<_> = readdir(directory)?
        .into_iter()
        .filter(|entry| style.all || !entry.name.starts_with(b"."))
        .map(|entry| Item::of(entry, directory))
        .collect();
    show(&items, style);
    Ok(())
}

fn run(arguments: Arguments) -> i32 {
    let mut options = match options::read("ls", USAGE, "1adFl", arguments) {
        Ok(options) => options,
        Err(code) => return code,
    };
    let terminal = fstat(Fd::STDOUT).is_ok_and(|status| status.kind == FileKind::Device);
    let style = Style {
        all: options.has(b'a'),
        marks: options.has(b'F'),
        long: options.has(b'l'),
        columns: terminal && !options.has(b'1'),
    };
    if options.operands.is_empty() {
        options.operands.push(b".");
    }
    let mut code = 0;
    let mut files = Vec::new();
    let mut directories = Vec::new();
    for &name in &options.operands {
        match stat(name) {
            Ok(status) if status.kind == FileKind::Directory && !options.has(b'd') => {
                directories.push(name);
            }
            Ok(status) => files.push(Item {
                name: name.to_vec(),
                kind: Some(status.kind),
                path: name.to_vec(),
            }),
            Err(error) => code = message::complain("ls", name, error),
        }
    }
    show(&files, style);
    for (index, directory) in directories.iter().enumerate() {
        if options.operands.len() > 1 {
            let gap = if index > 0 || !files.is_empty() { "\n" } else { "" };
            println!("{gap}{}:", Lossy(directory));
        }
        match list(directory, style) {
            Ok(()) => {}
            // It was removed since it was looked at.
            Err(Errno::NOENT) => {}
            Err(error) => code = message::complain("ls", directory, error),
        }
    }
    code
}

tine::entry!(run);
