//! The tree through its descriptions, with one scripted client.

extern crate std;

use std::string::{String, ToString};
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

/// A small archive.
fn archive(members: &[(&str, Option<&[u8]>)]) -> Vec<u8> {
    use tine_archive::{BLOCK, EntryKind, header};
    let mut bytes = Vec::new();
    for (path, content) in members {
        let kind = if content.is_some() { EntryKind::File } else { EntryKind::Directory };
        let content = content.unwrap_or_default();
        bytes.extend(header(path.as_bytes(), kind, content.len()).expect("it fits"));
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
    }
    bytes.resize(bytes.len() + 2 * BLOCK, 0);
    bytes
}

/// One client whose range is a byte vector.
#[derive(Default)]
struct Range(Vec<u8>);

impl Clients for Range {
    fn send_to_client(&mut self, _: Token, offset: usize, bytes: &[u8]) -> Result<(), Errno> {
        self.0.resize(offset, 0);
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn fetch_from_client(
        &mut self,
        _: Token,
        offset: usize,
        bytes: &mut [u8],
    ) -> Result<(), Errno> {
        let source = self.0.get(offset..offset + bytes.len()).ok_or(Errno::FAULT)?;
        bytes.copy_from_slice(source);
        Ok(())
    }

    fn reply(&mut self, _: Token, _: Result<u64, Errno>) {}

    fn signal(&mut self, _: tine_server_model::WatchHandle) {}

    fn forget(&mut self, _: tine_server_model::WatchHandle) {}
}

const CALL: Token = Token(1);

struct World<'a> {
    files: Files<'a>,
    root: Badge,
}

impl World<'_> {
    fn open(&mut self, path: &str, flags: OpenFlags) -> Result<Badge, Errno> {
        match self.files.open(self.root, path.as_bytes(), flags)? {
            Opened::Description { badge, .. } => Ok(badge),
            Opened::Program { .. } => Err(Errno::NOEXEC),
        }
    }

    fn create(&mut self, path: &str, text: &str) -> Result<Badge, Errno> {
        let badge = self.open(path, OpenFlags::READ | OpenFlags::WRITE | OpenFlags::CREATE)?;
        let mut range = Range(text.as_bytes().to_vec());
        assert_eq!(self.files.write(badge, CALL, text.len(), &mut range), Ok(text.len() as u64));
        Ok(badge)
    }

    fn read(&mut self, badge: Badge, length: usize) -> Result<String, Errno> {
        let mut range = Range::default();
        self.files.read(badge, CALL, length, &mut range)?;
        Ok(String::from_utf8(range.0).unwrap())
    }

    fn list(&mut self, path: &str) -> Vec<String> {
        let badge = self.open(path, OpenFlags::READ | OpenFlags::DIRECTORY).unwrap();
        let (mut found, mut position) = (Vec::new(), 0);
        loop {
            let mut range = Range::default();
            let (bytes, next) = self.files.list(badge, CALL, position, 40, &mut range).unwrap();
            let mut rest = &range.0[..bytes as usize];
            while let Some((head, tail)) = rest.split_at_checked(16) {
                let length = u64::from_le_bytes(head[8..].try_into().unwrap()) as usize;
                found.push(String::from_utf8(tail[..length].to_vec()).unwrap());
                rest = &tail[length.next_multiple_of(8)..];
            }
            position = next;
            if position == 0 {
                break;
            }
        }
        self.files.closed(badge);
        found
    }
}

