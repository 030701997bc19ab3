//! Direct boot in QEMU: every machine it is for, every refusal, and the comparison with Limine.
//!
//! Needs the guest's programs: `TINE_GUEST` names the folder with `tine-directboot` and
//! `tine-directboot-probe`, built for `x86_64-unknown-none`. `TINE_LIMINE` names the folder with
//! Limine's files, for the comparison. What is not there is left out, and said.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tine_bundle::Module;
use tine_directboot_model::dump;
use tine_image::limine::Files;
use tine_image::{Payload, disc};

/// QEMU's status when the probe has ended, and when direct boot has refused.
const DUMPED: Option<i32> = Some(0x10 << 1 | 1);
const REFUSED: Option<i32> = Some(0x33 << 1 | 1);

const COMMAND_LINE: &str = "log=1 slide=0";

/// The guest's programs and a folder for this test's files.
struct Bed {
    guest: PathBuf,
    folder: PathBuf,
}

impl Bed {
    /// `None`, and a line that says so, where the guest was not built.
    fn new(name: &str) -> Option<Bed> {
        let Some(guest) = env::var_os("TINE_GUEST").map(PathBuf::from) else {
            println!("left out: TINE_GUEST does not name the guest's programs");
            return None;
        };
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).expect("a folder for the test");
        let bed = Bed { guest, folder };
        let root = Module { name: "root", data: b"root\n" };
        let archive = [7; 70_000];
        let archive = Module { name: "archive", data: &archive };
        let bundle = tine_bundle::write(&bed.probe(), COMMAND_LINE, &[root, archive]);
        bed.put("bundle", &bundle.expect("a good bundle"));
        Some(bed)
    }

    fn probe(&self) -> Vec<u8> {
        fs::read(self.guest.join("tine-directboot-probe")).expect("the probe kernel")
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.folder.join(name), bytes).expect("a file for the test");
    }

    /// Boots `bundle` directly.
    fn direct(&self, bundle: &str, options: &[&str]) -> (Option<i32>, String) {
        let kernel = self.guest.join("tine-directboot");
        let kernel = kernel.to_str().expect("a path in UTF-8");
        let bundle = self.folder.join(bundle);
        let bundle = bundle.to_str().expect("a path in UTF-8");
        self.run(&[&["-kernel", kernel, "-initrd", bundle], options].concat())
    }

    /// Runs QEMU to its end; its status, and what the guest said on COM1.
    fn run(&self, options: &[&str]) -> (Option<i32>, String) {
        let console = self.folder.join("console");
        // A guest that hangs is ended, and its status is not one that any test expects.
        let status = Command::new("timeout")
            .args(["60", "qemu-system-x86_64"])
            .args(["-nodefaults", "-display", "none", "-no-reboot", "-accel", "tcg"])
            .args(["-device", "isa-debug-exit,iobase=0xf4,iosize=4"])
            .arg("-serial")
            .arg(format!("file:{}", console.display()))
            .args(options)
            .stdin(Stdio::null())
            .status()
            .expect("timeout and qemu-system-x86_64")
            .code();
        (status, fs::read_to_string(console).unwrap_or_default())
    }
}

/// Checks that a dump is complete and holds what must hold on every machine.
fn check(text: &str, cpus: usize) {
    let count = |line: &str| text.lines().filter(|it| it.trim_end().starts_with(line)).count();
    assert!(text.trim_end().ends_with(dump::END), "complete: {text}");
    for line in [
        "dump: base-revision-left 0x0",
        "dump: lower-half-entries 0x0",
        "dump: relocated 0x1",
        "dump: kernel-address-agrees 0x1",
        "dump: framebuffers unanswered",
        "dump: mapping text r-x",
        "dump: mapping rodata r--",
        "dump: mapping data rw-",
        "dump: mapping bss rw-",
        "dump: mapping direct-map rwx",
        "dump: kernel-file /boot/tine ",
        "dump: module /boot/root 5 ",
        "dump: module /boot/archive 70000 ",
    ] {
        assert_eq!(count(line), 1, "{line}: {text}");
    }
    assert_eq!(count("dump: not-in-direct-map"), 0, "{text}");
    assert_eq!(count("dump: unaligned"), 0, "{text}");
    assert_eq!(count("dump: cpu "), cpus, "{text}");
    assert_eq!(count("dump: information-mapped 0x1"), cpus - 1, "{text}");
    for cpu in ["boot", "other"] {
        let expected = if cpu == "boot" { 1 } else { cpus - 1 };
        let rdi = if cpu == "boot" { "rdi 0x0" } else { "rdi 0x1" };
        for state in
            ["flags 0x0", "registers 0x0", rdi, "return-address 0x0", "cr0 0x80010011", "cr4 0x20"]
        {
            assert_eq!(count(&format!("dump: state {cpu} {state}")), expected, "{state}: {text}");
        }
    }
}

