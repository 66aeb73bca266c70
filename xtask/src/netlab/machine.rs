//! What the machine is, and whether it can run labs.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::failure::Failure;
use crate::process::{read, succeeds};

/// Says plainly what is missing, before anything starts.
pub(super) fn check() -> Result<(), Failure> {
    let mut missing = Vec::new();
    if read(Command::new("id").arg("-u"))?.trim() != "0" {
        missing.push("root (network namespaces and real-time priority need it)");
    }
    for (program, message) in
        [("ip", "`ip` (package iproute2)"), ("chrt", "`chrt` (package util-linux)")]
    {
        if !succeeds(Command::new(program).arg("--version").env("LC_ALL", "C"))
            && !succeeds(Command::new(program).arg("-V"))
        {
            missing.push(message);
        }
    }
    if !Path::new("/dev/net/tun").exists() {
        missing.push("/dev/net/tun (the kernel's TUN devices)");
    }
    let known = fs::read_to_string("/proc/sys/net/ipv4/tcp_available_congestion_control");
    let known = known.unwrap_or_default();
    for control in ["bbr", "cubic"] {
        if !known.split_whitespace().any(|word| word == control) {
            eprintln!("netlab: this kernel has no TCP {control}: those cells will fail");
        }
    }
    match missing.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(format!("missing: {}; nothing was done", missing.join(", ")))),
    }
}

/// Processor, cores and kernel.
pub(super) fn describe() -> Result<String, Failure> {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let kernel = read(Command::new("uname").arg("-sr"))?;
    Ok(format!("{model}, {cores} cores, {}", kernel.trim()))
}

/// Day and time.
pub(super) fn now() -> Result<String, Failure> {
    Ok(read(Command::new("date").args(["-u", "+%Y-%m-%d %H:%M"]))?.trim().to_owned())
}
