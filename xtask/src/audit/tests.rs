//! Each gate refuses a file that was made to be refused by it, and by no other.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use object::write::{MachOBuildVersion, Object, StandardSection, Symbol, SymbolSection};
use object::{Architecture, BinaryFormat, Endianness, SymbolFlags, SymbolKind, SymbolScope, macho};

use super::*;
use crate::dist::targets::{TARGETS, named};

const GOOD: &str = "void *table[] = {&table}; int rtm_version(void) { return table[0] != 0; }";
const SECRET: &str = "/builder/somebody";

/// Compiles `source` into a library that all gates let pass, but for what `flags` change.
fn library(folder: &Path, source: &str, flags: &[&str]) -> PathBuf {
    let source = source.replace("int rtm_", "__attribute__((visibility(\"default\"))) int rtm_");
    let path = folder.join("librtm.so");
    let (code, compiler) = (folder.join("code.c"), "cc");
    fs::write(&code, source).expect("a file");
    let link = "-Wl,-soname,librtm.so,--hash-style=both,-z,max-page-size=16384,\
        -z,common-page-size=16384,-z,relro,-z,now,-z,noexecstack,--build-id=sha1";
    let status = Command::new(compiler)
        .args(["-shared", "-fPIC", "-O1", "-nostdlib", "-fvisibility=hidden", "-s", link])
        .arg(&code)
        .args(flags)
        .arg("-o")
        .arg(&path)
        .current_dir(folder)
        .status();
    assert!(status.expect("a C compiler").success());
    path
}

/// Rules that know one function, and give every file a megabyte.
fn rules(budget: u64) -> Rules {
    let mut rules = Rules::read().expect("our own lists");
    rules.exports = [String::from("rtm_version")].into();
    rules.private = vec![format!("{SECRET}/")];
    let names = TARGETS.iter().flat_map(|target| {
        ["librtm.so", "librtm.a", "program"].map(|file| format!("{}/{file}", target.name))
    });
    rules.sizes.budgets = names.map(|name| (name, budget)).collect();
    rules
}

/// The names of the gates that refuse the file.
fn refusing(row: &str, path: &Path, rules: &Rules) -> Vec<String> {
    let (_, refusals) = audit_file(named(row), path, kind_of(path), rules).expect("readable");
    let gate = |refusal: &String| refusal.split(": ").nth(1).map(str::to_owned);
    refusals.iter().filter_map(gate).collect()
}

const ANDROID: &str = "android-x86_64";
const LINUX: &str = "linux-x86_64";

