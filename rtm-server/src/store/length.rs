//! A file whose length is on the disk at once.

use std::io;

use redb::StorageBackend;

/// A backend that syncs when its length has changed.
///
/// redb 2.6 writes a new length and the header that counts on it before one and the same sync. A
/// power cut in between may leave the header alone, and such a file isn't opened any more. Files
/// change their length seldom, twice as long each time, so one more sync costs nothing.
#[derive(Debug)]
pub(super) struct SyncedLength<B>(pub(super) B);

impl<B: StorageBackend> StorageBackend for SyncedLength<B> {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        self.0.read(offset, len)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)?;
        self.0.sync_data(false)
    }

    fn sync_data(&self, eventual: bool) -> io::Result<()> {
        self.0.sync_data(eventual)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }
}
