//! Parity over the fragments of a long message: a Reed-Solomon code (RS, 1960) with a Cauchy matrix
//! over the field of 256 elements.
//!
//! A message is cut into n symbols of one length, the last one filled up with zeros. Parity symbol
//! i is Σ data_j / (x_i + y_j) with y_j = j and x_i = 255 − i, so that any n symbols of all give
//! the message: each square part of a Cauchy matrix can be inverted.

use std::ops::Range;

/// The field's generator polynomial, x⁸ + x⁴ + x³ + x² + 1.
const POLYNOMIAL: u16 = 0x11d;

/// Powers of 2, twice in a row, and logarithms.
const TABLES: ([u8; 510], [u8; 256]) = tables();

const fn tables() -> ([u8; 510], [u8; 256]) {
    let (mut powers, mut logs) = ([0; 510], [0; 256]);
    let (mut power, mut log) = (1u16, 0);
    while log < 255 {
        powers[log] = power as u8;
        powers[log + 255] = power as u8;
        logs[power as usize] = log as u8;
        power <<= 1;
        if power & 0x100 != 0 {
            power ^= POLYNOMIAL;
        }
        log += 1;
    }
    (powers, logs)
}

fn multiply(a: u8, b: u8) -> u8 {
    if a == 0 || b == 0 {
        return 0;
    }
    let (powers, logs) = &TABLES;
    powers[usize::from(logs[usize::from(a)]) + usize::from(logs[usize::from(b)])]
}

/// 1 / a, of an a that isn't 0.
fn inverse(a: u8) -> u8 {
    let (powers, logs) = &TABLES;
    powers[255 - usize::from(logs[usize::from(a)])]
}

/// Factor of data symbol `data` in parity symbol `index`. They are apart as long as there are at
/// most 255 symbols in all, so the sum isn't 0.
fn factor(index: u8, data: usize) -> u8 {
    inverse((255 - index) ^ data as u8)
}

/// Adds `factor × from` to `sum`.
fn add_multiple(sum: &mut [u8], factor: u8, from: &[u8]) {
    // A table for the factor: two look-ups less for each byte.
    let mut products = [0; 256];
    for (byte, product) in products.iter_mut().enumerate() {
        *product = multiply(factor, byte as u8);
    }
    for (sum, from) in sum.iter_mut().zip(from) {
        *sum ^= products[usize::from(*from)];
    }
}

/// Writes a parity symbol of a message that is cut into symbols of `out`'s length.
pub(super) fn encode(message: &[u8], index: u8, out: &mut [u8]) {
    out.fill(0);
    for (data, symbol) in message.chunks(out.len()).enumerate() {
        add_multiple(out, factor(index, data), symbol);
    }
}

/// Finds the missing data symbols of a message of `total` bytes.
///
/// `read` copies the bytes of a range, which is there, into a buffer. There are at least as many
/// `parity` symbols as `missing` ones; the first ones are used. Gives each missing symbol's bytes,
/// those that fill up the last one not included.
pub(super) fn decode(
    total: u64,
    missing: &[usize],
    parity: &[(u8, &[u8])],
    read: impl Fn(Range<u64>, &mut [u8]),
) -> Vec<Vec<u8>> {
    let symbol = parity.first().map_or(1, |(_, bytes)| bytes.len());
    let parity = &parity[..missing.len()];
    // What the missing symbols contribute to each parity symbol.
    let mut sums: Vec<Vec<u8>> = parity.iter().map(|(_, bytes)| bytes.to_vec()).collect();
    let mut buffer = vec![0; symbol];
    for data in 0..symbols(total, symbol) {
        if missing.contains(&data) {
            continue;
        }
        let range = place(total, symbol, data);
        let bytes = &mut buffer[..(range.end - range.start) as usize];
        read(range, bytes);
        for ((index, _), sum) in parity.iter().zip(&mut sums) {
            add_multiple(sum, factor(*index, data), bytes);
        }
    }
    let mut matrix: Vec<Vec<u8>> = parity
        .iter()
        .map(|(index, _)| missing.iter().map(|&data| factor(*index, data)).collect())
        .collect();
    solve(&mut matrix, &mut sums);
    for (&data, bytes) in missing.iter().zip(&mut sums) {
        let range = place(total, symbol, data);
        bytes.truncate((range.end - range.start) as usize);
    }
    sums
}

/// Symbols that a message of `total` bytes is cut into.
pub(super) fn symbols(total: u64, symbol: usize) -> usize {
    total.div_ceil(symbol as u64) as usize
}

/// The bytes of a data symbol.
pub(super) fn place(total: u64, symbol: usize, data: usize) -> Range<u64> {
    let start = (data * symbol) as u64;
    start..(start + symbol as u64).min(total)
}

