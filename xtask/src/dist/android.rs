//! What stands in for the NDK: stub libraries, LLVM's libunwind, and shims for old systems.
//!
//! The stubs define exactly the symbols that the API level has, by our own list, and the linker
//! refuses what stays undefined. So a library that was linked here imports nothing newer.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::dist::targets::{Minimum, Target};
use crate::dist::tools::Zig;
use crate::failure::Failure;
use crate::lists;
use crate::process::{program_in_root, root, run, target_folder};

const SYMBOLS: &str = "platforms/android/symbols.txt";
const SHIMS: &str = "platforms/android/shims.c";
const UNWIND: &str = "platforms/android/unwind.h";

/// The sources of libunwind, as the Zig package has them.
const UNWIND_SOURCES: &[&str] = &[
    "libunwind.cpp",
    "Unwind-EHABI.cpp",
    "UnwindLevel1.c",
    "UnwindLevel1-gcc-ext.c",
    "UnwindRegistersRestore.S",
    "UnwindRegistersSave.S",
];

/// One symbol of a system library, and since which API level there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Symbol {
    pub(crate) library: String,
    pub(crate) name: String,
    levels: [Option<u32>; 3],
}

impl Symbol {
    /// The first API level that has it on `abi`; `None` if none has.
    pub(crate) fn level(&self, abi: &str) -> Option<u32> {
        match abi {
            "armeabi-v7a" => self.levels[0],
            "x86" => self.levels[1],
            _ => self.levels[2],
        }
    }
}

/// Our own list of what may be imported.
pub(crate) fn symbols() -> Result<Vec<Symbol>, Failure> {
    lists::read(SYMBOLS, parse)
}

fn parse(line: &str) -> Option<Symbol> {
    let mut words = line.split_whitespace();
    let (library, name) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut levels = [None; 3];
    for level in &mut levels {
        *level = match words.next()? {
            "-" => None,
            word => Some(word.parse().ok()?),
        };
    }
    words.next().is_none().then_some(Symbol { library, name, levels })
}

