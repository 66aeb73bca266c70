//! What C programs were built against stays as it is: header, symbols, sizes and offsets.
//!
//! After a change that is meant: `RTM_UPDATE=1 cargo test -p rtm-ffi --test abi`, and look at what
//! has become of the files.

use std::fmt::Write as _;
use std::fs;
use std::mem::offset_of;
use std::path::{Path, PathBuf};
use std::process::Command;

use rtm_client::LinkState;
use rtm_ffi::{self as abi, RtmBytes, RtmConfig, RtmEvent, RtmPublishOptions};
use rtm_wire::ErrorCode;

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Compares with what is committed, or commits it.
fn frozen(file: &str, text: &str) {
    let path = folder().join(file);
    if std::env::var_os("RTM_UPDATE").is_some() {
        fs::write(&path, text).expect("the file can be written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let differing = committed.lines().zip(text.lines()).find(|(old, new)| old != new);
    assert!(committed == text, "{file}: {differing:?}, see the top of tests/abi.rs");
}

#[test]
fn the_header_is_what_cbindgen_makes() {
    let config = cbindgen::Config::from_file(folder().join("cbindgen.toml")).expect("readable");
    let bindings = cbindgen::Builder::new().with_crate(folder()).with_config(config).generate();
    let mut header = Vec::new();
    bindings.expect("the sources can be read").write(&mut header);
    frozen("include/rtm.h", std::str::from_utf8(&header).expect("text"));
}

macro_rules! layout {
    ($text:expr, $type:ident: $($field:ident),* $(,)?) => {
        let (size, align) = (size_of::<$type>(), align_of::<$type>());
        let _ = writeln!($text, "{} size {size} align {align}", stringify!($type));
        $(let _ = writeln!(
            $text, "  {} {}", stringify!($field), offset_of!($type, $field)
        );)*
        // With a field missing in the list, this doesn't compile.
        let $type { $($field: _),* } = unsafe { std::mem::zeroed::<$type>() };
    };
}

#[test]
fn sizes_and_offsets_are_frozen() {
    let mut text = String::new();
    layout!(text, RtmBytes: data, len);
    layout!(text, RtmConfig: size, protocol, app_id, user_id, server, token, login_timeout_ms,
        reconnect_timeout_ms, keep_alive_ms, reserved, wake, wake_context);
    layout!(text, RtmPublishOptions: size, message_type, custom_type);
    layout!(text, RtmEvent: size, kind, id, request, error, operation, channel_type, message_type,
        link_state, link_previous, link_reason, flags, epoch, sequence, publication, time_ms, count,
        channel, topic, publisher, custom_type, payload, text);
    // 32 bits: the alignment of 64-bit numbers differs from machine to machine.
    let aligned = if usize::BITS == 32 && align_of::<u64>() == 4 { "-align-4" } else { "" };
    frozen(&format!("abi/layout-{}{aligned}.txt", usize::BITS), &text);
}

#[test]
fn numbers_are_those_of_the_client_and_of_rtm() {
    let states = [
        (LinkState::Idle, abi::RTM_LINK_IDLE),
        (LinkState::Connecting, abi::RTM_LINK_CONNECTING),
        (LinkState::Connected, abi::RTM_LINK_CONNECTED),
        (LinkState::Disconnected, abi::RTM_LINK_DISCONNECTED),
        (LinkState::Suspended, abi::RTM_LINK_SUSPENDED),
        (LinkState::Failed, abi::RTM_LINK_FAILED),
    ];
    for (state, number) in states {
        assert_eq!(u32::from(state.number()), number, "{state:?}");
    }
    let errors = [
        (ErrorCode::INIT_SERVICE_FAILED, abi::RTM_ERROR_INIT_FAILED),
        (ErrorCode::INVALID_PARAMETER, abi::RTM_ERROR_INVALID_PARAMETER),
        (ErrorCode::INSTANCE_ALREADY_RELEASED, abi::RTM_ERROR_RELEASED),
        (ErrorCode::OPERATION_RATE_EXCEED_LIMITATION, abi::RTM_ERROR_TOO_MANY),
        (ErrorCode::CHANNEL_TOPIC_NOT_JOINED, -11_016),
        (ErrorCode::CHANNEL_TOPIC_NOT_SUBSCRIBED, -11_013),
    ];
    for (code, number) in errors {
        assert_eq!(i64::from(code.0), -i64::from(number), "{code}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn exactly_the_headers_functions_are_exported() {
    let library = library();
    let listed = Command::new("nm").args(["-D", "--defined-only", "-P"]).arg(&library).output();
    let listed = String::from_utf8(listed.expect("nm runs").stdout).expect("text");
    let mut exported: Vec<&str> =
        listed.lines().filter_map(|line| line.split(' ').next()).collect();
    exported.sort_unstable();
    // What the tests are built with, and nothing else is.
    let all = exported.len();
    exported.retain(|name| *name != "rtm_fault");
    assert_eq!(exported.len() + 1, all, "the tests have rtm_fault");
    frozen("abi/symbols.txt", &format!("{}\n", exported.join("\n")));

    let header = fs::read_to_string(folder().join("include/rtm.h")).expect("the header");
    let functions = header.lines().filter_map(|line| {
        let (before, _) = line.split_once('(')?;
        let name = before.rsplit([' ', '*']).next()?;
        let is_function = name.starts_with("rtm_") && !line.starts_with([' ', '#', '/', 't']);
        is_function.then_some(name)
    });
    let mut functions: Vec<&str> = functions.filter(|name| *name != "rtm_fault").collect();
    functions.sort_unstable();
    assert_eq!(functions, exported);
}

/// The shared library that cargo has built for this test.
fn library() -> PathBuf {
    let test = std::env::current_exe().expect("a path");
    let library = test.parent().expect("a folder").join("librtm_ffi.so");
    assert!(library.exists(), "{} is missing", library.display());
    library
}
