//! The list of functions that the linker puts side by side (`build.rs`) names
//! functions of this program.

#![cfg(all(target_os = "linux", target_pointer_width = "64", target_endian = "little"))]

use std::collections::HashSet;
use std::path::Path;

/// Of a hundred names. The list is made from an optimised program, and the one
/// that is tested has some functions less, and others more.
const KEPT_LEAST: usize = 80;

#[test]
fn most_functions_of_the_list_are_those_of_the_program() {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("function-order.txt");
    let list = std::fs::read_to_string(list).unwrap();
    let names = list.lines().filter(|line| !line.starts_with('#'));
    let names: Vec<&[u8]> =
        names.map(|line| bare(line.trim_end_matches(" *").as_bytes())).collect();
    assert!(names.len() > 1_000, "{} names", names.len());
    let program = std::fs::read(env!("CARGO_BIN_EXE_smol-wf")).unwrap();
    let symbols = symbols(&program).expect("a table of symbols");
    let there: HashSet<&[u8]> = symbols.split(|byte| *byte == 0).map(bare).collect();
    let kept = names.iter().filter(|name| there.contains(*name)).count();
    println!("{kept} of {} names", names.len());
    assert!(
        kept * 100 >= names.len() * KEPT_LEAST,
        "only {kept} of {} names are in the program: run scripts/function-order.py",
        names.len()
    );
}

/// A name without the hash that compilers and profiles give it.
fn bare(name: &[u8]) -> &[u8] {
    const HASH: usize = "17h0123456789abcdefE".len();
    let end = name.windows(HASH).position(|part| {
        let (head, rest) = part.split_at(3);
        head == b"17h" && rest[16] == b'E' && rest[..16].iter().all(u8::is_ascii_hexdigit)
    });
    end.map_or(name, |end| &name[..end])
}

/// The names of an ELF file's symbols, each with a zero behind it
/// (<https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.sheader.html>).
fn symbols(file: &[u8]) -> Option<&[u8]> {
    const SYMBOLS: usize = 2;
    let number = |at: usize, bytes: usize| -> Option<usize> {
        let read = file.get(at..at + bytes)?.iter().rev();
        Some(read.fold(0, |number, byte| number << 8 | usize::from(*byte)))
    };
    let (table, size, count) = (number(0x28, 8)?, number(0x3a, 2)?, number(0x3c, 2)?);
    let section = |index: usize| table + index * size;
    let of_symbols = (0..count).map(section).find(|at| number(*at + 4, 4) == Some(SYMBOLS))?;
    let names = section(number(of_symbols + 0x28, 4)?);
    let (from, bytes) = (number(names + 0x18, 8)?, number(names + 0x20, 8)?);
    file.get(from..from + bytes)
}
