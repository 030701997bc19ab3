//! The search for Limine's files, and the disc made of them, over stand-in files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use tine_image::limine::{BRANCH, FILES, Files, Found, Incomplete, Search, find};
use tine_image::{Payload, disc};

fn folder() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("limine-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).expect("a folder for the test");
    folder
}

fn fill(folder: &Path) {
    fs::create_dir_all(folder).expect("a folder for the files");
    for name in FILES {
        // A boot image of one track of a floppy disc, which xorriso accepts.
        fs::write(folder.join(name), vec![0x90; 4096]).expect("a stand-in file");
    }
}

fn quiet(search: &Search) -> Result<Found, Incomplete> {
    find(search, &mut |_| {})
}

#[test]
fn a_named_folder_comes_before_the_variable_and_the_cache() {
    let base = folder();
    let (named, variable, cache) = (base.join("named"), base.join("variable"), base.join("cache"));
    for place in [&named, &variable, &cache.join("tine/limine")] {
        fill(place);
    }
    let mut search = Search {
        named: Some(named.clone()),
        variable: Some(variable.clone()),
        cache: Some(cache.clone()),
        clone: None,
    };
    let place = |search: &Search| match quiet(search) {
        Ok(Found::Files(files)) => files.folder().to_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(place(&search), named);
    search.named = None;
    assert_eq!(place(&search), variable);
    search.variable = None;
    assert_eq!(place(&search), cache.join("tine/limine"));
}

#[test]
fn a_named_folder_that_lacks_a_file_is_an_error() {
    let named = folder();
    fill(&named);
    fs::remove_file(named.join(FILES[3])).unwrap();
    let search = Search { named: Some(named.clone()), ..Search::default() };
    assert_eq!(quiet(&search), Err(Incomplete { folder: named, missing: vec![FILES[3]] }));
}

#[test]
fn without_leave_to_clone_nothing_is_found_and_nothing_is_written() {
    let cache = folder();
    let search = Search { cache: Some(cache.clone()), ..Search::default() };
    assert!(matches!(quiet(&search), Ok(Found::Nothing(text)) if text.contains("--limine")));
    assert_eq!(fs::read_dir(cache).unwrap().count(), 0);
}

#[test]
fn a_clone_fills_the_cache_once() {
    let (base, cache) = (folder(), folder());
    let repository = base.join("repository");
    fill(&repository);
    let git = |words: &[&str]| {
        let mut git = Command::new("git");
        git.arg("-C").arg(&repository).args(["-c", "user.name=t", "-c", "user.email=t@t"]);
        assert!(git.args(words).output().unwrap().status.success(), "git {words:?}");
    };
    git(&["init", "-q", "-b", BRANCH]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "files"]);
    let url = format!("file://{}", repository.display());
    let search = Search { cache: Some(cache.clone()), clone: Some(url), ..Search::default() };
    let mut said = 0;
    let found = find(&search, &mut |_| said += 1).unwrap();
    let files = Files::in_folder(&cache.join("tine/limine")).unwrap();
    assert_eq!((found, said), (Found::Files(files), 1));
    find(&search, &mut |_| said += 1).unwrap();
    assert_eq!(said, 1, "the second search finds the cache");
    assert_eq!(fs::read_dir(cache.join("tine")).unwrap().count(), 1, "nothing partial is left");
}

#[test]
fn a_failed_clone_is_remembered() {
    let cache = folder();
    let url = format!("file://{}/none", cache.display());
    let search = Search { cache: Some(cache), clone: Some(url), ..Search::default() };
    let mut said = 0;
    let first = find(&search, &mut |_| said += 1).unwrap();
    assert!(matches!(&first, Found::Nothing(text) if text.contains("git")), "{first:?}");
    let second = find(&search, &mut |_| said += 1).unwrap();
    assert!(matches!(&second, Found::Nothing(text) if text.contains("less than a day")));
    assert_eq!(said, 1);
}

#[test]
fn a_disc_has_the_same_bytes_whenever_it_is_made() {
    if Command::new("xorriso").arg("-version").output().is_err() {
        println!("skipped: no xorriso here; `cargo run` installs it");
        return;
    }
    let base = folder();
    let limine = base.join("limine");
    fill(&limine);
    let files = Files::in_folder(&limine).unwrap();
    let source = include_str!("../../../limine.cfg");
    let payload = Payload {
        kernel: b"kernel",
        root: b"root",
        archive: &[7; 3000],
        command_line: "mode=test",
        slide: true,
    };
    let make = |name: &str| {
        let image = base.join(format!("{name}.iso"));
        disc::write(&payload, &files, source, &base.join(name), &image).unwrap();
        fs::read(image).unwrap()
    };
    let one = make("one");
    let old = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    fs::File::options()
        .write(true)
        .open(limine.join(FILES[0]))
        .and_then(|file| file.set_modified(old))
        .unwrap();
    let other = make("other");
    assert!(one == other, "two discs of the same files differ");
    let list = Command::new("xorriso")
        .args(["-indev"])
        .arg(base.join("one.iso"))
        .args(["-find", "/", "-type", "f"])
        .output()
        .unwrap();
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    for name in ["limine.cfg", "limine.conf", "boot/tine", "boot/root", "EFI/BOOT/BOOTX64.EFI"] {
        assert!(list.contains(&format!("'/{name}'")), "{name} in {list}");
    }
}
