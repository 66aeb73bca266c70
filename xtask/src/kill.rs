//! `cargo xtask kill`: kills a server under load, and looks for what was answered
//! (`rtm-server/tests/kill`), more often than the test does.

use crate::failure::Failure;
use crate::process::{cargo, run as run_process};

/// If nothing else is said.
const TIMES: u64 = 200;

pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let times = parse(words)?;
    let which = ["test", "--release", "--locked", "-p", "rtm-server", "--test", "kill"];
    let mut test = cargo(&which);
    run_process(test.args(["--", "--nocapture"]).env("RTM_KILLS", times.to_string()))
}

fn parse(words: &[String]) -> Result<u64, Failure> {
    match words {
        [] => Ok(TIMES),
        [word, number] if word == "--times" => {
            number.parse().map_err(|_| Failure::new(format!("`{number}` is no number")))
        }
        [word, ..] => Err(Failure::new(format!("`{word}` is not understood"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_hundred_times_or_as_often_as_is_said() {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(parse(&words("")).ok(), Some(200));
        assert_eq!(parse(&words("--times 7")).ok(), Some(7));
        for wrong in ["--times", "--times x", "7"] {
            assert!(parse(&words(wrong)).is_err(), "{wrong}");
        }
    }
}
