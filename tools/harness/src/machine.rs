//! The virtual machine: what a run asks for, and QEMU's words for it.
//!
//! Owns: the options that make a machine, and QEMU's command line. Never enters it: processes,
//! files other than their names. Called by: `run`, `tools/xtask`.
//!
//! Invariants: the same machine gives the same words; a counted machine ([`Machine::counted`])
//! has one CPU under TCG, without `erms`, and a clock that counts instructions.
//!
//! Sources: QEMU 7.2's manual; `-icount` and `erms` as the benchmarks' definition wants them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use tine_abi::results::PORT;

/// What executes the guest's instructions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Accelerator {
    /// The host's CPU.
    Kvm,
    /// QEMU's translator.
    Tcg,
}

impl Accelerator {
    /// KVM where the CPU has virtualization and the device can be opened, else TCG. A `/dev/kvm`
    /// without hardware virtualization opens too, and guests then fail oddly.
    #[must_use]
    pub fn best() -> Self {
        let information = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let device = std::fs::File::options().read(true).write(true).open("/dev/kvm");
        if hardware_virtualization(&information) && device.is_ok() { Self::Kvm } else { Self::Tcg }
    }
}

/// Whether the text of `/proc/cpuinfo` shows `vmx` or `svm`.
#[must_use]
pub fn hardware_virtualization(information: &str) -> bool {
    information
        .lines()
        .filter_map(|line| line.strip_prefix("flags"))
        .any(|flags| flags.split_ascii_whitespace().any(|flag| matches!(flag, "vmx" | "svm")))
}

/// What starts the machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Firmware {
    /// SeaBIOS, which comes with QEMU.
    Bios,
    /// The UEFI firmware in this file.
    Uefi(PathBuf),
}

/// What the firmware finds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Medium {
    /// QEMU loads `loader` itself and gives it `bundle`.
    Direct {
        /// The direct-boot loader, an ELF file with a PVH note.
        loader: PathBuf,
        /// Kernel, command line and modules in one file.
        bundle: PathBuf,
    },
    /// A bootable disc.
    Disc(PathBuf),
}

/// A virtual machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Machine {
    /// QEMU's program, `qemu-system-x86_64` or a path.
    pub program: PathBuf,
    /// What executes; a counted machine is TCG whatever this says.
    pub accelerator: Accelerator,
    /// What starts it.
    pub firmware: Firmware,
    /// What the firmware finds.
    pub medium: Medium,
    /// CPUs, at least 1.
    pub cpus: u32,
    /// Memory in MiB.
    pub memory: u32,
    /// Whether the time-stamp counter counts instructions (`-icount`).
    pub counted: bool,
    /// CPU features taken away, such as `nx`.
    pub without: Vec<&'static str>,
    /// Whether there is a VGA adapter, and with it a framebuffer.
    pub display: bool,
    /// Further words for QEMU.
    pub further: Vec<OsString>,
}

