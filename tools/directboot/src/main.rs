//! Direct boot: QEMU's `-kernel` starts this program, and it starts the Tine kernel as Limine does.
//!
//! Owned here: the order of the boot (see `README.md`), and everything that touches the machine:
//! ports, control registers, physical memory, the other CPUs. Never here: decisions; they are in
//! `tine-directboot-model`, which the host tests. Called by: QEMU, at `entry::directboot_start`.
//! Invariants: interrupts are off throughout; one CPU runs this code; every failure is one line on
//! COM1 and a stopped machine. Source: the Limine boot protocol; the Xen PVH boot ABI.

#![no_std]
#![no_main]

mod boot;
mod control;
mod entry;
mod failure;
mod handoff;
mod interrupts;
mod ports;
mod processors;
mod serial;
mod space;
mod window;