/// Makes, unless it is there, the folder that a target is linked against.
pub(crate) fn sysroot(target: &Target, zig: &Zig) -> Result<PathBuf, Failure> {
    let Minimum::Api(api) = target.minimum else {
        return Err(Failure::new(format!("{} has no API level in the table", target.name)));
    };
    let folder = target_folder().join("tools/android").join(format!("{}-{api}", target.abi));
    let mut inputs = format!("zig {}\n", zig.version);
    for file in [SYMBOLS, SHIMS, UNWIND, "xtask/src/dist/android.rs"] {
        inputs += &fs::read_to_string(root().join(file))?;
    }
    let stamp = folder.join("inputs");
    if fs::read_to_string(&stamp).is_ok_and(|text| text == inputs) {
        return Ok(folder);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    for library in ["libc", "libm", "libdl", "liblog"] {
        stub(target, api, library, &folder, zig)?;
    }
    unwinder(target, &folder, zig)?;
    if needs_shims(target) {
        let mut compiler = compiler(target, zig, "cc");
        compiler.args(["-std=c11", "-Wall", "-Wextra", "-Werror"]);
        run(compiler.arg(root().join(SHIMS)).arg("-o").arg(folder.join("shims.o")))?;
    }
    // Written last, so a folder that was cut off doesn't count.
    fs::write(stamp, inputs)?;
    Ok(folder)
}

/// Whether std asks for more than the API level has.
pub(crate) fn needs_shims(target: &Target) -> bool {
    matches!(target.minimum, Minimum::Api(api) if api < 21)
}

/// The shims, compiled by the NDK's `clang`.
pub(crate) fn ndk_shims(target: &Target, clang: &Path) -> Result<PathBuf, Failure> {
    let folder = target_folder().join("tools/android");
    fs::create_dir_all(&folder)?;
    let object = folder.join(format!("{}-ndk-shims.o", target.abi));
    let mut compiler = program_in_root(clang);
    compiler.args(["-c", "-Os", "-g0", "-fPIC", "-fvisibility=hidden"]);
    run(compiler.arg(root().join(SHIMS)).arg("-o").arg(&object))?;
    Ok(object)
}

/// A library without code that defines what `library` has at the API level.
fn stub(target: &Target, api: u32, library: &str, folder: &Path, zig: &Zig) -> Result<(), Failure> {
    let mut text = String::from(".text\n");
    for symbol in symbols()?.iter().filter(|symbol| symbol.library == library) {
        if symbol.level(target.abi).is_some_and(|level| level <= api) {
            let name = &symbol.name;
            let _ = writeln!(
                text,
                ".globl {name}\n.type {name},%function\n{name}:\n.long 0\n.size {name},4"
            );
        }
    }
    let (source, object) = (folder.join(format!("{library}.s")), folder.join("stub.o"));
    fs::write(&source, text)?;
    run(compiler(target, zig, "cc").arg(&source).arg("-o").arg(&object))?;
    let name = format!("{library}.so");
    let mut lld = zig.command(&["ld.lld", "-shared", "-soname", &name]);
    run(lld.arg(&object).arg("-o").arg(folder.join(&name)))?;
    Ok(fs::remove_file(object)?)
}

fn unwinder(target: &Target, folder: &Path, zig: &Zig) -> Result<(), Failure> {
    let sources = zig.lib.join("libunwind/src");
    let mut objects = Vec::new();
    for name in UNWIND_SOURCES {
        let is_cpp = name.ends_with(".cpp");
        let mut compiler = compiler(target, zig, if is_cpp { "c++" } else { "cc" });
        if is_cpp {
            compiler.args(["-std=c++17", "-fno-exceptions", "-fno-rtti", "-nostdinc++"]);
        }
        if !name.ends_with(".S") {
            compiler.arg("-include").arg(root().join(UNWIND));
        }
        compiler.args(["-DNDEBUG", "-D_LIBUNWIND_HIDE_SYMBOLS", "-D__BIONIC__", "-w"]);
        compiler.arg("-I").arg(zig.lib.join("libunwind/include")).arg("-I").arg(&sources);
        let object = folder.join(format!("{name}.o"));
        run(compiler.arg(sources.join(name)).arg("-o").arg(&object))?;
        objects.push(object);
    }
    run(zig.command(&["ar", "rcs"]).arg(folder.join("libunwind.a")).args(&objects))?;
    for object in objects {
        fs::remove_file(object)?;
    }
    Ok(())
}

/// A compiler for objects that go into a library for old systems.
fn compiler(target: &Target, zig: &Zig, language: &str) -> std::process::Command {
    let machine: &[&str] = match target.abi {
        "armeabi-v7a" => &["-target", "arm-linux-musleabi", "-mcpu=generic+v7a"],
        "arm64-v8a" => &["-target", "aarch64-linux-musl"],
        "x86" => &["-target", "x86-linux-musl"],
        _ => &["-target", "x86_64-linux-musl"],
    };
    let mut command = zig.command(&[language]);
    command.args(machine).args(["-c", "-Os", "-g0", "-fPIC", "-fvisibility=hidden"]);
    // Neither has support in the stubs.
    command.args([
        "-fno-sanitize=all",
        "-fno-stack-protector",
        "-funwind-tables",
        "-Wno-unused-command-line-argument",
    ]);
    command.args(["-ffunction-sections", "-fdata-sections"]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_levels_for_arm_x86_and_64_bits() {
        let symbol = parse("libdl dl_iterate_phdr 21 16 21").expect("understood");
        assert_eq!(symbol.level("armeabi-v7a"), Some(21));
        assert_eq!(symbol.level("x86"), Some(16));
        assert_eq!(symbol.level("arm64-v8a"), Some(21));
        assert_eq!(parse("libdl dl_unwind_find_exidx 9 - -").expect("ok").level("x86_64"), None);
        for line in ["", "libc", "libc read 9 9", "libc read 9 9 x", "libc read 9 9 21 what"] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    #[test]
    fn our_list_is_sorted_and_names_nothing_twice() {
        let names: Vec<String> = symbols()
            .expect("readable")
            .into_iter()
            .map(|symbol| format!("{} {}", symbol.library, symbol.name))
            .collect();
        let mut sorted = names.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(names, sorted);
        assert!(names.len() > 50);
    }
}