fn with_world(test: impl FnOnce(&mut World<'_>)) {
    let bytes =
        archive(&[("bin", None), ("bin/sh", Some(b"#!code")), ("etc/motd", Some(b"hello"))]);
    let mut files = Files::new(&bytes).unwrap();
    let root = files.open_root().unwrap();
    let mut world = World { files, root };
    test(&mut world);
}

#[test]
fn archived_files_are_read_only() {
    with_world(|world| {
        assert_eq!(world.list("/"), ["bin", "dev", "etc", "tmp"]);
        let file = world.open("etc/motd", OpenFlags::READ).unwrap();
        assert_eq!(world.read(file, 2), Ok("he".to_string()));
        assert_eq!(world.read(file, 99), Ok("llo".to_string()));
        assert_eq!(world.read(file, 99), Ok(String::new()));
        assert_eq!(world.open("etc/motd", OpenFlags::WRITE), Err(Errno::ROFS));
        assert_eq!(world.open("etc/new", OpenFlags::WRITE | OpenFlags::CREATE), Err(Errno::ROFS));
        assert_eq!(world.files.unlink(world.root, b"bin/sh"), Err(Errno::ROFS));
        assert_eq!(world.files.write(file, CALL, 1, &mut Range::default()), Err(Errno::BADF));
    });
}

#[test]
fn the_null_device_takes_everything_and_gives_nothing() {
    with_world(|world| {
        let changes = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::TRUNCATE;
        let null = world.open("/dev/null", OpenFlags::READ | changes).unwrap();
        assert_eq!(
            world.files.status(null).map(|(kind, length, _)| (kind, length)),
            Ok((FileKind::Device, 0))
        );
        assert_eq!(world.files.write(null, CALL, 1 << 20, &mut Range::default()), Ok(1 << 20));
        assert_eq!(world.files.truncate(null, 7), Ok(()));
        assert_eq!(world.read(null, 9), Ok(String::new()));
        for (flags, error) in [
            (OpenFlags::READ | OpenFlags::DIRECTORY, Errno::NOTDIR),
            (OpenFlags::EXECUTE, Errno::ACCES),
        ] {
            assert_eq!(world.open("/dev/null", flags), Err(error));
        }
        assert_eq!(world.open("/dev/null/x", OpenFlags::READ), Err(Errno::NOTDIR));
        assert_eq!(world.open("/dev/new", changes), Err(Errno::ROFS));
        assert_eq!(world.files.unlink(world.root, b"dev/null"), Err(Errno::ROFS));
    });
}

#[test]
fn temporary_files_keep_what_is_written() {
    with_world(|world| {
        let file = world.create("/tmp/a", "one two").unwrap();
        assert_eq!(world.files.seek(file, 4, 0), Ok(4));
        assert_eq!(world.read(file, 9), Ok("two".to_string()));
        let again = world.open("tmp/a", OpenFlags::READ).unwrap();
        assert_eq!(world.read(again, 3), Ok("one".to_string()));
        let flags = OpenFlags::WRITE | OpenFlags::APPEND;
        let append = world.open("tmp/a", flags).unwrap();
        assert_eq!(world.files.write(append, CALL, 1, &mut Range(b"!".to_vec())), Ok(1));
        assert_eq!(world.files.status(again).unwrap().1, 8);
        world.open("tmp/a", OpenFlags::WRITE | OpenFlags::TRUNCATE).unwrap();
        assert_eq!(world.files.status(again).unwrap().1, 0);
    });
}

#[test]
fn errors_of_open() {
    with_world(|world| {
        let create = OpenFlags::WRITE | OpenFlags::CREATE;
        world.create("tmp/a", "").unwrap();
        for (path, flags, error) in [
            ("nothing", OpenFlags::READ, Errno::NOENT),
            ("etc/motd/x", OpenFlags::READ, Errno::NOTDIR),
            ("etc/motd/", OpenFlags::READ, Errno::NOTDIR),
            ("bin", OpenFlags::WRITE, Errno::ISDIR),
            ("bin", OpenFlags::EXECUTE, Errno::ISDIR),
            ("etc/motd", OpenFlags::READ | OpenFlags::DIRECTORY, Errno::NOTDIR),
            ("tmp/a", create | OpenFlags::EXCLUSIVE, Errno::EXIST),
            ("tmp/x/y", create, Errno::NOENT),
            ("", OpenFlags::READ, Errno::NOENT),
            ("etc/motd", OpenFlags::empty(), Errno::INVAL),
            ("etc/motd", OpenFlags::READ | OpenFlags::EXECUTE, Errno::INVAL),
        ] {
            assert_eq!(world.open(path, flags), Err(error), "{path}");
        }
        assert_eq!(world.files.open(Badge(77), b"bin", OpenFlags::READ), Err(Errno::BADF));
    });
}

#[test]
fn parents_lead_up_but_never_beyond_the_root() {
    with_world(|world| {
        let bin = world.open("bin", OpenFlags::READ).unwrap();
        for path in [&b"../etc/motd"[..], b"../../../etc/./motd", b"../bin/../etc/motd"] {
            assert!(world.files.open(bin, path, OpenFlags::READ).is_ok());
        }
    });
}

#[test]
fn an_unlinked_file_lives_while_it_is_open() {
    with_world(|world| {
        let nodes = world.files.node_count();
        let file = world.create("tmp/a", "still").unwrap();
        assert_eq!(world.files.unlink(world.root, b"tmp/a"), Ok(()));
        assert_eq!(world.open("tmp/a", OpenFlags::READ), Err(Errno::NOENT));
        assert_eq!(world.files.seek(file, 0, 0), Ok(0));
        assert_eq!(world.read(file, 9), Ok("still".to_string()));
        world.files.closed(file);
        assert_eq!(world.files.node_count(), nodes);
    });
}

#[test]
fn directories_are_made_listed_and_removed_when_empty() {
    with_world(|world| {
        let root = world.root;
        assert_eq!(world.files.make_directory(root, b"tmp/d"), Ok(()));
        assert_eq!(world.files.make_directory(root, b"tmp/d/"), Err(Errno::EXIST));
        assert_eq!(world.files.make_directory(root, b"x"), Err(Errno::ROFS));
        let file = world.create("tmp/d/f", "").unwrap();
        world.files.closed(file);
        assert_eq!(world.files.unlink(root, b"tmp/d"), Err(Errno::NOTEMPTY));
        assert_eq!(world.files.unlink(root, b"tmp/d/f"), Ok(()));
        assert_eq!(world.files.unlink(root, b"tmp/d"), Ok(()));
        assert_eq!(world.files.unlink(root, b"tmp/.."), Err(Errno::INVAL));
        assert_eq!(world.list("tmp"), [""; 0]);
    });
}

#[test]
fn rename_moves_replaces_and_refuses() {
    with_world(|world| {
        let root = world.root;
        world.files.make_directory(root, b"tmp/d").unwrap();
        world.create("tmp/a", "A").unwrap();
        world.create("tmp/b", "B").unwrap();
        assert_eq!(world.files.rename(root, b"tmp/a", b"tmp/d/c"), Ok(()));
        assert_eq!(world.files.rename(root, b"tmp/b", b"tmp/d/c"), Ok(()));
        assert_eq!(world.list("tmp/d"), ["c"]);
        let file = world.open("tmp/d/c", OpenFlags::READ).unwrap();
        assert_eq!(world.read(file, 1), Ok("B".to_string()));
        assert_eq!(world.files.rename(root, b"tmp/d", b"tmp/d/e"), Err(Errno::INVAL));
        assert_eq!(world.files.rename(root, b"tmp/d/c", b"tmp/d"), Err(Errno::ISDIR));
        assert_eq!(world.files.rename(root, b"bin/sh", b"tmp/sh"), Err(Errno::ROFS));
    });
}

#[test]
fn programs_are_given_by_content_and_version() {
    with_world(|world| {
        let opened = world.files.open(world.root, b"bin/sh", OpenFlags::EXECUTE).unwrap();
        let Opened::Program { node, version, length } = opened else { panic!("{opened:?}") };
        assert_eq!((world.files.content(node, 0), version, length), (&b"#!code"[..], 0, 6));
        assert_eq!(world.files.content(node, 6), b"");
    });
}

#[test]
fn the_largest_file_ends_with_efbig() {
    with_world(|world| {
        let file = world.create("tmp/a", "").unwrap();
        assert_eq!(world.files.truncate(file, crate::FILE_MAX as u64 + 1), Err(Errno::FBIG));
        world.files.seek(file, crate::FILE_MAX as i64, 0).unwrap();
        let mut range = Range(std::vec![0]);
        assert_eq!(world.files.write(file, CALL, 1, &mut range), Err(Errno::FBIG));
    });
}

proptest! {
    /// Random writes, seeks and truncations agree with a byte vector.
    #[test]
    fn a_file_is_a_byte_vector(
        steps in prop::collection::vec((0u8..3, 0usize..20_000, 1usize..9000), 1..30),
    ) {
        let bytes = archive(&[]);
        let mut files = Files::new(&bytes).unwrap();
        let root = files.open_root().unwrap();
        let flags = OpenFlags::READ | OpenFlags::WRITE | OpenFlags::CREATE;
        let Ok(Opened::Description { badge, .. }) = files.open(root, b"tmp/f", flags) else {
            panic!("the file cannot be made")
        };
        let mut model: Vec<u8> = Vec::new();
        for (step, (what, position, length)) in steps.into_iter().enumerate() {
            files.seek(badge, position as i64, 0).unwrap();
            match what {
                0 => {
                    let text = std::vec![step as u8 + 1; length];
                    if model.len() < position + length {
                        model.resize(position + length, 0);
                    }
                    model[position..position + length].copy_from_slice(&text);
                    prop_assert_eq!(files.write(badge, CALL, length, &mut Range(text)), Ok(length as u64));
                }
                1 => {
                    files.truncate(badge, position as u64).unwrap();
                    model.resize(position, 0);
                }
                _ => {
                    let mut range = Range::default();
                    let count = files.read(badge, CALL, length, &mut range).unwrap() as usize;
                    let expected = model.get(position..).unwrap_or_default();
                    let expected = &expected[..expected.len().min(length)];
                    prop_assert_eq!(&range.0[..count], expected);
                }
            }
        }
    }
}
