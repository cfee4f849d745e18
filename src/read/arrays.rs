//! Walks Arrow record batches row by row, giving the same events as the JSON walker.
//!
//! Every column is resolved to its concrete type once per batch; the walk itself copies text
//! straight from the array into the batch of units.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "types that are not named are refused, also those that arrow adds later"
)]

use arrow_array::Array;
use arrow_array::BinaryArray;
use arrow_array::BinaryViewArray;
use arrow_array::FixedSizeBinaryArray;
use arrow_array::Int8Array;
use arrow_array::Int16Array;
use arrow_array::Int32Array;
use arrow_array::Int64Array;
use arrow_array::LargeBinaryArray;
use arrow_array::LargeStringArray;
use arrow_array::RecordBatch;
use arrow_array::StringArray;
use arrow_array::StringViewArray;
use arrow_array::UInt8Array;
use arrow_array::UInt16Array;
use arrow_array::UInt32Array;
use arrow_array::UInt64Array;
use arrow_array::cast::AsArray;
use arrow_array::types::Int16Type;
use arrow_array::types::Int32Type;
use arrow_array::types::Int64Type;
use arrow_buffer::NullBuffer;
use arrow_schema::DataType;
use arrow_schema::Field;

use super::columns::Columns;
use super::columns::NodeId;
use super::columns::ROOT;
use super::columns::Step;
use super::error::Stop;
use super::limits::NESTING_DEPTH_MAX;
use super::rows::RowWriter;

/// Walks every row of a batch.
pub(super) fn walk_batch(
    rows: &mut RowWriter<'_>,
    batch: &RecordBatch,
) -> Result<Result<(), Stop>, String> {
    let schema = batch.schema();
    let mut walks = Vec::with_capacity(batch.num_columns());
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        let walk = Walk::new(column.as_ref(), 0)
            .map_err(|what| format!("column `{}`: {what}", field.name()))?;
        walks.push((field.name().as_str(), walk));
    }
    let known = rows.known_keys(walks.iter().map(|(name, _)| *name));
    for row in 0..batch.num_rows() {
        rows.begin();
        let done = match walk_row(rows, &walks, known.as_deref(), row) {
            Ok(()) => rows.commit(),
            Err(message) => rows.fail(message),
        };
        if let Err(stop) = done {
            return Ok(Err(stop));
        }
    }
    Ok(Ok(()))
}

