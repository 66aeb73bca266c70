//! The last step of a build: who links, and what is asked of it.

use std::fs;
use std::path::PathBuf;

use crate::dist::android;
use crate::dist::route::LinkRoute;
use crate::dist::targets::{Artefact, Linker, Minimum, Target};
use crate::dist::tools::write_script;
use crate::failure::Failure;
use crate::process::{root, run, target_folder};

/// What the final link of a shared library is told.
pub(super) fn link_arguments(target: &Target, link: &LinkRoute) -> Result<Vec<String>, Failure> {
    if !target.artefacts.contains(&Artefact::Shared) || matches!(link, LinkRoute::Host) {
        return Ok(Vec::new());
    }
    let mut words = vec![
        "-soname,librtm.so".to_owned(),
        // Android before 6 reads the old table only.
        "--hash-style=both".to_owned(),
        "--build-id=sha1".to_owned(),
        "-z,defs".to_owned(),
    ];
    if target.linker == Linker::Android {
        words.push("-z,max-page-size=16384".to_owned());
        words.push("-z,common-page-size=16384".to_owned());
        // Libraries that nothing is used of: the stubs must not stay as dependencies.
        words.push("--as-needed".to_owned());
        // Functions of the same code become one: a hundredth of the size.
        words.push("--icf=all".to_owned());
        // All missing symbols at once.
        words.push("--error-limit=0".to_owned());
    }
    let mut arguments: Vec<String> =
        words.iter().map(|word| format!("-Clink-arg=-Wl,{word}")).collect();
    if let Some(shims) = glibc_shims(target, link)? {
        arguments.push(format!("-Clink-arg={}", shims.display()));
    }
    if let LinkRoute::Stubs(zig) = link {
        let folder = android::sysroot(target, zig)?;
        arguments.push(format!("-Lnative={}", folder.display()));
        if android::needs_shims(target) {
            arguments.push(format!("-Clink-arg={}", folder.join("shims.o").display()));
        }
    }
    if let (LinkRoute::Ndk { clang }, true) = (link, android::needs_shims(target)) {
        let shims = android::ndk_shims(target, clang)?;
        arguments.push(format!("-Clink-arg={}", shims.display()));
    }
    Ok(arguments)
}

/// The object with what std needs and an old glibc lacks.
pub(super) fn glibc_shims(target: &Target, link: &LinkRoute) -> Result<Option<PathBuf>, Failure> {
    let (LinkRoute::Zig(zig), Linker::Zig(triple)) = (link, target.linker) else { return Ok(None) };
    if !matches!(target.minimum, Minimum::Glibc(minor) if minor < 16) {
        return Ok(None);
    }
    let object = target_folder().join("tools").join(format!("{}-shims.o", target.name));
    let mut compiler = zig.command(&["cc", "-target", triple, "-c", "-Os", "-g0", "-fPIC"]);
    compiler.args(["-fvisibility=hidden", "-fno-sanitize=all", "-fno-stack-protector"]);
    fs::create_dir_all(target_folder().join("tools"))?;
    run(compiler.arg(root().join("platforms/linux/shims.c")).arg("-o").arg(&object))?;
    Ok(Some(object))
}

/// A program that links in rustc's place; `None` for rustc's own choice.
pub(super) fn linker(target: &Target, link: &LinkRoute) -> Result<Option<PathBuf>, Failure> {
    let path = target_folder().join("tools").join(format!("link-{}", target.name));
    match (link, target.linker) {
        (LinkRoute::Ndk { clang }, _) => return Ok(Some(clang.clone())),
        (LinkRoute::Stubs(zig), _) => {
            let own = std::env::current_exe()?;
            let line = format!("exec '{}' link '{}' \"$@\"\n", own.display(), zig.zig.display());
            write_script(&path, &line)?;
        }
        (LinkRoute::Zig(zig), Linker::Zig(triple)) => zig.write_linker(&path, triple)?,
        _ => return Ok(None),
    }
    Ok(Some(path))
}
