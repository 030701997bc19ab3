//! Links each bare program by its own script, and only those: a host build is for checking.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=link.ld");
    println!("cargo:rerun-if-changed=probe/link.ld");
    let target_os = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    let folder = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    if target_os == "none" {
        for argument in [&format!("-T{folder}/link.ld"), "--no-pie", "--build-id=none"] {
            println!("cargo:rustc-link-arg-bin=tine-directboot={argument}");
        }
        for argument in [&format!("-T{folder}/probe/link.ld"), "--build-id=none"] {
            println!("cargo:rustc-link-arg-bin=tine-directboot-probe={argument}");
        }
    }
}
