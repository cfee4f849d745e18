//! Column families and engine options. Every number says why.
//!
//! The options are handed to each column family's descriptor and to the table writer; options set
//! only on the database never reach a column family. A test reads the OPTIONS file back.

use rocksdb::BlockBasedIndexType;
use rocksdb::BlockBasedOptions;
use rocksdb::Cache;
use rocksdb::ColumnFamilyDescriptor;
use rocksdb::DBCompressionType;
use rocksdb::DBRecoveryMode;
use rocksdb::InfoLogger;
use rocksdb::LogLevel;
use rocksdb::Options;

use super::defects::Defect;
use super::defects::seeded;
use super::keys::CLAIMS;
use super::keys::COLUMN_FAMILIES;
use super::keys::META;
use super::keys::NAMES;
use super::keys::POSTINGS;
use super::keys::SOURCES;
use super::keys::TEXTS;

/// Block cache shared by all column families. Chosen: a check asks the database for hits only, so
/// the cache holds the hot index blocks and little else; it counts against the 300 MB of a check.
pub(crate) const BLOCK_CACHE_BYTES: usize = 32 << 20;
/// Block size where rows are read one by one. Chosen: one page of the device; a bucket is near
/// 1 KB and incompressible, a larger block would only read more of what was not asked for.
pub(crate) const POINT_BLOCK_BYTES: usize = 4 << 10;
/// Block size where rows are scanned.
pub(crate) const SCAN_BLOCK_BYTES: usize = 16 << 10;
/// Memtable size. Chosen: bulk data never passes through a memtable.
const WRITE_BUFFER_BYTES: usize = 4 << 20;
/// Table format. Version 6 checks the place of each block within its file.
const TABLE_FORMAT: i32 = 6;

/// Whether files may be created or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Make a new database; refuse an existing one.
    Create,
    /// Open the live database.
    Write,
    /// Open a sealed one; nothing is written, not even a log file.
    Read,
}

/// Options of the database.
pub(crate) fn database(access: Access) -> Options {
    let mut options = Options::default();
    options.create_if_missing(access == Access::Create);
    options.set_error_if_exists(access == Access::Create);
    options.create_missing_column_families(access == Access::Create);
    options.set_paranoid_checks(true);
    // Damage within the log of unflushed writes refuses to open, where the engine's default would
    // open and answer from before the damage. A cut at a record boundary still opens in every
    // mode: that is what the comparison with the audit log is for.
    if !seeded(Defect::DefaultRecovery) {
        options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    }
    options.set_track_and_verify_wals_in_manifest(true);
    options.set_max_open_files(-1);
    options.set_keep_log_file_num(2);
    options.set_stats_dump_period_sec(0);
    if access == Access::Read {
        options.set_info_logger(InfoLogger::new_callback_logger(LogLevel::Fatal, |_, _| ()));
    }
    options
}

/// Options of one column family.
pub(crate) fn family(name: &str, cache: &Cache) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_format_version(TABLE_FORMAT);
    table.set_block_cache(cache);
    table.set_cache_index_and_filter_blocks(true);
    let mut options = Options::default();
    options.set_write_buffer_size(WRITE_BUFFER_BYTES);
    match name {
        // Random bytes: compression would cost time and save nothing. Written once, by ingestion
        // into ranges that overlap nothing, so there is nothing to compact.
        TEXTS | POSTINGS => {
            table.set_block_size(POINT_BLOCK_BYTES);
            table.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
            table.set_pin_top_level_index_and_filter(true);
            options.set_compression_type(DBCompressionType::None);
            options.set_disable_auto_compactions(true);
        }
        _ => {
            table.set_block_size(SCAN_BLOCK_BYTES);
            options.set_compression_type(DBCompressionType::Lz4);
        }
    }
    options.set_block_based_table_factory(&table);
    options
}

/// A descriptor for every column family.
pub(crate) fn descriptors(cache: &Cache) -> Vec<ColumnFamilyDescriptor> {
    debug_assert_eq!(
        COLUMN_FAMILIES,
        [META, SOURCES, NAMES, TEXTS, CLAIMS, POSTINGS]
    );
    COLUMN_FAMILIES
        .into_iter()
        .map(|name| ColumnFamilyDescriptor::new(name, family(name, cache)))
        .collect()
}