/// A row, a source, what it is compiled with, and the gates that refuse what comes of it.
type Case<'a> = (&'a str, &'a str, &'a [&'a str], &'a [&'a str]);

/// Compiles and audits each, in a folder where another library is, too.
fn check(cases: &[Case<'_>]) {
    let folder = tempfile::tempdir().expect("a folder");
    library(folder.path(), GOOD, &["-Wl,-soname,libother.so"]);
    fs::rename(folder.path().join("librtm.so"), folder.path().join("libother.so")).expect("moved");
    for (row, source, flags, expected) in cases {
        let path = library(folder.path(), source, flags);
        assert_eq!(refusing(row, &path, &rules(1 << 20)), *expected, "{row} {flags:?} {source}");
    }
}

#[test]
fn imports_are_refused_that_the_oldest_system_lacks() {
    let new = "int memfd_create(const char *, unsigned); \
        int rtm_version(void) { return memfd_create(\"\", 0); }";
    let read = "long read(int, void *, long); int rtm_version(void) { return read(0, 0, 0); }";
    let weak = "__attribute__((weak)) long getrandom(void *, long, int); \
        int rtm_version(void) { return getrandom ? getrandom(0, 0, 0) : 0; }";
    let odd = &weak.replace("getrandom", "unheard_of");
    let arm = "long dl_unwind_find_exidx(long, int *); \
        int rtm_version(void) { return dl_unwind_find_exidx(0, 0); }";
    let unwinds = "long _Unwind_Backtrace(void *, void *); \
        int rtm_version(void) { return _Unwind_Backtrace(0, 0); }";
    let other: &[&str] = &["-Wl,--no-as-needed", "libother.so"];
    check(&[
        (ANDROID, new, &[], &["imports"]),
        (LINUX, new, &["-lc"], &["imports"]),
        // A version that stands for what the loader must be able to do.
        (LINUX, read, &["-lc", "-Wl,-z,pack-relative-relocs"], &["imports"]),
        (LINUX, read, &["-lc"], &[]),
        // What is in a library that isn't named.
        (ANDROID, read, &[], &["imports"]),
        // What is weak may be missing, but has to be in our list.
        (ANDROID, weak, &[], &[]),
        (ANDROID, odd, &[], &["imports"]),
        // On another machine's Android only.
        (ANDROID, arm, &[], &["imports"]),
        (LINUX, unwinds, &["-lgcc_s"], &["imports", "needed"]),
        // Where nobody has it.
        (LINUX, new, &[], &["imports"]),
        (ANDROID, GOOD, other, &["needed"]),
        (LINUX, GOOD, other, &["needed"]),
    ]);
}

#[test]
fn each_gate_of_shared_libraries_refuses_what_it_is_for() {
    let local = "static volatile __thread int x = 3; int rtm_version(void) { return x; }";
    let text = "__asm__(\".text\\n.quad rtm_version\\n\"); int rtm_version(void) { return 0; }";
    let path = "int rtm_version(void) { return 0; } \
        __attribute__((used)) static const char p[] = \"/builder/somebody/main.rs\";";
    let more = "int rtm_version(void) { return 0; } int rtm_more(void) { return 0; }";
    let none = "int rtm_none(void) { return 0; }";
    let exec: &[&str] = &["-ftls-model=initial-exec"];
    let late: &[&str] = &["-ftls-model=global-dynamic", "-lc"];
    let small: &[&str] = &["-Wl,-z,max-page-size=4096,-z,common-page-size=4096"];
    check(&[
        (ANDROID, GOOD, &[], &[]),
        (LINUX, GOOD, &[], &[]),
        ("android-arm64-v8a", GOOD, &[], &["machine"]),
        (LINUX, GOOD, &["-Wl,-soname,librtm.so.1"], &["soname"]),
        (LINUX, more, &[], &["exports"]),
        (LINUX, none, &[], &["exports"]),
        (ANDROID, GOOD, small, &["alignment"]),
        (ANDROID, GOOD, &["-Wl,--hash-style=gnu"], &["hash"]),
        (ANDROID, GOOD, &["-Wl,--hash-style=sysv"], &["hash"]),
        (LINUX, text, &["-Wl,-z,notext"], &["relocations"]),
        (LINUX, GOOD, &["-Wl,-z,pack-relative-relocs"], &["relocations"]),
        (ANDROID, local, exec, &["thread-local"]),
        (LINUX, local, exec, &["thread-local"]),
        (LINUX, local, late, &[]),
        (LINUX, GOOD, &["-Wl,-z,execstack"], &["protection"]),
        (LINUX, GOOD, &["-Wl,-z,norelro"], &["protection"]),
        (LINUX, GOOD, &["-Wl,-z,lazy"], &["protection"]),
        // Which exports marks of its own, too.
        (LINUX, GOOD, &["-Wl,-N"], &["exports", "protection"]),
        (LINUX, GOOD, &["-Wl,-rpath,/opt"], &["protection"]),
        (LINUX, path, &[], &["paths"]),
        (LINUX, GOOD, &["-Wl,--build-id=none"], &["stripped"]),
    ]);
}

#[test]
fn a_size_needs_a_budget() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = library(folder.path(), GOOD, &[]);
    assert_eq!(refusing(LINUX, &path, &rules(100)), ["size"]);
    let mut unknown = rules(1 << 20);
    unknown.sizes.budgets.clear();
    assert_eq!(refusing(LINUX, &path, &unknown), ["size"]);
}

#[test]
fn what_is_protected_ends_with_a_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = library(folder.path(), GOOD, &[]);
    // No linker here ends it within a page, so its size is changed by hand.
    let mut bytes = fs::read(&path).expect("a file");
    let relro = 0x6474_e552_u32.to_le_bytes();
    let at = (64..1024).step_by(56).find(|at| bytes[*at..at + 4] == relro).expect("a header");
    bytes[at + 40 + 1] ^= 0x10;
    fs::write(&path, &bytes).expect("a file");
    assert_eq!(refusing(ANDROID, &path, &rules(1 << 20)), ["protection"]);
}

#[test]
fn debug_sections_belong_beside_the_library() {
    let folder = tempfile::tempdir().expect("a folder");
    let code = folder.path().join("code.c");
    let path = folder.path().join("librtm.so");
    fs::write(&code, "int rtm_version(void) { return 0; }").expect("a file");
    let mut compiler = Command::new("cc");
    // Without -g: the table of symbols alone is refused, too.
    compiler.args(["-shared", "-fPIC", "-nostdlib"]).arg(&code).arg("-o").arg(&path);
    assert!(compiler.status().expect("a C compiler").success());
    assert!(refusing("linux-x86_64", &path, &rules(1 << 20)).contains(&"stripped".to_owned()));
}

#[test]
fn a_program_that_needs_a_loader_is_not_static() {
    let folder = tempfile::tempdir().expect("a folder");
    let (code, path) = (folder.path().join("code.c"), folder.path().join("program"));
    fs::write(&code, "int main(void) { return 0; }").expect("a file");
    let status = Command::new("cc").args(["-s", "-o"]).arg(&path).arg(&code).status();
    assert!(status.expect("a C compiler").success());
    assert_eq!(refusing("server-x86_64", &path, &rules(1 << 20)), ["static"]);
}

/// A static library of one Mach-O object that says which system it is for.
fn apple(folder: &Path, platform: u32, version: (u32, u32), imports: &[&str]) -> PathBuf {
    let mut object = Object::new(BinaryFormat::MachO, Architecture::Aarch64, Endianness::Little);
    let mut build = MachOBuildVersion::default();
    build.platform = macho::Platform(platform);
    build.minos = macho::Version(version.0 << 16 | version.1 << 8);
    object.set_macho_build_version(build);
    let text = object.section_id(StandardSection::Text);
    object.append_section_data(text, &[0xc0, 0x03, 0x5f, 0xd6], 4);
    let mut add = |name: &str, section: SymbolSection| {
        object.add_symbol(Symbol {
            name: name.as_bytes().to_vec(),
            value: 0,
            size: 0,
            kind: SymbolKind::Text,
            scope: SymbolScope::Dynamic,
            weak: false,
            section,
            flags: SymbolFlags::None,
        });
    };
    add("rtm_version", SymbolSection::Section(text));
    for name in imports {
        add(name, SymbolSection::Undefined);
    }
    let data = object.write().expect("an object");
    let path = folder.join("librtm.a");
    // The format of ar: a header of text, then the member.
    let mut archive = b"!<arch>\n".to_vec();
    archive.extend(format!("{:<58}`\n", format!("{:<48}{}", "object.o/", data.len())).bytes());
    archive.extend(&data);
    fs::write(&path, archive).expect("a file");
    path
}

#[test]
fn each_gate_of_static_libraries_refuses_what_it_is_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let (ios, simulator) = (macho::PLATFORM_IOS.0, macho::PLATFORM_IOSSIMULATOR.0);
    let mut rules = rules(1 << 20);
    rules.ios = BTreeMap::from([("read".to_owned(), (2, 0)), ("newer".to_owned(), (12, 0))]);
    type Apple<'a> = (&'a str, u32, (u32, u32), &'a [&'a str], &'a [&'a str]);
    let cases: &[Apple<'_>] = &[
        ("ios-arm64", ios, (10, 0), &["read"], &[]),
        ("ios-arm64-simulator", simulator, (14, 0), &["read"], &[]),
        ("ios-arm64", ios, (10, 0), &["newer"], &["imports"]),
        ("ios-arm64", ios, (10, 0), &["unheard_of"], &["imports"]),
        ("ios-arm64", ios, (12, 0), &[], &["deployment"]),
        ("ios-arm64", simulator, (10, 0), &[], &["deployment"]),
        ("ios-arm64-simulator", simulator, (15, 0), &[], &["deployment"]),
        ("linux-x86_64", ios, (10, 0), &[], &["machine"]),
    ];
    for (row, platform, version, imports, expected) in cases {
        let path = apple(folder.path(), *platform, *version, imports);
        assert_eq!(refusing(row, &path, &rules), *expected, "{row} {version:?} {imports:?}");
    }
    rules.exports.insert("rtm_missing".to_owned());
    let path = apple(folder.path(), ios, (10, 0), &[]);
    assert_eq!(refusing("ios-arm64", &path, &rules), ["exports"]);
    rules.exports.clear();
    assert_eq!(refusing("ios-arm64", &path, &rules), ["exports"]);
}