#[test]
fn every_machine_boots() {
    let Some(bed) = Bed::new("machines") else { return };
    for machine in ["q35", "pc", "microvm"] {
        for (memory, cpus) in [("64", 1), ("512", 2), ("512", 8), ("4G", 1), ("6G", 2)] {
            let cpus_text = cpus.to_string();
            let options =
                ["-machine", machine, "-cpu", "max", "-m", memory, "-smp", cpus_text.as_str()];
            let (status, text) = bed.direct("bundle", &options);
            assert_eq!(status, DUMPED, "{options:?}: {text}");
            check(&text, cpus);
        }
    }
}

#[test]
fn a_cpu_without_large_pages_and_a_machine_without_tables_boot() {
    let Some(bed) = Bed::new("variants") else { return };
    let (status, text) = bed.direct("bundle", &["-cpu", "qemu64", "-m", "5G"]);
    assert_eq!(status, DUMPED, "{text}");
    check(&text, 1);
    let bare = ["-machine", "microvm,acpi=off,rtc=off", "-cpu", "max", "-m", "64"];
    let (status, text) = bed.direct("bundle", &bare);
    assert_eq!(status, DUMPED, "{text}");
    for line in ["dump: rsdp unanswered", "dump: smp unanswered", "dump: boot-time unanswered"] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[test]
fn seed_decides_the_slide() {
    let Some(bed) = Bed::new("slides") else { return };
    let base = |append: &str| {
        let (_, text) = bed.direct("bundle", &["-cpu", "max", "-append", append]);
        check(&text, 1);
        let line = text.lines().find(|line| line.starts_with("dump: kernel-address "));
        line.expect("an address").trim_end().to_owned()
    };
    let (none, five, six) = (base("slide=0"), base("slide=5"), base("slide=0x6"));
    assert!(none.ends_with("0xffffffff80000000"), "{none}");
    assert_eq!(five, base("slide=5"));
    assert!(none != five && five != six && none != six);
}

#[test]
fn every_refusal_is_one_line() {
    let Some(bed) = Bed::new("refusals") else { return };
    let good = fs::read(bed.folder.join("bundle")).expect("the bundle");
    bed.put("noise", &[0x5a; 4096]);
    bed.put("cut", &good[..good.len() - 600]);
    bed.put("no-elf", &tine_bundle::write(b"text", "", &[]).expect("a good bundle"));
    let cases: [(&str, &[&str], &str); 8] = [
        ("noise", &["-cpu", "max"], "the bundle is not a ustar archive"),
        ("cut", &["-cpu", "max"], "the bundle is cut short"),
        ("no-elf", &["-cpu", "max"], "the kernel is not a 64-bit x86 ELF executable"),
        ("bundle", &["-cpu", "max", "-m", "48"], "47 MiB of memory where 64 are needed"),
        ("bundle", &["-cpu", "max", "-append", "slide=x"], "`slide=` is not followed by a number"),
        ("bundle", &["-cpu", "max,-nx"], "this CPU has no NX bit"),
        ("bundle", &["-cpu", "qemu32"], "this CPU has no 64-bit mode"),
        ("bundle", &["-cpu", "486"], "this CPU has no 64-bit mode"),
    ];
    for (bundle, options, reason) in cases {
        let (status, text) = bed.direct(bundle, options);
        assert_eq!((status, text), (REFUSED, format!("directboot: {reason}\r\n")));
    }
}

#[test]
fn limine_tells_the_same() {
    let Some(bed) = Bed::new("limine") else { return };
    let limine = env::var_os("TINE_LIMINE").map(PathBuf::from);
    let Some(files) = limine.and_then(|folder| Files::in_folder(&folder).ok()) else {
        return println!("left out: TINE_LIMINE does not name Limine's files");
    };
    let image = bed.folder.join("disc.iso");
    let source = format!(
        "TIMEOUT=0\n:Probe\nPROTOCOL=limine\nKASLR=no\nKERNEL_PATH=boot:///boot/tine\n\
         KERNEL_CMDLINE={COMMAND_LINE}\nMODULE_PATH=boot:///boot/root\n\
         MODULE_PATH=boot:///boot/archive\n"
    );
    let (kernel, archive) = (bed.probe(), [7; 70_000]);
    let payload = Payload {
        kernel: &kernel,
        root: b"root\n",
        archive: &archive,
        command_line: COMMAND_LINE,
        slide: false,
    };
    let tree = bed.folder.join("tree");
    disc::write(&payload, &files, &source, &tree, &image).expect("a disc");
    let image = image.to_str().expect("a path in UTF-8");
    for (machine, cpu) in [("q35", "max"), ("pc", "max"), ("pc", "qemu64")] {
        for (memory, cpus) in [("64", "1"), ("512", "8"), ("6G", "2")] {
            // Both with the disc in the drive: the firmware keeps a page for it.
            let options = ["-machine", machine, "-cpu", cpu, "-m", memory, "-smp", cpus];
            let options = [&options[..], &["-cdrom", image]].concat();
            let (_, direct) = bed.direct("bundle", &options);
            let (_, limine) = bed.run(&options);
            assert!(limine.trim_end().ends_with(dump::END), "{options:?}: {limine}");
            assert_eq!(dump::normalise(&direct), dump::normalise(&limine), "{options:?}");
        }
    }
}
