//! Power cuts: what was written and not synced is on the disk in part, or not at all.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use rand::rngs::ChaCha12Rng;
use rand::{Rng, SeedableRng};
use redb::StorageBackend;

use super::super::{DiskStore, MemoryStore, Store};
use super::{change, everything};

/// What a disk writes as a whole.
const SECTOR: usize = 512;

/// A disk in memory, which may lose its power.
#[derive(Clone, Debug)]
struct Disk(Arc<Mutex<Platter>>);

#[derive(Debug, Default)]
struct Platter {
    /// What is there after a cut.
    synced: Vec<u8>,
    /// What is read while there is power.
    current: Vec<u8>,
    /// What was done since the last sync.
    waiting: VecDeque<Write>,
    /// Operations until the power is cut, if it is.
    left: Option<usize>,
}

#[derive(Debug)]
enum Write {
    Bytes(usize, Vec<u8>),
    Length(usize),
}

fn apply(bytes: &mut Vec<u8>, write: &Write) {
    match write {
        Write::Length(len) => bytes.resize(*len, 0),
        Write::Bytes(at, data) => {
            let end = at + data.len();
            bytes.resize(bytes.len().max(end), 0);
            bytes[*at..end].copy_from_slice(data);
        }
    }
}

impl Platter {
    fn step(&mut self) -> io::Result<()> {
        match &mut self.left {
            Some(0) => Err(io::Error::other("no power")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn write(&mut self, write: Write) -> io::Result<()> {
        self.step()?;
        apply(&mut self.current, &write);
        self.waiting.push_back(write);
        Ok(())
    }

    /// The power is back: of what wasn't synced, each sector may have been written.
    fn cut(&mut self, chance: &mut ChaCha12Rng) {
        let likely = chance.next_u64() % 4;
        let mut is_written = || chance.next_u64() % 4 < likely;
        for write in std::mem::take(&mut self.waiting) {
            match write {
                Write::Length(_) => {
                    if is_written() {
                        apply(&mut self.synced, &write);
                    }
                }
                Write::Bytes(at, data) => {
                    for (index, sector) in data.chunks(SECTOR).enumerate() {
                        if is_written() {
                            let part = Write::Bytes(at + index * SECTOR, sector.to_vec());
                            apply(&mut self.synced, &part);
                        }
                    }
                }
            }
        }
        self.current.clone_from(&self.synced);
        self.left = None;
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().expect("one thread").current.len() as u64)
    }

    fn read(&self, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let platter = self.0.lock().expect("one thread");
        let bytes = platter.current.get(offset as usize..offset as usize + len);
        bytes.map(<[u8]>::to_vec).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.lock().expect("one thread").write(Write::Length(len as usize))
    }

    fn sync_data(&self, eventual: bool) -> io::Result<()> {
        let mut platter = self.0.lock().expect("one thread");
        platter.step()?;
        assert!(!eventual, "each commit is one that lasts");
        platter.waiting.clear();
        platter.synced = platter.current.clone();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let write = Write::Bytes(offset as usize, data.to_vec());
        self.0.lock().expect("one thread").write(write)
    }
}

proptest! {
    #![proptest_config(super::cases(48))]

    /// After any number of cuts, at any moment, the store holds all that was committed, and what
    /// was being committed as a whole or not at all.
    #[test]
    fn what_was_committed_outlives_power_cuts(
        commits in prop::collection::vec(prop::collection::vec(change(), 1..6), 1..30),
        seed in any::<u64>(),
    ) {
        let mut chance = ChaCha12Rng::seed_from_u64(seed);
        let disk = Disk(Arc::default());
        let mut store = DiskStore::on(disk.clone()).expect("made");
        let mut wanted = MemoryStore::default();
        for commit in commits {
            let commit = commit.concat();
            let may_die = chance.next_u64() % 3 == 0;
            let left = may_die.then(|| chance.next_u64() as usize % 40);
            disk.0.lock().expect("one thread").left = left;
            let before = wanted.clone();
            let done = store.commit(&commit);
            wanted.commit(&commit).expect("committed");
            if left.is_none() {
                prop_assert!(done.is_ok());
                continue;
            }
            drop(store);
            disk.0.lock().expect("one thread").cut(&mut chance);
            store = DiskStore::on(disk.clone()).expect("opened again");
            let held = everything(&mut store);
            if held != everything(&mut wanted) {
                prop_assert!(done.is_err(), "it was committed");
                wanted = before;
                prop_assert_eq!(held, everything(&mut wanted));
            }
        }
    }
}