#[test]
fn what_is_no_library_is_refused_with_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    for (file, what) in [("librtm.so", "is no ELF file"), ("librtm.a", "is no static library")] {
        let path = folder.path().join(file);
        fs::write(&path, "#!/bin/sh\n").expect("a file");
        let result = audit_file(named("linux-x86_64"), &path, kind_of(&path), &rules(1 << 20));
        let error = result.expect_err("refused").to_string();
        assert!(error.contains("linux-x86_64/librtm") && error.contains(what), "{error}");
    }
}

/// How many sections the first segment of a Mach-O object has.
fn sections_of(object: &[u8]) -> usize {
    let count = object[32 + 64..32 + 68].try_into().expect("four bytes");
    u32::from_le_bytes(count) as usize
}

#[test]
fn a_static_library_for_linux_asks_for_nothing_newer() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("librtm.a");
    let refused = |calls: &str| {
        let (code, object) = (folder.path().join("code.c"), folder.path().join("code.o"));
        let text = format!("int {calls}(void); int rtm_version(void) {{ return {calls}(); }}");
        fs::write(&code, text).expect("a file");
        let cc = Command::new("cc").args(["-c", "-o"]).arg(&object).arg(&code).status();
        assert!(cc.expect("a C compiler").success());
        let _ = fs::remove_file(&path);
        let ar = Command::new("ar").arg("rcs").arg(&path).arg(&object).status();
        assert!(ar.expect("binutils").success());
        refusing("linux-x86_64", &path, &rules(1 << 20))
    };
    assert_eq!(refused("getpid"), ["imports"], "not in our list");
    assert_eq!(refused("pause"), [""; 0]);
}

