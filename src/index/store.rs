//! The database handle: typed reads and writes over the engine, and the rows every part needs.

use std::path::Path;
use std::path::PathBuf;

use rocksdb::Cache;
use rocksdb::ColumnFamily;
use rocksdb::DB;
use rocksdb::Direction;
use rocksdb::IngestExternalFileOptions;
use rocksdb::IteratorMode;
use rocksdb::Options;
use rocksdb::ReadOptions;
use rocksdb::SstFileWriter;
use rocksdb::WriteBatch;
use rocksdb::WriteOptions;
use rocksdb::checkpoint::Checkpoint;

use super::StoreError;
use super::columns;
use super::columns::Access;
use super::defects::Defect;
use super::defects::seeded;
use super::keys;
use super::keys::FormatRow;
use super::keys::IntentRow;
use super::keys::SegmentRow;
use super::keys::StateRow;
use super::source_row;
use crate::model::SourceId;
use crate::model::SourceInfo;

/// Bytes after which a new table file is begun. Chosen: large enough that a big index has few
/// files, small enough that hashing them uses every core.
const TABLE_BYTES: u64 = 128 << 20;

/// Key and value of a row.
pub(crate) type Row = (Box<[u8]>, Box<[u8]>);

/// An open database.
pub(crate) struct Store {
    db: DB,
    cache: Cache,
    path: PathBuf,
}

