//! Prints the results of the last benchmark run as a Markdown table.
//!
//! `cargo run -p bench-codec --bin table [folder of criterion's results]`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::Value;

/// One benchmark: its size, its codec, nanoseconds and bytes.
type Results = BTreeMap<(String, u64), BTreeMap<String, (f64, f64)>>;

fn main() {
    let folder = env::args().nth(1).map_or_else(default_folder, PathBuf::from);
    let mut results = Results::new();
    collect(&folder, &mut results);
    println!("| what | size | rtm | rtm+bytes | prost | postcard | prost ÷ rtm | postcard ÷ rtm |");
    println!("|---|---:|---:|---:|---:|---:|---:|---:|");
    for ((name, size), codecs) in &results {
        let cell = |codec: &str| {
            codecs.get(codec).map_or_else(
                || "–".to_owned(),
                |(ns, bytes)| format!("{ns:.1} ns, {:.2} GB/s", bytes / ns),
            )
        };
        let time = |codec: &str| codecs.get(codec).map_or(f64::NAN, |(ns, _)| *ns);
        // Like against like: protobuf's payloads are `Bytes`, postcard's borrow.
        let like_prost = if codecs.contains_key("rtm+bytes") { "rtm+bytes" } else { "rtm" };
        println!(
            "| {name} | {size} | {} | {} | {} | {} | {:.2} | {:.2} |",
            cell("rtm"),
            cell("rtm+bytes"),
            cell("prost"),
            cell("postcard"),
            time("prost") / time(like_prost),
            time("postcard") / time("rtm"),
        );
    }
}

fn default_folder() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from).join("criterion")
}

/// Goes down to each benchmark's last result.
fn collect(folder: &Path, results: &mut Results) {
    if folder.file_name().is_some_and(|name| name == "new") {
        results_of(folder, results);
        return;
    }
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten().filter(|entry| entry.path().is_dir()) {
        collect(&entry.path(), results);
    }
}

fn results_of(folder: &Path, results: &mut Results) {
    let json = |name| -> Option<Value> {
        serde_json::from_str(&fs::read_to_string(folder.join(name)).ok()?).ok()
    };
    let (Some(benchmark), Some(estimates)) = (json("benchmark.json"), json("estimates.json"))
    else {
        return;
    };
    let text = |key: &str| benchmark[key].as_str().unwrap_or_default().to_owned();
    let size = text("value_str").parse().unwrap_or_default();
    let bytes = benchmark["throughput"]["Bytes"].as_f64().unwrap_or_default();
    let ns = estimates["median"]["point_estimate"].as_f64().unwrap_or(f64::NAN);
    results.entry((text("group_id"), size)).or_default().insert(text("function_id"), (ns, bytes));
}
