//! The machines that programs for other platforms run on here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::debian::{Release, fetch_folder, unpacked_folder};
use crate::dist::route::StdRoute;
use crate::dist::targets::{Platform, Target};
use crate::dist::tools::Zig;
use crate::failure::Failure;
use crate::process::{program_in_root, read, root, run, succeeds, target_folder};

/// glibc for the machines of phones; soft floating point, as Android calls functions.
const LIBRARIES: Release =
    Release { name: "phones", packages: &["libc6-arm64-cross", "libc6-armel-cross"] };

/// QEMU's emulation of programs.
const QEMU: Release = Release { name: "qemu", packages: &["qemu-user-static"] };

const STAND_IN: &str = "platforms/android/stand-in.c";

/// How a program is compiled for a machine, and run.
pub(super) struct Machine {
    /// A C compiler, with its words.
    pub(super) compiler: String,
    /// What runs a program, with its words; empty for this machine.
    pub(super) runner: String,
    /// For the manifest.
    pub(super) how: String,
    linux: &'static Linux,
    zig: Zig,
}

/// One kind of Linux.
struct Linux {
    abi: &'static str,
    /// Zig's target with glibc, and rustc's without.
    zig: &'static str,
    triple: &'static str,
    zig_static: &'static str,
    /// QEMU's name of the machine; `None` for this one.
    qemu: Option<&'static str>,
    /// In [`LIBRARIES`].
    libraries: &'static str,
    /// The file of `rtm-ffi/abi` that holds there.
    layout: &'static str,
}

const LINUX: &[Linux] = &[
    Linux {
        abi: "x86_64",
        zig: "x86_64-linux-gnu.2.15",
        triple: "x86_64-unknown-linux-musl",
        zig_static: "x86_64-linux-musl",
        qemu: None,
        libraries: "",
        layout: "layout-64.txt",
    },
    Linux {
        abi: "x86",
        zig: "x86-linux-gnu.2.15",
        triple: "i686-unknown-linux-musl",
        zig_static: "x86-linux-musl",
        qemu: None,
        libraries: "",
        layout: "layout-32-align-4.txt",
    },
    Linux {
        abi: "arm64",
        zig: "aarch64-linux-gnu.2.17",
        triple: "aarch64-unknown-linux-musl",
        zig_static: "aarch64-linux-musl",
        qemu: Some("aarch64"),
        libraries: "usr/aarch64-linux-gnu",
        layout: "layout-64.txt",
    },
    Linux {
        abi: "armv7",
        zig: "arm-linux-gnueabi.2.17",
        triple: "armv7-unknown-linux-musleabi",
        zig_static: "arm-linux-musleabi",
        qemu: Some("arm"),
        libraries: "usr/arm-linux-gnueabi",
        layout: "layout-32.txt",
    },
];

impl Machine {
    /// A machine for the target; `None` where there can be none here.
    pub(super) fn of(target: &Target, zig: &Zig, fetch: bool) -> Result<Option<Self>, Failure> {
        if cfg!(not(all(target_os = "linux", target_arch = "x86_64"))) {
            return Ok(None);
        }
        let abi = match target.abi {
            "armeabi-v7a" => "armv7",
            "arm64-v8a" => "arm64",
            abi => abi,
        };
        match target.platform {
            Platform::Linux => Self::of_linux(abi, zig, fetch).map(Some),
            Platform::Android => Self::of_linux(abi, zig, fetch)?.with_stand_in().map(Some),
            _ => Ok(None),
        }
    }

    /// A machine with Linux, by the name of its ABI.
    pub(super) fn of_linux(abi: &str, zig: &Zig, fetch: bool) -> Result<Self, Failure> {
        let linux = LINUX.iter().find(|linux| linux.abi == abi);
        let linux = linux.ok_or_else(|| Failure::new(format!("no machine is like {abi} here")))?;
        let (runner, how) = match linux.qemu {
            None => (String::new(), "natively".to_owned()),
            Some(name) => {
                let program = qemu(name, fetch)?;
                let version = read(program_in_root(&program).arg("--version"))?;
                let version = version.split(' ').nth(2).unwrap_or_default().to_owned();
                let libraries = libraries(fetch)?.join(linux.libraries);
                let runner = format!("{} -L {}", program.display(), libraries.display());
                (runner, format!("under QEMU {version} ({name})"))
            }
        };
        let (program, target) = (zig.zig.display(), linux.zig);
        let compiler = format!("{program} cc -target {target} -fno-sanitize=all -lunwind");
        Ok(Self { compiler, runner, how, linux, zig: zig.clone() })
    }

