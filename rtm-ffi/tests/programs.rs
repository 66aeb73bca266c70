//! C programs against a real server, over real sockets: one that uses every function, one that
//! misuses every function. Both also with AddressSanitizer and LeakSanitizer; under valgrind:
//!
//! ```sh
//! RTM_RUNNER='valgrind -q --leak-check=full --errors-for-leak-kinds=definite --error-exitcode=9' \
//!     cargo test -p rtm-ffi --test programs -- --skip leaks
//! ```
//!
//! `RTM_LIBRARY` names another library than the one built for the tests, `CC` a compiler for it,
//! `RTM_RUNNER` what runs programs for its machine, and `RTM_LAYOUT` the file of `abi` that holds
//! there: so files for other platforms are tried. Both commands are cut at spaces.
//!
//! What is lost "possibly" is the standard library's handle of the main thread: 48 bytes, once.

#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::process::Command;

use rtm_server::{AppSettings, DataDir, Preset, Server, Settings};

const APP: &str = "0123456789abcdef0123456789abcdef";

/// A server of this process's own, until it is dropped.
struct Lab {
    address: String,
    _stop: tokio::sync::oneshot::Sender<()>,
    folder: tempfile::TempDir,
}

impl Lab {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut settings = Settings::default();
        settings.listen = Some("127.0.0.1:0".parse().expect("an address"));
        settings.preset = Some(Preset::Open);
        settings.app = vec![AppSettings::open(APP)];
        let data = DataDir::open(folder.path()).expect("a data folder");
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let access = settings.access().expect("an app");
                let server = Server::bind(&settings, true, access, &data).expect("a port");
                tell.send(server.connection_string()).expect("the test waits");
                let stop = async { drop(stopped.await) };
                server.run(stop).await.expect("the socket works");
            });
        });
        let address = told.recv().expect("the server has begun");
        Self { address, _stop: stop, folder }
    }

    fn run(&self, source: &str, flags: &[&str]) {
        let program = compile(self.folder.path(), source, flags);
        let ran = self.end(ran_by(&program), source);
        // A fault that is caught says so; nothing else may be said.
        assert!(!ran.contains("Sanitizer"), "{ran}");
    }

    /// Runs `command` against the server; what it said to standard error.
    fn end(&self, mut command: Command, what: &str) -> String {
        let mut ran = command.args([&self.address, APP]).output().expect("it runs");
        if String::from_utf8_lossy(&ran.stderr).contains("LeakSanitizer has encountered a fatal") {
            println!("leaks can't be looked for here: it needs ptrace");
            ran = command.env("ASAN_OPTIONS", "detect_leaks=0").output().expect("it runs");
        }
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(ran.status.success(), "{what}: {}\n{said}", ran.status);
        said
    }
}

/// Compiles a program of `tests/c` and links it with the library.
fn compile(folder: &Path, source: &str, flags: &[&str]) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = folder.join(source.replace(".c", ""));
    let library = library();
    let beside = library.parent().expect("a folder").display();
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let mut words = compiler.split_whitespace();
    let compiled = Command::new(words.next().expect("a compiler"))
        .args(words)
        .args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-g", "-pthread"])
        .args(flags)
        .arg(format!("-I{}", here.join("include").display()))
        .arg(here.join("tests/c").join(source))
        .arg("-o")
        .arg(&program)
        .arg(&library)
        .args([&format!("-Wl,-rpath,{beside}"), "-lm", "-ldl"])
        .output()
        .expect("a C compiler");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    program
}

/// The program, by whatever runs programs for its machine.
fn ran_by(program: &Path) -> Command {
    let runner = std::env::var("RTM_RUNNER").unwrap_or_default();
    let mut words = runner.split_whitespace().map(Into::into).chain([program.to_owned()]);
    let mut command = Command::new(words.next().expect("the program at least"));
    command.args(words);
    command
}

/// The library that cargo has built for this test, or another one that is to be tried.
fn library() -> PathBuf {
    if let Some(path) = std::env::var_os("RTM_LIBRARY") {
        return path.into();
    }
    let test = std::env::current_exe().expect("a path");
    test.parent().expect("a folder").join("librtm_ffi.so")
}

const SANITIZED: &[&str] = &["-fsanitize=address,undefined", "-fno-omit-frame-pointer"];

#[test]
fn a_program_uses_every_function() {
    Lab::start().run("whole.c", &[]);
}

#[test]
fn a_program_uses_every_function_and_leaks_nothing() {
    Lab::start().run("whole.c", SANITIZED);
}

#[test]
fn a_program_misuses_every_function() {
    Lab::start().run("misuse.c", &[]);
}

#[test]
fn a_program_misuses_every_function_and_leaks_nothing() {
    Lab::start().run("misuse.c", SANITIZED);
}

#[test]
fn a_foreign_host_uses_the_library() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(std::env::var("PYTHON").unwrap_or("python3".to_owned()));
    // Its checks are assertions, which this would leave out.
    command.env_remove("PYTHONOPTIMIZE");
    command.arg(here.join("tests/foreign/host.py")).arg(library());
    Lab::start().end(command, "host.py");
}

#[test]
fn a_c_compiler_sees_the_sizes_and_offsets_that_are_frozen() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = compile(folder.path(), "layout.c", &[]);
    let ran = ran_by(&program).output().expect("it runs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let text = String::from_utf8(ran.stdout).expect("text");
    let file = std::env::var("RTM_LAYOUT").unwrap_or_else(|_| "layout-64.txt".to_owned());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("abi").join(&file);
    if std::env::var_os("RTM_UPDATE").is_some() {
        std::fs::write(&path, &text).expect("the file can be written");
    }
    let frozen = std::fs::read_to_string(&path).expect(&file);
    assert_eq!(text, frozen, "{file}");
}

#[test]
fn both_programs_use_every_function_there_is() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| std::fs::read_to_string(here.join(file)).expect(file);
    let symbols = read("abi/symbols.txt");
    for program in ["whole.c", "misuse.c"] {
        let text = read(&format!("tests/c/{program}")) + &read("tests/c/common.h");
        for name in symbols.lines() {
            assert!(text.contains(&format!("{name}(")), "{program} doesn't call {name}");
        }
    }
}
