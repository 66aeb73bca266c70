//! Builds the artefacts of one target, splits off their debug symbols, and writes the manifest.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use sha2::{Digest, Sha256};

use crate::dist::linking::{glibc_shims, link_arguments, linker};
use crate::dist::manifest::{File, Kind, Manifest, artefacts, write_json};
use crate::dist::route::{LinkRoute, StdRoute};
use crate::dist::sbom;
use crate::dist::strip::Objcopy;
use crate::dist::targets::{Artefact, Linker, Minimum, Platform, Target};
use crate::failure::Failure;
use crate::process::{program_in_root, read, root, run, target_folder};

/// Small, and nearly as fast.
const SDK_PROFILE: &str = "dist";
/// Fast before small.
const PROGRAM_PROFILE: &str = "release";
const SDK: &str = "rtm-ffi";

/// Builds all artefacts of `target` into its folder, which gets a manifest.
pub(crate) fn build(target: &Target, fetch: bool) -> Result<(), Failure> {
    let started = Instant::now();
    let folder = artefacts().join(target.name);
    let (mut files, std, link) = files(target, fetch, "", &folder)?;
    if !target.artefacts.iter().any(|artefact| matches!(artefact, Artefact::Program(_))) {
        fs::copy(root().join("rtm-ffi/include/rtm.h"), folder.join("rtm.h"))?;
        files.push(described(&folder, "rtm.h", Kind::Header)?);
    }
    write_json(&folder.join("sbom.cdx.json"), &bill(target, &std, &link)?)?;
    files.push(described(&folder, "sbom.cdx.json", Kind::Sbom)?);

    let manifest = Manifest {
        target: target.name.to_owned(),
        platform: format!("{:?}", target.platform),
        abi: target.abi.to_owned(),
        triple: target.triple.to_owned(),
        minimum: target.minimum.to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: commit(),
        toolchain: std.toolchain.version()?,
        std: std.describe().to_owned(),
        linker: link.describe(),
        seconds: started.elapsed().as_secs_f64().round(),
        files,
        audit: Vec::new(),
        ran: Vec::new(),
    };
    manifest.write()?;
    for file in &manifest.files {
        println!("dist: {}/{}: {} bytes", target.name, file.name, file.size);
    }
    println!("dist: {} took {:.0} s", target.name, manifest.seconds);
    Ok(())
}

/// Builds all artefacts of `target` into `folder`, and says by which routes.
pub(crate) fn files(
    target: &Target,
    fetch: bool,
    features: &str,
    folder: &Path,
) -> Result<(Vec<File>, StdRoute, LinkRoute), Failure> {
    let std = StdRoute::find(target.triple, fetch)?;
    let link = LinkRoute::find(target, fetch)?;
    let objcopy = Objcopy::find()?;
    let (name, describe) = (target.name, std.describe());
    println!("dist: {name}: {}, {describe}; {}", std.toolchain.name, link.describe());
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    let mut files = Vec::new();
    for (artefact, built) in compile(target, &std, &link, features)? {
        let (name, kind) = match artefact {
            Artefact::Shared => (shared_name(target), Kind::Shared),
            Artefact::Static if target.platform == Platform::Windows => {
                ("rtm.lib".to_owned(), Kind::Static)
            }
            Artefact::Static => ("librtm.a".to_owned(), Kind::Static),
            Artefact::Program(program) => (program.to_owned(), Kind::Program),
        };
        let symbols = folder.join(format!("{name}.debug"));
        match kind {
            // Their own tools split them; here they stay whole.
            _ if matches!(link, LinkRoute::Host) => {
                fs::copy(&built, folder.join(&name))?;
                fs::copy(&built, &symbols)?;
            }
            // An archive's debug symbols can't be beside it: it is there twice.
            Kind::Static => objcopy.split_archive(&built, &folder.join(&name), &symbols)?,
            _ => objcopy.split(&built, &folder.join(&name), &symbols)?,
        }
        files.push(described(folder, &name, kind)?);
        files.push(described(folder, &format!("{name}.debug"), Kind::Symbols)?);
    }
    Ok((files, std, link))
}