impl Machine {
    /// QEMU's arguments. `console` is the value of `-chardev` for COM1 without its id; `results`
    /// names the file that the channel is written to.
    #[must_use]
    pub fn arguments(&self, console: &str, results: &Path) -> Vec<OsString> {
        let mut words: Vec<OsString> = Vec::new();
        let mut add = |option: &str, value: &dyn AsRef<std::ffi::OsStr>| {
            words.push(option.into());
            words.push(value.as_ref().to_owned());
        };
        add("-machine", &"q35");
        let mut cpu = String::from("max");
        if self.counted {
            cpu.push_str(",-erms");
        }
        for feature in &self.without {
            cpu.push_str(",-");
            cpu.push_str(feature);
        }
        let accelerator = match self.accelerator {
            Accelerator::Kvm if !self.counted => "kvm",
            _ => "tcg",
        };
        add("-accel", &accelerator);
        if self.counted {
            add("-icount", &"shift=0,sleep=off");
            add("-rtc", &"base=2026-01-01,clock=vm");
        }
        add("-cpu", &cpu);
        add("-smp", &(if self.counted { 1 } else { self.cpus }).to_string());
        add("-m", &self.memory.to_string());
        if let Firmware::Uefi(file) = &self.firmware {
            add("-bios", file);
        }
        match &self.medium {
            Medium::Direct { loader, bundle } => {
                add("-kernel", loader);
                add("-initrd", bundle);
            }
            Medium::Disc(image) => {
                add("-drive", &Self::drive(image));
            }
        }
        add("-chardev", &format!("{console},id=console"));
        add("-serial", &"chardev:console");
        add("-chardev", &option("file,id=results,path=", results, ""));
        add("-device", &format!("isa-debugcon,iobase={PORT:#x},chardev=results"));
        // Ends QEMU at once when the guest has stopped for good.
        add("-device", &"isa-debug-exit,iobase=0xf4,iosize=0x04");
        add("-vga", if self.display { &"std" } else { &"none" });
        add("-display", &"none");
        words.extend(["-nodefaults".into(), "-no-reboot".into()]);
        words.extend_from_slice(&self.further);
        words
    }

    /// The value of `-drive` for a disc.
    #[must_use]
    pub fn drive(image: &Path) -> OsString {
        option("file=", image, ",format=raw,media=cdrom,readonly=on")
    }
}

/// A file name between two texts of a QEMU option, where a comma is written twice.
fn option(before: &str, file: &Path, after: &str) -> OsString {
    let mut word = OsString::from(before);
    word.push(file.to_string_lossy().replace(',', ",,"));
    word.push(after);
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Machine {
        Machine {
            program: "qemu-system-x86_64".into(),
            accelerator: Accelerator::Kvm,
            firmware: Firmware::Bios,
            medium: Medium::Direct { loader: "loader".into(), bundle: "a,b".into() },
            cpus: 4,
            memory: 512,
            counted: false,
            without: Vec::new(),
            display: false,
            further: Vec::new(),
        }
    }

    fn words(machine: &Machine) -> String {
        let words = machine.arguments("stdio,signal=off", Path::new("results"));
        words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_plain_direct_machine() {
        assert_eq!(
            words(&machine()),
            "-machine q35 -accel kvm -cpu max -smp 4 -m 512 -kernel loader \
             -initrd a,b -chardev stdio,signal=off,id=console -serial chardev:console \
             -chardev file,id=results,path=results -device isa-debugcon,iobase=0xe9,chardev=results \
             -device isa-debug-exit,iobase=0xf4,iosize=0x04 -vga none -display none -nodefaults -no-reboot"
        );
    }

    #[test]
    fn a_counted_machine_has_one_slow_exact_cpu() {
        let text = words(&Machine { counted: true, without: vec!["nx"], ..machine() });
        assert!(
            text.contains(
                "-accel tcg -icount shift=0,sleep=off -rtc base=2026-01-01,clock=vm \
                 -cpu max,-erms,-nx -smp 1"
            ),
            "{text}"
        );
    }

    #[test]
    fn a_disc_under_uefi_and_a_comma_in_a_name() {
        let text = words(&Machine {
            firmware: Firmware::Uefi("/fw".into()),
            medium: Medium::Disc("a,b.iso".into()),
            display: true,
            further: vec!["-further".into()],
            ..machine()
        });
        assert!(text.contains("-bios /fw -drive file"), "{text}");
        assert!(text.contains("-vga std") && text.ends_with("-further"), "{text}");
        assert!(text.contains("file=a,,b.iso,format=raw,media=cdrom"), "{text}");
    }

    #[test]
    fn virtualization_is_a_whole_flag() {
        assert!(hardware_virtualization("x\nflags\t\t: fpu vmx\n"));
        assert!(hardware_virtualization("flags : svm"));
        assert!(!hardware_virtualization("flags : svm_lock\nmodel name : vmx"));
    }
}
