//! The model from outside: each part against examples, and against noise.

mod acpi;
mod answers;
mod elf;
mod memory;
mod paging;
mod requests;
mod start_info;
mod support;