/// Gauss's elimination: turns the matrix into the unit matrix, and the sums into the unknowns.
fn solve(matrix: &mut [Vec<u8>], sums: &mut [Vec<u8>]) {
    for pivot in 0..matrix.len() {
        let row = (pivot..matrix.len()).find(|&row| matrix[row][pivot] != 0);
        let row = row.expect("a part of a Cauchy matrix can be inverted");
        matrix.swap(pivot, row);
        sums.swap(pivot, row);
        let scale = inverse(matrix[pivot][pivot]);
        for value in matrix[pivot].iter_mut().chain(sums[pivot].iter_mut()) {
            *value = multiply(*value, scale);
        }
        let (pivot_row, pivot_sum) = (matrix[pivot].clone(), sums[pivot].clone());
        for row in (0..matrix.len()).filter(|&row| row != pivot) {
            let factor = matrix[row][pivot];
            if factor != 0 {
                add_multiple(&mut matrix[row], factor, &pivot_row);
                add_multiple(&mut sums[row], factor, &pivot_sum);
            }
        }
    }
}

/// Parity symbols for `data` symbols with which more than so many are lost at most once in
/// `1 / risk` messages, when each is lost with the probability `loss`; `most` at most.
pub(crate) fn count(data: usize, loss: f64, risk: f64, most: usize) -> usize {
    (0..most).find(|&parity| excess(data + parity, parity, loss) <= risk).unwrap_or(most)
}

/// Probability that more than `spare` of `all` symbols are lost: the binomial distribution's tail,
/// by its recurrence.
fn excess(all: usize, spare: usize, loss: f64) -> f64 {
    let kept = 1.0 - loss;
    let mut probability = (0..all).fold(1.0, |power, _| power * kept);
    let mut within = 0.0;
    for lost in 0..=spare {
        within += probability;
        probability *= loss / kept * (all - lost) as f64 / (lost + 1) as f64;
    }
    1.0 - within
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_field_is_one() {
        for a in 1..=255 {
            assert_eq!(multiply(a, inverse(a)), 1, "{a}");
            assert_eq!(multiply(a, 1), a);
            for b in [2, 3, 77, 255] {
                let sum = multiply(a, b ^ 19);
                assert_eq!(multiply(a, b) ^ multiply(a, 19), sum, "{a} × ({b} + 19)");
            }
        }
    }

    #[test]
    fn as_much_parity_as_the_loss_asks_for() {
        // The table of the binomial distribution for 99 of 100 messages, and for 999 of 1,000.
        let table = [
            (4, 0.01, 1, 1),
            (4, 0.1, 3, 4),
            (8, 0.05, 3, 4),
            (14, 0.05, 3, 5),
            (28, 0.01, 2, 3),
            (28, 0.05, 5, 7),
            (28, 0.1, 8, 10),
            (28, 0.3, 23, 27),
        ];
        for (data, loss, hundred, thousand) in table {
            assert_eq!(count(data, loss, 0.01, 100), hundred, "{data} at {loss}");
            assert_eq!(count(data, loss, 0.001, 100), thousand, "{data} at {loss}");
        }
        assert_eq!(count(28, 0.3, 0.01, 7), 7);
        assert_eq!(count(28, 0.0, 0.01, 7), 0);
    }

    proptest! {
        #[test]
        fn any_symbols_that_are_enough_give_the_message(
            message in prop::collection::vec(any::<u8>(), 2..2_000),
            symbol in 1usize..200,
            chance in prop::collection::vec(any::<u32>(), 255),
            spare in 1usize..20,
        ) {
            let total = message.len() as u64;
            let symbol = symbol.min(message.len() - 1).max(message.len().div_ceil(230));
            let data = symbols(total, symbol);
            prop_assume!(data + spare < 255);
            let parity: Vec<Vec<u8>> = (0..spare)
                .map(|index| {
                    let mut out = vec![0; symbol];
                    encode(&message, index as u8, &mut out);
                    out
                })
                .collect();
            // Loses as many of all as there is parity.
            let mut order: Vec<usize> = (0..data + spare).collect();
            order.sort_by_key(|&index| chance[index]);
            let lost = &order[..spare];
            let missing: Vec<usize> = (0..data).filter(|index| lost.contains(index)).collect();
            let there: Vec<(u8, &[u8])> = (0..spare)
                .filter(|index| !lost.contains(&(data + index)))
                .map(|index| (index as u8, &parity[index][..]))
                .collect();
            let found = decode(total, &missing, &there, |range, out| {
                out.copy_from_slice(&message[range.start as usize..range.end as usize]);
            });
            for (&index, bytes) in missing.iter().zip(&found) {
                let Range { start, end } = place(total, symbol, index);
                prop_assert_eq!(&bytes[..], &message[start as usize..end as usize]);
            }
        }
    }
}