#[test]
fn nothing_is_let_pass_because_it_could_not_be_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = library(folder.path(), GOOD, &[]);
    let mut bytes = fs::read(&path).expect("a file");
    // In the header: where the table of sections is, and how many there are.
    bytes[0x28..0x30].fill(0);
    bytes[0x3c..0x40].fill(0);
    fs::write(&path, &bytes).expect("a file");
    let result = audit_file(named("linux-x86_64"), &path, kind_of(&path), &rules(1 << 20));
    assert!(result.expect_err("refused").to_string().contains("no table of sections"));

    let path = apple(folder.path(), macho::PLATFORM_IOS.0, (10, 0), &[]);
    let mut bytes = fs::read(&path).expect("a file");
    let mut nowhere = bytes.clone();
    // The load command of its version: now it is one that nobody knows.
    let at = 68 + 32 + 72 + 80 * sections_of(&bytes[68..]);
    nowhere[at..at + 4].copy_from_slice(&[0xff, 0, 0, 0]);
    fs::write(&path, &nowhere).expect("a file");
    assert_eq!(refusing("ios-arm64", &path, &rules(1 << 20)), ["deployment"]);

    // The object's first bytes: now it is LLVM's bitcode.
    bytes[68..72].copy_from_slice(b"BC\xc0\xde");
    fs::write(&path, &bytes).expect("a file");
    let result = audit_file(named("ios-arm64"), &path, kind_of(&path), &rules(1 << 20));
    assert!(result.expect_err("refused").to_string().contains("ios-arm64/librtm.a"));
}

#[test]
fn the_command_line_is_understood_or_refused() {
    let words = |line: &str| -> Vec<String> { line.split(' ').map(str::to_owned).collect() };
    assert!(parse(&words("--target ios-arm64 --record")).is_ok());
    assert!(parse(&words("--target ios-arm64 --file librtm.a")).is_ok());
    for line in ["--file x", "--target", "--target wasm", "--target ios-arm64 --file x --record"] {
        assert!(parse(&words(line)).is_err(), "{line}");
    }
}