fn compile(
    target: &Target,
    std: &StdRoute,
    link: &LinkRoute,
    features: &str,
) -> Result<Vec<(Artefact, PathBuf)>, Failure> {
    let is_sdk = target.artefacts.contains(&Artefact::Static)
        || target.artefacts.contains(&Artefact::Shared);
    let profile = if is_sdk { SDK_PROFILE } else { PROGRAM_PROFILE };
    let mut command = std.toolchain.cargo();
    command.arg(if is_sdk { "rustc" } else { "build" });
    command.args(["--quiet", "--locked", "--profile", profile, "--target", target.triple]);
    let folder = target_folder().join("dist");
    command.arg("--target-dir").arg(&folder);
    if std.builds_std {
        command.arg(format!("-Zbuild-std={}", target.check.std)).env("RUSTC_BOOTSTRAP", "1");
        command.arg("-Zbuild-std-features=panic-unwind");
    }
    let mut flags = remaps(std)?;
    let variable = target.triple.replace('-', "_").to_uppercase();
    let linker = linker(target, link)?;
    if let (Some(linker), false) = (&linker, is_sdk) {
        command.env(format!("CARGO_TARGET_{variable}_LINKER"), linker);
    }
    if matches!(target.linker, Linker::Zig(zig) if zig.ends_with("musl")) {
        // Zig has its own start files and C library.
        flags.push("-Clink-self-contained=no".into());
    }
    if !is_sdk {
        flags.push("-Clink-arg=-Wl,--build-id=sha1".into());
    }
    command.env("CARGO_ENCODED_RUSTFLAGS", flags.join(&OsString::from("\x1f")));
    if is_sdk {
        let kinds: Vec<&str> = target.artefacts.iter().filter_map(|a| a.crate_type()).collect();
        command.args(["--package", SDK, "--lib", "--crate-type", &kinds.join(",")]);
        if !features.is_empty() {
            command.args(["--features", features]);
        }
        command.arg("--").args(link_arguments(target, link)?);
        if let Some(linker) = linker {
            // For the library alone: build scripts may be for the same triple.
            command.arg(format!("-Clinker={}", linker.display()));
        }
    } else {
        for artefact in target.artefacts {
            command.args(["--package", artefact.package()]);
        }
    }
    run(&mut command)?;
    let built = folder.join(target.triple).join(profile);
    if let (Some(shims), LinkRoute::Zig(zig)) = (glibc_shims(target, link)?, link) {
        if target.artefacts.contains(&Artefact::Static) {
            run(zig.command(&["ar", "rs"]).arg(built.join("librtm_ffi.a")).arg(shims))?;
        }
    }
    let file = |artefact: &Artefact| match artefact {
        Artefact::Shared => built.join(rustc_shared_name(target)),
        Artefact::Static if target.platform == Platform::Windows => built.join("rtm_ffi.lib"),
        Artefact::Static => built.join("librtm_ffi.a"),
        Artefact::Program(program) => built.join(program),
    };
    Ok(target.artefacts.iter().map(|artefact| (*artefact, file(artefact))).collect())
}

/// Paths of this machine don't belong in what others get, and make two builds differ.
fn remaps(route: &StdRoute) -> Result<Vec<OsString>, Failure> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let user = std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo"));
    let mut pairs = vec![(root(), "rtm"), (target_folder(), "target")];
    pairs.extend(home.or(user).map(|path| (path, "cargo")));
    pairs.push((route.toolchain.sysroot()?.join("lib/rustlib/src/rust"), "rust"));
    let flags = pairs.into_iter().map(|(path, name)| {
        let mut flag = OsString::from("--remap-path-prefix=");
        flag.push(path.as_os_str());
        flag.push(format!("={name}"));
        flag
    });
    Ok(flags.collect())
}

fn bill(target: &Target, std: &StdRoute, link: &LinkRoute) -> Result<serde_json::Value, Failure> {
    let version = std.toolchain.version()?;
    let version = version.split(' ').nth(1).unwrap_or_default();
    let mut parts = vec![("rust-std", version, "MIT OR Apache-2.0")];
    if let LinkRoute::Stubs(zig) | LinkRoute::Zig(zig) = link {
        parts.push(("llvm-libunwind-of-zig", &zig.version, "Apache-2.0 WITH LLVM-exception"));
        if matches!(target.minimum, Minimum::Kernel(_)) {
            parts.push(("musl-of-zig", &zig.version, "MIT"));
        }
    }
    let mut packages: Vec<&str> = target.artefacts.iter().map(|a| a.package()).collect();
    packages.dedup();
    sbom::bill(&packages, target.triple, &parts)
}

pub(crate) fn described(folder: &Path, name: &str, kind: Kind) -> Result<File, Failure> {
    let bytes = fs::read(folder.join(name))?;
    let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(File { name: name.to_owned(), kind, size: bytes.len() as u64, sha256 })
}

/// The commit's short name, with `+` when files differ from it.
fn commit() -> String {
    let git = |words: &[&str]| read(program_in_root(Path::new("git")).args(words)).ok();
    let Some(commit) = git(&["rev-parse", "--short", "HEAD"]) else { return "unknown".to_owned() };
    let changed = git(&["status", "--porcelain"]).is_none_or(|text| !text.is_empty());
    format!("{}{}", commit.trim(), if changed { "+" } else { "" })
}

/// What the shared library is called where it is loaded.
fn shared_name(target: &Target) -> String {
    rustc_shared_name(target).replace("rtm_ffi", "rtm")
}

fn rustc_shared_name(target: &Target) -> &'static str {
    match target.platform {
        Platform::Macos | Platform::Ios => "librtm_ffi.dylib",
        Platform::Windows => "rtm_ffi.dll",
        Platform::Android | Platform::Linux | Platform::Bare => "librtm_ffi.so",
    }
}