    /// The same machine with a stand-in for what differs in Android's C library.
    fn with_stand_in(mut self) -> Result<Self, Failure> {
        let folder = target_folder().join("trial").join(format!("stand-in-{}", self.linux.abi));
        fs::create_dir_all(&folder)?;
        let build = |source: &Path, name: &str, words: &[&str]| {
            let mut compiler = self.zig.command(&["cc", "-target", self.linux.zig]);
            compiler.args(["-shared", "-fPIC", "-O1", "-fno-sanitize=all"]).args(words);
            compiler.arg(format!("-Wl,-soname,{name}"));
            run(compiler.arg(source).arg("-o").arg(folder.join(name)))
        };
        build(&root().join(STAND_IN), "stand-in.so", &["-ldl", "-lpthread"])?;
        // What the library names as needed; all that it needs is in glibc and in the stand-in.
        let empty = folder.join("empty.c");
        fs::write(&empty, "")?;
        for name in ["libc.so", "libdl.so", "libm.so", "liblog.so"] {
            build(&empty, name, &["-nostdlib"])?;
        }
        let (preload, path) = (folder.join("stand-in.so"), folder.display());
        let preload = preload.display();
        self.runner = match self.linux.qemu {
            None => format!("env LD_PRELOAD={preload} LD_LIBRARY_PATH={path}"),
            Some(_) => format!("{} -E LD_PRELOAD={preload} -E LD_LIBRARY_PATH={path}", self.runner),
        };
        self.compiler += " -Wl,--allow-shlib-undefined";
        self.how += " with the stand-in";
        Ok(self)
    }

    /// Whether it is the very machine that this runs on.
    pub(super) fn is_this(&self) -> bool {
        self.runner.is_empty() && self.linux.abi == "x86_64"
    }

    /// The sizes and offsets that hold there, as a file of `rtm-ffi/abi`.
    pub(super) fn layout(&self) -> &'static str {
        self.linux.layout
    }

    /// `cargo test`, for static programs of the machine, run on it.
    pub(super) fn cargo_test(&self, fetch: bool) -> Result<Command, Failure> {
        let triple = self.linux.triple;
        let std = StdRoute::find(triple, fetch)?;
        let linker = target_folder().join("tools").join(format!("link-{triple}"));
        self.zig.write_linker(&linker, self.linux.zig_static)?;
        let mut command = std.toolchain.cargo();
        // Without the examples in documentation: rustdoc is not always of the same toolchain.
        command.args(["test", "--tests", "--locked", "--target", triple]);
        command.arg("--target-dir").arg(target_folder().join("trial"));
        if std.builds_std {
            command.arg("-Zbuild-std=std,panic_unwind,test").env("RUSTC_BOOTSTRAP", "1");
        }
        let variable = triple.replace('-', "_").to_uppercase();
        command.env(format!("CARGO_TARGET_{variable}_LINKER"), linker);
        command.env(format!("CARGO_TARGET_{variable}_RUSTFLAGS"), "-Clink-self-contained=no");
        command.env(format!("CARGO_TARGET_{variable}_RUNNER"), &self.runner);
        Ok(command)
    }
}

/// The folder with glibc for other machines.
fn libraries(fetch: bool) -> Result<PathBuf, Failure> {
    match unpacked_folder(&LIBRARIES) {
        Some(folder) => Ok(folder),
        None if fetch => fetch_folder(&LIBRARIES),
        None => Err(Failure::new("no glibc for the machines of phones here: `--fetch` unpacks it")),
    }
}

/// QEMU for programs of one machine: the system's, or one that is unpacked.
fn qemu(machine: &str, fetch: bool) -> Result<PathBuf, Failure> {
    let name = format!("qemu-{machine}-static");
    if succeeds(program_in_root(Path::new(&name)).arg("--version")) {
        return Ok(PathBuf::from(name));
    }
    if fetch {
        return Ok(fetch_folder(&QEMU)?.join("usr/bin").join(name));
    }
    let advice = "on Debian `apt-get install qemu-user-static`, or `--fetch`";
    Err(Failure::new(format!("no {name} here: {advice}")))
}
