//! Where and when it was measured.

use std::process::Command;
use std::{env, fs};

/// Prints machine, date, command and load.
pub(crate) fn print() {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let command: Vec<String> = env::args().skip(1).collect();
    println!("| | |");
    println!("|---|---|");
    println!("| date | {} |", output("date", &["-u", "+%Y-%m-%d %H:%M UTC"]));
    println!("| command | `end-to-end {}` |", command.join(" "));
    println!("| cores | {cores} |");
    println!("| processor | {} |", processor());
    println!("| kernel | {} |", output("uname", &["-sr"]));
    println!("| compiler | {} |", output("rustc", &["--version"]));
    println!("| payload | {} bytes |", crate::PAYLOAD_LEN);
    println!("| load average at the start | {} |\n", load());
}

/// Of the last 1, 5 and 15 minutes.
pub(crate) fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let numbers: Vec<&str> = text.split(' ').take(3).collect();
    if numbers.is_empty() { "unknown".to_owned() } else { numbers.join(", ") }
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| line.split_once(": "));
    model.map_or_else(|| "unknown".to_owned(), |(_, model)| model.to_owned())
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(
        |_| "unknown".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}
