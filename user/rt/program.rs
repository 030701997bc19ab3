//! Build script of every program and server: links it with `user/rt/link.ld`.
//!
//! A manifest names it with `build = "../../rt/program.rs"` (as far up as needed). Nothing else is
//! to be passed: `cargo build --target x86_64-unknown-none` makes the static ELF. `--no-pie` undoes
//! the `-pie` that rustc passes for this target; the last one counts.

use std::path::{Path, PathBuf};

fn main() {
    println!("cargo:rerun-if-env-changed=CARGO_CFG_TARGET_OS");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("none") {
        return;
    }
    let script = script();
    println!("cargo:rerun-if-changed={}", script.display());
    println!("cargo:rustc-link-arg-bins=-T{}", script.display());
    for argument in ["--no-pie", "-znorelro", "--build-id=none"] {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
}

/// `user/rt/link.ld` of the house that this package stands in.
fn script() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the package");
    Path::new(&package)
        .ancestors()
        .map(|folder| folder.join("user/rt/link.ld"))
        .find(|script| script.is_file())
        .expect("a package of the workspace, which holds user/rt/link.ld")
}