fn walk_row(
    rows: &mut RowWriter<'_>,
    walks: &[(&str, Walk<'_>)],
    known: Option<&[NodeId]>,
    row: usize,
) -> Result<(), String> {
    let object = rows.enter_object(ROOT);
    if let Some(nodes) = known {
        for (node, (_, walk)) in nodes.iter().zip(walks) {
            rows.known_key(*node);
            walk.value(rows, *node, row)?;
        }
    } else {
        for (name, walk) in walks {
            let node = rows.key(ROOT, name, object)?;
            walk.value(rows, node, row)?;
        }
    }
    rows.leave_object();
    Ok(())
}

/// Integers of any width.
enum Ints<'a> {
    I8(&'a Int8Array),
    I16(&'a Int16Array),
    I32(&'a Int32Array),
    I64(&'a Int64Array),
    U8(&'a UInt8Array),
    U16(&'a UInt16Array),
    U32(&'a UInt32Array),
    U64(&'a UInt64Array),
}

impl<'a> Ints<'a> {
    fn new(array: &'a dyn Array) -> Option<Self> {
        Some(match array.data_type() {
            DataType::Int8 => Self::I8(array.as_primitive()),
            DataType::Int16 => Self::I16(array.as_primitive()),
            DataType::Int32 => Self::I32(array.as_primitive()),
            DataType::Int64 => Self::I64(array.as_primitive()),
            DataType::UInt8 => Self::U8(array.as_primitive()),
            DataType::UInt16 => Self::U16(array.as_primitive()),
            DataType::UInt32 => Self::U32(array.as_primitive()),
            DataType::UInt64 => Self::U64(array.as_primitive()),
            _ => return None,
        })
    }

    /// The value as an index or a bit: `None` where it is null, negative or huge.
    fn get(&self, index: usize) -> Option<usize> {
        macro_rules! at {
            ($array:expr) => {
                if $array.is_valid(index) {
                    usize::try_from($array.value(index)).ok()
                } else {
                    None
                }
            };
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "a value that is no index is a case of its own, not an error"
        )]
        match self {
            Self::I8(array) => at!(array),
            Self::I16(array) => at!(array),
            Self::I32(array) => at!(array),
            Self::I64(array) => at!(array),
            Self::U8(array) => at!(array),
            Self::U16(array) => at!(array),
            Self::U32(array) => at!(array),
            Self::U64(array) => at!(array),
        }
    }

    fn is_null(&self, index: usize) -> bool {
        match self {
            Self::I8(array) => array.is_null(index),
            Self::I16(array) => array.is_null(index),
            Self::I32(array) => array.is_null(index),
            Self::I64(array) => array.is_null(index),
            Self::U8(array) => array.is_null(index),
            Self::U16(array) => array.is_null(index),
            Self::U32(array) => array.is_null(index),
            Self::U64(array) => array.is_null(index),
        }
    }

    /// Values that are not null in a range, and whether all of them are 0 or 1.
    fn count(&self, from: usize, to: usize) -> (u64, bool) {
        let (mut count, mut all_bits) = (0, true);
        for index in from..to {
            if !self.is_null(index) {
                count += 1;
                all_bits &= self.get(index).is_some_and(|value| value <= 1);
            }
        }
        (count, all_bits)
    }
}

/// Where the elements of each list stand.
enum Offsets<'a> {
    Small(&'a [i32]),
    Large(&'a [i64]),
    SmallView(&'a [i32], &'a [i32]),
    LargeView(&'a [i64], &'a [i64]),
    Fixed(usize),
}

impl Offsets<'_> {
    fn range(&self, row: usize) -> Result<(usize, usize), String> {
        fn pair<T: Copy>(values: &[T], row: usize) -> Option<(T, T)> {
            Some((*values.get(row)?, *values.get(row + 1)?))
        }
        fn index<T: TryInto<usize>>(value: T) -> Option<usize> {
            #[expect(
                clippy::disallowed_methods,
                reason = "the caller turns it into an error"
            )]
            value.try_into().ok()
        }
        let range = match self {
            Self::Small(offsets) => {
                pair(offsets, row).and_then(|(a, b)| Some((index(a)?, index(b)?)))
            }
            Self::Large(offsets) => {
                pair(offsets, row).and_then(|(a, b)| Some((index(a)?, index(b)?)))
            }
            Self::SmallView(offsets, sizes) => offsets
                .get(row)
                .zip(sizes.get(row))
                .and_then(|(a, n)| Some((index(*a)?, index(*a)? + index(*n)?))),
            Self::LargeView(offsets, sizes) => offsets
                .get(row)
                .zip(sizes.get(row))
                .and_then(|(a, n)| Some((index(*a)?, index(*a)? + index(*n)?))),
            Self::Fixed(size) => Some((row * size, (row + 1) * size)),
        };
        range.ok_or_else(|| "a list's offsets are damaged. Write the file again".to_owned())
    }
}

enum Runs<'a> {
    I16(&'a arrow_array::RunArray<Int16Type>),
    I32(&'a arrow_array::RunArray<Int32Type>),
    I64(&'a arrow_array::RunArray<Int64Type>),
}

/// An array resolved to its type.
enum Walk<'a> {
    Utf8(&'a StringArray),
    LargeUtf8(&'a LargeStringArray),
    Utf8View(&'a StringViewArray),
    Binary(&'a BinaryArray),
    LargeBinary(&'a LargeBinaryArray),
    BinaryView(&'a BinaryViewArray),
    FixedBinary(&'a FixedSizeBinaryArray),
    Dictionary {
        keys: Ints<'a>,
        values: Box<Walk<'a>>,
    },
    Run {
        runs: Runs<'a>,
        values: Box<Walk<'a>>,
    },
    List {
        nulls: Option<&'a NullBuffer>,
        offsets: Offsets<'a>,
        values: Box<Walk<'a>>,
    },
    Struct {
        nulls: Option<&'a NullBuffer>,
        fields: Vec<(&'a str, Walk<'a>)>,
    },
    Map {
        nulls: Option<&'a NullBuffer>,
        offsets: &'a [i32],
        keys: Box<Walk<'a>>,
        values: Box<Walk<'a>>,
    },
    Ints(Ints<'a>),
    NotText(&'a dyn Array),
}

impl<'a> Walk<'a> {
    #[expect(clippy::too_many_lines, reason = "one arm per type")]
    fn new(array: &'a dyn Array, depth: usize) -> Result<Self, String> {
        if depth > NESTING_DEPTH_MAX {
            return Err(format!("nested deeper than {NESTING_DEPTH_MAX}"));
        }
        let inner = |array: &'a dyn Array| Ok::<_, String>(Box::new(Self::new(array, depth + 1)?));
        if let Some(ints) = Ints::new(array) {
            return Ok(Self::Ints(ints));
        }
        Ok(match array.data_type() {
            DataType::Utf8 => Self::Utf8(array.as_string()),
            DataType::LargeUtf8 => Self::LargeUtf8(array.as_string()),
            DataType::Utf8View => Self::Utf8View(array.as_string_view()),
            DataType::Binary => Self::Binary(array.as_binary()),
            DataType::LargeBinary => Self::LargeBinary(array.as_binary()),
            DataType::BinaryView => Self::BinaryView(array.as_binary_view()),
            DataType::FixedSizeBinary(_) => Self::FixedBinary(array.as_fixed_size_binary()),
            DataType::Dictionary(_, _) => {
                let dictionary = array.as_any_dictionary();
                let keys = Ints::new(dictionary.keys())
                    .ok_or("a dictionary whose keys are no integers")?;
                Self::Dictionary {
                    keys,
                    values: inner(dictionary.values().as_ref())?,
                }
            }
            DataType::RunEndEncoded(ends, _) => {
                let (runs, values) = match ends.data_type() {
                    DataType::Int16 => {
                        let run = array.as_run::<Int16Type>();
                        (Runs::I16(run), run.values())
                    }
                    DataType::Int32 => {
                        let run = array.as_run::<Int32Type>();
                        (Runs::I32(run), run.values())
                    }
                    _ => {
                        let run = array.as_run::<Int64Type>();
                        (Runs::I64(run), run.values())
                    }
                };
                Self::Run {
                    runs,
                    values: inner(values.as_ref())?,
                }
            }
            DataType::List(_) => {
                let list = array.as_list::<i32>();
                Self::List {
                    nulls: list.nulls(),
                    offsets: Offsets::Small(list.offsets()),
                    values: inner(list.values().as_ref())?,
                }
            }
            DataType::LargeList(_) => {
                let list = array.as_list::<i64>();
                Self::List {
                    nulls: list.nulls(),
                    offsets: Offsets::Large(list.offsets()),
                    values: inner(list.values().as_ref())?,
                }
            }
            DataType::ListView(_) => {
                let list = array.as_list_view::<i32>();
                Self::List {
                    nulls: list.nulls(),
                    offsets: Offsets::SmallView(list.offsets(), list.sizes()),
                    values: inner(list.values().as_ref())?,
                }
            }
            DataType::LargeListView(_) => {
                let list = array.as_list_view::<i64>();
                Self::List {
                    nulls: list.nulls(),
                    offsets: Offsets::LargeView(list.offsets(), list.sizes()),
                    values: inner(list.values().as_ref())?,
                }
            }
            DataType::FixedSizeList(_, size) => {
                let list = array.as_fixed_size_list();
                let size = usize::try_from(*size).map_err(|_| "a list of negative size")?;
                Self::List {
                    nulls: list.nulls(),
                    offsets: Offsets::Fixed(size),
                    values: inner(list.values().as_ref())?,
                }
            }
            DataType::Struct(fields) => {
                let group = array.as_struct();
                let fields = fields
                    .iter()
                    .zip(group.columns())
                    .map(|(field, column)| {
                        Ok((
                            field.name().as_str(),
                            Self::new(column.as_ref(), depth + 1)?,
                        ))
                    })
                    .collect::<Result<_, String>>()?;
                Self::Struct {
                    nulls: group.nulls(),
                    fields,
                }
            }
            DataType::Map(_, _) => {
                let map = array.as_map();
                Self::Map {
                    nulls: map.nulls(),
                    offsets: map.offsets(),
                    keys: inner(map.keys().as_ref())?,
                    values: inner(map.values().as_ref())?,
                }
            }
            other if holds_no_text(other) => Self::NotText(array),
            other => return Err(format!("the type {other} is not read")),
        })
    }

    #[expect(clippy::too_many_lines, reason = "one arm per type")]
    fn value(&self, rows: &mut RowWriter<'_>, node: NodeId, row: usize) -> Result<(), String> {
        macro_rules! leaf {
            ($array:expr, $method:ident) => {
                if $array.is_valid(row) {
                    rows.$method(node, $array.value(row))
                } else {
                    Ok(())
                }
            };
        }
        match self {
            Self::Utf8(array) => leaf!(array, text),
            Self::LargeUtf8(array) => leaf!(array, text),
            Self::Utf8View(array) => leaf!(array, text),
            Self::Binary(array) => leaf!(array, bytes),
            Self::LargeBinary(array) => leaf!(array, bytes),
            Self::BinaryView(array) => leaf!(array, bytes),
            Self::FixedBinary(array) => leaf!(array, bytes),
            Self::Dictionary { keys, values } => {
                if keys.is_null(row) {
                    return Ok(());
                }
                let key = keys.get(row).filter(|key| *key < values.len());
                let key = key.ok_or("a dictionary key is out of range. Write the file again")?;
                values.value(rows, node, key)
            }
            Self::Run { runs, values } => {
                let physical = match runs {
                    Runs::I16(runs) => runs.get_physical_index(row),
                    Runs::I32(runs) => runs.get_physical_index(row),
                    Runs::I64(runs) => runs.get_physical_index(row),
                };
                values.value(rows, node, physical)
            }
            Self::List {
                nulls,
                offsets,
                values,
            } => {
                if nulls.is_some_and(|nulls| nulls.is_null(row)) {
                    return Ok(());
                }
                let (from, to) = offsets.range(row)?;
                if to > values.len() {
                    return Err("a list's offsets are damaged. Write the file again".to_owned());
                }
                let (child, outer) = rows.enter_list(node)?;
                if let Self::Ints(ints) = &**values {
                    let (count, all_bits) = ints.count(from, to);
                    if count > 0 {
                        rows.int_list(child, count, all_bits);
                    }
                } else {
                    for (index, at) in (from..to).enumerate() {
                        rows.element(child, index);
                        values.value(rows, child, at)?;
                    }
                }
                rows.leave_list(outer);
                Ok(())
            }
            Self::Struct { nulls, fields } => {
                if nulls.is_some_and(|nulls| nulls.is_null(row)) {
                    return Ok(());
                }
                let object = rows.enter_object(node);
                for (name, field) in fields {
                    let child = rows.key(node, name, object)?;
                    field.value(rows, child, row)?;
                }
                rows.leave_object();
                Ok(())
            }
            Self::Map {
                nulls,
                offsets,
                keys,
                values,
            } => {
                if nulls.is_some_and(|nulls| nulls.is_null(row)) {
                    return Ok(());
                }
                let (from, to) = Offsets::Small(offsets).range(row)?;
                let key_node = rows.columns.special(node, Step::MapKey)?;
                let value_node = rows.columns.special(node, Step::MapValue)?;
                for at in from..to {
                    keys.value(rows, key_node, at)?;
                    values.value(rows, value_node, at)?;
                }
                Ok(())
            }
            Self::Ints(ints) => {
                if !ints.is_null(row) {
                    rows.not_text(node, 1);
                }
                Ok(())
            }
            Self::NotText(array) => {
                if array.is_valid(row) && *array.data_type() != DataType::Null {
                    rows.not_text(node, 1);
                }
                Ok(())
            }
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Utf8(array) => array.len(),
            Self::LargeUtf8(array) => array.len(),
            Self::Utf8View(array) => array.len(),
            Self::Binary(array) => array.len(),
            Self::LargeBinary(array) => array.len(),
            Self::BinaryView(array) => array.len(),
            Self::FixedBinary(array) => array.len(),
            Self::Dictionary { keys, .. } => keys.len(),
            Self::Run { runs, .. } => match runs {
                Runs::I16(runs) => runs.len(),
                Runs::I32(runs) => runs.len(),
                Runs::I64(runs) => runs.len(),
            },
            // Lists, structs and maps check their own bounds one level down.
            Self::List { .. } | Self::Struct { .. } | Self::Map { .. } => usize::MAX,
            Self::Ints(ints) => ints.len(),
            Self::NotText(array) => array.len(),
        }
    }
}

impl Ints<'_> {
    fn len(&self) -> usize {
        match self {
            Self::I8(array) => array.len(),
            Self::I16(array) => array.len(),
            Self::I32(array) => array.len(),
            Self::I64(array) => array.len(),
            Self::U8(array) => array.len(),
            Self::U16(array) => array.len(),
            Self::U32(array) => array.len(),
            Self::U64(array) => array.len(),
        }
    }
}

/// Numbers, dates, booleans and nothing at all.
pub(super) fn holds_no_text(data_type: &DataType) -> bool {
    data_type.is_primitive() || matches!(data_type, DataType::Boolean | DataType::Null)
}

/// What a leaf of a schema is, for choosing what to decode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeafKind {
    /// Text or bytes.
    Text,
    /// Integers directly in a list, which may be token ids.
    ListedInts,
    /// Holds no text.
    NotText,
    /// A type that is not read.
    Unsupported,
}

/// The leaves of a schema in order, with their places. The order is that of a Parquet file's
/// leaf columns.
pub(super) fn leaves<'f>(
    columns: &mut Columns,
    fields: impl IntoIterator<Item = &'f Field>,
) -> Result<Vec<(NodeId, LeafKind)>, String> {
    let mut found = Leaves {
        columns,
        out: Vec::new(),
        objects: u64::MAX / 2,
    };
    found.group(ROOT, fields, 0)?;
    Ok(found.out)
}

struct Leaves<'c> {
    columns: &'c mut Columns,
    out: Vec<(NodeId, LeafKind)>,
    /// Numbers groups far above those of rows.
    objects: u64,
}

impl Leaves<'_> {
    fn group<'f>(
        &mut self,
        at: NodeId,
        fields: impl IntoIterator<Item = &'f Field>,
        depth: usize,
    ) -> Result<(), String> {
        self.objects += 1;
        let object = self.objects;
        for field in fields {
            let node = self.columns.key(at, field.name(), object)?;
            self.leaf(node, field.data_type(), false, depth + 1)?;
        }
        Ok(())
    }

    fn leaf(
        &mut self,
        at: NodeId,
        data_type: &DataType,
        listed: bool,
        depth: usize,
    ) -> Result<(), String> {
        if depth > NESTING_DEPTH_MAX {
            return Err(format!("nested deeper than {NESTING_DEPTH_MAX}"));
        }
        let kind = match data_type {
            DataType::Utf8
            | DataType::LargeUtf8
            | DataType::Utf8View
            | DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_) => LeafKind::Text,
            DataType::Dictionary(_, value) => return self.leaf(at, value, listed, depth + 1),
            DataType::RunEndEncoded(_, value) => {
                return self.leaf(at, value.data_type(), listed, depth + 1);
            }
            DataType::List(field)
            | DataType::LargeList(field)
            | DataType::ListView(field)
            | DataType::LargeListView(field)
            | DataType::FixedSizeList(field, _) => {
                let child = self.columns.special(at, Step::List)?;
                return self.leaf(child, field.data_type(), true, depth + 1);
            }
            DataType::Struct(fields) => {
                return self.group(at, fields.iter().map(AsRef::as_ref), depth + 1);
            }
            DataType::Map(entries, _) => {
                let DataType::Struct(fields) = entries.data_type() else {
                    return Err("a map without entries".to_owned());
                };
                for (field, step) in fields.iter().zip([Step::MapKey, Step::MapValue]) {
                    let child = self.columns.special(at, step)?;
                    self.leaf(child, field.data_type(), false, depth + 1)?;
                }
                return Ok(());
            }
            other if other.is_integer() && listed => LeafKind::ListedInts,
            other if holds_no_text(other) => LeafKind::NotText,
            _ => LeafKind::Unsupported,
        };
        self.out.push((at, kind));
        Ok(())
    }
}