impl Store {
    /// Opens or creates the database at `path`.
    pub(crate) fn open(path: &Path, access: Access) -> Result<Self, StoreError> {
        let cache = Cache::new_lru_cache(columns::BLOCK_CACHE_BYTES);
        let options = columns::database(access);
        let families = columns::descriptors(&cache);
        let db = match access {
            Access::Create | Access::Write => DB::open_cf_descriptors(&options, path, families)
                .map_err(StoreError::engine("open"))?,
            Access::Read => DB::open_cf_descriptors_read_only(&options, path, families, false)
                .map_err(StoreError::engine("open a snapshot"))?,
        };
        Ok(Self {
            db,
            cache,
            path: path.to_path_buf(),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn family(&self, name: &'static str) -> Result<&ColumnFamily, StoreError> {
        self.db.cf_handle(name).ok_or_else(|| {
            StoreError::corrupt(format!("column family {name} is missing"), self.at())
        })
    }

    fn at(&self) -> String {
        self.path.display().to_string()
    }

    fn read_options() -> ReadOptions {
        let mut options = ReadOptions::default();
        options.set_verify_checksums(true);
        options
    }

    /// One value.
    pub(crate) fn get(
        &self,
        family: &'static str,
        key: &[u8],
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.db
            .get_cf_opt(self.family(family)?, key, &Self::read_options())
            .map_err(StoreError::engine("read"))
    }

    /// Many values at once; keys ascending. Calls `each` with the position of the key.
    pub(crate) fn get_many<K: AsRef<[u8]>>(
        &self,
        family: &'static str,
        keys: &[K],
        mut each: impl FnMut(usize, Option<&[u8]>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let found = self.db.batched_multi_get_cf_opt(
            self.family(family)?,
            keys,
            true,
            &Self::read_options(),
        );
        if found.len() != keys.len() {
            return Err(StoreError::corrupt(
                "a batched read lost an answer",
                self.at(),
            ));
        }
        for (index, value) in found.into_iter().enumerate() {
            let value = value.map_err(StoreError::engine("read"))?;
            each(index, value.as_deref())?;
        }
        Ok(())
    }

    /// All rows with `from <= key < to`, ascending; each item may be an error.
    pub(crate) fn scan<'s>(
        &'s self,
        family: &'static str,
        from: &[u8],
        to: Option<&[u8]>,
    ) -> Result<impl Iterator<Item = Result<Row, StoreError>> + use<'s>, StoreError> {
        let mut options = Self::read_options();
        if let Some(to) = to {
            options.set_iterate_upper_bound(to);
        }
        let mode = IteratorMode::From(from, Direction::Forward);
        let rows = self.db.iterator_cf_opt(self.family(family)?, options, mode);
        let stops = seeded(Defect::IteratorStatusIgnored);
        Ok(rows
            .map(|row| row.map_err(StoreError::engine("scan")))
            .take_while(move |row| row.is_ok() || !stops))
    }

    /// Bytes of the table files of each column family.
    pub(crate) fn family_bytes(&self) -> Result<Vec<(&'static str, u64)>, StoreError> {
        let mut out = Vec::new();
        for name in keys::COLUMN_FAMILIES {
            let bytes = self
                .db
                .property_int_value_cf(self.family(name)?, "rocksdb.total-sst-files-size")
                .map_err(StoreError::engine("count bytes"))?
                .ok_or_else(|| StoreError::corrupt("a family without a size", self.at()))?;
            out.push((name, bytes));
        }
        Ok(out)
    }

    /// What the engine says of a family's table files.
    #[cfg(test)]
    pub(crate) fn table_properties(&self, family: &'static str) -> String {
        let name = "rocksdb.aggregated-table-properties";
        let found = self
            .db
            .property_value_cf(self.family(family).unwrap(), name);
        found.unwrap().unwrap()
    }

    /// The format row.
    pub(crate) fn format(&self) -> Result<FormatRow, StoreError> {
        let bytes = self
            .get(keys::META, &keys::FORMAT_KEY)?
            .ok_or_else(|| StoreError::corrupt("the format row is missing", self.at()))?;
        FormatRow::decode(&bytes).map_err(|bad| bad.at(self.at()))
    }

    /// The state row.
    pub(crate) fn state(&self) -> Result<StateRow, StoreError> {
        let bytes = self
            .get(keys::META, &keys::STATE_KEY)?
            .ok_or_else(|| StoreError::corrupt("the state row is missing", self.at()))?;
        StateRow::decode(&bytes).map_err(|bad| bad.at(self.at()))
    }

    /// The intent row, if a registration did not end.
    pub(crate) fn intent(&self) -> Result<Option<IntentRow>, StoreError> {
        match self.get(keys::META, &keys::INTENT_KEY)? {
            None => Ok(None),
            Some(bytes) => IntentRow::decode(&bytes)
                .map(Some)
                .map_err(|bad| bad.at(self.at())),
        }
    }

    /// The segment directory.
    pub(crate) fn segments(&self) -> Result<Vec<(u32, SegmentRow)>, StoreError> {
        let to = [keys::SEGMENT_TAG + 1];
        let mut out = Vec::new();
        for row in self.scan(keys::META, &[keys::SEGMENT_TAG], Some(&to))? {
            let (key, value) = row?;
            let segment = keys::decode_segment_key(&key).map_err(|bad| bad.at(self.at()))?;
            let row =
                SegmentRow::decode(&value).map_err(|bad| bad.at(format!("segment {segment}")))?;
            out.push((segment, row));
        }
        Ok(out)
    }

    /// All sources, by number; refuses a gap.
    pub(crate) fn sources(&self, state: &StateRow) -> Result<Vec<SourceInfo>, StoreError> {
        let mut out = Vec::new();
        for row in self.scan(keys::SOURCES, &[], None)? {
            let (key, value) = row?;
            let at = || format!("source {}", out.len());
            let id = <[u8; 4]>::try_from(&*key)
                .map(u32::from_be_bytes)
                .map_err(|_| StoreError::corrupt("a source key is not four bytes", at()))?;
            if usize::try_from(id) != Ok(out.len()) {
                return Err(StoreError::corrupt("source numbers have a gap", at()));
            }
            let source = source_row::decode(SourceId(id), &value)
                .map_err(|what| StoreError::corrupt(what, at()))?;
            out.push(source);
        }
        if u32::try_from(out.len()) != Ok(state.next_source) {
            return Err(StoreError::corrupt(
                format!(
                    "{} source rows, the state counts {}",
                    out.len(),
                    state.next_source
                ),
                self.at(),
            ));
        }
        Ok(out)
    }

    /// Starts an atomic batch.
    pub(crate) fn batch(&self) -> Batch<'_> {
        Batch {
            store: self,
            batch: WriteBatch::default(),
        }
    }

    /// Moves what a family still has in the write-ahead log only into a table file.
    pub(crate) fn flush(&self, family: &'static str) -> Result<(), StoreError> {
        self.db
            .flush_cf(self.family(family)?)
            .map_err(StoreError::engine("flush"))
    }

    /// Adds finished table files. Their key ranges become visible at once, before any row names
    /// them.
    pub(crate) fn ingest(
        &self,
        family: &'static str,
        tables: &[PathBuf],
    ) -> Result<(), StoreError> {
        if tables.is_empty() {
            return Ok(());
        }
        let mut options = IngestExternalFileOptions::default();
        options.set_move_files(true);
        self.db
            .ingest_external_file_cf_opts(self.family(family)?, &options, tables.to_vec())
            .map_err(StoreError::engine("add table files"))
    }

    /// Deletes the rows with `from <= key <= last`: whole files at once, the rest row by row.
    ///
    /// `last` is inclusive because the engine's deletion of files is: given the first key of the
    /// next range, it would take a neighbour's file that holds only that key.
    pub(crate) fn delete_range(
        &self,
        family: &'static str,
        from: &[u8],
        last: &[u8],
    ) -> Result<(), StoreError> {
        let handle = self.family(family)?;
        self.db
            .delete_file_in_range_cf(handle, from, last)
            .map_err(StoreError::engine("delete table files"))?;
        let mut to = last.to_vec();
        to.push(0);
        if self
            .scan(family, from, Some(&to))?
            .next()
            .transpose()?
            .is_some()
        {
            let mut batch = self.batch();
            batch.batch.delete_range_cf(handle, from, &to);
            batch.commit()?;
        }
        Ok(())
    }

    /// A writer of table files for one column family; files go to `dir`.
    pub(crate) fn tables(&self, family: &'static str, dir: &Path) -> Tables {
        Tables {
            options: columns::family(family, &self.cache),
            stem: dir.join(family),
            paths: Vec::new(),
            bytes: 0,
        }
    }

    /// Hard-links a consistent copy into `path`, which must not exist.
    pub(crate) fn checkpoint(&self, path: &Path) -> Result<(), StoreError> {
        Checkpoint::new(&self.db)
            .and_then(|checkpoint| checkpoint.create_checkpoint(path))
            .map_err(StoreError::engine("make a checkpoint"))
    }
}

/// Puts and deletes that become durable together or not at all.
pub(crate) struct Batch<'a> {
    store: &'a Store,
    batch: WriteBatch,
}

