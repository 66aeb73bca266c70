//! `xtask link`: rustc's words for a C compiler, given to LLD alone.
//!
//! For Android rustc calls a clang that knows the NDK. Without the NDK the only thing that clang
//! would add is the C library, and that is what the stubs stand in for.

use std::path::Path;

use crate::failure::Failure;
use crate::process::{program_in_root, run as run_process};

/// Words that say to a C compiler what LLD does not have to be told.
const DROPPED: &[&str] =
    &["-nodefaultlibs", "-nostartfiles", "-no-canonical-prefixes", "-m32", "-m64"];

/// `link ZIG WORDS..`: links with LLD what rustc asks a C compiler to link.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let (zig, words) = words.split_first().ok_or_else(|| Failure::new("link needs a linker"))?;
    let mut lld = program_in_root(Path::new(zig));
    // rustc's paths count from where rustc runs.
    lld.current_dir(std::env::current_dir()?);
    run_process(lld.arg("ld.lld").args(linker_words(words)?))
}

fn linker_words(words: &[String]) -> Result<Vec<String>, Failure> {
    let mut result = Vec::new();
    for word in words {
        match word.as_str() {
            word if DROPPED.contains(&word) || word.starts_with("-march=") => {}
            "-shared" | "-o" | "-L" | "-l" => result.push(word.clone()),
            word if word.starts_with("-Wl,") => {
                result.extend(word["-Wl,".len()..].split(',').map(str::to_owned));
            }
            word if word.starts_with("-L") || word.starts_with("-l") => {
                result.push(word.to_owned());
            }
            word if word.starts_with(['-', '@']) => {
                return Err(Failure::new(format!("link: rustc's word {word} is not understood")));
            }
            file => result.push(file.to_owned()),
        }
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translated(line: &str) -> Result<String, Failure> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        linker_words(&words).map(|words| words.join(" "))
    }

    #[test]
    fn words_for_the_linker_are_unpacked_and_files_stay_in_order() {
        let line = "-Wl,--version-script=list a.o -Wl,-Bstatic b.rlib -Wl,-z,now -L /x -lc -o c.so \
            -shared -nodefaultlibs -march=armv7-a";
        let expected = "--version-script=list a.o -Bstatic b.rlib -z now -L /x -lc -o c.so -shared";
        assert_eq!(translated(line).expect("understood"), expected);
    }

    #[test]
    fn what_is_not_understood_is_named_instead_of_dropped() {
        for word in ["-mcpu=what", "@file", "-pie"] {
            let error = translated(&format!("a.o {word}")).expect_err("refused").to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