impl Batch<'_> {
    pub(crate) fn put(
        &mut self,
        family: &'static str,
        key: &[u8],
        value: &[u8],
    ) -> Result<(), StoreError> {
        self.batch.put_cf(self.store.family(family)?, key, value);
        Ok(())
    }

    pub(crate) fn delete(&mut self, family: &'static str, key: &[u8]) -> Result<(), StoreError> {
        self.batch.delete_cf(self.store.family(family)?, key);
        Ok(())
    }

    /// Writes and waits until the device has it.
    pub(crate) fn commit(self) -> Result<(), StoreError> {
        let mut options = WriteOptions::default();
        options.set_sync(!seeded(Defect::SyncOff));
        self.store
            .db
            .write_opt(self.batch, &options)
            .map_err(StoreError::engine("commit"))
    }
}

/// Table files being written.
pub(crate) struct Tables {
    options: Options,
    stem: PathBuf,
    paths: Vec<PathBuf>,
    bytes: u64,
}

impl Tables {
    /// Writes rows with ascending keys until `next` has no more; a new file after
    /// [`TABLE_BYTES`]. Every call begins a new file.
    pub(crate) fn write(
        &mut self,
        mut next: impl FnMut(&mut Vec<u8>, &mut Vec<u8>) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let (mut key, mut value) = (Vec::new(), Vec::new());
        let mut more = next(&mut key, &mut value)?;
        while more {
            let mut path = self.stem.clone().into_os_string();
            path.push(format!("-{}.sst", self.paths.len()));
            let path = PathBuf::from(path);
            let mut writer = SstFileWriter::create(&self.options);
            writer
                .open(&path)
                .map_err(StoreError::engine("begin a table file"))?;
            let mut written = 0;
            while more && written < TABLE_BYTES {
                writer
                    .put(&key, &value)
                    .map_err(StoreError::engine("write a table file"))?;
                written += (key.len() + value.len()) as u64;
                key.clear();
                value.clear();
                more = next(&mut key, &mut value)?;
            }
            writer
                .finish()
                .map_err(StoreError::engine("finish a table file"))?;
            self.bytes += writer.file_size();
            self.paths.push(path);
        }
        Ok(())
    }

    /// Files written, in key order within each call of `write`.
    pub(crate) fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// Bytes of all files.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}
